"""The demo over a fake engine that takes its time, for tests of what is heard while it speaks.

A word is 0.3 s of tone and 0.1 s of silence. PACE is its real-time factor when it starts (0.5: twice as fast as it is
heard), by which its warm-up is measured; POST /pace/FACTOR sets another one, POST /break cuts live streams off after a
second, GET /asked tells the utterances it turned to. It says the word "again" twice, the first time in vain.
LOOK_EVERY_S is as in fake_app.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from fakes import CLONER, Stage, look_often
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxdemo import settings as voxdemo_settings
from voxdemo.engines.base import EngineChoice, Retake, SpeechPart
from voxdemo.server.assemble import local_service
from voxdemo.server.serve import serve
from voxdemo.server.site import build
from voxdemo.speech import EngineInfo, Samples, Tell, Utterance

RATE = 24_000
TONE_S, PAUSE_S = 0.3, 0.1
INFO = dataclasses.replace(
    CLONER, sample_rate=RATE, chunk_chars=60, honours=CLONER.honours | {"speed"}, title="Paced voice"
)
asked: list[Utterance] = []
pace = {"factor": float(os.environ.get("PACE", "0.5"))}
live = {"breaks": False}


class PacedEngine:
    """Speaks at the real-time factor that is set, word by word."""

    info = INFO

    def __init__(self) -> None:
        self._job = ""

    def speak(self, part: SpeechPart) -> Generator[Samples | Retake, None, None]:
        if part.job and part.job != self._job:
            asked.append(part.utterance)
        self._job = part.job
        spoken = part.text.split()
        while spoken:
            sound = _word(len(spoken))
            time.sleep(pace["factor"] * len(sound) / RATE)
            yield sound
            if spoken.pop(0) == "again":
                yield Retake()
                spoken = part.text.replace("again", "anew").split()

    def close(self) -> None:
        pass


def _word(number: int) -> Samples:
    seconds = np.arange(round(TONE_S * RATE)) / RATE
    shape = np.sin(np.pi * seconds / TONE_S) * (0.16 + 0.1 * np.sin(number * 2.3))
    tone = sum(np.sin(2 * np.pi * (160 + 20 * (number % 3)) * order * seconds) / order for order in range(1, 6))
    return np.concatenate([shape * tone * 0.6, np.zeros(round(PAUSE_S * RATE))]).astype(np.float32)


def _build(tell: Tell) -> PacedEngine:
    return PacedEngine()


async def set_pace(request: Request) -> Response:
    pace["factor"] = float(request.path_params["factor"])
    live["breaks"] = False
    asked.clear()
    return JSONResponse({})


async def break_live(_: Request) -> Response:
    live["breaks"] = True
    return JSONResponse({})


async def tell_asked(_: Request) -> Response:
    return JSONResponse([{"seed": one.seed, "speed": one.speed, "text": one.text} for one in asked])


class Breaking:
    """Cuts off what is answered to /live after a moment, as a bad connection would."""

    def __init__(self, app: object) -> None:
        self.app = app

    async def __call__(self, scope: dict, receive: object, send: object) -> None:
        answering = self.app(scope, receive, send)  # type: ignore[operator]
        if not live["breaks"] or "/live/" not in scope.get("path", ""):
            return await answering
        try:
            await asyncio.wait_for(answering, 1.0)
        except asyncio.TimeoutError:
            raise ConnectionError("cut off for a test") from None


def engine_choice(info: EngineInfo) -> EngineChoice:
    return EngineChoice(info, _build)


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    look_often()
    settings = voxdemo_settings.load()
    stage = Stage(open=True)
    service = local_service(settings, [engine_choice(INFO)], [stage.recognizer()])
    pace_routes = [
        Route("/pace/{factor}", set_pace, methods=["POST"]),
        Route("/break", break_live, methods=["POST"]),
        Route("/asked", tell_asked),
    ]
    serve(build(service, settings, pace_routes, [Middleware(Breaking)]), service, settings)
