"""OpenAI's API for speech and recognition, over the same service and the same line: everything below /v1/.

Reads what programs send and answers in their form; the rooms beside this one decide which requests are let in, and
when.
"""

from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from voxdemo import __version__
from voxdemo.batches.runner import Batches
from voxdemo.web.guards.callers import Incoming
from voxdemo.web.v1 import catalogue, errors, speech, talk, transcriptions, voices
from voxdemo.web.v1.entrance import Entrance
from voxdemo.web.v1.jobs import routes as jobs
from voxdemo.web.v1.realtime import door as realtime

ABOUT = (
    "Speech and recognition as OpenAI's API offers them: its own clients work with"
    " `base_url` set to this server's address and `/v1`. Fields and headers that are voxdemo's own say so."
)


PATH = "/v1"
ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"description": "An error as OpenAI's API has it."}}
"""In place of the answer to what is unfit that FastAPI would name."""


def mounted(entrance: Entrance, batches: Batches) -> Mount:
    """What is to be served below /v1; `/docs` there reads well, and loads nothing from anywhere else."""
    return Mount(PATH, _WholePath(_built(entrance, batches)))


async def _to_v1(request: Request) -> Response:
    return RedirectResponse(f"..{PATH}{Incoming(request.scope).path}")


ASKED_WITHOUT_VERSION = tuple(Route(path, _to_v1) for path in ("/audio/models", "/audio/voices"))
"""What programs ask for that have this server's address without `/v1`; who may be answered is decided there."""


def _built(entrance: Entrance, batches: Batches) -> FastAPI:
    app = FastAPIOffline(title="voxdemo", version=__version__, description=ABOUT, redoc_url=None, responses=ERRORS)
    app.state.entrance, app.state.batches = entrance, batches
    for room in (speech, transcriptions, realtime, jobs, voices, talk, catalogue):
        app.include_router(room.router)
    for kind, handler in errors.HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return app


class _WholePath:
    """ASGI: gives a path back what a proxy has cut off, or Starlette finds no route of an app that is mounted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outside = scope["root_path"].removesuffix(PATH)
        if not scope["path"].startswith(f"{outside}/"):
            scope = {**scope, "path": outside + scope["path"]}
        await self._app(scope, receive, send)
