"""How much a request may send, and which of Gradio's addresses beside its queue are counted or closed.

Gradio limits each file of an upload, not all of them together. An upload is counted before its body is read; the
addresses of the queue (join, call, run) are counted where jobs come in. Knows ASGI and Gradio's paths; how much a
client may ask for is decided by `Limits`.
"""

import asyncio
import re
from contextlib import suppress
from functools import partial
from typing import Literal

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send

from voxdemo.errors import LimitError
from voxdemo.stores.limits import Limits
from voxdemo.web.guards.callers import Guard, Incoming
from voxdemo.web.guards.refusals import is_gradio_client, refused, refused_upload, retry_after

MAX_UPLOAD_MIB = 200
"""More than the longest recording takes up uncompressed: 10 minutes of 48 kHz stereo in 24 bits are 165 MiB."""
MAX_FORM_BYTES = (MAX_UPLOAD_MIB + 1) << 20
"""Of all files of an upload together."""
MAX_PROMPT_BYTES = 32 << 20
"""Of a voice's recording, alone or with a text: 30 s of 48 kHz stereo in 24 bits are 9 MiB, and 12 in base64."""
MAX_CANCEL_BYTES = 64 << 10
"""Of what cancels a job: all of it is read before it is known which server has that job."""
MAX_BODY_BYTES = 5 << 20
"""Of all else: several times the longest text, so that one that is too long is refused in words that fit."""

LINGER_S = 30.0
"""After a 413, keep reading this long so that the client sees the answer; nginx does so as long."""
TOO_LARGE = 1009
"""The code that closes a WebSocket over a message that is too large (RFC 6455, 7.4.1)."""

UPLOADS = re.compile(r"(/gradio_api/(upload|component_server)|/v1/audio/transcriptions)/?$")
"""Addresses that write what is sent to the disk; below any sub-path."""
GRADIO_UPLOAD = re.compile(r"/gradio_api/upload/?$")
KEPT_VOICES = re.compile(r"/voices(/import)?/?$")
PROMPTS = re.compile(r"/v1/(audio/(speech|jobs|voices(/import)?)|talk)/?$")
CANCELS = re.compile(r"/gradio_api/(cancel|reset)/?$")
LOGIN = re.compile(r"/login/?$")
SHUT = re.compile(r"/gradio_api/(proxy=|file[=/]https?:|(process_recording|deep_link|dev/reload)/?$)|/pwa_icon/[^/]*$")
"""Closed: they would fetch from other servers for anybody, run ffmpeg on what is sent, write a page's state to the
disk, draw icons of any size, and wait for ever for changes of the program.
"""


class CostlyDoors(Guard):
    """ASGI middleware; what reads the keys that clients are counted by must stand before it."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(app)
        self._limits = limits

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        await (await self._objection(request) or self._app)(request.scope, receive, send)

    async def _objection(self, request: Incoming) -> Response | None:
        if SHUT.search(request.path):
            return refused(request.scope, 404, "This isn't offered here: send the recording itself.")
        if kind := _counted_as(request):
            try:
                await self._limits.take(request.caller, kind)
            except LimitError as error:
                if GRADIO_UPLOAD.search(request.path) and is_gradio_client(request.scope):
                    return refused_upload(error)
                return refused(request.scope, 429, error, retry_after(error))
        return None


class BodyLimit(Guard):
    """ASGI middleware: ends a request whose body is too large, or a WebSocket's message, before more of it is read."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        most = _most_bytes(request.path)
        if request.is_websocket:
            messages = _Messages(receive, send, most)
            return await self._app(request.scope, messages.receive, messages.send)
        body = _Body(receive, send, most)
        if _told_length(request) > most:
            return await self._refuse(request, receive, send, most)
        try:
            await self._app(request.scope, body.receive, body.send)
        except Exception:
            if not body.is_too_large:
                raise
        if body.is_too_large and not body.has_answered:
            await self._refuse(request, receive, send, most)
        return None

    async def _refuse(self, request: Incoming, receive: Receive, send: Send, most: int) -> None:
        closing = refused(request.scope, 413, _too_much(most), {"Connection": "close"})
        await closing(request.scope, receive, partial(_send_and_read_on, receive, send))


def _too_much(most: int) -> str:
    size = f"{most >> 20} MiB" if most >> 20 else f"{most >> 10} KiB"
    return f"That is more than the {size} that can be sent here at once: send less."


async def _send_and_read_on(receive: Receive, send: Send, message: Message) -> None:
    """Send it; behind the end of an answer read for a while what is still coming, to throw it away.

    A connection that is closed over unread bytes is reset, and the client loses the answer: behind nginx it gets "bad
    gateway" instead. A client that has the answer hangs up.
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
    """What comes of a request's body. To the route, one that is too large looks as if its sender had gone."""

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


class _Messages:
    """What comes over a WebSocket. One that is too large closes it; to the route, its client has left then."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive = receive
        self._send = send
        self._most = most
        self._is_closed = False

    async def receive(self) -> Message:
        message = await self._receive()
        if len(message.get("bytes") or (message.get("text") or "").encode()) <= self._most:
            return message
        self._is_closed = True
        closed = {"code": TOO_LARGE, "reason": _too_much(self._most)}
        await self._send({"type": "websocket.close", **closed})
        return {"type": "websocket.disconnect", **closed}

    async def send(self, message: Message) -> None:
        if not self._is_closed:
            await self._send(message)


def _counted_as(request: Incoming) -> Literal["login", "upload", "websocket"] | None:
    if request.is_websocket:
        return "websocket"
    if request.method != "POST":
        return None
    if LOGIN.search(request.path):
        return "login"
    return "upload" if any(kind.search(request.path) for kind in (UPLOADS, KEPT_VOICES)) else None


def _most_bytes(path: str) -> int:
    if UPLOADS.search(path):
        return MAX_FORM_BYTES
    if CANCELS.search(path):
        return MAX_CANCEL_BYTES
    return MAX_PROMPT_BYTES if PROMPTS.search(path) else MAX_BODY_BYTES


def _told_length(request: Incoming) -> int:
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else 0
