"""Our own HTTP routes beside Gradio's: is it alive, is it ready, how it does, and sounds. Handed to `demo.launch`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from voxdemo import __version__
from voxdemo.audio import formats
from voxdemo.errors import StorageError
from voxdemo.lanes.reports import ModelReport
from voxdemo.monitoring.event_loop import Pulse
from voxdemo.service.service import SpeechService
from voxdemo.service.shared_sound import Listener
from voxdemo.speech import Captions, Retaken, Utterance
from voxdemo.stores.protocols import RequestLimits
from voxdemo.stores.results import CONVERTED
from voxdemo.threads import CONVERTING, READING, in_thread
from voxdemo.web.components import front, wording
from voxdemo.web.guards.refusals import refused
from voxdemo.web.routes import metrics

log = logging.getLogger(__name__)

CLEAN_EVERY_S = 3600.0
STOPPING_S = 10.0
"""How long who asks for a sound that is still made is kept waiting."""
MEDIA_TYPES = {
    **formats.MIME_TYPES,
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "json": "application/json",
}
"""By the endings that results can be fetched under."""


def app_options(
    service: SpeechService,
    limits: RequestLimits,
    keep_s: float,
    middleware: Sequence[Middleware],
    more_work: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
) -> dict[str, Any]:
    """What `demo.launch(app_kwargs=…)` gets: the routes, and a lifespan that starts and closes the service.

    Requests go through `middleware` before, the first one being outermost. What people sent and got is deleted after
    `keep_s` seconds. `more_work` goes on as long as the server is up.
    """
    pulse = Pulse()
    return {
        "routes": _routes(service, limits, pulse),
        "middleware": list(middleware),
        "openapi_url": None,  # Gradio's own, which tells of doors that are nobody's business
        "lifespan": _lifespan(
            service, limits, pulse, [partial(_clean, service, keep_s), partial(metrics.watch, service), *more_work]
        ),
    }


def _routes(service: SpeechService, limits: RequestLimits, pulse: Pulse) -> list[Route]:
    async def health(_: Request) -> Response:
        """200 while the event loop turns and no model hangs, else 503 with the reason: start the server anew."""
        reason = pulse.trouble() or _hanging(service.stats().models)
        body = {"alive": not reason, "reason": reason, "version": __version__}
        return JSONResponse(body, status_code=503 if reason else 200, headers={"Cache-Control": "no-store"})

    async def ready(_: Request) -> Response:
        """200 once the models of a generator have all proved that they work, else 503 with the reason."""
        readiness, stats = service.readiness(), service.stats()
        body = {
            **asdict(readiness),
            "notice": wording.notice(service),
            "limits": limits.notice,
            "engine": service.engine_info.name,
            "title": service.engine_info.title,
            "recognizer": service.recognizer_info.name,
            "models": [_report(model) for model in stats.models],
            "generators": stats.seats,
            "running": service.running,
            "waiting": service.waiting,
            "wait_s": _rounded(service.until_next_s),
            "line": wording.line_ahead(service.forecast(Utterance(""))),
            "busy_s": round(stats.busy_s, 3),
        }
        return JSONResponse(body, status_code=200 if readiness.ready else 503, headers={"Cache-Control": "no-store"})

    async def speech(request: Request) -> Response:
        """A finished sound or its captions; whole or, as players ask for it, in ranges.

        One that is still made is waited for, because after a Stop it takes a moment to be in order.
        """
        token, ending = request.path_params["token"], request.path_params.get("ending", "wav")
        if sound := service.live.get(token):
            try:
                await asyncio.wait_for(sound.over(), STOPPING_S)
            except asyncio.TimeoutError:
                return refused(request.scope, 409, "This sound is still being spoken: try again later.")
        pool = CONVERTING if ending in CONVERTED else READING
        try:
            path = await in_thread(partial(service.results.open, token, ending), pool)
        except OSError:
            log.exception("a sound can't be converted")
            return refused(request.scope, 507, StorageError())
        if path is None:
            return refused(request.scope, 404, "This sound is gone: speak it again.")
        return FileResponse(path, media_type=MEDIA_TYPES[ending], headers={"Cache-Control": "private, max-age=86400"})

    async def live(request: Request) -> Response:
        """A sound while it is made: JSON lines, those of sound followed by its bytes."""
        token = request.path_params["token"]
        sound = service.live.get(token)
        if sound is None and service.results.has(token):
            return Response(status_code=204)  # it ended before it was asked for: there is its file
        if sound is None:
            return refused(request.scope, 404, "This sound isn't being spoken.")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # or nginx collects it
        return StreamingResponse(_frames(sound), media_type="application/octet-stream", headers=headers)

    return [
        Route("/health", health),
        Route("/ready", ready),
        *metrics.routes(service),
        *front.routes(),
        Route("/live/{token}", live),
        Route("/speech/{token}.{ending}", speech),
        Route("/speech/{token}", speech),
    ]


async def _frames(sound: Listener) -> AsyncGenerator[bytes, None]:
    """What `assets/job/frames.js` reads: first the rate, then sound, captions and what is taken back, as they come."""
    yield _line(rate=sound.sample_rate)
    async with aclosing(sound.listen()) as heard:
        async for event in heard:
            match event:
                case bytes():
                    yield _line(sound=len(event)) + event
                case Captions(first, segments):
                    yield _line(captions=[wording.caption(segment) for segment in segments], **{"from": first})
                case Retaken(start_s):
                    yield _line(retake=round(start_s, 3))


def _line(**values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _hanging(models: Sequence[ModelReport]) -> str:
    titles = [model.info.title for model in models if model.hangs]
    return f"{titles[0]} hangs in a job that is past its deadline: see the server's log." if titles else ""


def _report(model: ModelReport) -> dict[str, Any]:
    names = ("name", "title", "version", "device", "precision")
    described = {name: getattr(model.info, name) for name in names}
    load_s = _rounded(model.status.load_s)
    return {**described, "load_s": load_s, "state": model.status.state, "serving": model.serving}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def _lifespan(
    service: SpeechService, limits: RequestLimits, pulse: Pulse, work: Sequence[Callable[[], Coroutine[Any, Any, None]]]
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None, None]:
        service.start()
        tasks = [asyncio.create_task(begin()) for begin in work]
        try:
            async with pulse.felt():
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.close()
            await limits.close()

    return lifespan


async def _clean(service: SpeechService, keep_s: float) -> None:
    while True:
        try:
            await service.clean(keep_s)
        except Exception:  # the disk, for one; it is tried again
            log.exception("what is old can't be deleted")
        await asyncio.sleep(min(CLEAN_EVERY_S, keep_s / 2))
