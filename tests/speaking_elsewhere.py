"""A server that speaks as others do: well in every format, and badly in every way. What it does is its voice's name.

Its speech is a tone of 220 Hz, a tenth of a second for every word. `heard` is what it was asked for, `closed` the
voices whose answers were over or hung up on, and what is in `down` makes it fail whatever it is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import struct
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from typing import Any

import numpy as np
import soundfile
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from voxdemo.audio.wav import header

RATE = 24_000
TONE_HZ = 220.0
KEY = "the-key-of-the-other-server"
SECRET = "words of another server, and /its/path"
VOICES = ["wav", "mp3", {"id": "af_heart", "language": "en-US", "gender": "female"}, {"no": "name"}, 7]


def tone(words: int, rate: int = RATE) -> Any:
    return 0.3 * np.sin(2 * np.pi * TONE_HZ * np.arange(words * rate // 10) / rate)


def pcm(words: int, rate: int = RATE) -> bytes:
    return bytes((tone(words, rate) * 32767).astype("<i2").tobytes())


def file(words: int, kind: str, rate: int = RATE, subtype: str | None = None, channels: int = 1) -> bytes:
    written = io.BytesIO()
    samples = np.repeat(tone(words, rate)[:, np.newaxis], channels, axis=1)
    soundfile.write(written, samples, rate, format=kind, subtype=subtype)
    return written.getvalue()


def unfinished(size: int, words: int) -> bytes:
    return header(RATE, 0)[:40] + struct.pack("<I", size) + pcm(words)


LIST = b"LIST\x04\0\0\0INFO"
"""What may stand behind the sound of a wav."""
WHOLE: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "wav": ("audio/wav", lambda words: file(words, "WAV")),
    "wav-44100-stereo": ("audio/x-wav", lambda words: file(words, "WAV", 44_100, channels=2)),
    "wav-8000": ("audio/wav", lambda words: file(words, "WAV", 8_000)),
    "wav-24-bit": ("audio/wav", lambda words: file(words, "WAV", subtype="PCM_24")),
    "wav-8-bit": ("audio/wav", lambda words: file(words, "WAV", subtype="PCM_U8")),
    "wav-float": ("audio/wav", lambda words: file(words, "WAV", 48_000, "FLOAT")),
    "wav-extensible": ("audio/wav", lambda words: file(words, "WAVEX", subtype="PCM_16")),
    "wav-without-length": ("audio/wav", lambda words: unfinished(0, words)),
    "wav-of-4-gb": ("audio/wav", lambda words: unfinished(0xFFFFFFFF, words)),
    "wav-and-more": ("audio/wav", lambda words: file(words, "WAV") + LIST + b"\x7f" * 4000),
    "wavs": ("audio/wav", lambda words: b"".join([file(1, "WAV")] * words)),
    "wavs-and-more": ("audio/wav", lambda words: unfinished(0, 2) + file(words - 2, "WAV") + LIST),
    "mp3": ("audio/mpeg", lambda words: file(words, "MP3")),
    "flac": ("audio/flac", lambda words: file(words, "FLAC")),
    "opus": ("audio/ogg", lambda words: file(words, "OGG", subtype="OPUS")),
    "unnamed": ("application/octet-stream", lambda words: file(words, "WAV")),
    "pcm-16000": ("audio/L16; rate=16000; channels=1", lambda words: pcm(words, 16_000)),
    "pcm": ("audio/pcm", lambda words: pcm(words) + b"\x01"),
    "pcm-of-a-header": ("audio/pcm", lambda words: pcm(words, 48_000)),
}
"""What speaks well: by name what it calls its sound, and the sound of so many words."""
NO_STREAM = {
    "refuses-streams": Response(SECRET, 422),
    "fails-at-streams": Response(SECRET, 500),
    "streams-events": Response(f"data: {SECRET}\n\n", media_type="text/event-stream"),
    "streams-words": Response(f"{SECRET}", media_type="audio/wav"),
}
"""What those answer who don't know what a stream is, or mean something else by it, and else speak well."""
BAD = ("html", "json", "gzip", "no-sound", "a-lie", "half-a-header", "cut-wavs", "wav-of-nothing-known", "no-text")


