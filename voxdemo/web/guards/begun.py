"""What a client has begun at another server of the same line is asked for there, whichever server it is brought to.

Balancers keep a client at one server, until that stops: then the next request of a client that goes on with what it
began there comes here. Knows ASGI, and of the servers their addresses.
"""

import asyncio
import hmac
import json
import logging
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

import httpx
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send

from voxdemo.web.guards.callers import Guard, Incoming, first_done, left

log = logging.getLogger(__name__)

PASSED_ON = "x-voxdemo-passed-on"
"""The header in which a server that passes a request on has the secret of the line."""
OF_THE_CONNECTION = (
    b"connection",
    b"keep-alive",
    b"transfer-encoding",
    b"upgrade",
    b"content-length",
    PASSED_ON.encode(),
)
"""Headers that aren't passed on."""
REACHED_WITHIN_S = 2.0
ANSWERED_WITHIN_S = 5.0
"""Until the headers of an answer, which all that is asked for here begins at once; what follows may take its time."""


Kind = Literal["session", "event", "sound"]
WAYS: Sequence[tuple[str, str, Kind]] = (
    ("GET", r"/queue/data", "session"),
    ("GET", r"/call(?:/v2)?/[^/]+/([^/]+)", "event"),
    ("POST", r"/(?:cancel|reset)", "event"),
    ("GET", r"/live/([^/]+)", "sound"),
)
"""How a client goes on with something: the method, the address below Gradio's path or ours, and what that is. Where the
address doesn't have its id, the query or the body does.
"""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a client goes on with: the messages of its session, one of its events, or a sound that is made."""

    kind: Kind
    id: str


def goes_on(request: Incoming) -> Begun | None:
    """What a client goes on with by this request, as far as the address says which; None for any other request."""
    path = request.path.removeprefix("/gradio_api")
    for method, address, kind in WAYS:
        if request.method == method and (found := re.fullmatch(address, path)):
            return Begun(kind, found[1] if found.re.groups else "")
    return None


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
        begun, sent = body
        again = _again(sent, receive)
        if begun is None or self._is_here(begun):
            return await self._app(request.scope, again, send)
        if is_passed_on:
            return await Response(status_code=404)(request.scope, again, send)
        if not await self._is_answered(others, request, sent, receive, send):
            await self._app(request.scope, again, send)  # nobody knows it, which Gradio and our routes have words for
        return None

    async def _is_answered(
        self, others: Sequence[str], request: Incoming, sent: bytes, receive: Receive, send: Send
    ) -> bool:
        """Whether one of the others has answered, or the client has left."""

        async def leaving() -> bool:
            await left(receive)
            return True

        return await first_done(leaving(), self._ask(others, request, sent, send))

    async def _ask(self, others: Sequence[str], request: Incoming, sent: bytes, send: Send) -> bool:
        headers = [(name, value) for name, value in request.headers.raw if name not in OF_THE_CONNECTION]
        headers.append((PASSED_ON.encode(), self._secret.encode()))
        timeout = httpx.Timeout(REACHED_WITHIN_S, read=None)
        # Addresses of others are always http://: without `verify=False` each client would read all certificates, for
        # 30 ms on the event loop. With it one takes 3 ms, which is little for what is seldom asked, and leaves no
        # connections open to servers that have ended.
        async with httpx.AsyncClient(verify=False, timeout=timeout, trust_env=False) as http:
            for url in others:
                try:
                    # not `build_request`, which adds codings that this client may not take
                    asked = httpx.Request(request.method, url + _target(request), headers=headers, content=sent)
                    answer = await asyncio.wait_for(http.send(asked, stream=True), ANSWERED_WITHIN_S)
                except httpx.InvalidURL:  # too long, for one: nobody has begun such a thing
                    return False
                except (httpx.TransportError, asyncio.TimeoutError):  # it has just ended, or stands still
                    continue
                if answer.status_code != 404:
                    await _hand_on(answer, send)
                    return True
                await answer.aclose()
        return False


def _target(request: Incoming) -> str:
    """Path and query as they were written, below the path that a proxy serves this under."""
    written: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    path = written.removeprefix(quote(request.scope.get("root_path", "")).encode())
    return quote(path + b"?" + request.scope["query_string"], safe=string.punctuation)


async def _hand_on(answer: httpx.Response, send: Send) -> None:
    headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in OF_THE_CONNECTION]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    try:
        async for chunk in answer.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except httpx.HTTPError as error:  # its server was killed, and clients ask again for what they miss
        log.warning("another server stopped in the middle of an answer: %s", type(error).__name__)
    finally:
        await answer.aclose()
    await send({"type": "http.response.body", "body": b""})


async def _body_of(request: Incoming, receive: Receive) -> tuple[Begun | None, bytes] | None:
    """What it goes on with, and its body; None for a request that goes on with nothing."""
    begun = goes_on(request)
    if begun is None:
        return None
    if request.method == "GET":
        return replace(begun, id=begun.id or request.query_params.get("session_hash", "")), b""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            return _event_of(body), body
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
