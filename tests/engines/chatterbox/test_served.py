"""Chatterbox as people meet it: a tiny random checkpoint behind the real server."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import httpx
import soundfile
from serving import Server, StartServer, eventually
from speaking_chatterbox import MARKS, recording

pytestmark = MARKS


def test_it_copies_voices_repeats_them_and_a_hang_up_frees_it(
    folders: dict[str, Path], start_server: StartServer
) -> None:
    server = start_server(
        script="tests/chatterbox_app.py",
        VOXDEMO_ENGINE="chatterbox",
        VOXDEMO_CHATTERBOX_MODEL=folders["stops"],
        VOXDEMO_DEVICE="cpu",
        VOXDEMO_CACHE_SIZE=0,
    )
    server.wait_until_ready()
    low, high = (encoded(recording(pitch)) for pitch in (120.0, 300.0))
    first = spoken(server, prompt_audio=low)
    assert spoken(server, prompt_audio=low) == first
    assert len({first, spoken(server, prompt_audio=high), spoken(server)}) == 3
    hang_up(server)
    assert spoken(server, prompt_audio=low) == first
    assert "Traceback" not in server.log


def encoded(prompt: Any) -> str:
    file = io.BytesIO()
    soundfile.write(file, prompt.samples, prompt.sample_rate, format="WAV")
    return base64.b64encode(file.getvalue()).decode()


def spoken(server: Server, **more: Any) -> bytes:
    body = {"model": "chatterbox", "input": "Hi.", "response_format": "wav", "seed": 3, **more}
    answer = server.http.post("/v1/audio/speech", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    samples, rate = soundfile.read(io.BytesIO(answer.content))
    assert (rate, samples.any()) == (24_000, True)
    return answer.content


def hang_up(server: Server) -> None:
    """Ask for a long text, and leave as soon as its turn has come."""
    client = httpx.Client(base_url=server.url, timeout=None)
    body = {"input": "Many words are said here, one after the other. " * 300, "response_format": "wav"}
    with client.stream("POST", "/v1/audio/speech", json=body):
        eventually(lambda: server.http.get("/ready").json()["running"] == 1)
    client.close()
    eventually(lambda: cancelled(server) == 1)
    eventually(lambda: server.in_line() == 0)


def cancelled(server: Server) -> float:
    metrics = server.http.get("/metrics").text
    return sum(map(float, re.findall(r'requests_total\{.*outcome="cancelled".*\} (\S+)', metrics)))
