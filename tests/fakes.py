"""Fakes at the engine seam, for tests of scheduling: an engine whose every step the test allows, and a recogniser."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np

from voxdemo.engines.base import EngineChoice, RanOn, Retake, SpeechPart, WordTimes
from voxdemo.errors import InputError, ModelDiedError, VoxdemoError
from voxdemo.lanes import wire
from voxdemo.lanes.jobs import Job, LaneEvent
from voxdemo.lanes.line import Claim, LaneStats, LineTicket
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.turns import Place, Size
from voxdemo.recognizers.base import RecognizerChoice
from voxdemo.speech import EngineInfo, RecognizerInfo, Samples, Segment, Tell, Transcript, Utterance, Voice, Word

T = TypeVar("T")
RATE = 16_000
PIECE = (0.2 * np.sin(2 * np.pi * 220 * np.arange(RATE // 10) / RATE)).astype(np.float32)
CLONER = EngineInfo(
    name="fake",
    title="Fake voice",
    version="1",
    sample_rate=RATE,
    languages=("en",),
    voices=(Voice("fake", "en-GB", "male"),),
    honours=frozenset(
        {"prompt_audio", "prompt_text", "cfg_value", "inference_timesteps", "normalize", "denoise", "seed"}
    ),
    note="This server speaks English.",
    chunk_chars=300,
)
LISTENER = RecognizerInfo(name="fake", title="Fake recogniser", version="1", languages=("en",), sample_rate=RATE)


def look_often() -> None:
    """In a server's process: look as often as LOOK_EVERY_S says whether what is shared is back, or a server gone."""
    from voxdemo.batches import runner
    from voxdemo.server import site
    from voxdemo.stores import databases

    if look_every_s := os.environ.get("LOOK_EVERY_S"):
        runner.LOOK_EVERY_S = site.SETTLE_EVERY_S = float(look_every_s)
        databases.LEASE_S = 12 * runner.LOOK_EVERY_S


