"""Workers behind one line: tickets, places, turns, cancelling, bounds.

A seat holds one copy of every model that shares an accelerator, so at most as many jobs run as there are seats,
whether they speak or listen. Everything here lives on the event loop; the only threads are the workers' own. It knows
nothing of files, caches or the web: jobs are plain values, so that a lane on other machines could take them too.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, cast

from voxdemo.engines.base import RanOn, Retake, SpeechEngine
from voxdemo.errors import BusyError, InputError, NotReadyError
from voxdemo.recognizers.base import Recognizer
from voxdemo.speech import EngineInfo, RecognizerInfo, Samples, Transcript, Utterance, Waiting
from voxdemo.worker import End, Model, ModelWorker, Run, WorkerStatus


@dataclass(frozen=True, slots=True)
class ListenJob:
    """Transcribe `samples` with the recogniser of this name. Yields the growing `Transcript`."""

    recognizer: str
    samples: Samples
    sample_rate: int
    language: str | None
    expected_s: float | None


@dataclass(frozen=True, slots=True)
class SpeakJob:
    """Say `parts`, one after the other, as the utterance wants it, with the engine of this name.

    Yields a `Piece` for every stretch of sound, `Retaken` and `Cut` where the engine lost its way. Where `prompt` is
    there, the prompt audio is transcribed first, on the same seat, and told as a `Transcript`.
    """

    engine: str
    utterance: Utterance
    parts: Sequence[str]
    expected_s: float | None
    prompt: ListenJob | None = None


Job = SpeakJob | ListenJob


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the sound of `SpeakJob.parts[part]`."""

    part: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Retaken:
    """What came of `SpeakJob.parts[part]` is void: it's said anew."""

    part: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The engine didn't find the end of `SpeakJob.parts[part]`: it was cut off where it was far too long."""

    part: int


@dataclass(frozen=True, slots=True)
class Started:
    """The job left the line and has a seat."""


LaneEvent = Waiting | Started | Piece | Retaken | Cut | Transcript
"""Waiting… → Started → Transcript… or Piece… (Retaken and Cut among them)"""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """How one model is: `serving` when jobs that come now are given to it."""

    info: EngineInfo | RecognizerInfo
    status: WorkerStatus
    serving: bool


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
    models: tuple[ModelReport, ...]
    """Every model, seat by seat; for each kind the one that is wanted comes first."""


class JobLine(Protocol):
    """What the service needs of whatever runs its jobs: here a `Lane`, later perhaps one on other machines."""

    @property
    def engine_info(self) -> EngineInfo:
        """The engine that jobs which come now are for; another one when a better has been loaded."""
        ...

    @property
    def recognizer_info(self) -> RecognizerInfo:
        """The recogniser, as `engine_info`."""
        ...

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


M = TypeVar("M", bound=Model)


class Role(Generic[M]):
    """The workers at one seat that can do one kind of work: the one that is wanted, and one that stands by.

    The stand-in serves until the wanted one has been ready for the first time, and again when that has failed for good;
    it stays loaded, so that jobs planned for it are done by it. While the wanted one reloads, jobs wait for it: a
    different voice in between would surprise more than a wait of seconds.
    """

    def __init__(self, wanted: ModelWorker[M], standby: ModelWorker[M] | None = None) -> None:
        self.wanted = wanted
        self.workers = (wanted, standby) if standby else (wanted,)

    @property
    def serving(self) -> ModelWorker[M]:
        """Who takes jobs that come now."""
        return self.wanted if self.wanted.status.state in ("ready", "reloading") else self.workers[-1]

    def named(self, name: str) -> ModelWorker[M]:
        """The worker whose model has this name, or else the one that serves."""
        return next((worker for worker in self.workers if worker.info.name == name), self.serving)


