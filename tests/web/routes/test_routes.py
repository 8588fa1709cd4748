from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pysubs2
import pytest
import soundfile
from gradio_client import Client
from listening import WORDS, frames, key_of
from serving import Server
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from voxdemo.stores.results import Results, speech_file, write_beside
from voxdemo.web.guards.refusals import FileOrGone
from voxdemo.web.routes import sounds


def test_sound_is_heard_while_it_is_made_and_then_no_more(fake_server: Server) -> None:
    with closing(fake_server.messages("speak", fake_server.page_values(WORDS))) as told:
        key = key_of(told)
        with fake_server.http.stream("GET", f"/live/{key}") as answer:
            heard = frames(answer)
            assert next(heard) == ({"rate": 16_000}, b"")
            fake_server.http.post("/stage/steps/1")
            captions, _ = next(heard)
            assert (captions["from"], captions["captions"][0][2]) == (0, "one two three four.")
            first, samples = next(heard)
            assert first["sound"] == len(samples) > 0
            fake_server.http.post("/stage/open")
            rest = list(heard)
        assert any(header.get("from") == 1 for header, _ in rest)
        sound = samples + b"".join(piece for _, piece in rest)
        assert list(told)  # to its end
    assert fake_server.http.get(f"/live/{key}").status_code == 204  # it ended, and there is its file
    for guess in ("unknown", "x" * 22):
        unknown = fake_server.http.get(f"/live/{guess}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found"), guess
    for guess in ("", "health"):
        assert fake_server.http.get(f"/live/{guess}").status_code == 404, guess
    finished, _ = soundfile.read(io.BytesIO(fake_server.http.get(f"/speech/{key}").content), dtype="int16")
    assert (np.frombuffer(sound, "<i2") == finished).all()


def test_what_was_spoken_before_a_stop_can_be_had(fake_server: Server) -> None:
    told = fake_server.messages("speak", fake_server.page_values(WORDS))
    key = key_of(told)
    with fake_server.http.stream("GET", f"/live/{key}") as answer:
        fake_server.http.post("/stage/steps/3")
        assert any("sound" in header for header, _ in frames(answer))
    told.close()
    fake_server.http.post("/stage/steps/1")
    wav = fake_server.http.get(f"/speech/{key}")
    assert wav.status_code == 200
    assert 0.05 < soundfile.info(io.BytesIO(wav.content)).duration < 0.5
    assert "one two three four." in fake_server.http.get(f"/speech/{key}.srt").text


KINDS = {
    "wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "opus": "audio/ogg",
    "srt": "application/x-subrip", "vtt": "text/vtt",
}  # fmt: skip


def test_a_result_is_had_in_every_format_whole_or_in_ranges_and_by_its_token_only(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    path = Client(fake_server.url, verbose=False, download_files=False).predict(WORDS, api_name="/generate")["path"]
    token = path.split("/")[-2]
    for ending, kind in KINDS.items():
        answer = fake_server.http.get(f"/speech/{token}.{ending}")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        if kind.startswith("audio"):
            assert soundfile.info(io.BytesIO(answer.content)).duration > 0.3
        else:
            assert WORDS.partition(".")[0] in answer.text
    for ending in ("srt", "vtt"):
        answer = fake_server.http.get(f"/speech/{token}.{ending}", params={"words": "true"})
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, KINDS[ending])
        assert [cue.plaintext for cue in pysubs2.SSAFile.from_string(answer.text, format_=ending)] == WORDS.split()
    told = fake_server.http.get(f"/speech/{token}.json").json()["captions"]
    assert [word for *_, words in told for _, _, word in words] == WORDS.split()
    assert fake_server.http.get(f"/speech/{'x' * 22}.srt?words=true").status_code == 404
    whole = fake_server.http.get(f"/speech/{token}")
    assert whole.headers["content-type"] == "audio/wav"
    part = fake_server.http.get(f"/speech/{token}", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, whole.content[:100])
    for wrong in (f"{token}.m4a", "x" * 22, "..%2F..%2Fserver.log", token[:-1]):
        answer = fake_server.http.get(f"/speech/{wrong}")
        assert answer.status_code == 404, wrong
        assert "/" not in answer.json().get("error", "")


def test_the_page_asks_nothing_of_other_hosts(fake_server: Server) -> None:
    page = fake_server.http.get("/").text
    hosts = set(re.findall(r'(?:src|href)="https?://([^/"]+)', page))
    assert hosts <= {fake_server.url.removeprefix("http://")}


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=2-"}, {"Range": "bytes=0-0,4-"}], ids=str)
def test_a_file_that_is_deleted_while_it_is_sent_is_sent_whole(tmp_path: Path, headers: dict[str, str]) -> None:
    (file := tmp_path / "sound").write_bytes(b"0123456789" * 50_000)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def delete_and_send(message: Message) -> None:
            file.unlink(missing_ok=True)
            await send(message)

        await FileOrGone(file, PlainTextResponse("gone", 404))(scope, receive, delete_and_send)

    client = TestClient(app)
    first = client.get("/", headers=headers)
    assert (first.is_success, len(first.content)) == (True, int(first.headers["Content-Length"]))
    assert client.get("/", headers=headers).text == "gone"


class Vanishing(Results):
    """Deletes a file as soon as it is found."""

    def _found(self, token: str, ending: str) -> Path | None:
        if found := super()._found(token, ending):
            found.unlink()
        return found


@pytest.mark.parametrize("asked", [".wav", ".mp3", ".srt", ".srt?words=true"])
def test_a_sound_that_is_deleted_between_look_up_and_reading_is_gone(tmp_path: Path, asked: str) -> None:
    results = Vanishing(tmp_path)
    parts = SimpleNamespace(service=SimpleNamespace(live_sounds={}, results=results))

    @asynccontextmanager
    async def served(_: Starlette) -> AsyncIterator[dict[str, object]]:
        yield {"parts": parts}

    with results.new() as folder, TestClient(Starlette(routes=sounds.ROUTES, lifespan=served)) as client:
        speech_file(folder).write_bytes(b"RIFF")
        write_beside(folder, 1, 1.0, [], [])
        answer = client.get(f"/speech/{folder.name}{asked}")
        assert (answer.status_code, answer.json()["error"]) == (404, sounds.GONE)
