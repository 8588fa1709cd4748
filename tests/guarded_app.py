"""The page over a fake engine that runs through, behind all that guards it.

/v1/seen shows what a route sees, /v1/copied whether a recording was spoken with last; POST /fail fails, logging what
it was sent; /own has headers of its own; GET /drip sends a letter at once, and another when POST /drip allows it; POST
/later has logins take it for so many seconds later.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from fakes import Stage
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from voxdemo import logs
from voxdemo import settings as voxdemo_settings
from voxdemo.logs import sentry
from voxdemo.server.assemble import local_service
from voxdemo.server.serve import serve
from voxdemo.server.site import build
from voxdemo.web.guards import access

log = logging.getLogger("voxdemo.guarded")
may_drip = asyncio.Event()
stage = Stage(open=True)


async def copied(_: Request) -> Response:
    return JSONResponse(stage.parts[-1].prompt is not None)


async def seen(request: Request) -> Response:
    return JSONResponse({"key": request.scope.get(access.KEY), "request_id": logs.request_id()})


async def fail(request: Request) -> Response:
    text = (await request.body()).decode()
    try:
        raise ValueError(f"no voice for {text!r}")
    except ValueError:
        log.exception("a job failed")
    raise RuntimeError("and then the route")


async def own(_: Request) -> Response:
    return Response("", headers={"Content-Security-Policy": "sandbox", "Referrer-Policy": "no-referrer"})


async def later(request: Request) -> Response:
    seconds = float(await request.body())
    request.app.tokens.now = lambda: time.time() + seconds
    return Response()


async def drip(request: Request) -> Response:
    if request.method == "POST":
        may_drip.set()
        return Response()

    async def letters() -> AsyncGenerator[bytes, None]:
        yield b"a"
        await may_drip.wait()
        yield b"b"

    return StreamingResponse(letters())


if __name__ == "__main__":
    settings = voxdemo_settings.load()
    logs.set_up(settings.log_level, settings.log_text, settings.log_format)
    sentry.start(settings.sentry_dsn.get_secret_value())
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    own_routes = [
        Route("/v1/seen", seen),
        Route("/fail", fail, methods=["POST"]),
        Route("/v1/copied", copied),
        Route("/own", own),
        Route("/later", later, methods=["POST"]),
        Route("/drip", drip, methods=["GET", "POST"]),
    ]
    serve(build(service, settings, own_routes), service, settings)
