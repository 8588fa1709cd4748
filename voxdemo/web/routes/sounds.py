"""/speech/{token}, a finished sound or its captions, and /live/{token}, a sound while it is made."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from voxdemo.audio import formats
from voxdemo.errors import StorageError, UnavailableError
from voxdemo.service.live_sound import Listener
from voxdemo.speech import Captions, Retaken
from voxdemo.stores.captions import as_row
from voxdemo.stores.results import CAPTIONS, CONVERTED
from voxdemo.threads import CONVERTING, SHARING, in_thread
from voxdemo.web.guards.refusals import FileOrGone, refused, status_of
from voxdemo.web.routes import FRESH, parts_of

log = logging.getLogger(__name__)

STOPPING_S = 10.0
"""How long a request waits for a sound that is still made."""
GONE = "This sound is gone: speak it again."
TRUE = ("true", "1", "yes")
KEPT = {"Cache-Control": "private, max-age=86400"}
MEDIA_TYPES = {
    **formats.MIME_TYPES,
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "json": "application/json",
}
"""By the endings that results can be fetched under."""


async def speech(request: Request) -> Response:
    """A finished sound or its captions; whole or, as players ask for it, in ranges.

    A sound that is still made is waited for, because after a Stop it takes a moment to be in order. With `words=true`
    captions have a cue for each word.
    """
    service = parts_of(request).service
    token, ending = request.path_params["token"], request.path_params.get("ending", "wav")
    if sound := service.live_sounds.get(token):
        try:
            await asyncio.wait_for(sound.over.wait(), STOPPING_S)
        except asyncio.TimeoutError:
            return refused(request.scope, 409, "This sound is still being spoken: try again later.")
    pool = CONVERTING if ending in CONVERTED else SHARING
    gone = refused(request.scope, 404, GONE)
    try:
        if ending in CAPTIONS and request.query_params.get("words", "").lower() in TRUE:
            return await _by_word(request, token, ending)
        path = await in_thread(service.results.open, token, ending, pool=pool)
    except FileNotFoundError:  # deleted since it was found
        return gone
    except OSError:
        log.exception("a sound can't be converted")
        return refused(request.scope, 507, StorageError())
    except UnavailableError as error:
        return refused(request.scope, status_of(error), error)
    return FileOrGone(path, gone, media_type=MEDIA_TYPES[ending], headers=KEPT) if path else gone


async def _by_word(request: Request, token: str, ending: str) -> Response:
    service = parts_of(request).service
    if (content := await in_thread(service.results.by_word, token, ending, pool=SHARING)) is not None:
        return Response(content, media_type=MEDIA_TYPES[ending], headers=KEPT)
    if service.results.has(token):
        return refused(request.scope, 404, "It isn't known when the words of this sound are heard.")
    return refused(request.scope, 404, GONE)


async def live(request: Request) -> Response:
    """A sound while it is made: JSON lines, those of sound followed by its bytes."""
    service, token = parts_of(request).service, request.path_params["token"]
    sound = service.live_sounds.get(token)
    if sound is None and service.results.has(token):
        return Response(status_code=204)  # it ended before it was asked for: there is its file
    if sound is None:
        return refused(request.scope, 404, "This sound isn't being spoken.")
    headers = {**FRESH, "X-Accel-Buffering": "no"}  # or nginx collects it
    return StreamingResponse(_frames(sound), media_type="application/octet-stream", headers=headers)


ROUTES = (
    Route("/live/{token}", live),
    Route("/speech/{token}.{ending}", speech),
    Route("/speech/{token}", speech),
)


async def _frames(listener: Listener) -> AsyncGenerator[bytes, None]:
    """What `assets/job/stream.js` reads: first the rate, then sound, captions and what is taken back, as they come."""
    yield _line(rate=listener.sound.sample_rate)
    async with aclosing(listener.sound.listen()) as heard:
        async for event in heard:
            match event:
                case bytes():
                    yield _line(sound=len(event)) + event
                case Captions(first, segments):
                    yield _line(captions=list(map(as_row, segments)), **{"from": first})
                case Retaken(start_s):
                    yield _line(retake=round(start_s, 3))


def _line(**values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
