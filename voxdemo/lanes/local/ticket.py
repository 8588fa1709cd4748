"""A request in the line and on a seat: its place, its job, how far that is, and what is told of it.

Lives on the event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from voxdemo.errors import UnavailableError
from voxdemo.estimates.countdown import remaining_s
from voxdemo.lanes.jobs import Job, LaneEvent, Paused, Piece, Resumed, SpeakJob, Started
from voxdemo.lanes.line import Claim
from voxdemo.lanes.local.address_worker import AddressWorker
from voxdemo.lanes.local.job_run import End
from voxdemo.lanes.local.speech import Speech
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.lanes.turns import BRIEF_S, TURN_S, Size
from voxdemo.speech import Waiting
from voxdemo.text.length import S_PER_UNIT

Worker = ModelWorker[Any] | AddressWorker
"""What does jobs at a seat; many seats share one `AddressWorker`."""


class Run(Protocol):
    """A job that a worker has been given."""

    def cancel(self) -> None:
        """Stop as soon as it can be and deliver nothing more. Harmless after the end."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A request's place: in the line from its arrival on, at first without its job, then on a seat, with a `run`.

    `context` is that of the task that brought the job, for the log lines of the models that work on it.
    """

    claim: Claim
    arrived_at: float
    reckon: Callable[[Claim], Size]
    """How much work it will be, as far as that is known now."""
    is_called: bool = False
    refusal: UnavailableError | None = None
    brought: Job | None = None
    size_brought: Size | None = None
    """That of its job, once that is there: each move of the line looks at all who wait."""
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    events: asyncio.Queue[LaneEvent | End] = field(default_factory=asyncio.Queue)
    run: Run | None = None
    worker: Worker | None = None
    """Whose model works on it, or is loaded for it."""
    speech: Speech | None = None
    """What is being said for it, once that has begun."""
    begun_at: float | None = None
    turn_at: float | None = None
    """When its seat began to work on it; None while it doesn't."""
    worked_s: float = 0.0
    """Seconds of work before that."""
    told: Waiting | None = None
    ended: bool = False
    done: float = 0.0
    """The share of the work that was done `done_at_s` seconds after it began."""
    done_at_s: float = 0.0
    is_paused: bool = False
    """Whether its listener knows that it stands aside."""

    @property
    def job(self) -> Job:
        """Its job, once that has been brought."""
        assert self.brought, "its job is still being prepared"
        return self.brought

    def bring(self, job: Job) -> None:
        self.brought, self.size_brought, self.context = job, job.size, contextvars.copy_context()

    @property
    def size(self) -> Size:
        return self.size_brought or self.reckon(self.claim)

    @property
    def elapsed_s(self) -> float:
        return self.worked_s + self.turn_elapsed_s

    @property
    def turn_elapsed_s(self) -> float:
        """Those since its seat began or went on with it."""
        return 0.0 if self.turn_at is None else time.monotonic() - self.turn_at

    @property
    def stands_aside(self) -> bool:
        """Whether it has more parts, and has left its seat to a brief job."""
        return bool(self.speech and self.speech.is_aside and not self.ended)

    @property
    def turn_s(self) -> float:
        """About how many seconds it goes on before it can stand aside: a part, where listeners won't hear a gap."""
        speech, expected_s = self.speech, self.job.expected_s or 0.0
        if speech and (speech.lead_s >= BRIEF_S or expected_s < speech.job.units * S_PER_UNIT / 2):
            return expected_s / speech.job.parts_left
        return TURN_S

    @property
    def left_s(self) -> float | None:
        """Seconds that it should still take; None where that isn't known."""
        return remaining_s(self.job.expected_s, self.done, self.done_at_s, self.elapsed_s)

    def start(self) -> None:
        """A model begins with it, or goes on; `Started` is delivered once, whichever models follow."""
        self.turn_at = self.turn_at or time.monotonic()
        if self.begun_at is None:
            self.begun_at = self.turn_at
            self.deliver(Started())
        elif self.is_paused:
            self.is_paused = False
            self.deliver(Resumed())

    def rest(self) -> float:
        """Its seat stops working on it for now. Returns the seconds of work since it began or went on."""
        seconds = self.turn_elapsed_s
        self.worked_s, self.turn_at = self.worked_s + seconds, None
        return seconds

    def pause(self, seconds: float | None, loading: str = "") -> None:
        """It stands aside for another one, or until a model is loaded; its listener is told for how long."""
        self.is_paused = True
        self.deliver(Paused(seconds, loading))

    def deliver(self, event: LaneEvent | End) -> None:
        self.ended = self.ended or isinstance(event, End)
        if isinstance(event, Piece) and isinstance(self.job, SpeakJob):
            done = self.job.done_before(event.part)
            if done > self.done:
                self.done, self.done_at_s = done, self.elapsed_s
        self.events.put_nowait(event)

    def refuse(self, error: UnavailableError) -> None:
        """End it with `error`, wherever it is; a model that works on it stops at its next step."""
        self.refusal = error
        if self.run:
            self.run.cancel()
        self.deliver(End(error))

    def tell(self, place: Waiting) -> None:
        """Deliver its place, unless that is the one delivered last."""
        if place != self.told:
            self.told = place
            self.deliver(place)
