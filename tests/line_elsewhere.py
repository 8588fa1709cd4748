"""A line, a voice over a fake engine that takes its time, a server or a front end that only stands in line: ROLE says.

Settings are those of a server. WORD_S is what a word takes, and while there is a file HELD none ends. GATHER_S and
DEAF_S are the line's, MOVED_S is a server's. PLACES is how many a front end takes, which says so when it has them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from voxdemo import logs
from voxdemo import settings as voxdemo_settings
from voxdemo.engines.base import EngineChoice, SpeechPart
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elsewhere import line as line_module
from voxdemo.lanes.elsewhere.front_end import LineElsewhere, offer_of
from voxdemo.lanes.line import Claim
from voxdemo.lanes.local.memory import MemoryBound
from voxdemo.lanes.turns import Size
from voxdemo.recognizers.base import RecognizerChoice
from voxdemo.server.assemble import WORDS, Models
from voxdemo.server.elsewhere import serve_line, serve_voice
from voxdemo.settings import Settings
from voxdemo.speech import EngineInfo, RecognizerInfo, Samples, Segment, Transcript, Voice

RATE = 24_000
HELD = Path(os.environ.get("HELD", "/nothing"))
SECRET = "the-secret-of-the-tests"
INFO = EngineInfo(
    name="paced", title="Paced voice", version="1", sample_rate=RATE, languages=("en",), voices=(Voice("paced"),),
    honours=frozenset({"seed"}), note="This server speaks English.", chunk_chars=300,
)  # fmt: skip
LISTENER = RecognizerInfo(name="paced", title="Paced recogniser", version="1", languages=("en",), sample_rate=16_000)


class Paced:
    """A word is 0.4 s of sound, of a loudness that tells it from others, and takes as long as it is told to.

    It prints what it says and what it has said, and waits at a word such as "waita" for a file with that name in GO.
    """

    info = INFO

    def speak(self, part: SpeechPart) -> Generator[Samples, None, None]:
        print(f"says: {part.text}", flush=True)
        for word in part.text.split():
            if part.text not in WORDS:
                time.sleep(float(os.environ.get("WORD_S", "0.05")))
                while HELD.is_file():
                    time.sleep(0.02)
            while "GO" in os.environ and word.startswith("wait") and not (Path(os.environ["GO"]) / word).exists():
                time.sleep(0.01)
            yield sound_of(word)
        print(f"said: {part.text}", flush=True)

    def close(self) -> None:
        pass


class PacedListener:
    info = LISTENER

    def transcribe(
        self, samples: Samples, sample_rate: int, language: str | None = None, *wishes: bool
    ) -> Generator[Transcript, None, None]:
        yield Transcript("heard", "en", (Segment("heard", 0.0, 1.0),), 1.0)

    def close(self) -> None:
        pass


def sound_of(word: str) -> Samples:
    return np.full(round(0.4 * RATE), 0.1 + sum(word.encode()) % 100 / 200, np.float32)


def models() -> Models:
    speaker, listener = (
        EngineChoice(INFO, lambda tell: Paced()),
        RecognizerChoice(LISTENER, lambda tell: PacedListener()),
    )
    return Models([speaker], [listener], [], MemoryBound(), Paces(), 0.0)


def any_models(settings: Settings) -> Models:
    """As `models`, where those of settings are asked for."""
    return models()


async def stand(settings: Settings, count: int) -> None:
    """Take so many places, and say so when the line has them."""
    offer = await offer_of(settings.line_url, SECRET, 60.0)
    line = LineElsewhere(settings.line_url, SECRET, offer, Paces())
    line.start()
    tickets = [line.take(Claim(Size(1.0)), time.monotonic()) for _ in range(count)]
    while not all(ticket.since for ticket in tickets):  # noqa: ASYNC110 - nothing says so but the tickets
        await asyncio.sleep(0.01)
    print("in line", flush=True)
    await asyncio.sleep(600)


if __name__ == "__main__":
    settings = voxdemo_settings.load()
    logs.set_up(settings.log_level, settings.log_text, settings.log_format)
    line_module.DEAF_S = float(os.environ.get("DEAF_S", line_module.DEAF_S))
    line_module.GATHER_S = float(os.environ.get("GATHER_S", line_module.GATHER_S))
    match os.environ["ROLE"]:
        case "line":
            serve_line(settings)
        case "voice":
            serve_voice(settings, "", models())
        case "server":  # which alone has a page, and so what takes seconds to import
            from voxdemo.server import serve as serve_module
            from voxdemo.server.site import build
            from voxdemo.server.start import prepare

            settings, service = prepare(listens=True)
            serve_module.MOVED_S, serve_module.QUIET_S = float(os.environ["MOVED_S"]), 1.0
            which = Route("/which", lambda _: PlainTextResponse(str(settings.port)))
            serve_module.serve(build(service, settings, [which]), service, settings)
        case _:
            asyncio.run(stand(settings, int(os.environ["PLACES"])))