class Seat:
    """One copy of each model; runs one job at a time, whichever kind it is."""

    def __init__(self, speech: Role[SpeechEngine], recognition: Role[Recognizer]) -> None:
        self.speech = speech
        self.recognition = recognition
        self.ticket: _Ticket | None = None

    @property
    def roles(self) -> tuple[Role[SpeechEngine], Role[Recognizer]]:
        """Both."""
        return self.speech, self.recognition

    @property
    def workers(self) -> tuple[ModelWorker[Any], ...]:
        """All of them."""
        return self.speech.workers + self.recognition.workers

    @property
    def is_ready(self) -> bool:
        """Whether those who serve can work now."""
        return all(role.serving.status.state == "ready" for role in self.roles)

    @property
    def is_broken(self) -> bool:
        """Whether one who should serve has failed and couldn't be rebuilt so far."""
        return any(role.serving.status.state == "failed" for role in self.roles)

    def begin(self, ticket: _Ticket, timeout_s: float, released: Callable[[], None]) -> None:
        """Give the ticket's job to the model it needs; it starts when that is loaded."""
        self.ticket = ticket
        job = ticket.job
        if isinstance(job, ListenJob):
            self._listen(job, ticket, ticket.deliver, released, timeout_s)
        elif job.prompt:
            self._read_prompt_and_speak(job, job.prompt, ticket, released, timeout_s)
        else:
            self._speak(job, ticket, released, timeout_s)

    def _listen(
        self,
        job: ListenJob,
        ticket: _Ticket,
        deliver: Callable[[Any], None],
        released: Callable[[], None],
        limit: float,
    ) -> None:
        recognizer = self.recognition.named(job.recognizer)
        ticket.run = recognizer.begin(partial(_listen, job), deliver, ticket.start, released, limit)

    def _speak(self, job: SpeakJob, ticket: _Ticket, released: Callable[[], None], limit: float) -> None:
        engine = self.speech.named(job.engine)
        ticket.run = engine.begin(partial(_speak, job), ticket.deliver, ticket.start, released, limit)

    def _read_prompt_and_speak(
        self, job: SpeakJob, prompt: ListenJob, ticket: _Ticket, released: Callable[[], None], limit: float
    ) -> None:
        heard: list[Transcript] = []

        def collect(event: Transcript | End) -> None:
            if isinstance(event, Transcript):
                heard[:] = [event]
            elif event.error:
                ticket.deliver(event)
            elif not heard or not heard[0].text:
                ticket.deliver(End(InputError("No speech was found in the prompt audio: choose another recording.")))
            else:
                ticket.deliver(heard[0])

        def speak_or_leave() -> None:
            if ticket.ended:
                released()
            else:
                utterance = replace(job.utterance, prompt_text=heard[0].text)
                self._speak(replace(job, utterance=utterance), ticket, released, limit)

        self._listen(prompt, ticket, collect, speak_or_leave, limit)


class Lane:
    """A `JobLine` over the seats of this process. All methods are for the event loop's thread.

    Cancelling (closing the generator of `run`) takes a waiting job out at once; a running one frees its seat when the
    model has really stopped, within one engine step, and never before.

    Whose turn it is: `in_turn`.
    """

    def __init__(self, seats: Sequence[Seat], queue_size: int, job_timeout_s: float) -> None:
        self._seats = seats
        self._queue_size = queue_size
        self._job_timeout_s = job_timeout_s
        self._waiting: list[_Ticket] = []
        self._overtook = False
        self._busy_s = 0.0
        self._closing = False

    @property
    def engine_info(self) -> EngineInfo:
        """The engine that jobs which come now are for."""
        return cast(EngineInfo, _serving([seat.speech for seat in self._seats]).info)

    @property
    def recognizer_info(self) -> RecognizerInfo:
        """The recogniser that jobs which come now are for."""
        return cast(RecognizerInfo, _serving([seat.recognition for seat in self._seats]).info)

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
            models=tuple(
                ModelReport(worker.info, worker.status, worker is role.serving)
                for seat in self._seats
                for role in seat.roles
                for worker in role.workers
            ),
        )

    async def close(self) -> None:
        """Turn away who waits, stop who runs, close the models."""
        self._closing = True
        for ticket in self._waiting:
            ticket.deliver(End(NotReadyError("The server is stopping: try again in a minute.")))
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
        ticket.ended = True
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
                seat.begin(self._call_next(), self._job_timeout_s, partial(self._release, seat))
        self._tell_places()

    def _call_next(self) -> _Ticket:
        ticket = self._turns()[0]
        self._overtook = ticket is not self._waiting[0]
        self._waiting.remove(ticket)
        return ticket

    def _turns(self) -> list[_Ticket]:
        return in_turn(self._waiting, [isinstance(ticket.job, ListenJob) for ticket in self._waiting], self._overtook)

    def _tell_places(self) -> None:
        running = sum(seat.ticket is not None for seat in self._seats)
        for seat in self._seats:
            if seat.ticket and seat.ticket.begun_at is None and not seat.is_ready:
                seat.ticket.tell(Waiting(ahead=0, seconds=None))
        turns = self._turns()
        starts = self._starts([ticket.job.expected_s for ticket in turns])
        for index, (ticket, seconds) in enumerate(zip(turns, starts, strict=True)):
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


