"""Workers behind one line in order of arrival: tickets, places, cancelling, bounds.

A seat holds one copy of every model that shares an accelerator, so at most as many jobs run as there are seats,
whether they speak or listen. Everything here lives on the event loop; the only threads are the workers' own. It knows
nothing of files, caches or the web: jobs are plain values, so that a lane on other machines could take them too.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from voxdemo.engines.base import SpeechEngine
from voxdemo.errors import BusyError, NotReadyError
from voxdemo.recognizers.base import Recognizer
from voxdemo.speech import Samples, Transcript, Utterance, Waiting
from voxdemo.worker import End, ModelWorker, Run, WorkerStatus


@dataclass(frozen=True, slots=True)
class SpeakJob:
    """Say `parts`, one after the other, as the utterance wants it. Yields a `Piece` for every stretch of sound."""

    utterance: Utterance
    parts: Sequence[str]
    expected_s: float | None


@dataclass(frozen=True, slots=True)
class ListenJob:
    """Transcribe `samples`. Yields the growing `Transcript`."""

    samples: Samples
    sample_rate: int
    language: str | None
    expected_s: float | None


Job = SpeakJob | ListenJob


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the sound of `SpeakJob.parts[part]`."""

    part: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Started:
    """The job left the line and has a seat."""


LaneEvent = Waiting | Started | Piece | Transcript
"""Waiting… → Started → Piece… or Transcript…"""


@dataclass(frozen=True, slots=True)
class LaneStats:
    """How the lane is doing."""

    seats: int
    running: int
    waiting: int
    busy_s: float
    """Seconds that seats have worked since the start, added up."""
    ready_seats: int
    """Seats whose models can work now."""
    statuses: tuple[WorkerStatus, ...]
    """Of every worker, seat by seat."""


class JobLine(Protocol):
    """What the service needs of whatever runs its jobs: here a `Lane`, later perhaps one on other machines."""

    def run(self, job: Job) -> AsyncGenerator[LaneEvent, None]:
        """The job's events. Raises BusyError when the line is full, and what the model raised."""
        ...

    def wait_s(self, behind: Iterable[float | None] = ()) -> float | None:
        """Seconds until a job would start that came now, after all in line and those `behind` them."""
        ...

    def stats(self) -> LaneStats:
        """How it is doing."""
        ...

    def start(self) -> None:
        """Begin to load the models."""
        ...

    async def close(self) -> None:
        """Turn away who waits, stop who runs, close the models."""
        ...


class Seat:
    """One copy of each model; runs one job at a time, whichever kind it is."""

    def __init__(self, speech: ModelWorker[SpeechEngine], recognition: ModelWorker[Recognizer]) -> None:
        self.speech = speech
        self.recognition = recognition
        self.ticket: _Ticket | None = None

    @property
    def workers(self) -> tuple[ModelWorker[SpeechEngine], ModelWorker[Recognizer]]:
        """Both."""
        return self.speech, self.recognition

    @property
    def is_ready(self) -> bool:
        """Whether its models can work now."""
        return all(worker.status.state == "ready" for worker in self.workers)

    @property
    def is_broken(self) -> bool:
        """Whether a model of its has failed and couldn't be rebuilt so far."""
        return any(worker.status.state == "failed" for worker in self.workers)

    def begin(self, ticket: _Ticket, timeout_s: float, released: Callable[[], None]) -> None:
        """Give the ticket's job to the model it needs; it starts when that is loaded."""
        self.ticket = ticket
        job, deliver = ticket.job, ticket.events.put_nowait
        if isinstance(job, SpeakJob):
            ticket.run = self.speech.begin(partial(_speak, job), deliver, ticket.start, released, timeout_s)
        else:
            ticket.run = self.recognition.begin(partial(_listen, job), deliver, ticket.start, released, timeout_s)


