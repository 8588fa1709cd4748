"""Examples on the page's tabs, and having their answers at hand before anybody asks.

The recordings are in `assets/examples/`, whose README tells where they come from. It knows the service, no model.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from voxdemo.errors import UnavailableError
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import EngineInfo, Transcript, Utterance
from voxdemo.text.length import S_PER_UNIT, spoken_length
from voxdemo.threads import READING, in_thread
from voxdemo.web.components.assets import ASSETS

log = logging.getLogger(__name__)

_TRANSCRIPTS = TypeAdapter(dict[str, dict[str, Transcript]])

FOLDER = ASSETS / "examples"
TRANSCRIPTS = FOLDER / "transcripts.json"
"""By the names of recognisers, then of recordings."""
LOOK_EVERY_S = 2.0
"""How often it is looked whether nobody needs a model, and whether another one serves."""
QUIET_S = 60.0
"""How long nobody must have needed a model before anything is made for nobody."""
GIVE_WAY_WITHIN_S = 0.05
"""How soon it is noticed that somebody needs the model; it is then free within one step."""
INSTANT = 0.5
"""Seconds of work per second of speech up to which people hear a voice at once: making anything ahead gains nothing."""
AGAIN_S = 3600.0
"""How often it is looked whether all are still in the cache."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One to be recognised."""

    name: str
    path: Path
    said: str


@dataclass(frozen=True, slots=True)
class Text:
    """One to be spoken, in a language by its ISO 639-1 code; with `prompt`, in the voice of that recording."""

    name: str
    language: str
    words: str
    prompt: Recording | None = None

    def suits(self, info: EngineInfo) -> bool:
        """Whether this engine can speak it."""
        return self.language in info.languages and (self.prompt is None or "prompt_audio" in info.honours)

    def is_slow(self, service: SpeechService) -> bool:
        """Whether it is worth being made ahead: not where it would be heard at once.

        Nor where a recording has to be encoded before, which can't be given up halfway.
        """
        own_s, spoken_s = service.forecast(self.utterance).own_s, spoken_length(self.words) * S_PER_UNIT
        is_whole = self.prompt is None and self.suits(service.engine_info)
        return is_whole and own_s is not None and own_s > INSTANT * spoken_s

    @property
    def utterance(self) -> Utterance:
        """What pressing it, and then Speak, asks for."""
        if self.prompt is None:
            return Utterance(self.words)
        return Utterance(self.words, prompt_audio=self.prompt.path, prompt_text=self.prompt.said)


RECORDINGS = (
    Recording(
        "Announcement",
        FOLDER / "announcement.mp3",
        "Good evening from the bridge. We leave in ten minutes. Hot tea is served on the upper deck.",
    ),
    Recording(
        "Message",
        FOLDER / "message.mp3",
        "This is the harbour office. Your parcel has come. Please fetch it before half past four, and bring the blue "
        "form.",
    ),
    Recording(
        "Letter",
        FOLDER / "letter.mp3",
        "Dear Anna. The boat is painted at last, and she is blue again. We took her out on Sunday, around the "
        "lighthouse and back, and nobody got wet. Your cousin steered. He says that the engine sings, but I think it "
        "was the wind. Come and hear it for yourself, before the summer is over.",
    ),
)
TEXTS = (
    Text("Short", "en", "The ferry leaves at half past nine. It calls at two islands and is back before dark."),
    Text(
        "Numbers",
        "en",
        "Dr. Okafor paid $1,249.50 on 3 May 2025 for 12 kg of tea. It came at 7:45 am, 20 minutes early, and weighed "
        "0.3 kg more than that.",
    ),
    Text(
        "Dialogue",
        "en",
        "“Has the last train left?”\n\n“It has, a minute ago.”\n\n“Could we ask the driver of that bus?”\n\n“We could! "
        "But he is asleep, and so is the bus.”",
    ),
    Text(
        "Long",
        "en",
        "The lamp went out, and the whole street with it. She counted the steps to the door. There were twelve, as "
        "there had always been. Then someone on the other side counted them back.\n\n“You are early,” said the voice. "
        "It was not a voice she knew; but it was kind, and a little out of breath, as if it had run to be here. “I "
        "only came for the clock,” she said. “It stopped on Tuesday, and the whole house has been late ever since.”"
        "\n\nSomething was put down on the other side of the door, gently, the way one puts down a sleeping cat. Then "
        "the key turned, twice. The hall was dark, and it smelled of oranges. On the third step sat the clock, and it "
        "was going.",
    ),
    Text("中文", "zh", "清晨的雾还没有散。渡船已经响了两声汽笛。"),
    Text("Cloned voice", "en", "The tea is gone, and so is the bridge. But this is still my voice.", RECORDINGS[0]),
)


def work(service: SpeechService, settings: Settings) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
    """What is to be done as long as the server is up: nothing, where it isn't wanted or nothing is kept."""
    return [partial(have_at_hand, service)] if settings.examples_ahead and service.shares else []


async def have_at_hand(service: SpeechService) -> None:
    """Have answers to the examples in the cache, until this is cancelled; nobody waits for it.

    Transcripts come with the recordings, because a step of a recogniser is half a minute long and can't be given up;
    for one whose transcripts aren't there nothing is made. Texts are made ahead for slow voices only, once nobody has
    needed a model for QUIET_S, and a job that comes meanwhile gets the model at its next step. When another model
    begins to serve, its own are made.
    """
    made_for, made_at = None, 0.0
    while True:
        models = (service.engine_info, service.recognizer_info)
        is_due = models != made_for or time.monotonic() - made_at > AGAIN_S
        if is_due and service.readiness().ready:
            await _supply_transcripts(service)
            if await _made(service):
                made_for, made_at = models, time.monotonic()
        await asyncio.sleep(LOOK_EVERY_S)


async def _supply_transcripts(service: SpeechService) -> None:
    known = await in_thread(partial(transcripts, service.recognizer_info.name), READING)
    for recording in RECORDINGS:
        if transcript := known.get(recording.path.stem):
            await service.supply(recording.path, transcript)


def transcripts(recognizer: str) -> Mapping[str, Transcript]:
    """What the recogniser of this name reads in the recordings, by the names of their files; empty: not known."""
    return _TRANSCRIPTS.validate_json(TRANSCRIPTS.read_bytes()).get(recognizer, {})


async def _made(service: SpeechService) -> bool:
    """Whether there is nothing more to do for now; not so, where somebody needs a model, or did a moment ago."""
    for text in TEXTS:
        if text.is_slow(service):
            if service.quiet_s < QUIET_S:
                return False
            making = asyncio.ensure_future(_make(service, text))
            try:
                while not making.done():
                    await asyncio.wait({making}, timeout=GIVE_WAY_WITHIN_S)
                    if not service.quiet_s:
                        return False
            finally:
                making.cancel()
                await asyncio.wait({making})
            if making.cancelled() or not making.result():
                return False
    return True


async def _make(service: SpeechService, text: Text) -> bool:
    """Whether it is at hand, or never will be."""
    try:
        async with aclosing(service.prepare(text.utterance)) as events:
            [event async for event in events]
    except UnavailableError:
        return False
    except Exception:  # a model that failed shouldn't be made to fail again for nobody
        log.exception("an example can't be made")
    return True
