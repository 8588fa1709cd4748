"""Voices that programs keep by HTTP: whose they are, what is refused, and where they speak."""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import soundfile
from fakes import CLONER
from fastapi import HTTPException
from programs import OWNERS, WARM_UP, WARM_UP_WORDS, by, events_of, part, program, speech
from serving import Server, eventually

from voxdemo.intake.catalogue import Catalogue
from voxdemo.speech import TaggedVoice
from voxdemo.stores import voices as kept_voices
from voxdemo.stores.voices import VoiceStore
from voxdemo.web.v1 import voices as voices_door
from voxdemo.web.v1.jobs.orders import JobBody, order_of

VOICES, JOBS = "/v1/audio/voices", "/v1/audio/jobs"
RECORDING = WARM_UP.read_bytes()
NAME = "Zwölf Secret Names"


def add(client: httpx.Client, recording: Any = RECORDING, path: str = VOICES, **fields: Any) -> httpx.Response:
    sent = {"name": "Anna", "consent": "true", **fields}
    told = {field: value for field, value in sent.items() if value is not None}
    return client.post(path, data=told, files={"audio_sample": ("../../voice.flac", recording, "audio/flac")})


def added(client: httpx.Client, **fields: Any) -> str:
    answer = add(client, **fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{VOICES}/{answer.json()['id']}"
    return str(answer.json()["id"])


def sound(seconds: float, rate: int = 16_000, loudness: float = 0.1) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, loudness * np.sin(np.arange(round(seconds * rate)) / 10), rate, format="WAV")
    return file.getvalue()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def files(server: Server) -> list[Path]:
    return [path for path in (server.folder / "cache" / "voices").rglob("*") if path.is_file()]


@pytest.mark.parametrize("owner", OWNERS[:1])
def test_a_voice_is_its_key_s_alone_speaks_by_its_id_and_leaves_nothing(shared_server: Server, owner: str) -> None:
    with by(shared_server, owner) as mine:
        id = added(mine, name=NAME, transcript=WARM_UP_WORDS)
        listed = mine.get(VOICES).json()
        assert [voice["name"] for voice in listed["voices"]] == ["fake", NAME]
        own = listed["voices"][-1]
        assert (own["id"], own["is_own"], own["transcript"], own["model"]) == (id, True, WARM_UP_WORDS, "fake-voice")
        assert own["duration_s"] == pytest.approx(4.7, abs=0.1)
        assert abs(own["created_at"] - datetime.now(timezone.utc).timestamp()) < 60
        assert mine.get(f"{VOICES}/{id}").json() == own
        assert mine.get(f"{VOICES}/fake").json() == listed["voices"][0] == mine.get(f"{VOICES}/fake/fake").json()
        asked = {"input": "In my voice.", "voice": id, "response_format": "wav"}
        assert mine.post("/v1/audio/speech", json=asked).status_code == 200
        assert mine.post("/v1/audio/speech", json={**asked, "voice": NAME.upper()}).status_code == 200
        for other in OWNERS[1:]:
            with by(shared_server, other) as theirs:
                if other.startswith("key"):
                    assert [voice["name"] for voice in theirs.get(VOICES).json()["voices"]] == ["fake"]
                    assert refusal(theirs.get(f"{VOICES}/{id}")) == refusal(theirs.delete(f"{VOICES}/{id}"))
                    assert refusal(theirs.get(f"{VOICES}/{id}")) == (404, "not_found")
                    assert theirs.get(f"{VOICES}/export").json()["voices"] == []
                    assert refusal(theirs.post("/v1/audio/speech", json=asked)) == (400, "unknown_choice")
                assert refusal(theirs.post(JOBS, json={**asked, "voice": id})) == (400, "unknown_choice")
                assert refusal(theirs.post(JOBS, json={**asked, "voice": NAME})) == (400, "unknown_choice")
        assert refusal(add(mine, name=NAME.lower())) == (400, "voice_name_taken")
        assert len(files(shared_server)) == 2
        told = mine.delete(f"{VOICES}/{id}").json()
        assert told == {"id": id, "object": "audio.voice.deleted", "deleted": True}
        assert files(shared_server) == []
        assert refusal(mine.post("/v1/audio/speech", json=asked)) == (400, "unknown_choice")
    assert not [word for word in (NAME, "Secret", WARM_UP_WORDS) if word in shared_server.log]


