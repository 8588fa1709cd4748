"""What the line, the voices and the front ends share of HTTP: the secret, and values as bodies.

Knows no jobs.
"""

import hmac
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from voxdemo.lanes import wire

VALUES = "application/octet-stream"


def credentials(secret: str) -> Mapping[str, str]:
    """The headers by which others of the cluster know a request."""
    return {"Authorization": f"Bearer {secret}"}


def url_of(host: str, port: int) -> str:
    """Where this host is reached at this port; IPv6 addresses stand in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(frozen=True, slots=True)
class _Scraped(Collector):
    """What is read when Prometheus asks."""

    metrics: Callable[[], Iterable[Metric]]

    def collect(self) -> Iterable[Metric]:
        return self.metrics()


class Guarded:
    """An app that answers those alone that know the secret, which may not be empty; at /health, everybody.

    At /metrics it answers what the functions in `metrics` yield, and the memory and processor time of its process.
    """

    def __init__(self, app: ASGIApp, secret: str, *metrics: Callable[[], Iterable[Metric]]) -> None:
        assert secret, "a line without a secret would serve anybody"
        self._app = app
        self._expected = credentials(secret)["Authorization"].encode()
        self._figures = CollectorRegistry()
        for each in (*map(_Scraped, metrics), ProcessCollector(registry=None)):
            self._figures.register(each)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/health":
            return await PlainTextResponse("It's up.")(scope, receive, send)
        if scope["type"] == "http":
            sent = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(sent, self._expected):
                refusal = PlainTextResponse("This needs the secret of the line: set VOXDEMO_LINE_SECRET alike.", 401)
                return await refusal(scope, receive, send)
            if scope["path"] == "/metrics":
                encode, media_type = choose_encoder(Headers(scope=scope).get("accept", ""))
                return await Response(encode(self._figures), media_type=media_type)(scope, receive, send)
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