class Elsewhere:
    """The server's app, and what a test sees of it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.closed = Counter[str]()
        self.down = set[str]()
        self.running = self.most_running = self.hung_up = 0
        self.may_go_on = threading.Event()
        routes = [
            Route("/v1/audio/speech", self.speech, methods=["POST"]),
            Route("/generate", self.generate, methods=["POST"]),
            Route("/v1/audio/voices", self.voices),
            Route("/elsewhere", self.speech, methods=["GET", "POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def voices(self, request: Request) -> Response:
        return JSONResponse({"voices": VOICES})

    async def generate(self, request: Request) -> Response:
        asked = await request.json()
        self.heard.append(asked)
        headers = {"X-Audio-Sample-Rate": str(RATE)}
        sound = file(len(asked["target_text"].split()), "MP3")
        return StreamingResponse(self._pieces("generate", sound), media_type="audio/mpeg", headers=headers)

    async def speech(self, request: Request) -> Response:
        asked = await request.json()
        self.heard.append(asked)
        self.keys.append(request.headers.get("authorization"))
        voice, words = asked["voice"], len(asked["input"].split())
        if self.down:
            return Response(SECRET, 500)
        if voice in WHOLE:
            kind, made = WHOLE[voice]
            headers = {"X-Sample-Rate": "48000"} if voice == "pcm-of-a-header" else {}
            return StreamingResponse(self._pieces(voice, made(words)), media_type=kind, headers=headers)
        if voice.isdigit():
            return Response(SECRET, int(voice))
        if voice == "500-once":
            return (
                Response(SECRET, 500)
                if self.times(voice) % 2
                else Response(file(words, "WAV"), 200, media_type="audio/wav")
            )
        if voice == "streams":  # as fastkokoro: all at once unless a stream is asked for, which is a wav a sentence
            kind, made = WHOLE["wavs" if asked.get("stream") else "wav"]
            return StreamingResponse(self._pieces(voice, made(words)), media_type=kind)
        if voice in NO_STREAM and asked.get("stream"):
            return NO_STREAM[voice]
        if voice in NO_STREAM:
            return Response(file(words, "WAV"), 200, media_type="audio/wav")
        if voice == "only-mp3":
            is_fit = asked["response_format"] == "mp3"
            return Response(file(words, "MP3"), 200, media_type="audio/mpeg") if is_fit else Response(SECRET, 422)
        if voice == "waits":
            return StreamingResponse(self._counted(voice, self._waits(request, words)), media_type="audio/wav")
        return self._badly(voice, words)

    def reset(self) -> None:
        self.heard.clear()
        self.closed.clear()
        self.down.clear()
        self.may_go_on.clear()
        self.most_running = self.hung_up = 0

    def times(self, voice: str) -> int:
        return sum(each.get("voice") == voice for each in self.heard)

    def _badly(self, voice: str, words: int) -> Response:
        streams = {"dies": self._dies, "endless": self._endless, "stalls": self._stalls}
        bodies = {
            "html": HTMLResponse(f"<h1>{SECRET}</h1>"),
            "json": JSONResponse({"error": SECRET}),
            "gzip": Response(
                gzip.compress(b"\0" * 10**7), media_type="audio/wav", headers={"Content-Encoding": "gzip"}
            ),
            "no-sound": Response(b"", media_type="audio/wav"),
            "a-lie": Response(f"<html>{SECRET}</html>".encode(), media_type="audio/wav"),
            "half-a-header": Response(file(words, "WAV")[:30], media_type="audio/wav"),
            "cut-wavs": Response(file(words, "WAV") * 2 + LIST + file(1, "WAV")[:30], media_type="audio/wav"),
            "wav-of-nothing-known": Response(header(0, 0) + b"\0" * 100, media_type="audio/wav"),
            "no-text": Response(b"\xff\xfe\xfa\x80" * 9, media_type="text/plain; charset=\xff"),
            "redirect": RedirectResponse("/elsewhere", 307),
        }
        if voice in bodies:
            return bodies[voice]
        return StreamingResponse(self._counted(voice, streams[voice](words)), media_type="audio/wav")

    async def _pieces(self, voice: str, sound: bytes) -> AsyncGenerator[bytes, None]:
        async for piece in self._counted(voice, _cut(sound)):
            yield piece

    async def _counted(self, voice: str, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    yield piece
        finally:
            self.running -= 1
            self.closed[voice] += 1

    async def _dies(self, words: int) -> AsyncGenerator[bytes, None]:
        yield unfinished(0, words)
        await asyncio.sleep(0)
        raise ConnectionError(SECRET)

    async def _endless(self, words: int) -> AsyncGenerator[bytes, None]:
        yield unfinished(0, words)
        for _ in range(200):  # seconds, far beyond what anybody listens to
            yield pcm(10)
            await asyncio.sleep(0.001)  # or the loop that it shares stands still

    async def _waits(self, request: Request, words: int) -> AsyncGenerator[bytes, None]:
        """Its first word, and the others when the test lets it go on; those who hang up are counted."""
        is_over = False
        try:
            yield unfinished(0, 1)
            while not self.may_go_on.is_set() and not await request.is_disconnected():  # noqa: ASYNC110 - as `until`
                await asyncio.sleep(0.005)
            is_over = self.may_go_on.is_set()
            yield pcm(max(0, words - 1))
        finally:
            self.hung_up += not is_over

    async def _stalls(self, words: int) -> AsyncGenerator[bytes, None]:
        await asyncio.Event().wait()
        yield b""


async def _cut(sound: bytes) -> AsyncGenerator[bytes, None]:
    """In pieces of odd sizes."""
    at, size = 0, 1
    while at < len(sound):
        yield sound[at : at + size]
        at, size = at + size, min(9_999, size * 3)