@pytest.mark.parametrize("name", ["fake", "Fake", "fake/fake", "alloy", "Nova"])
def test_one_s_own_voice_goes_before_one_here_of_the_same_name(shared_server: Server, name: str) -> None:
    asked = {"input": f"In whose voice, {name}?", "voice": name.lower(), "response_format": "wav"}
    with by(shared_server, OWNERS[0]) as mine, by(shared_server, OWNERS[1]) as theirs:
        id = added(mine, name=name)
        assert mine.get(f"{VOICES}/{name}").json()["id"] == id
        for client, is_copied in ((mine, True), (theirs, False)):
            client.post("/v1/audio/speech", json=asked).raise_for_status()
            assert client.get("/v1/copied").json() == is_copied
        mine.post("/v1/audio/speech", json={"input": f"In the usual one, {name}."}).raise_for_status()
        assert mine.get("/v1/copied").json() is False
        assert mine.delete(f"{VOICES}/{id}").status_code == 200


def test_one_s_own_voice_speaks_where_a_tag_names_it_and_nobody_else_s_does(shared_server: Server) -> None:
    asked = {"input": "The usual one. [Zoe Ann] My own.", "response_format": "wav"}
    unknown = "No voice that can speak here is called “Zoe Ann”: that is read as it stands."
    with by(shared_server, OWNERS[0]) as mine, by(shared_server, OWNERS[1]) as theirs:
        id = added(mine, name="Zoe Ann")
        for client, is_copied in ((mine, True), (theirs, False)):
            answer = client.post("/v1/audio/speech", json=asked).raise_for_status()
            assert client.get("/v1/copied").json() == is_copied
            warning = answer.headers.get("x-voxdemo-warning", "")
            assert warning.encode().decode("unicode_escape") == ("" if is_copied else unknown)
        by_id = {**asked, "input": f"The usual one. [{id}] By its id."}
        mine.post("/v1/audio/speech", json=by_id).raise_for_status()
        assert mine.get("/v1/copied").json() is True
        asked = {**asked, "input": "The usual one. [Zoe Ann] In a job."}
        jobs = [client.post(JOBS, json=asked).raise_for_status().json() for client in (mine, theirs)]
        assert mine.delete(f"{VOICES}/{id}").status_code == 200
        for client, job, warnings in ((mine, jobs[0], []), (theirs, jobs[1], [unknown])):
            done = eventually(partial(finished, client, job["url"]))
            assert (done["counts"]["done"], done["warnings"]) == (1, warnings)


def finished(client: httpx.Client, url: str) -> Any:
    now = client.get(url).json()
    return now["finished_at"] and now


def test_an_account_s_voice_of_the_page_speaks_in_its_jobs_and_in_nobody_else_s(shared_server: Server) -> None:
    with by(shared_server, "ann") as ann, by(shared_server, "bob") as bob:
        body = {"name": "Ann", "text": "", "audio": base64.b64encode(RECORDING).decode(), "consented": "2025-05-03"}
        id = ann.post("/voices", json=body).raise_for_status().json()["id"]
        job = ann.post(JOBS, json={"inputs": ["One.", "Two."], "voice": id})
        assert job.status_code == 202, job.text
        assert ann.delete(f"/voices/{id}").status_code == 204
        done = eventually(lambda: (now := ann.get(job.json()["url"]).json())["finished_at"] and now)
        assert done["counts"]["done"] == 2
        assert refusal(bob.post(JOBS, json={"input": "One.", "voice": id})) == (400, "unknown_choice")
        for answer in (ann.get(VOICES), add(ann), shared_server.http.get(VOICES), add(shared_server.http)):
            assert refusal(answer) == (401, "unauthorized")


