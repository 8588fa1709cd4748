"""The demo over a fake engine that can clone and takes every step only when it is told to.

GET /stage tells what it turned to; POST /stage/steps/N allows N more pieces (a word each); POST /stage/open lets
everything run through; POST /stage/reset begins anew.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from fakes import Stage
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxdemo import settings as voxdemo_settings
from voxdemo.assemble import local_service
from voxdemo.web import page, routes

stage = Stage()
started: list[str] = []


async def tell(_: Request) -> Response:
    while not stage.started.empty():
        started.append(stage.started.get())
    return JSONResponse({"started": started, "running": stage.running, "most_running": stage.most_running})


async def steps(request: Request) -> Response:
    stage.steps.release(int(request.path_params["count"]))
    return JSONResponse({})


async def run_through(_: Request) -> Response:
    stage.open = True
    stage.steps.release(10_000)
    return JSONResponse({})


async def reset(_: Request) -> Response:
    stage.reset()
    started.clear()
    return JSONResponse({})


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    settings = voxdemo_settings.load()
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    demo = page.build_page(service, settings)
    options = routes.app_options(service)
    options["routes"] += [
        Route("/stage", tell),
        Route("/stage/steps/{count:int}", steps, methods=["POST"]),
        Route("/stage/open", run_through, methods=["POST"]),
        Route("/stage/reset", reset, methods=["POST"]),
    ]
    demo.launch(
        server_name="127.0.0.1",
        server_port=settings.port,
        prevent_thread_lock=True,
        app_kwargs=options,
        **page.launch_options(),
    )
    threading.Event().wait()