class Lane:
    """A `JobLine` over the seats of this process. All methods are for the event loop's thread.

    Cancelling (closing the generator of `run`) takes a waiting job out at once; a running one frees its seat when the
    model has really stopped, within one engine step, and never before.
    """

    def __init__(self, seats: Sequence[Seat], queue_size: int, job_timeout_s: float) -> None:
        self._seats = seats
        self._queue_size = queue_size
        self._job_timeout_s = job_timeout_s
        self._waiting: list[_Ticket] = []
        self._busy_s = 0.0
        self._closing = False

    def start(self) -> None:
        """Begin to load the models."""
        for seat in self._seats:
            for worker in seat.workers:
                worker.start()

    async def run(self, job: Job) -> AsyncGenerator[LaneEvent, None]:
        """The job's events, from its first place in line on."""
        ticket = self._admit(job)
        try:
            while not isinstance(event := await ticket.events.get(), End):
                yield event
            if event.error:
                raise event.error
        finally:
            self._leave(ticket)

    def wait_s(self, behind: Iterable[float | None] = ()) -> float | None:
        """Seconds until a job would start that came now; None while models load or nothing is known of some job."""
        ahead = [ticket.job.expected_s for ticket in self._waiting]
        return self._starts([*ahead, *behind, 0.0])[-1]

    def stats(self) -> LaneStats:
        """How the lane is doing."""
        running = [seat.ticket for seat in self._seats if seat.ticket]
        return LaneStats(
            seats=len(self._seats),
            running=len(running),
            waiting=len(self._waiting),
            busy_s=self._busy_s + sum(ticket.elapsed_s for ticket in running),
            ready_seats=sum(seat.is_ready for seat in self._seats),
            statuses=tuple(worker.status for seat in self._seats for worker in seat.workers),
        )

    async def close(self) -> None:
        """Turn away who waits, stop who runs, close the models."""
        self._closing = True
        for ticket in self._waiting:
            ticket.events.put_nowait(End(NotReadyError("The server is stopping: try again in a minute.")))
        self._waiting.clear()
        await asyncio.gather(*(worker.close() for seat in self._seats for worker in seat.workers))

    def _admit(self, job: Job) -> _Ticket:
        if self._closing:
            raise NotReadyError("The server is stopping: try again in a minute.")
        if len(self._waiting) >= self._queue_size:
            raise BusyError.full(len(self._waiting), self.wait_s())
        ticket = _Ticket(job)
        self._waiting.append(ticket)
        self._move_up()
        return ticket

    def _leave(self, ticket: _Ticket) -> None:
        if ticket.run:
            ticket.run.cancel()
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
            self._move_up()

    def _release(self, seat: Seat) -> None:
        if seat.ticket:
            self._busy_s += seat.ticket.elapsed_s
        seat.ticket = None
        self._move_up()

    def _move_up(self) -> None:
        for seat in self._free_seats():
            if self._waiting and not self._closing:
                seat.begin(self._waiting.pop(0), self._job_timeout_s, partial(self._release, seat))
        self._tell_places()

    def _tell_places(self) -> None:
        running = sum(seat.ticket is not None for seat in self._seats)
        for seat in self._seats:
            if seat.ticket and seat.ticket.begun_at is None and not seat.is_ready:
                seat.ticket.tell(Waiting(ahead=0, seconds=None))
        starts = self._starts([ticket.job.expected_s for ticket in self._waiting])
        for index, (ticket, seconds) in enumerate(zip(self._waiting, starts, strict=True)):
            ticket.tell(Waiting(running + index, None if seconds is None else seconds + (ticket.job.expected_s or 0.0)))

    def _free_seats(self) -> list[Seat]:
        return [seat for seat in self._usable_seats() if seat.ticket is None]

    def _usable_seats(self) -> Sequence[Seat]:
        # A broken seat is always free and would fail job after job, while a whole one has to be waited for.
        return [seat for seat in self._seats if not seat.is_broken] or self._seats

    def _starts(self, expected: Sequence[float | None]) -> list[float | None]:
        """When jobs expected to take so long will start, one after the other, as seats become free."""
        seats = self._usable_seats()
        if not all(seat.is_ready for seat in seats):
            return [None] * len(expected)
        left = [seat.ticket.left_s if seat.ticket else 0.0 for seat in seats]
        return _start_times(left, expected)


@dataclass(slots=True, eq=False)
class _Ticket:
    """A job's place: first in the line, then on a seat. `run` is there once it has a seat."""

    job: Job
    events: asyncio.Queue[LaneEvent | End] = field(default_factory=asyncio.Queue)
    run: Run[SpeechEngine] | Run[Recognizer] | None = None
    begun_at: float | None = None
    told: Waiting | None = None

    @property
    def elapsed_s(self) -> float:
        return 0.0 if self.begun_at is None else time.monotonic() - self.begun_at

    @property
    def left_s(self) -> float | None:
        return None if self.job.expected_s is None else max(0.0, self.job.expected_s - self.elapsed_s)

    def start(self) -> None:
        self.begun_at = time.monotonic()
        self.events.put_nowait(Started())

    def tell(self, place: Waiting) -> None:
        if place != self.told:
            self.told = place
            self.events.put_nowait(place)


def _start_times(left: Sequence[float | None], expected: Iterable[float | None]) -> list[float | None]:
    """When each of the waiting jobs starts, given what is left of the running ones; None once something is unknown."""
    known = [seconds for seconds in left if seconds is not None]
    if len(known) < len(left):
        return [None for _ in expected]
    heapq.heapify(known)
    starts: list[float | None] = []
    certain = True
    for seconds in expected:
        starts.append(known[0] if certain else None)
        certain = certain and seconds is not None
        heapq.heapreplace(known, known[0] + (seconds or 0.0))
    return starts


def _speak(job: SpeakJob, engine: SpeechEngine) -> Generator[Piece, None, None]:
    for part, text in enumerate(job.parts):
        with closing(engine.speak(job.utterance, text)) as pieces:
            for samples in pieces:
                yield Piece(part, samples)


def _listen(job: ListenJob, recognizer: Recognizer) -> Generator[Transcript, None, None]:
    yield from recognizer.transcribe(job.samples, job.sample_rate, job.language)