T = TypeVar("T")


def in_turn(waiting: Sequence[T], is_short: Sequence[bool], overtook: bool) -> list[T]:
    """Those who wait, given in order of arrival, in the order in which their turns come.

    Recognitions are short (seconds) and must not starve behind generations (tens of seconds each), nor keep those from
    ever being reached. So a short job goes before all long ones, but only if the last turn was not one that a short job
    took before its time (`overtook`): then it is the turn of whoever has waited longest. A job that runs is never
    interrupted for this.
    """
    short, long = deque[tuple[int, T]](), deque[tuple[int, T]]()
    for entry, brief in zip(enumerate(waiting), is_short, strict=True):
        (short if brief else long).append(entry)
    turns = []
    while short or long:
        short_is_first = not long or (bool(short) and short[0][0] < long[0][0])
        takes_short = bool(short) and (short_is_first or not overtook)
        overtook = takes_short and not short_is_first
        turns.append((short if takes_short else long).popleft()[1])
    return turns


def _serving(roles: Sequence[Role[Any]]) -> ModelWorker[Any]:
    """Of the same role at every seat: the wanted worker where any of them serves, else the stand-in."""
    return next((role.wanted for role in roles if role.serving is role.wanted), roles[0].serving)


@dataclass(slots=True, eq=False)
class _Ticket:
    """A job's place: first in the line, then on a seat. `run` is there once it has a seat."""

    job: Job
    events: asyncio.Queue[LaneEvent | End] = field(default_factory=asyncio.Queue)
    run: Run[SpeechEngine] | Run[Recognizer] | None = None
    begun_at: float | None = None
    told: Waiting | None = None
    ended: bool = False

    @property
    def elapsed_s(self) -> float:
        return 0.0 if self.begun_at is None else time.monotonic() - self.begun_at

    @property
    def left_s(self) -> float | None:
        return None if self.job.expected_s is None else max(0.0, self.job.expected_s - self.elapsed_s)

    def start(self) -> None:
        if self.begun_at is None:
            self.begun_at = time.monotonic()
            self.deliver(Started())

    def deliver(self, event: LaneEvent | End) -> None:
        self.ended = self.ended or isinstance(event, End)
        self.events.put_nowait(event)

    def tell(self, place: Waiting) -> None:
        if place != self.told:
            self.told = place
            self.deliver(place)


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


def _speak(job: SpeakJob, engine: SpeechEngine) -> Generator[Piece | Retaken | Cut, None, None]:
    for part, text in enumerate(job.parts):
        with closing(engine.speak(job.utterance, text)) as pieces:
            for piece in pieces:
                match piece:
                    case Retake():
                        yield Retaken(part)
                    case RanOn():
                        yield Cut(part)
                    case _:
                        yield Piece(part, piece)


def _listen(job: ListenJob, recognizer: Recognizer) -> Generator[Transcript, None, None]:
    yield from recognizer.transcribe(job.samples, job.sample_rate, job.language)
