"""What isn't known here is asked for at other servers: real ones on loopback, over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from voxdemo.web.guards import begun, bodies
from voxdemo.web.guards.begun import BegunElsewhere
from voxdemo.web.guards.bodies import BodyLimit

Answering = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
WITHIN_S = 60.0
"""Before what hangs is given up."""


@asynccontextmanager
async def other(answering: Answering) -> AsyncGenerator[str, None]:
    """The address of a server that answers each request, of which it gets the head, with this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answering(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def saying(answer: bytes, heads: list[bytes] | None = None) -> Answering:
    async def say(head: bytes, writer: asyncio.StreamWriter) -> None:
        if heads is not None:
            heads.append(head)
        writer.write(answer)
        await writer.drain()

    return say


UNKNOWN = saying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
KNOWN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere"


async def own(request: Request) -> JSONResponse:
    return JSONResponse({"body": (await request.body()).decode()})


def guarded(others: Sequence[str]) -> ASGIApp:
    app = Starlette(routes=[Route("/{path:path}", own, methods=["GET", "POST"])])
    return BodyLimit(BegunElsewhere(app, lambda _: False, lambda: others, "the secret"))


async def asked(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        return await asyncio.wait_for(http.request(method, path, **more), WITHIN_S)


@pytest.mark.parametrize("path", ["/gradio_api/cancel", "/gradio_api/reset", "/cancel"])
async def test_what_nobody_knows_is_answered_here_with_all_that_was_sent(path: str) -> None:
    async with other(UNKNOWN) as one, other(UNKNOWN) as two:
        answer = await asked(guarded([one, two]), "POST", path, content=b'{"event_id": "x"}')
    assert answer.json() == {"body": '{"event_id": "x"}'}


@pytest.mark.parametrize("path", ["/gradio_api/queue/data?session_hash=x", "/live/x", "/gradio_api/call/generate/x"])
async def test_so_is_what_is_only_got(path: str) -> None:
    async with other(UNKNOWN) as one:
        assert (await asked(guarded([one]), "GET", path)).json() == {"body": ""}


@pytest.mark.parametrize(
    ("path", "passed_on"),
    [
        ("/gradio_api/call/x/a%0Ab", b"/gradio_api/call/x/a%0Ab?"),
        ("/gradio_api/call/x/a%00b", b"/gradio_api/call/x/a%00b?"),
        ("/live/J%C3%B6rg", b"/live/J%C3%B6rg?"),
        ("/live/a%23b?c=%26d", b"/live/a%23b?c=%26d"),
        ("/gradio_api/queue/data?session_hash=a%0Ab", b"/gradio_api/queue/data?session_hash=a%0Ab"),
    ],
)
@pytest.mark.parametrize("cookie", ["name=Jörg".encode(), "name=Jörg".encode("latin-1"), b"name=\xff\xfe"])
async def test_a_request_is_passed_on_as_it_was_written(path: str, passed_on: bytes, cookie: bytes) -> None:
    heads: list[bytes] = []
    async with other(saying(KNOWN, heads)) as one:
        answer = await asked(guarded([one]), "GET", path, headers=[(b"Cookie", cookie)])
    assert answer.text == "there"
    assert heads[0].startswith(b"GET " + passed_on)
    assert b"ookie: " + cookie + b"\r\n" in heads[0]


async def test_one_that_stands_still_does_not_keep_the_next_from_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begun, "ANSWERED_WITHIN_S", 0.05)
    over = asyncio.Event()

    async def stand_still(head: bytes, writer: asyncio.StreamWriter) -> None:
        await over.wait()

    async with other(stand_still) as frozen:
        alone = await asked(guarded([frozen]), "POST", "/gradio_api/reset", content=b'{"event_id": "x"}')
        assert alone.json() == {"body": '{"event_id": "x"}'}
        monkeypatch.setattr(begun, "ANSWERED_WITHIN_S", 2.0)
        async with other(saying(KNOWN)) as one:
            assert (await asked(guarded([frozen, one]), "GET", "/live/x")).text == "there"
        over.set()


@pytest.mark.parametrize("path", ["/gradio_api/cancel", "/gradio_api/reset"])
@pytest.mark.parametrize("is_told", [True, False])
async def test_more_than_a_cancel_takes_is_refused(path: str, is_told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LINGER_S", 0.0)  # this client hangs up at the end of the answer only
    content = b'{"event_id": "' + b"x" * 70_000 + b'"}'

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield content[:40_000]
        yield content[40_000:]

    async with other(saying(KNOWN)) as one:
        answer = await asked(guarded([one]), "POST", path, content=content if is_told else pieces())
    assert answer.status_code == 413
    assert answer.json()["detail"] == "That is more than the 64 KiB that can be sent here at once: send less."


@pytest.mark.parametrize(
    "begins",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nso far",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nso far\r\n",
    ],
)
async def test_an_answer_that_breaks_off_ends_here_too(begins: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with other(saying(begins)) as one:
        answer = await asked(guarded([one]), "GET", "/live/x")
    assert (answer.status_code, answer.text) == (200, "so far")
    assert [record.exc_info for record in caplog.records if record.name.startswith("voxdemo")] == [None]


async def test_codings_that_the_client_does_not_take_are_not_asked_for() -> None:
    heads: list[bytes] = []
    async with other(saying(KNOWN, heads)) as one:
        inner = guarded([one])

        async def without_codings(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
            await inner({**scope, "headers": headers}, receive, send)

        assert (await asked(without_codings, "GET", "/live/x")).text == "there"
    assert b"accept-encoding" not in heads[0].lower()