def test_without_keys_a_voice_is_used_by_its_id_alone(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    said = "The line is open."
    id, twin = (added(fake_server.http, transcript=said) for _ in range(2))
    assert id != twin
    listed = fake_server.http.get(VOICES).json()
    assert [voice["name"] for voice in listed["voices"]] == ["fake"]
    assert "keep the ids" in listed["warnings"][0]
    assert fake_server.http.get(f"{VOICES}/Anna").status_code == 404
    spoken = speech(fake_server, "In that voice.", voice=id, stream_format="sse")
    assert events_of(spoken)[-1]["warnings"] == []
    assert fake_server.http.get("/stage").json()["copied"] == [said, 4]
    assert speech(fake_server, "In another.", voice={"id": id}, prompt_text="Told now.").status_code == 200
    assert fake_server.http.get("/stage").json()["copied"] == ["Told now.", 4]
    assert speech(fake_server, "In the usual one.").status_code == 200
    assert fake_server.http.get("/stage").json()["copied"] is None
    for each in (id, twin):
        assert fake_server.http.delete(f"{VOICES}/{each}").status_code == 200
    assert files(fake_server) == []


def test_a_page_of_another_site_changes_no_voices_where_nobody_needs_a_key(fake_server: Server) -> None:
    id = added(fake_server.http)
    exported = {"format": "voxdemo voices 1", "voices": [{"name": "A", "text": "", "consented": "", "audio": ""}]}
    for headers in ({"origin": "http://elsewhere.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        with httpx.Client(base_url=fake_server.url, headers=headers) as page:
            assert refusal(add(page)) == (403, "forbidden")
            assert refusal(page.post(f"{VOICES}/import", json=exported)) == (403, "forbidden")
            assert refusal(page.delete(f"{VOICES}/{id}")) == (403, "forbidden")
    with httpx.Client(base_url=fake_server.url, headers={"origin": fake_server.url}) as page:
        assert page.delete(f"{VOICES}/{id}").status_code == 200
    assert files(fake_server) == []


def test_openai_s_own_client_keeps_and_deletes_a_voice(shared_server: Server) -> None:
    with program(shared_server, OWNERS[0]) as client:
        voice = client.audio.voices.create(name="Anna", audio_sample=WARM_UP, consent="true")
        assert (voice.object, voice.type, voice.name) == ("audio.voice", "audio_sample", "Anna")
        assert client.audio.speech.create(model="tts-1", voice={"id": voice.id}, input="Hello.").content
        gone = client.audio.voices.delete(voice.id)
        assert (gone.id, gone.deleted, gone.object) == (voice.id, True, "audio.voice.deleted")
        with pytest.raises(openai.BadRequestError, match="Voices are made of recordings here"):
            client.audio.voices.create(name="Anna", type="prompt", prompt="deep", extra_body={"audio_sample": "x"})


@pytest.mark.parametrize(
    ("recording", "fields", "code"),
    [
        (RECORDING, {"consent": None}, "no_consent"),
        (RECORDING, {"consent": ""}, "no_consent"),
        (RECORDING, {"consent": "false"}, "no_consent"),
        (RECORDING, {"consent": "cons_1234"}, "no_consent"),
        (RECORDING, {"name": " \n\t"}, "voice_name_length"),
        (RECORDING, {"name": "x" * 61}, "voice_name_length"),
        (RECORDING, {"name": "\u202e\u200b"}, "voice_name_length"),
        (RECORDING, {"name": None}, "bad_request"),
        (RECORDING, {"transcript": "x" * 2001}, "voice_text_too_long"),
        (RECORDING, {"type": "prompt"}, "voice_of_a_prompt"),
        (b"", {}, "recording_empty"),
        (b"no sound at all", {}, "not_audio"),
        (b"%PDF-1.4" + bytes(5000), {}, "not_audio"),
        (sound(2.5), {}, "voice_recording_length"),
        (sound(31), {}, "voice_recording_length"),
        (sound(6), {}, "voice_without_speech"),
        (sound(6, loudness=0), {}, "voice_without_speech"),
    ],
)
def test_what_is_no_voice_is_refused_and_nothing_stays(
    fake_server: Server, recording: bytes, fields: dict[str, Any], code: str
) -> None:
    assert refusal(add(fake_server.http, recording, **fields)) == (400, code)
    assert files(fake_server) == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"json": {"name": "Anna"}}, "not_a_form"),
        ({"data": {"name": "Anna", "consent": "true"}}, "not_a_form"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "form_without_boundary"),
        ({"data": {"name": "Anna"}, "files": {"other": b"x"}}, "bad_request"),
    ],
)
def test_what_is_no_form_with_a_recording_is_told_so(fake_server: Server, request_: dict[str, Any], code: str) -> None:
    answer = fake_server.http.post(VOICES, **request_)
    assert refusal(answer) == (400, code)
    assert "audio_sample" in answer.json()["error"]["message"] or code == "form_without_boundary"


