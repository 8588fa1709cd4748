"""One seat of the lane: a copy of every model that shares an accelerator, and one job at a time for all of them.

Lives on the event loop; the only threads are the workers' own. Knows no line: who comes next is the lane's to say.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

from voxdemo.engines.base import RanOn, Retake, SpeechEngine
from voxdemo.errors import InputError, NotReadyError
from voxdemo.jobs import Cut, Job, LaneEvent, ListenJob, Piece, Retaken, SpeakJob, Started
from voxdemo.progress import remaining_s
from voxdemo.recognizers.base import Recognizer
from voxdemo.run import Anew, End, Model, Run
from voxdemo.speech import Transcript, Waiting
from voxdemo.worker import ModelWorker

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
        self.ticket: Ticket | None = None

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
    def waits_for_model(self) -> bool:
        """Whether its job can't begin yet, because models are loading."""
        return bool(self.ticket and self.ticket.begun_at is None and not self.is_ready)

    def serves(self, engine: str) -> bool:
        """Whether those who serve haven't failed, and the engine with this name is one of them."""
        failed = any(role.serving.status.state == "failed" for role in self.roles)
        return not failed and bool(self.speech.serving.info.name == engine)

    def worker_for(self, job: Job) -> ModelWorker[Any]:
        """Who does this job, or the part of it that takes the time."""
        if isinstance(job, SpeakJob):
            return self.speech.named(job.engine.name)
        return self.recognition.named(job.recognizer)

    def begin(self, ticket: Ticket, timeout_s: float, released: Callable[[], None]) -> None:
        """Give the ticket's job to the model it needs; it starts when that is loaded."""
        self.ticket = ticket
        ticket.context.run(self._begin, ticket.job, ticket, timeout_s, released)

    def _begin(self, job: Job, ticket: Ticket, timeout_s: float, released: Callable[[], None]) -> None:
        if isinstance(job, ListenJob):
            self._listen(job, ticket, ticket.deliver, released, timeout_s)
        elif job.prompt:
            self._read_prompt_and_speak(job, job.prompt, ticket, released, timeout_s)
        else:
            self._speak(job, ticket, released, timeout_s)

    def _listen(
        self,
        job: ListenJob,
        ticket: Ticket,
        deliver: Callable[[Any], None],
        released: Callable[[], None],
        timeout_s: float,
    ) -> None:
        recognizer = self.recognition.named(job.recognizer)
        ticket.run = recognizer.begin(partial(_listen, job), deliver, ticket.start, released, timeout_s)

    def _speak(self, job: SpeakJob, ticket: Ticket, released: Callable[[], None], timeout_s: float) -> None:
        engine = self.speech.named(job.engine.name)
        speech = _Speech(job)
        ticket.run = engine.begin(speech, ticket.deliver, ticket.start, released, timeout_s, speech.may_go_on)

    def _read_prompt_and_speak(
        self, job: SpeakJob, prompt: ListenJob, ticket: Ticket, released: Callable[[], None], timeout_s: float
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
                ticket.context.run(self._speak, replace(job, utterance=utterance), ticket, released, timeout_s)

        self._listen(prompt, ticket, collect, speak_or_leave, timeout_s)


@dataclass(slots=True, eq=False)
class Ticket:
    """A job's place: first in the line, then on a seat. `run` is there once it has a seat.

    `context` is that of whoever asked for it, for the log lines of the models that work on it.
    """

    job: Job
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    events: asyncio.Queue[LaneEvent | End] = field(default_factory=asyncio.Queue)
    run: Run[SpeechEngine] | Run[Recognizer] | None = None
    begun_at: float | None = None
    told: Waiting | None = None
    ended: bool = False
    done: float = 0.0
    """The share of the work that was done `done_at_s` seconds after it began."""
    done_at_s: float = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since its seat turned to it; 0 before."""
        return 0.0 if self.begun_at is None else time.monotonic() - self.begun_at

    @property
    def left_s(self) -> float | None:
        """Seconds that it should still take; None where that isn't known."""
        return remaining_s(self.job.expected_s, self.done, self.done_at_s, self.elapsed_s)

    def start(self) -> None:
        """A model turns to it; told once, whichever models follow."""
        if self.begun_at is None:
            self.begun_at = time.monotonic()
            self.deliver(Started())

    def deliver(self, event: LaneEvent | End) -> None:
        """Hand an event to whoever waits for it."""
        self.ended = self.ended or isinstance(event, End)
        if isinstance(event, Piece) and isinstance(self.job, SpeakJob):
            self._note_progress(self.job.done_before(event.part))
        self.events.put_nowait(event)

    def stop(self, error: NotReadyError) -> None:
        """End it with `error`, wherever it is; a model that works on it stops at its next step."""
        if self.run:
            self.run.cancel()
        self.deliver(End(error))

    def _note_progress(self, done: float) -> None:
        if done > self.done:
            self.done, self.done_at_s = done, self.elapsed_s

    def tell(self, place: Waiting) -> None:
        """Its place, if that is another than it was told."""
        if place != self.told:
            self.told = place
            self.deliver(place)


class _Speech:
    """Says the parts of a job, one after the other. Called again after a failure, it goes on with the part that failed.

    A part that fails twice is not tried a third time. For the engine's thread.
    """

    def __init__(self, job: SpeakJob) -> None:
        self._job = job
        self._part = 0
        self._was_heard = False
        self._failed_part: int | None = None

    def __call__(self, engine: SpeechEngine) -> Generator[Piece | Retaken | Cut | Anew, None, None]:
        if (engine.info.title, engine.info.sample_rate) != (self._job.engine.title, self._job.engine.sample_rate):
            raise InputError(f"{engine.info.title} has been loaded meanwhile: press Speak again.")
        if self._was_heard:
            yield Retaken(self._part)
        while self._part < len(self._job.parts):
            self._was_heard = False
            yield Anew()
            yield from self._say(engine)
            self._part += 1

    def may_go_on(self) -> bool:
        """Whether the part that failed is to be tried again."""
        failed_before, self._failed_part = self._failed_part, self._part
        return failed_before != self._part

    def _say(self, engine: SpeechEngine) -> Generator[Piece | Retaken | Cut, None, None]:
        with closing(engine.speak(self._job.utterance, self._job.parts[self._part])) as pieces:
            for piece in pieces:
                match piece:
                    case Retake():
                        yield Retaken(self._part)
                    case RanOn():
                        yield Cut(self._part)
                    case _:
                        self._was_heard = True
                        yield Piece(self._part, piece)


def _listen(job: ListenJob, recognizer: Recognizer) -> Generator[Transcript, None, None]:
    yield from recognizer.transcribe(job.samples, job.sample_rate, job.language)
