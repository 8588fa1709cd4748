"""What a client has begun at another server of the same line is asked for there, whichever server it is brought to.

Balancers keep a client at one server, until that stops: then the next request of a client that goes on with what it
began there comes here. Knows ASGI, and of the servers their addresses.
"""

import asyncio
import hmac
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send

from voxdemo.web.guards.callers import Guard, Incoming

PASSED_ON = "x-voxdemo-passed-on"
"""The header in which a server that passes a request on has the secret of the line."""
OF_THE_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", PASSED_ON)
"""Headers that aren't passed on."""
MOST_BYTES = 65_536
"""Of a request to cancel a job."""
REACHED_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Begun:
    """What a client goes on with: the messages of its session, one of its events, or a sound that is made."""

    kind: Literal["session", "event", "sound"]
    id: str


class BegunElsewhere(Guard):
    """ASGI middleware: passes on what `is_here` doesn't know, to the first of the `others` (addresses) that does."""

    def __init__(
        self, app: ASGIApp, is_here: Callable[[Begun], bool], others: Callable[[], Sequence[str]], secret: str
    ) -> None:
        super().__init__(app)
        self._is_here = is_here
        self._others = others
        self._secret = secret

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        is_passed_on = hmac.compare_digest(request.headers.get(PASSED_ON, "").encode(), self._secret.encode())
        others = self._others()
        if not (is_passed_on or others) or not (body := await _body_of(request, receive)):
            return await self._app(request.scope, receive, send)
        begun, sent, receive = body
        if begun is None or self._is_here(begun):
            return await self._app(request.scope, receive, send)
        if is_passed_on:
            return await Response(status_code=404)(request.scope, receive, send)
        asking = asyncio.ensure_future(self._ask(others, request, sent, send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            is_answered = leaving.done() or asking.result()
        finally:
            for task in (asking, leaving):
                task.cancel()
            await asyncio.gather(asking, leaving, return_exceptions=True)
        if not is_answered:  # nobody knows it, which Gradio and our routes have words for
            await self._app(request.scope, receive, send)
        return None

    async def _ask(self, others: Sequence[str], request: Incoming, sent: bytes, send: Send) -> bool:
        headers = [(name, value) for name, value in request.headers.items() if name not in OF_THE_CONNECTION]
        headers.append((PASSED_ON, self._secret))
        timeout = httpx.Timeout(REACHED_WITHIN_S, read=None)
        async with httpx.AsyncClient(verify=False, timeout=timeout, trust_env=False) as http:
            for url in others:
                asked = http.build_request(
                    request.method, f"{url}{request.path}?{request.url.query}", headers=headers, content=sent
                )
                try:
                    answer = await http.send(asked, stream=True)
                except httpx.TransportError:  # it has just ended
                    continue
                if answer.status_code != 404:
                    await _hand_on(answer, send)
                    return True
                await answer.aclose()
        return False


async def _hand_on(answer: httpx.Response, send: Send) -> None:
    headers = [(name, value) for name, value in answer.headers.raw if name.decode().lower() not in OF_THE_CONNECTION]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for chunk in answer.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _body_of(request: Incoming, receive: Receive) -> tuple[Begun | None, bytes, Receive] | None:
    """What it goes on with, its body, and that to be received again; None for a request that goes on with nothing."""
    path = request.path.removeprefix("/gradio_api")
    if request.method == "GET":
        if path == "/queue/data":
            return Begun("session", request.query_params.get("session_hash", "")), b"", receive
        if found := re.fullmatch(r"(/live|/call(?:/v2)?/[^/]+)/([^/]+)", path):
            return Begun("sound" if found[1] == "/live" else "event", found[2]), b"", receive
    elif path in ("/cancel", "/reset") and request.method == "POST":
        body = b""
        while len(body) <= MOST_BYTES and (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                return _event_of(body), body, _again(body, receive)
    return None


def _event_of(body: bytes) -> Begun | None:
    try:
        told: Any = json.loads(body)
    except ValueError:
        return None
    return Begun("event", str(told["event_id"])) if isinstance(told, dict) and "event_id" in told else None


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives this body, then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
