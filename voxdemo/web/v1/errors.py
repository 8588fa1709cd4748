"""What goes wrong below /v1/, as OpenAI's API has it: one sentence each, and nothing of what was sent."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from voxdemo.errors import UNEXPECTED, InputError, VoxdemoError
from voxdemo.stores.batch_values import KeyReused
from voxdemo.web.guards.refusals import retry_after, status_of, to_program

log = logging.getLogger(__name__)

REUSED = "This Idempotency-Key belongs to another request: send a new one."
LEFT = 499
"""nginx's status for a client that hung up; it is seen in logs only."""
NO_SUCH_PATH = "No such endpoint; see /v1/docs."
OTHER_METHOD = "This endpoint doesn't take {method}, but {others}; see /v1/docs."
NOT_JSON = "Send a JSON body with the header Content-Type: application/json, not {kind}."
NO_BODY = "Send a JSON body; see /v1/docs."
BROKEN_JSON = "The body isn't valid JSON, from character {position} on: write text in double quotes; see /v1/docs."
UNREADABLE = "The body can't be read as JSON: send it in UTF-8; see /v1/docs."
NO_OBJECT = "Send a JSON object, in braces; see /v1/docs."


async def ours(_: Request, error: Any) -> Response:
    return to_program(status_of(error), error, headers=retry_after(error))


async def unfit(request: Request, error: Any) -> Response:
    """What doesn't have the form that its address takes: which field, and what it should be."""
    first = error.errors()[0]
    where, *field = first["loc"]
    if where == "body" and not (field and isinstance(field[0], str)):
        return to_program(400, _of_body(request, first))
    name = str(field[0])
    said = str(first["msg"]).removeprefix("Value error, ")
    return to_program(400, f"{name}: {said[0].lower()}{said[1:]}.", name)


def _of_body(request: Request, error: Mapping[str, Any]) -> str:
    """What is wrong with a body that isn't a JSON object, and what to send."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if error["type"] == "json_invalid":
        return BROKEN_JSON.format(position=int(error["loc"][-1]) + 1)
    if error["type"] == "missing":
        return NO_BODY
    return NO_OBJECT if kind.endswith("json") else NOT_JSON.format(kind=kind[:60] or "without one")


async def http(request: Request, error: Any) -> Response:
    """An answer that routes or Starlette give by raising."""
    sentence = error.detail
    if error.status_code == 400:  # FastAPI gives it to a body that is in no encoding of Unicode
        sentence = UNREADABLE
    elif sentence == "Not Found":  # Starlette's own, as the next
        sentence = NO_SUCH_PATH
    elif sentence == "Method Not Allowed":
        others = (error.headers or {}).get("Allow") or "others"
        sentence = OTHER_METHOD.format(method=request.method[:10], others=others)
    return to_program(error.status_code, sentence, headers=error.headers)


async def reused(_: Request, __: Any) -> Response:
    return to_program(409, InputError(REUSED, code="idempotency_key_reused"))


async def left(_: Request, __: Any) -> Response:
    return Response(status_code=LEFT)


async def unexpected(_: Request, error: Any) -> Response:
    """Anything else; the log has the rest."""
    return to_program(500, UNEXPECTED)


def warning(*sentences: str) -> dict[str, str]:
    """The header that says what was asked for and isn't done; in ASCII and on one line, as headers are."""
    told = " ".join(" ".join(sentences).split()).encode("ascii", "backslashreplace").decode()
    return {"X-Voxdemo-Warning": told} if told else {}


HANDLERS: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
    VoxdemoError: ours,
    RequestValidationError: unfit,
    HTTPException: http,
    KeyReused: reused,
    ClientDisconnect: left,
    Exception: unexpected,
}
