"""A text being said part by part: by which engine, up to where, and when it makes room for a brief job.

Knows no seat and no worker.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, closing

import numpy as np

from voxdemo.audio.resample import Resampler
from voxdemo.engines.base import RanOn, Retake, SpeechEngine, SpeechPart, Step, WordTimes
from voxdemo.errors import InputError
from voxdemo.lanes.jobs import Cut, PartRetaken, PartTimed, Piece, SpeakJob
from voxdemo.lanes.local.job_run import PartBegins
from voxdemo.lanes.turns import TURN_S
from voxdemo.speech import EngineInfo, Samples

Told = Piece | PartTimed | PartRetaken | Cut
"""What is told of the part that is being said."""


class Speech:
    """Says the parts of a job, one after the other, up to one that another engine says: it is called again with that.

    Called again after a failure, it goes on with the part that failed. A part that fails twice is not tried a third
    time. While a brief job waits (`guest_s`, the seconds that it takes), it stands aside after a part: as soon as what
    it has said lasts that long, or after TURN_S. For the engine's thread, but for `guest_s`, which is set, and
    `is_aside`, `lead_s` and `next_engine`, which are read, on the event loop.
    """

    def __init__(self, job: SpeakJob) -> None:
        self.job = job
        self.guest_s: float | None = None
        self.is_aside = False
        self._turn_at = 0.0
        self._first_at: float | None = None
        self._said_s = 0.0
        self._part = job.first
        self.was_heard = False
        """Whether something of the part that is being said was heard."""
        self._failed_part: int | None = None

    def __call__(self, engine: SpeechEngine) -> Generator[Told | PartBegins | None, None, None]:
        """Say the parts from the current one on. Raises InputError where this isn't the engine it was planned for."""
        planned = self.next_engine
        assert planned, "it isn't over"
        if (engine.info.title, engine.info.sample_rate) != (planned.title, planned.sample_rate):
            sentence = "{title} has been loaded meanwhile: press Speak again."
            raise InputError(sentence, code="model_changed", title=engine.info.title)
        if self.was_heard:
            yield PartRetaken(self._part)
        self._take_turn()
        while self.next_engine == planned and not self.is_aside:
            self.was_heard = False
            yield PartBegins()
            with closing(engine.speak(self.job.part(self._part))) as pieces:
                for piece in _at_rate(pieces, planned.sample_rate, self.job.engine.sample_rate):
                    yield None if isinstance(piece, Step) else self._event(piece)
            self._end_part()

    async def said_by(
        self, speak: Callable[[SpeechPart, int], AsyncGenerator[Samples | RanOn, None]]
    ) -> AsyncGenerator[Told, None]:
        """The same by what speaks on the event loop, at the rate that it is given, and knows itself when it begins."""
        planned = self.next_engine
        assert planned, "it isn't over"
        self._take_turn()
        while self.next_engine == planned and not self.is_aside:
            self.was_heard = False
            async with aclosing(speak(self.job.part(self._part), self.job.engine.sample_rate)) as pieces:
                async for piece in pieces:
                    yield self._event(piece)
            self._end_part()

    def _take_turn(self) -> None:
        if self.is_aside or not self._turn_at:
            self.is_aside, self._turn_at = False, time.monotonic()

    def _end_part(self) -> None:
        self._part, self.was_heard = self._part + 1, False
        self.is_aside = self.next_engine is not None and self._makes_room(self.guest_s)

    @property
    def next_engine(self) -> EngineInfo | None:
        """That of the part that comes next; None when all is said."""
        return self.job.engine_of(self._part) if self._part < len(self.job.parts) else None

    @property
    def lead_s(self) -> float:
        """Seconds of its sound that a listener who heard it from the beginning has still to hear."""
        return 0.0 if self._first_at is None else self._said_s - (time.monotonic() - self._first_at)

    def _makes_room(self, guest_s: float | None) -> bool:
        return guest_s is not None and (self.lead_s >= guest_s or time.monotonic() - self._turn_at >= TURN_S)

    def may_go_on(self) -> bool:
        """Whether the part that failed is tried again."""
        failed_before, self._failed_part = self._failed_part, self._part
        return failed_before != self._part

    def _event(self, piece: Samples | Retake | RanOn | WordTimes) -> Told:
        """What is told of a stretch of sound, or of an engine that has lost its way."""
        match piece:
            case Retake():
                return PartRetaken(self._part)
            case RanOn():
                return Cut(self._part)
            case WordTimes(spans):
                return PartTimed(self._part, spans)
        self.was_heard = True
        self._first_at = self._first_at or time.monotonic()
        self._said_s += len(piece) / self.job.engine.sample_rate
        return Piece(self._part, piece)


Said = Samples | Retake | RanOn | Step | WordTimes


def _at_rate(pieces: Iterable[Said], source_rate: int, target_rate: int) -> Iterator[Said]:
    """What an engine says of a part, its sound at another rate; where one rate is the other, as it is."""
    if source_rate == target_rate:
        yield from pieces
        return
    stream = Resampler(source_rate, target_rate)
    for piece in pieces:
        if isinstance(piece, np.ndarray):
            yield from filter(len, [stream.more(piece)])
        else:
            if not isinstance(piece, Step):  # nothing of this take follows
                yield from filter(len, [stream.rest()])
            yield piece
    yield from filter(len, [stream.rest()])
