"""What the line, the voices and the front ends share of HTTP: the secret, and values as bodies.

Knows no jobs.
"""

import hmac
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from voxdemo.lanes import wire

VALUES = "application/octet-stream"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
PROCESS = CollectorRegistry()
ProcessCollector(registry=PROCESS)


def credentials(secret: str) -> Mapping[str, str]:
    """The headers by which others of the cluster know a request."""
    return {"Authorization": f"Bearer {secret}"}


def url_of(host: str, port: int) -> str:
    """Where this host is reached at this port; IPv6 addresses stand in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Guarded:
    """An app that answers those alone that know the secret, which may not be empty; at /health, everybody.

    At /metrics it says how much memory and processor its process takes.
    """

    def __init__(self, app: ASGIApp, secret: str) -> None:
        assert secret, "a line without a secret would serve anybody"
        self._app = app
        self._expected = credentials(secret)["Authorization"].encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/health":
            return await PlainTextResponse("It's up.")(scope, receive, send)
        if scope["type"] == "http":
            sent = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(sent, self._expected):
                refusal = PlainTextResponse("This needs the secret of the line: set VOXDEMO_LINE_SECRET alike.", 401)
                return await refusal(scope, receive, send)
            if scope["path"] == "/metrics":
                return await Response(generate_latest(PROCESS), media_type=METRICS)(scope, receive, send)
        return await self._app(scope, receive, send)


async def sent(request: Request) -> Any:
    """The value that was sent as the body. Raises HTTPException for one that is none, or too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > wire.MOST_BYTES:
            raise HTTPException(413, "That is more than a line takes.")
    try:
        return wire.from_bytes(bytes(body))
    except ValueError as error:
        raise HTTPException(400, "That isn't a message of this release.") from error


def answer(value: Any) -> Response:
    return Response(wire.to_bytes(value), media_type=VALUES)


class Stream(StreamingResponse):
    """Values as they travel, as they come; they are closed when the other side hangs up, wherever they are by then."""

    def __init__(self, sent: AsyncGenerator[bytes, None]) -> None:
        self._sent = sent
        super().__init__(sent, media_type=VALUES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._sent.aclose()


async def as_bytes(values: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(values):
        async for value in values:
            yield wire.to_bytes(value)
