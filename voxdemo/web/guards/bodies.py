"""Gradio's doors beside its queue: those that cost work are counted, those that nobody here needs are shut.

And what comes through any door has a bound, which Gradio knows only for each file of an upload, not for all of them. An
upload is counted before its body is read. The queue's own doors (join, call, run) are counted where jobs come in. It
knows ASGI and Gradio's paths; what a client may ask for is decided in voxdemo/stores/limits.py.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import partial
from typing import Literal

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voxdemo.errors import LimitError
from voxdemo.stores.protocols import RequestLimits
from voxdemo.web.guards import gradio_client
from voxdemo.web.guards.callers import caller_of
from voxdemo.web.guards.refusals import refused, retry_after

MAX_UPLOAD_MIB = 200
"""More than the longest recording takes up uncompressed: 10 minutes of 48 kHz stereo in 24 bits are 165 MiB."""
MAX_FORM_BYTES = (MAX_UPLOAD_MIB + 1) << 20
"""Of all files of an upload together."""
MAX_PROMPT_BYTES = 32 << 20
"""Of texts with a recording in their JSON: 30 s of 48 kHz stereo in 24 bits are 9 MiB, and 12 in base64."""
MAX_BODY_BYTES = 5 << 20
"""Of all else: several times the longest text, so that one that is too long is refused in words that fit."""

LINGER_S = 30.0
"""How long who sends too much is listened to for the sake of the answer; as long as nginx does."""

UPLOADS = re.compile(r"(/gradio_api/(upload|component_server)|/v1/audio/transcriptions)/?$")
"""Write what is sent to the disk; behind any sub-path."""
GRADIO_UPLOAD = re.compile(r"/gradio_api/upload/?$")
KEPT_VOICES = re.compile(r"/voices/?$")
PROMPTS = re.compile(r"/v1/audio/(speech|jobs)/?$")
LOGIN = re.compile(r"/login/?$")
SHUT = re.compile(
    r"/gradio_api/(proxy=|file[=/]https?:|(process_recording|deep_link|dev/reload)/?$)|/pwa_icon(/[^/]*)?$"
)
"""Fetch from other servers for anybody, run ffmpeg on what is sent, write a page's state to the disk, draw any size,
and wait for ever for changes of the program.
"""


class CostlyDoors:
    """ASGI middleware; who counts by keys must stand before it."""

    def __init__(self, app: ASGIApp, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that may not pass; hand on every other."""
        answer = await self._objection(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    async def _objection(self, scope: Scope) -> Response | None:
        if SHUT.search(scope["path"]):
            return refused(scope, 404, "This isn't offered here: send the recording itself.")
        kind = _counted_as(scope["path"]) if scope["method"] == "POST" else None
        if kind:
            try:
                await self._limits.take(caller_of(scope), kind)
            except LimitError as error:
                if GRADIO_UPLOAD.search(scope["path"]) and gradio_client.is_gradio_client(scope):
                    return gradio_client.refused_upload(error)
                return refused(scope, 429, error, retry_after(error))
        return None


class BodyLimit:
    """ASGI middleware: ends a request whose body is too large, before more of it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer it with 413."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        most = _most_bytes(scope["path"])
        body = _Body(receive, send, most)
        if _told_length(scope) > most:
            return await self._refuse(scope, receive, send, most)
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if not body.is_too_large:
                raise
        if body.is_too_large and not body.has_answered:
            await self._refuse(scope, receive, send, most)
        return None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        sentence = f"That is more than the {most >> 20} MiB that can be sent here at once: send less."
        closing = refused(scope, 413, sentence, {"Connection": "close"})
        await closing(scope, receive, partial(_send_and_read_on, receive, send))


async def _send_and_read_on(receive: Receive, send: Send, message: Message) -> None:
    """Send it; behind the end of an answer read for a while what is still coming, to throw it away.

    A connection that is closed over what nobody has read is reset, and who sent it loses the answer: nginx tells its
    client of a bad gateway instead. A client that has the answer hangs up.
    """
    if message["type"] != "http.response.body":
        return await send(message)
    await send({**message, "more_body": True})
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_until_the_end(receive), LINGER_S)
    return await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_the_end(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


class _Body:
    """What comes of a request's body. To who reads it, one that is too large looks as if its sender had gone."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self.is_too_large = self.has_answered = False
        self._receive = receive
        self._send = send
        self._left = most

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        self.is_too_large = self._left < 0
        return {"type": "http.disconnect"} if self.is_too_large else message

    async def send(self, message: Message) -> None:
        if not self.is_too_large or self.has_answered:
            self.has_answered = True
            await self._send(message)


def _counted_as(path: str) -> Literal["login", "upload"] | None:
    if LOGIN.search(path):
        return "login"
    return "upload" if UPLOADS.search(path) or KEPT_VOICES.search(path) else None


def _most_bytes(path: str) -> int:
    if UPLOADS.search(path):
        return MAX_FORM_BYTES
    return MAX_PROMPT_BYTES if PROMPTS.search(path) else MAX_BODY_BYTES


def _told_length(scope: Scope) -> int:
    told = Headers(scope=scope).get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else 0
