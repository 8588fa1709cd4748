"""Orpheus as people meet it: a tiny random checkpoint behind the real server."""

from __future__ import annotations

import io
from pathlib import Path

import soundfile
from serving import StartServer
from speaking_orpheus import MARKS

pytestmark = MARKS


def test_its_voices_speak_beside_the_others_and_make_room(folders: dict[str, Path], start_server: StartServer) -> None:
    server = start_server(
        "tests/without_whisper.py",
        VOXDEMO_ENGINE="builtin",
        VOXDEMO_ENGINES="orpheus",
        VOXDEMO_ORPHEUS_MODEL=folders["stops"],
        VOXDEMO_SNAC_MODEL=folders["codec"],
        VOXDEMO_DEVICE="cpu",
    )
    server.wait_until_ready()
    voices = server.http.get("/v1/audio/voices").json()["voices"]
    theirs = [voice for voice in voices if voice["model"] == "orpheus-3b"]
    assert [voice["name"] for voice in theirs] == ["tara", "leah", "jess", "leo", "dan", "mia", "zac", "zoe"]
    assert {voice["licence"] for voice in theirs} == {"Apache-2.0 AND LicenseRef-Llama-3.2-Community"}
    sounds = {}
    for voice in ("tara", "orpheus/leo", "heart"):
        body = {"model": "tts-1", "input": "Hello there.", "voice": voice, "response_format": "wav"}
        answer = server.http.post("/v1/audio/speech", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        samples, rate = soundfile.read(io.BytesIO(answer.content))
        assert (rate, samples.any()) == (24_000, True)
        sounds[voice] = answer.content
    assert len(set(sounds.values())) == 3
