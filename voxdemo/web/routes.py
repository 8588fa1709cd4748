"""Our own HTTP routes beside Gradio's: is it alive, is it ready, and the finished sound. Handed to `demo.launch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from voxdemo import __version__
from voxdemo.jobs import ModelReport
from voxdemo.results import delete_old
from voxdemo.service import SpeechService
from voxdemo.web import wording

CLEAN_EVERY_S = 3600.0


def app_options(service: SpeechService) -> dict[str, Any]:
    """What `demo.launch(app_kwargs=…)` gets: the routes, and a lifespan that starts and closes the service."""
    return {"routes": _routes(service), "lifespan": _lifespan(service)}


def _routes(service: SpeechService) -> list[Route]:
    async def health(_: Request) -> Response:
        """Alive: the event loop turns."""
        return JSONResponse({"alive": True, "version": __version__})

    async def ready(_: Request) -> Response:
        """200 once the models of a generator have all proved that they work, else 503 with the reason."""
        readiness, stats = service.readiness(), service.stats()
        in_line = service.forecast("").ahead  # who stands at a door counts too
        body = {
            **asdict(readiness),
            "notice": wording.notice(service),
            "engine": service.engine_info.name,
            "title": service.engine_info.title,
            "recognizer": service.recognizer_info.name,
            "models": [_report(model) for model in stats.models],
            "generators": stats.seats,
            "running": stats.running,
            "waiting": in_line - stats.running,
            "busy_s": round(stats.busy_s, 3),
        }
        return JSONResponse(body, status_code=200 if readiness.ready else 503, headers={"Cache-Control": "no-store"})

    async def speech(request: Request) -> Response:
        """A finished sound; whole or, as players ask for it, in ranges."""
        path = service.results.speech(request.path_params["token"])
        if path is None:
            return JSONResponse({"error": "This sound is gone: speak it again."}, status_code=404)
        return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "private, max-age=86400"})

    return [Route("/health", health), Route("/ready", ready), Route("/speech/{token}", speech)]


def _report(model: ModelReport) -> dict[str, Any]:
    names = ("name", "title", "version", "device", "precision")
    load_s = None if model.status.load_s is None else round(model.status.load_s, 2)
    described = {name: getattr(model.info, name) for name in names}
    return {**described, "load_s": load_s, "state": model.status.state, "serving": model.serving}


def _lifespan(service: SpeechService) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None, None]:
        service.start()
        cleaning = asyncio.create_task(_clean(service))
        try:
            yield
        finally:
            cleaning.cancel()
            await service.close()

    return lifespan


async def _clean(service: SpeechService) -> None:
    uploads_and_results = service.results.root.parent
    while True:
        await asyncio.to_thread(delete_old, uploads_and_results)
        await asyncio.sleep(CLEAN_EVERY_S)
