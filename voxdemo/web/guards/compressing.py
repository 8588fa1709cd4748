"""Answers made smaller on their way: what is text and is answered whole.

Whatever comes in pieces passes as it comes, so that nothing is held up: sound, progress, places in line, files. The
libraries at hand (Starlette's GZipMiddleware, Gradio's own, starlette-compress) compress streams too, and hold back the
first headers for it. Gradio's would compress inside of here; it isn't shown which codings a client takes.
"""

import re
import zlib
from functools import lru_cache, partial

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from voxdemo.threads import in_thread
from voxdemo.web.guards.callers import Guard, Incoming

CODINGS = ("br", "gzip")
"""What is offered, the better one first. Browsers take br only over TLS and from localhost."""
SMALLEST_BYTES = 1_000
"""Less fits into one packet anyway."""
LARGE_BYTES = 100_000
"""From here on it isn't done on the event loop: either coding takes about 18 ms for a megabyte."""
BROTLI_QUALITY, GZIP_LEVEL = 6, 6
"""The page, 425 kB: 72 kB in 8 ms, 84 kB in 8 ms. The next steps take twice as long for 2 %."""
TEXTS = re.compile(r"text/(?!event-stream).+|application/([\w.-]+\+)?(json|xml|javascript|yaml)|image/svg\+xml")
KEPT_QUALITY = 10
"""For what may be kept for ever: Gradio's 42 modules of the first visit take 0.5 s once, and are 7 % smaller."""
MODULES_KEPT = 128
"""So many of those are kept compressed here."""
PAGES_KEPT = 4
"""The page is the same for every visitor until a model's state changes: so many of it are kept compressed."""


class Compressing(Guard):
    """ASGI middleware: answers in the best of `CODINGS` that the client takes; of WebSockets, nothing."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        await self._app(_taking_none(request.scope), receive, _Answer(send, _chosen(request.headers)).send)


class _Answer:
    """One answer; `send` takes its messages."""

    def __init__(self, send: Send, coding: str) -> None:
        self._send = send
        self._coding = coding
        self._start: Message | None = None
        """Its beginning, as long as it may have to be changed: until the first piece of its text."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_compressed(message):
            self._start = message
            return
        if start := self._start:
            self._start = None
            if message["type"] == "http.response.body" and not message.get("more_body"):
                message = await self._whole(start, message)
            await self._send(start)
        await self._send(message)

    async def _whole(self, start: Message, message: Message) -> Message:
        """The text compressed, with `start` saying so, if that is worth it."""
        body = bytes(message.get("body", b""))
        if len(body) < SMALLEST_BYTES:
            return message
        headers = MutableHeaders(scope=start)
        headers.add_vary_header("Accept-Encoding")
        if not self._coding:
            return message
        pack = _packed
        if is_kept := "immutable" in headers.get("cache-control", ""):
            pack = _module
        elif headers["content-type"].startswith("text/html"):
            pack = _page
        work = partial(pack, body, self._coding)
        packed = await in_thread(work) if is_kept or len(body) >= LARGE_BYTES else work()
        headers["Content-Encoding"] = self._coding
        headers["Content-Length"] = str(len(packed))
        if headers.get("etag", "").startswith('"'):
            headers["ETag"] = f"W/{headers['etag']}"  # the same text, not the same bytes
        return {**message, "body": packed}


def _may_be_compressed(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return (
        bool(TEXTS.fullmatch(media_type))
        and start["status"] not in (204, 206, 304)
        and "content-encoding" not in headers
    )


def _chosen(headers: Headers) -> str:
    """The coding to answer in; "" for none, as for a part of a file, which is counted in its own bytes."""
    if "range" in headers:
        return ""
    taken: dict[str, float] = {}
    for each in ",".join(headers.getlist("accept-encoding")).lower().split(","):
        name, _, quality = each.partition(";")
        taken[name.strip()] = _quality(quality)
    offered = [(taken.get(coding, taken.get("*", 0.0)), coding) for coding in CODINGS]
    best = max(offered, key=lambda each: each[0])  # of two that are liked as much, the first
    return best[1] if best[0] > 0 else ""


def _quality(written: str) -> float:
    value = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", written)
    return float(value[1]) if value else 1.0


def _taking_none(scope: Scope) -> Scope:
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]}


def _packed(body: bytes, coding: str, quality: int = BROTLI_QUALITY) -> bytes:
    if coding == "br":
        return bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=quality))
    packing = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return packing.compress(body) + packing.flush()


_page = lru_cache(maxsize=PAGES_KEPT)(_packed)
_module = lru_cache(maxsize=MODULES_KEPT)(partial(_packed, quality=KEPT_QUALITY))
