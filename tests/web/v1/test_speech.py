"""Speaking through OpenAI's API, with the official client, unmodified, and with bare requests."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jiwer
import numpy as np
import pytest
import soundfile
from openai import OpenAI
from programs import WARM_UP, events_of, program, samples_of, speech, words
from serving import Server, eventually

SENTENCE = "The birch canoe slid on the smooth planks."
KINDS = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "pcm": "audio/pcm",
}


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with program(server) as opened:
        yield opened


def test_a_sentence_is_spoken_in_every_format_and_understood(client: OpenAI, tmp_path: Path) -> None:
    for kind, type_ in KINDS.items():
        spoken = client.audio.speech.create(
            model="tts-1", voice="alloy", input=SENTENCE, response_format=kind,  # type: ignore[arg-type]
        )  # fmt: skip
        assert spoken.response.headers["content-type"] == type_
        samples, rate = samples_of(spoken.content, kind)
        assert 2 < len(samples) / rate < 5, kind
        assert 0.01 < np.std(samples) < 0.3, kind
        soundfile.write(tmp_path / f"{kind}.wav", samples, rate)
    heard = client.audio.transcriptions.create(model="whisper-1", file=tmp_path / "mp3.wav")
    assert jiwer.wer(words(SENTENCE), words(heard.text)) <= 0.25


def test_what_comes_from_the_cache_is_the_same_sound(client: OpenAI) -> None:
    def speak(kind: Any) -> bytes:
        return client.audio.speech.create(
            model="tts-1", voice="nova", input="The same again, please.", response_format=kind
        ).content

    first, again = speak("wav"), speak("wav")
    assert len(first) == len(again)
    assert first[44:] == again[44:]
    assert soundfile.info(io.BytesIO(again)).frames * 2 == len(again) - 44
    assert speak("pcm") == first[44:]


def test_what_is_ignored_is_told_and_a_seed_that_changes_nothing_is_among_it(server: Server) -> None:
    body = {"input": "A seed of its own, 말.", "seed": 5, "cfg_value": 2.5, "response_format": "pcm"}
    answer = server.http.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200
    assert "x-voxdemo-seed" not in answer.headers
    assert answer.headers["x-voxdemo-warning"] == (
        "The built-in voice doesn't support guidance (cfg) and a seed: ignored. "
        "Skipped \\u201c\\ub9d0\\u201d: this voice can't read it."
    )


def test_a_text_without_a_voice_is_spoken_by_one_of_its_language(server: Server) -> None:
    def said(**body: str) -> httpx.Response:
        asked = {"input": "El tren sale a las ocho de la mañana.", "response_format": "pcm", **body}
        return server.http.post("/v1/audio/speech", json=asked)

    alone, heart = said(), said(voice="heart")
    assert alone.content == said(voice="ef_dora").content == said(language="es-MX").content
    assert "x-voxdemo-warning" not in alone.headers
    assert heart.content != alone.content
    assert heart.headers["x-voxdemo-warning"] == "This looks like Spanish; Heart speaks English only."
    assert said(language="xx").json()["error"]["message"] == (
        "The built-in voice has no language 'xx': choose one of en."
    )


FIELDS = (
    "model", "voice", "instructions", "response_format", "speed", "stream_format", "prompt_audio", "prompt_text",
    "cfg_value", "inference_timesteps", "normalize", "denoise", "seed",
)  # fmt: skip
EMPTY = dict.fromkeys(FIELDS)


@pytest.mark.parametrize(
    ("asked", "kind", "warned"),
    [
        ({}, "audio/mpeg", ""),
        (EMPTY, "audio/mpeg", ""),
        (dict.fromkeys(FIELDS, ""), "audio/mpeg", ""),
        ({"voice": "Alloy", "model": "TTS-1-1106", "response_format": "WAV"}, "audio/wav", ""),
        ({"voice": {"id": None}}, "audio/mpeg", ""),
        ({"voice": {"id": ""}}, "audio/mpeg", ""),
        ({"voice": {}}, "audio/mpeg", ""),
        ({"voice": {"id": "HEART"}, "model": "gpt-4o-mini-tts-2025-12-15"}, "audio/mpeg", ""),
        ({"stream_format": "AUDIO", "stream": True, "user": "me", "response_format": "Aac"}, "audio/aac", ""),
        ({"speed": 4, "response_format": "pcm"}, "audio/pcm", "A speed of 4 is out of reach: spoken at 2."),
        ({"speed": 0.25, "response_format": "pcm"}, "audio/pcm", "A speed of 0.25 is out of reach: spoken at 0.5."),
        ({"speed": 2.5, "response_format": "pcm"}, "audio/pcm", "A speed of 2.5 is out of reach: spoken at 2."),
        ({"instructions": "Whisper."}, "audio/mpeg", "The built-in voice does"),
    ],
)
def test_what_openais_clients_send_is_taken_as_they_mean_it(
    server: Server, asked: dict[str, Any], kind: str, warned: str
) -> None:
    answer = server.http.post("/v1/audio/speech", json={"input": "As they mean it.", **asked})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers.get("x-voxdemo-warning", "").startswith(warned)
    assert ("x-voxdemo-warning" in answer.headers) == bool(warned)


def test_a_speed_beyond_what_the_voice_can_is_spoken_at_its_bound(server: Server) -> None:
    def length(speed: float) -> int:
        return len(speech(server, "At its bound.", speed=speed).content)

    assert length(4) == length(2) < length(1) < length(0.5) == length(0.25)
    events = events_of(speech(server, "At its bound.", speed=4, stream_format="sse"))
    assert events[-1]["warnings"] == ["A speed of 4 is out of reach: spoken at 2."]


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_events_tell_how_it_goes_and_carry_the_file(server: Server, kind: str) -> None:
    body = {"input": f"Events carry this {kind} sentence.", "stream_format": "sse", "response_format": kind}
    for is_cached in (False, True):
        answer = server.http.post("/v1/audio/speech", json=body)
        events = events_of(answer)
        assert answer.headers["content-type"].startswith("text/event-stream")
        done = events[-1]
        assert (done["type"], done["cached"], done["warnings"]) == ("speech.audio.done", is_cached, [])
        data = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
        samples, rate = samples_of(data, kind)
        assert len(samples) / rate == pytest.approx(done["duration_s"], abs=0.01)
        told = [segment for event in events if event["type"] == "speech.captions" for segment in event["segments"]]
        heard = [word for segment in told for word in segment["words"]]
        assert " ".join(segment["text"] for segment in told) == body["input"]
        assert [word["word"] for word in heard] == body["input"].split()
        moments = [moment for word in heard for moment in (word["start"], word["end"])]
        assert moments == sorted(moments)
        assert moments[-1] == pytest.approx(done["duration_s"], abs=0.4)


def test_sound_is_heard_before_the_rest_of_it_is_spoken(fake_server: Server) -> None:
    for kind in ("wav", "mp3", "opus", "aac", "pcm"):
        body = {"input": f"one two three {kind}.", "response_format": kind}
        fake_server.http.post("/stage/steps/3")
        with fake_server.http.stream("POST", "/v1/audio/speech", json=body) as answer:
            heard = answer.iter_bytes()
            assert len(next(heard)) > 0
            assert fake_server.in_line() == 1
            fake_server.http.post("/stage/steps/1")
            assert list(heard)


def test_a_recording_of_the_voice_can_be_sent_along(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    prompt = base64.b64encode(WARM_UP.read_bytes()).decode()
    in_lines, as_url = base64.encodebytes(WARM_UP.read_bytes()).decode(), f"data:audio/flac;base64,{prompt}"
    for sent in (prompt, in_lines, as_url):
        assert speech(fake_server, "In that voice.", prompt_audio=sent).status_code == 200
    answer = speech(fake_server, "In that voice.", prompt_audio=base64.b64encode(b"no sound").decode())
    assert "isn't audio" in answer.json()["error"]["message"]


@pytest.mark.long
def test_who_reads_slowly_is_not_taken_for_somebody_who_waits(paced_server: Server) -> None:
    paced_server.http.post("/pace/0.001")
    body = {"input": "word " * 2_000, "response_format": "wav"}  # more than connections hold
    with paced_server.http.stream("POST", "/v1/audio/speech", json=body, timeout=60) as answer:
        heard = answer.iter_raw(1_000)
        next(heard)
        eventually(lambda: paced_server.in_line() == 0)
        assert sum(map(len, heard)) > 10_000_000


def test_what_fails_before_a_sound_is_an_error_and_what_fails_later_breaks_off(fake_server: Server) -> None:
    server = fake_server
    server.http.post("/stage/open")
    failed = speech(server, "raise")
    assert failed.status_code == 500
    assert failed.json()["error"]["type"] == "server_error"
    assert "secret" not in failed.text
    with pytest.raises(httpx.RemoteProtocolError):
        speech(server, "One two. Three raise")
    last = events_of(speech(server, "One two. Four raise", stream_format="sse"))[-1]
    assert last["type"] == "error"
    assert last["error"]["type"] == "server_error"


def test_tags_make_pauses_and_change_the_voice_at_every_door(server: Server) -> None:
    plain = duration_of(speech(server, "One. Two.", response_format="wav"))
    tagged = duration_of(speech(server, "[pause 1s] One. [pause 3s] Two. [pause 1s]", response_format="wav"))
    assert tagged == pytest.approx(plain + 1 + 3 - 0.4 + 0.8, abs=0.4)
    text = "Good morning. [pause 2s] [Emma] My name is Emma. [Nobody] Goodbye."
    answer = speech(server, text, response_format="wav")
    assert answer.headers["x-voxdemo-warning"].count("Nobody") == 1
    odd = speech(server, "One. [pause\rX-Other: y]", response_format="wav").headers
    assert odd["x-voxdemo-warning"].startswith("\\u201cpause X-Other: y\\u201d isn't a pause")
    body = {"inputs": [text, "[Emma] [pause 60s] Hello."], "response_format": "wav"}
    job = server.http.post("/v1/audio/jobs", json=body).json()
    assert [warning[:13] for warning in job["warnings"]] == ["Text 1 of 2: ", "Text 2 of 2: "]
    done = eventually(lambda: (now := server.http.get(job["url"]).json())["finished_at"] and now)
    assert done["counts"]["done"] == 2
    assert done["items"][0]["duration_s"] == pytest.approx(duration_of(answer), abs=0.1)
    assert done["items"][1]["duration_s"] > 10


def duration_of(answer: httpx.Response) -> float:
    assert answer.status_code == 200, answer.text
    return float(len(answer.content) / 2 / 24_000)
