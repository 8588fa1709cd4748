"""The demo over a fake engine that can clone and takes every step only when it is told to.

GET /stage tells what it turned to, how many tasks there are, and of the last part the transcript and the seconds of the
voice that it copied;
POST /stage/steps/N allows N more pieces (a word each); POST /stage/open lets everything run through; POST /stage/become
has the engine be another one, with these voices and of these abilities alone; POST /stage/reset begins anew. POST
/stall/SECONDS holds up the event loop. With LOADING=held its models load for as long as a test likes: until POST
/stage/load. With LOOK_EVERY_S it looks more often whether what servers share is back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parent.parent))

from fakes import CLONER, Stage, look_often
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxdemo import settings as voxdemo_settings
from voxdemo.server.assemble import local_service
from voxdemo.server.serve import serve
from voxdemo.server.site import build
from voxdemo.speech import EngineInfo, Voice

stage = Stage()
started: list[str] = []


async def tell(_: Request) -> Response:
    while not stage.started.empty():
        started.append(stage.started.get())
    last = stage.parts[-1] if stage.parts else None
    copied = (
        last and last.prompt and [last.utterance.prompt_text, round(len(last.prompt.samples) / last.prompt.sample_rate)]
    )
    seen = {"running": stage.running, "most_running": stage.most_running, "copied": copied}
    return JSONResponse({"started": started, "tasks": len(asyncio.all_tasks()), **seen})


async def steps(request: Request) -> Response:
    stage.steps.release(int(request.path_params["count"]))
    return JSONResponse({})


async def run_through(_: Request) -> Response:
    stage.open = True
    stage.steps.release(10_000)
    return JSONResponse({})


async def load(_: Request) -> Response:
    stage.may_load.set()
    return JSONResponse({})


async def stall(request: Request) -> Response:
    time.sleep(float(request.path_params["seconds"]))  # noqa: ASYNC251 - that is what it is for
    return JSONResponse({})


async def become(request: Request) -> Response:
    told = await request.json()
    voices = tuple(Voice(name, "en-GB") for name in told["voices"])
    play(replace(CLONER, voices=voices, honours=frozenset(told["honours"])))
    return JSONResponse({})


def play(info: EngineInfo) -> None:
    """Have what is loaded be described so from now on."""
    for seat in cast(Any, service.line)._seats.all:
        seat.speech.serving._thread.info = info


async def reset(_: Request) -> Response:
    stage.reset()
    play(CLONER)
    started.clear()
    return JSONResponse({})


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    if os.environ.get("LOADING") == "held":
        stage.may_load.clear()
    look_often()
    settings = voxdemo_settings.load()
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    stage_routes = [
        Route("/stage", tell),
        Route("/stage/steps/{count:int}", steps, methods=["POST"]),
        Route("/stage/open", run_through, methods=["POST"]),
        Route("/stage/load", load, methods=["POST"]),
        Route("/stall/{seconds}", stall, methods=["POST"]),
        Route("/stage/become", become, methods=["POST"]),
        Route("/stage/reset", reset, methods=["POST"]),
    ]
    serve(build(service, settings, stage_routes), service, settings)
