"""/voices: what an account keeps on the server for its own page; without a login the page keeps them in its browser.

What is sent is JSON and nothing else: browsers ask before they send that to another site, and this one refuses.
"""

import base64
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import wraps

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxdemo.errors import InputError, VoxdemoError
from voxdemo.stores.voices import UNKNOWN, VoiceStore
from voxdemo.threads import KEEPING, in_thread
from voxdemo.web.guards.access import NO_LOGIN, account_of
from voxdemo.web.guards.refusals import FileOrGone, refused, status_of
from voxdemo.web.routes import FRESH, parts_of

log = logging.getLogger(__name__)

NO_ACCOUNTS = "This server has no accounts: voices are kept in the browser."
UNREADABLE = "This isn't a voice: send its name, text, audio (base64) and consented as JSON."


class _Sent(BaseModel):
    name: str
    text: str = ""
    audio: str
    """The recording, in base64."""
    consented: str


def _for_its_account(
    serve: Callable[[Request, VoiceStore, str], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Serves the account that has logged in, with the store; refuses everybody else, and says what went wrong."""

    @wraps(serve)
    async def serve_account(request: Request) -> Response:
        parts = parts_of(request)
        if not parts.has_accounts:
            return refused(request.scope, 404, NO_ACCOUNTS)
        account = account_of(request.scope)
        if account is None:
            return refused(request.scope, 403, NO_LOGIN)
        try:
            return await serve(request, parts.service.stores.voices, account)
        except VoxdemoError as error:
            if not isinstance(error, InputError):
                log.exception("a voice can't be kept or deleted")
            return refused(request.scope, status_of(error), error)

    return serve_account


@_for_its_account
async def voices(_: Request, store: VoiceStore, account: str) -> Response:
    """All voices of the account, without their recordings."""
    mine = await in_thread(store.voices, account, pool=KEEPING)
    return JSONResponse({"voices": [asdict(voice) for voice in mine]}, headers=FRESH)


@_for_its_account
async def keep(request: Request, store: VoiceStore, account: str) -> Response:
    name, text, recording, consented = await _sent(request)
    kept = await in_thread(store.keep, account, name, text, recording, consented, pool=KEEPING)
    return JSONResponse(asdict(kept), 201, FRESH)


@_for_its_account
async def recording(request: Request, store: VoiceStore, account: str) -> Response:
    """The recording of one, as wav."""
    path = await in_thread(store.recording, account, request.path_params["id"], pool=KEEPING)
    gone = _unknown(request)
    return FileOrGone(path, gone, media_type="audio/wav", headers=FRESH) if path else gone


@_for_its_account
async def delete(request: Request, store: VoiceStore, account: str) -> Response:
    """Delete one with its recording."""
    was_there = await in_thread(store.delete, account, request.path_params["id"], pool=KEEPING)
    return Response(status_code=204) if was_there else _unknown(request)


ROUTES = (
    Route("/voices", voices),
    Route("/voices", keep, methods=["POST"]),
    Route("/voices/{id}", recording),
    Route("/voices/{id}", delete, methods=["DELETE"]),
)


async def _sent(request: Request) -> tuple[str, str, bytes, str]:
    """Name, text, recording and consent. Raises InputError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InputError(UNREADABLE, code="not_a_voice")
    try:
        sent = _Sent.model_validate_json(await request.body())
        return sent.name, sent.text, base64.b64decode(sent.audio, validate=True), sent.consented
    except ValueError as error:  # JSON of another shape, or no base64
        raise InputError(UNREADABLE, code="not_a_voice") from error


def _unknown(request: Request) -> Response:
    return refused(request.scope, 404, UNKNOWN)
