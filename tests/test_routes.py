from __future__ import annotations

import io
import re
from contextlib import closing

import numpy as np
import pytest
import soundfile
from gradio_client import Client
from listening import WORDS, frames, key_of
from serving import Server


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
    unknown = fake_server.http.get("/live/unknown")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
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


@pytest.mark.parametrize("key", ["x" * 22, "", "health"])
def test_nobody_hears_by_guessing(fake_server: Server, key: str) -> None:
    assert fake_server.http.get(f"/live/{key}").status_code == 404


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("wav", "audio/wav"), ("flac", "audio/flac"), ("mp3", "audio/mpeg"), ("opus", "audio/ogg"),
     ("srt", "application/x-subrip"), ("vtt", "text/vtt")],
)  # fmt: skip
def test_a_result_is_had_in_every_format(server: Server, ending: str, kind: str) -> None:
    path = Client(server.url, verbose=False, download_files=False).predict("A format.", api_name="/generate")["path"]
    answer = server.http.get(f"/speech/{path.split('/')[-2]}.{ending}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == kind
    if kind.startswith("audio"):
        assert soundfile.info(io.BytesIO(answer.content)).duration > 0.3
    else:
        assert "A format." in answer.text
    assert server.http.get(f"/speech/{path.split('/')[-2]}.m4a").status_code == 404


def test_a_result_is_fetched_whole_or_in_ranges_by_its_token_only(server: Server) -> None:
    Client(server.url, verbose=False).predict("Something to fetch.", api_name="/generate")
    results = (server.folder / "cache" / "files" / "results").iterdir()
    token = max(results, key=lambda path: path.stat().st_mtime).name
    whole = server.http.get(f"/speech/{token}")
    assert whole.headers["content-type"] == "audio/wav"
    assert soundfile.info(io.BytesIO(whole.content)).duration > 0.5
    part = server.http.get(f"/speech/{token}", headers={"Range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)
    for wrong in ("x" * 22, "..%2F..%2Fserver.log", token[:-1]):
        answer = server.http.get(f"/speech/{wrong}")
        assert answer.status_code == 404
        assert "/" not in answer.json().get("error", "")


def test_the_page_asks_nothing_of_other_hosts(server: Server) -> None:
    page = server.http.get("/").text
    hosts = set(re.findall(r'(?:src|href)="https?://([^/"]+)', page))
    assert hosts <= {server.url.removeprefix("http://")}