def test_a_part_without_a_file_s_name_is_a_recording_too_and_a_name_alone_is_none(fake_server: Server) -> None:
    form = {"name": "Anna", "consent": "2025-05-03"}
    bare = part(RECORDING, 'name="audio_sample"')
    head = b"".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form.items()
    )
    answer = fake_server.http.post(VOICES, **{**bare, "content": head + bare["content"]})
    assert (answer.status_code, answer.json()["consented"]) == (201, "2025-05-03")
    fake_server.http.delete(f"{VOICES}/{answer.json()['id']}")
    named = part(b"voice.wav", 'name="audio_sample"')
    assert refusal(fake_server.http.post(VOICES, **{**named, "content": head + named["content"]})) == (
        400,
        "recording_is_text",
    )


def test_a_body_beyond_what_a_recording_needs_is_cut_off(fake_server: Server) -> None:
    assert refusal(add(fake_server.http, bytes(50 << 20))) == (413, "too_large")
    assert files(fake_server) == []


@pytest.mark.parametrize(
    "id", ["..", "../../voices", "%2e%2e%2f%2e%2e", "x" * 300, "0" * 16, "0" * 15, "ANNA", "a/b/c"]
)
def test_no_id_leads_anywhere_else(shared_server: Server, id: str) -> None:
    with by(shared_server, OWNERS[0]) as mine:
        kept = added(mine, name="../../../etc/passwd")
        for answer in (mine.get(f"{VOICES}/{id}"), mine.delete(f"{VOICES}/{id}")):
            assert answer.status_code in (404, 405)
        assert refusal(mine.post("/v1/audio/speech", json={"input": "Hi.", "voice": id})) == (400, "unknown_choice")
        homes = {path.parent.parent for path in files(shared_server)}
        assert [home.parent for home in homes] == [shared_server.folder / "cache" / "voices"]
        assert mine.get(f"{VOICES}/{kept}").json()["name"] == "../../../etc/passwd"
        assert mine.delete(f"{VOICES}/{kept}").status_code == 200


