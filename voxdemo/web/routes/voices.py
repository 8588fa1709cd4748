"""The voices that an account keeps on the server, for its own page: GET and POST /voices, GET and DELETE /voices/{id}.

Only where there is a login; without one the page keeps them in its browser. What is sent is JSON and nothing else,
which browsers send to other sites only after these allowed it; this one doesn't. Knows the store, nothing of Gradio.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial, wraps

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from voxdemo.errors import InputError, VoxdemoError
from voxdemo.stores.protocols import KeptVoices
from voxdemo.threads import KEEPING, in_thread
from voxdemo.web.guards.access import NO_LOGIN, account_of
from voxdemo.web.guards.refusals import refused, status_of

log = logging.getLogger(__name__)

FRESH = {"Cache-Control": "no-store"}
UNKNOWN = "No such voice: it may have been deleted."
NO_ACCOUNTS = "This server has no accounts: voices are kept in the browser."
UNREADABLE = "This isn't a voice: send its name, text, audio (base64) and consented as JSON."

Serve = Callable[[Request, str], Awaitable[Response]]


class _Sent(BaseModel):
    name: str
    text: str = ""
    audio: str
    """The recording, in base64."""
    consented: str


def routes(store: KeptVoices, has_accounts: bool) -> Sequence[Route]:
    """What is to be served."""

    async def voices(_: Request, account: str) -> Response:
        mine = await in_thread(partial(store.voices, account), KEEPING)
        return JSONResponse({"voices": [asdict(voice) for voice in mine]}, headers=FRESH)

    async def keep(request: Request, account: str) -> Response:
        name, text, recording, consented = await _sent(request)
        kept = await in_thread(partial(store.keep, account, name, text, recording, consented), KEEPING)
        return JSONResponse(asdict(kept), 201, FRESH)

    async def recording(request: Request, account: str) -> Response:
        path = await in_thread(partial(store.recording, account, request.path_params["id"]), KEEPING)
        return FileResponse(path, media_type="audio/wav", headers=FRESH) if path else _unknown(request)

    async def delete(request: Request, account: str) -> Response:
        was_there = await in_thread(partial(store.delete, account, request.path_params["id"]), KEEPING)
        return Response(status_code=204) if was_there else _unknown(request)

    guarded = partial(_for_its_account, has_accounts)
    return (
        Route("/voices", guarded(voices)),
        Route("/voices", guarded(keep), methods=["POST"]),
        Route("/voices/{id}", guarded(recording)),
        Route("/voices/{id}", guarded(delete), methods=["DELETE"]),
    )


def _for_its_account(has_accounts: bool, serve: Serve) -> Callable[[Request], Awaitable[Response]]:
    @wraps(serve)
    async def serve_account(request: Request) -> Response:
        if not has_accounts:
            return refused(request.scope, 404, NO_ACCOUNTS)
        account = account_of(request.scope)
        if account is None:
            return refused(request.scope, 403, NO_LOGIN)
        try:
            return await serve(request, account)
        except VoxdemoError as error:
            if not isinstance(error, InputError):
                log.exception("a voice can't be kept or deleted")
            return refused(request.scope, status_of(error), error)

    return serve_account


async def _sent(request: Request) -> tuple[str, str, bytes, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InputError(UNREADABLE, code="not_a_voice")
    try:
        sent = _Sent.model_validate_json(await request.body())
        return sent.name, sent.text, base64.b64decode(sent.audio, validate=True), sent.consented
    except ValueError as error:  # JSON of another shape, or no base64
        raise InputError(UNREADABLE, code="not_a_voice") from error


def _unknown(request: Request) -> Response:
    return refused(request.scope, 404, UNKNOWN)
