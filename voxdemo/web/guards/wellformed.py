"""What Gradio and Starlette make too little of: headers of an odd form, HEAD, and errors that they answer themselves.

Knows nothing of what a request asks for, but which addresses aren't pages.
"""

import re
from functools import partial

from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Send

from voxdemo.errors import VoxdemoError
from voxdemo.web.guards.callers import Guard, Incoming
from voxdemo.web.guards.refusals import refused, retry_after, status_of

UNFIT = "This request doesn't have the form that its address takes: see the documentation."
UNKNOWN = "No such endpoint: see /v1/docs and docs/api.md."
TWO_LENGTHS = "A request has either a Content-Length or a Transfer-Encoding."
PLAIN = {
    b"range": re.compile(rb"bytes=(\d{1,99}-\d{0,99}|-\d{1,99})"),
    b"x-forwarded-host": re.compile(rb"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?"),
    b"x-forwarded-proto": re.compile(rb"https?"),
}
"""The forms in which these headers are understood; in any other they are left out, as if they hadn't been sent."""
NOT_ASKED = re.compile(r"/gradio_api/(queue|heartbeat|call|stream|dev)/|/logout/?$")
"""What a GET begins or ends: Gradio's streams, whose end stops the jobs of a page, and a login."""


class WellFormed(Guard):
    """ASGI middleware: leaves out the headers that aren't in a form of PLAIN."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        scope = request.scope
        names = {name for name, _ in scope["headers"]}
        if {b"content-length", b"transfer-encoding"} <= names:  # RFC 9112, 6.3: an attempt at request smuggling
            return await refused(scope, 400, TWO_LENGTHS, {"Connection": "close"})(scope, receive, send)
        plain = [(name, value) for name, value in scope["headers"] if name not in PLAIN or _is_plain(name, value)]
        return await self._app({**scope, "headers": plain}, receive, send)


class Heads(Guard):
    """ASGI middleware: a HEAD that no route takes is answered as a GET without its body.

    Probes, proxies and download managers ask so first. FastAPI's routes, unlike Starlette's, know only the methods that
    they name.
    """

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        scope, is_refused = request.scope, False

        async def send_unless_refused(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start":
                is_refused = message["status"] == 405
            if not is_refused:
                await send(message)

        if request.method != "HEAD" or NOT_ASKED.match(request.path):
            return await self._app(scope, receive, send)
        await self._app(dict(scope), receive, send_unless_refused)  # a copy: routing writes into it
        if is_refused:
            await self._app({**scope, "method": "GET"}, receive, partial(_send_head, send))
        return None


async def _send_head(send: Send, message: Message) -> None:
    await send({**message, "body": b""} if message["type"] == "http.response.body" else message)


async def refuse_unfit(_: Request, __: Exception) -> Response:
    """In place of FastAPI's own answer, which repeats what was sent, and can't where that is no text."""
    told = {"error": UNFIT, "code": "bad_request", "values": {}}
    return JSONResponse({**told, "detail": [{"msg": UNFIT}]}, status_code=422)  # the list is FastAPI's form


async def refuse_unknown(request: Request, _: Exception) -> Response:
    """For endpoints that Gradio doesn't have."""
    return refused(request.scope, 404, UNKNOWN)


async def refuse_ours(request: Request, error: Exception) -> Response:
    """For an error of ours that a client of Gradio's queue meets before it joins."""
    assert isinstance(error, VoxdemoError)
    return refused(request.scope, status_of(error), error, retry_after(error))


async def refuse_raised(request: Request, error: Exception) -> Response:
    """For what routes of Gradio's, and ours beside them, refuse by raising."""
    assert isinstance(error, HTTPException)
    if not isinstance(error.detail, str):  # FastAPI's may be anything
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    return refused(request.scope, error.status_code, error.detail, error.headers)


HANDLERS = {
    RequestValidationError: refuse_unfit,
    FnIndexInferError: refuse_unknown,
    VoxdemoError: refuse_ours,
    HTTPException: refuse_raised,
}


def _is_plain(name: bytes, value: bytes) -> bool:
    return bool(PLAIN[name].fullmatch(value.split(b",")[0].strip() if name != b"range" else value))
