"""Programs that call OpenAI's API of a server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import httpx
import numpy as np
import soundfile
from openai import OpenAI
from serving import ROOT, Server

WARM_UP = ROOT / "assets" / "warm-up.flac"
WARM_UP_WORDS = "the line is open and the voice is ready to speak to whoever comes next"
PCM_RATE = 24_000


def program(server: Server, key: str = "none") -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def spoken_for_a_program(server: Server, text: str, key: str = "none") -> bytes:
    with program(server, key) as opened:
        return opened.audio.speech.create(model="tts-1", voice="alloy", input=text).content


def words(text: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split())


def speech(server: Server, text: str, **more: Any) -> httpx.Response:
    return server.http.post("/v1/audio/speech", json={"input": text, "response_format": "pcm", **more}, timeout=60)


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]


def samples_of(data: bytes, kind: str) -> tuple[Any, int]:
    if kind == "pcm":
        return np.frombuffer(data, "<i2") / 32768, PCM_RATE
    if kind == "aac":
        with av.open(io.BytesIO(data)) as file:
            frames = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
            return np.concatenate(frames), file.streams.audio[0].rate
    return soundfile.read(io.BytesIO(data))


def part(data: bytes, described: str) -> dict[str, Any]:
    body = b"--edge\r\nContent-Disposition: form-data; " + described.encode() + b"\r\n\r\n" + data + b"\r\n--edge--\r\n"
    return {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=edge"}}


OWNERS = ("key-a-of-some-length", "key-b-of-some-length", "ann", "bob")
"""Two API keys and two accounts, for `by`."""


@contextmanager
def by(server: Server, owner: str) -> Iterator[httpx.Client]:
    """A client that calls as this owner."""
    key = {"Authorization": f"Bearer {owner}"} if owner.startswith("key") else {}
    with httpx.Client(base_url=server.url, headers=key, timeout=60) as client:
        if not key:
            client.post("/login", data={"username": owner, "password": "pw"}).raise_for_status()
        yield client