def test_what_one_exports_another_imports_once(shared_server: Server) -> None:
    with by(shared_server, OWNERS[0]) as mine, by(shared_server, OWNERS[1]) as theirs:
        ids = [added(mine, name=name, transcript="The line is open.") for name in ("Anna", "Bea")]
        exported = mine.get(f"{VOICES}/export")
        assert "voxdemo-voices.json" in exported.headers["content-disposition"]
        told = exported.json()
        assert (told["format"], [voice["name"] for voice in told["voices"]]) == (voices_door.FORMAT, ["Anna", "Bea"])
        added(theirs, name="anna", transcript="Another one.")
        answer = theirs.post(f"{VOICES}/import", content=exported.content)
        assert answer.status_code == 201, answer.text
        assert [voice["name"] for voice in answer.json()["voices"]] == ["Anna 2", "Bea"]
        again = mine.post(f"{VOICES}/import", content=exported.content).json()
        assert again == {"voices": [], "known": ["Anna", "Bea"]}
        for id in ids:
            mine.delete(f"{VOICES}/{id}")
        broken = json.loads(exported.content)
        broken["voices"][1]["audio"] = base64.b64encode(sound(6)).decode()
        assert refusal(mine.post(f"{VOICES}/import", json=broken)) == (400, "voice_without_speech")
        assert [voice["name"] for voice in mine.get(VOICES).json()["voices"]] == ["fake"]
        for unfit in (b"", b"{", b"[]", b'{"format": "voxdemo voices 2"}', json.dumps({**told, "voices": []}).encode()):
            assert refusal(mine.post(f"{VOICES}/import", content=unfit)) == (400, "not_a_voices_file")
        for voice in theirs.get(VOICES).json()["voices"][1:]:
            theirs.delete(f"{VOICES}/{voice['id']}")
    assert files(shared_server) == []


def test_where_no_engine_copies_a_voice_is_refused(server: Server) -> None:
    answer = add(server.http)
    assert refusal(answer) == (400, "no_copies")
    assert "VoxCPM" in answer.json()["error"]["message"]
    assert files(server) == []


@pytest.mark.parametrize("base", ["", "/v1"])
def test_open_webui_reads_the_models_and_the_voices(server: Server, shared_server: Server, base: str) -> None:
    with httpx.Client(base_url=server.url + base, follow_redirects=True, timeout=60) as webui:
        models, voices = webui.get("/audio/models").json()["models"], webui.get("/audio/voices").json()["voices"]
        assert models[0] == {"id": "built-in-voice", "name": "Built-in voice"}
        names = {voice["id"]: voice["name"] for voice in voices}
        assert names["builtin/heart"]
        asked = {"input": "Hello.", "model": models[0]["id"], "voice": next(iter(names))}
        assert webui.post(f"{server.url}/v1/audio/speech", json=asked).status_code == 200
    with httpx.Client(base_url=shared_server.url + base, follow_redirects=True, timeout=60) as webui:
        for path in ("/audio/models", "/audio/voices"):
            assert refusal(webui.get(path)) == (401, "unauthorized")
            assert webui.get(path, headers={"Authorization": f"Bearer {OWNERS[0]}"}).status_code == 200


def test_many_may_keep_theirs_where_nobody_is_known_but_not_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_voices, "MOST_UNOWNED", 2)
    store = VoiceStore(tmp_path)
    ids = [store.keep("", "Anna", "", RECORDING, "now").id for _ in range(2)]
    with pytest.raises(kept_voices.InputError, match="2 voices are kept here already"):
        store.keep("", "Anna", "", RECORDING, "now")
    assert store.find("", "Anna") is None
    found = store.find("", ids[0])
    assert found
    assert found[0].id == ids[0]


def test_a_voice_that_is_deleted_between_look_up_and_reading_isn_t_there(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path)
    gone, other = (store.keep("ann", name, "", RECORDING, "now") for name in ("Anna", "Bea"))
    found = store.find("ann", gone.id)
    assert found
    own = (TaggedVoice("anna", found[1], ""),)
    assert store.delete("ann", gone.id)
    exported = json.loads("".join(voices_door._written(store, "ann", [gone, other])))
    assert [voice["name"] for voice in exported["voices"]] == ["Bea"]
    order = partial(order_of, catalogue=Catalogue((CLONER,)), caller="", reader=None, idempotency_key=None, digest="")
    for kept, tagged in ((found, ()), (None, own)):
        with pytest.raises(HTTPException) as refused:
            order(JobBody(input="Hello."), kept=kept, own=tagged)
        assert (refused.value.status_code, refused.value.detail) == (404, kept_voices.UNKNOWN)
