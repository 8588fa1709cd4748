"""Headers of an odd form are left out, or their request is refused, before Gradio or Starlette fail on them.

With the handlers for what FastAPI and Gradio refuse themselves. Knows nothing of what a request asks for.
"""

import re

from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Send

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


class WellFormed(Guard):
    """ASGI middleware: leaves out the headers that aren't in a form of PLAIN."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        scope = request.scope
        names = {name for name, _ in scope["headers"]}
        if {b"content-length", b"transfer-encoding"} <= names:  # RFC 9112, 6.3: an attempt at request smuggling
            return await refused(scope, 400, TWO_LENGTHS, {"Connection": "close"})(scope, receive, send)
        plain = [(name, value) for name, value in scope["headers"] if name not in PLAIN or _is_plain(name, value)]
        return await self._app({**scope, "headers": plain}, receive, send)


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
