"""What goes wrong below /v1/, as OpenAI's API tells it: one sentence each, and nothing of what was sent."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from voxdemo.batches.values import KeyReused
from voxdemo.errors import UNEXPECTED, VoxdemoError
from voxdemo.web.answers import of_error, to_program

log = logging.getLogger(__name__)

REUSED = "This Idempotency-Key belongs to another request: send a new one."
LEFT = 499
"""nginx's status for who hung up; it is seen in logs only."""
NO_SUCH_PATH = "There is no such address here: /v1/docs lists those that there are."
UNREADABLE = "The body doesn't have the form that this address takes: see /v1/docs."


async def ours(_: Request, error: Any) -> Response:
    """One of our own errors."""
    if not isinstance(error, VoxdemoError):
        raise error
    return of_error(error)


async def unfit(_: Request, error: Any) -> Response:
    """What doesn't have the form that its address takes: which field, and what it should be."""
    first = error.errors()[0]
    names = [str(name) for name in first["loc"] if name != "body" and not isinstance(name, int)]
    if not names:
        return to_program(400, UNREADABLE)
    said = str(first["msg"])
    return to_program(400, f"{'.'.join(names)}: {said[0].lower()}{said[1:]}.", param=names[0])


async def http(_: Request, error: Any) -> Response:
    """An answer that routes or Starlette give by raising."""
    is_usual = error.detail in ("Not Found", "Method Not Allowed")  # Starlette's own
    sentence = NO_SUCH_PATH if is_usual else error.detail
    return to_program(error.status_code, sentence, headers=error.headers)


async def reused(_: Request, __: Any) -> Response:
    """An idempotency key of another request's."""
    return to_program(409, REUSED, code="idempotency_key_reused")


async def left(_: Request, __: Any) -> Response:
    """Nobody reads this."""
    return Response(status_code=LEFT)


async def unexpected(_: Request, error: Any) -> Response:
    """Anything else; the log has the rest."""
    return to_program(500, UNEXPECTED)


HANDLERS: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
    VoxdemoError: ours,
    RequestValidationError: unfit,
    HTTPException: http,
    KeyReused: reused,
    ClientDisconnect: left,
    Exception: unexpected,
}