@dataclass
class Stage:
    """Where fakes play. A test sees what they do and lets them go on; nothing here sleeps."""

    open: bool = False
    """Whether they run through without asking."""
    started: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    """The text of every utterance an engine turned to."""
    steps: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """One is taken for every piece."""
    closed: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    """The text of every utterance whose generator was closed, finished or not."""
    may_load: threading.Event = field(default_factory=threading.Event)
    """Models load when this is set; it is, to begin with."""
    may_close: threading.Event = field(default_factory=threading.Event)
    """Engines close when this is set; it is, to begin with."""
    builds: int = 0
    alive: int = 0
    most_alive: int = 0
    turns: int = 0
    threads: set[int] = field(default_factory=set)
    running: int = 0
    most_running: int = 0
    parts: list[SpeechPart] = field(default_factory=list)
    """What engines were asked for."""
    hears: str = "heard"
    """What recognisers hear."""
    may_hear: threading.Event = field(default_factory=threading.Event)
    """Recognisers go on when this is set; it is, to begin with."""
    broken: bool = False
    """Whether a model built or checked now fails."""
    broken_builds: frozenset[int] = frozenset()
    """Which builds fail, counted from 1."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.may_load.set()
        self.may_hear.set()
        self.may_close.set()

    def engine(self, info: EngineInfo = CLONER) -> EngineChoice:
        return EngineChoice(info, lambda tell: FakeEngine(self, info))

    def recognizer(self) -> RecognizerChoice:
        return RecognizerChoice(LISTENER, lambda tell: FakeRecognizer(self))

    def reset(self) -> None:
        """As at the beginning, for models that are loaded and at rest."""
        self.open = False
        self.most_running = 0
        while self.steps.acquire(blocking=False):
            pass
        while not self.started.empty():
            self.started.get()

    @property
    def utterances(self) -> list[Utterance]:
        return [part.utterance for part in self.parts]

    def enter(self, text: str) -> None:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.threads.add(threading.get_ident())
        self.started.put(text)

    def leave(self, text: str) -> None:
        with self._lock:
            self.running -= 1
        self.closed.put(text)

    def step(self) -> None:
        if not self.open:
            assert self.steps.acquire(timeout=30), "the test never allowed this step"


class Panic(BaseException):
    """As libraries written in Rust raise them."""


SAID_OTHERWISE = {"retake": Retake(), "ran-on": RanOn(), "timed": WordTimes(((0.0, 0.1),))}
"""What comes of words that make no sound."""


class FakeEngine:
    """Says a tenth of a second for every word.

    "raise", "fail-once", "panic", "die", "die-once", "die-in-turn" (every other time), "refuse", "retake" and "ran-on"
    do what they say.
    """

    def __init__(self, stage: Stage, info: EngineInfo = CLONER, tell: Tell = lambda sentence: None) -> None:
        tell(f"{info.title} is being downloaded: 1 of 4 GB.")
        assert stage.may_load.wait(timeout=30)
        stage.builds += 1
        if stage.broken or stage.builds in stage.broken_builds:
            raise RuntimeError("broken")
        stage.alive += 1
        stage.most_alive = max(stage.most_alive, stage.alive)
        self.info = info
        self._stage = stage
        self._has_failed = False

    def speak(self, part: SpeechPart) -> Generator[Samples | Retake | RanOn | WordTimes, None, None]:
        text = part.text
        if part.utterance.text.startswith(("Ready", "The line is open")):  # the warm-up
            if self._stage.broken:
                raise RuntimeError("broken")
            yield PIECE
            return
        self._stage.parts.append(part)
        self._stage.enter(text)
        try:
            for word in text.split():
                self._stage.step()
                self._misbehave(word)
                yield SAID_OTHERWISE.get(word, PIECE)
        finally:
            self._stage.leave(text)

    def _misbehave(self, word: str) -> None:
        if word == "fail-once" and not self._has_failed:
            self._has_failed = True
            raise ValueError("a passing fault")
        if word == "raise":
            raise ValueError("a bug in the model, with a /secret/path")
        if word == "panic":
            raise Panic("a panic in Rust")
        if word == "break":
            self._stage.broken = True
            raise ValueError("the model is broken now")
        if word == "die-in-turn":
            self._stage.turns += 1
            if self._stage.turns % 2:
                raise ModelDiedError("Fake voice failed and is reloading: try again in about 20 s.")
        if word == "die" or (word == "die-once" and self._stage.builds == 1):
            raise ModelDiedError("Fake voice failed and is reloading: try again in about 20 s.")
        if word == "refuse":
            sentence = "This can't be said: say something else."  # in words of its own
            raise InputError(sentence, code="unsayable", languages="English", letters="refuse")

    def close(self) -> None:
        assert self._stage.may_close.wait(timeout=30)
        self._stage.alive -= 1


class FakeRecognizer:
    """Hears "heard" in every recording."""

    def __init__(self, stage: Stage, info: RecognizerInfo = LISTENER) -> None:
        self.info = info
        self._stage = stage

    def transcribe(
        self,
        samples: Samples,
        sample_rate: int,
        language: str | None = None,
        with_words: bool = False,
        is_live: bool = False,
    ) -> Generator[Transcript, None, None]:
        assert self._stage.may_hear.wait(timeout=30)
        duration_s = len(samples) / sample_rate
        words = tuple(Word(word, 0.0, duration_s) for word in self._stage.hears.split()) if with_words else ()
        segment = Segment(self._stage.hears, 0.0, duration_s, words=words)
        yield Transcript(self._stage.hears, language or "en", (segment,), duration_s)

    def close(self) -> None:
        pass


class _Wire:
    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lane, name)

    async def run(self, job: Job, ticket: LineTicket) -> AsyncGenerator[LaneEvent, None]:
        try:
            async with aclosing(self._lane.run(_sent(job), ticket)) as events:
                async for event in events:
                    yield _sent(event)
        except VoxdemoError as error:
            raise _sent(error) from error

    def take(self, claim: Claim, arrived_at: float) -> LineTicket:
        return self._lane.take(_sent(claim), arrived_at)

    def foretell(self, coming: Size) -> Place:
        return _sent(self._lane.foretell(_sent(coming)))

    def stats(self) -> LaneStats:
        return _sent(self._lane.stats())


def wired(lane: Lane) -> Lane:
    """The lane as if it were another machine's: all that passes to and fro travels as it would over a wire."""
    return cast(Lane, _Wire(lane))


def _sent(value: T) -> T:
    return cast(T, wire.from_bytes(wire.to_bytes(value)))


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until a thread has brought about what the test waits for."""

    async def turn() -> None:
        while not condition():  # noqa: ASYNC110 - there is no event to wait for: it is the absence of one that counts
            await asyncio.sleep(0.001)  # a loop that never rests keeps Python's lock from threads that import

    await asyncio.wait_for(turn(), timeout=30)
