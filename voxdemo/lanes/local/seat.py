"""One seat of the lane: a copy of every model that shares an accelerator, and one job at a time for all of them.

Lives on the event loop; the only threads are the workers' own. Knows no line: the lane decides which job comes next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

from voxdemo.errors import InputError
from voxdemo.lanes.jobs import Job, LaneEvent, ListenJob, SpeakJob
from voxdemo.lanes.line import ModelReport
from voxdemo.lanes.local.job_run import End
from voxdemo.lanes.local.memory import MemoryBound
from voxdemo.lanes.local.seats import AnySeat
from voxdemo.lanes.local.speech import Speech
from voxdemo.lanes.local.ticket import Ticket, Worker
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.lanes.turns import BRIEF_S
from voxdemo.recognizers.base import Recognizer
from voxdemo.speech import EngineInfo, RecognizerInfo, Transcript, Waiting

W_co = TypeVar("W_co", bound=Worker, covariant=True)


class Role(Generic[W_co]):
    """The workers at one seat that can do one kind of work: the one that is wanted, and one that stands by.

    The stand-in serves until the wanted one has been ready for the first time, and again when that has failed for good.
    It stays loaded for the jobs that were planned for it. While the wanted one reloads, or is loaded because it was
    freed, jobs wait for it: a different voice in between would surprise people more than a wait of seconds.
    """

    def __init__(self, wanted: W_co, standby: W_co | None = None) -> None:
        self.wanted = wanted
        self.workers = (wanted, standby) if standby else (wanted,)

    @property
    def serving(self) -> W_co:
        """The worker that gets the jobs that come now."""
        serves = self.wanted.status.takes_jobs or self.wanted.status.state == "reloading"
        return self.wanted if serves else self.workers[-1]

    @property
    def described(self) -> tuple[Any, bool]:
        """The model that serves, and whether it is the wanted one."""
        return self.serving.info, self.serving is self.wanted

    def named(self, name: str) -> W_co:
        """The worker whose model has this name, or else the one that serves."""
        return next((worker for worker in self.workers if worker.info.name == name), self.serving)


class Seat(AnySeat):
    """One copy of each model; runs one job at a time, whichever kind it is.

    The `others` are engines for jobs that ask for one of their voices; each is loaded when the first one does, and
    after a failure when the next one does; the usual models are then tried again by themselves, too. Where the `bound`
    leaves no room for it, others are freed first, then the stand-in, the recogniser and the usual engine: of each kind
    the one that was used longest ago, and never one whose job runs or stands aside. After `idle_s` without a job all
    are freed; 0: never. Without `recognition` it is one of the seats of an address. What tags in a text have said by
    `servers` at addresses is said by those; they have seats of their own.
    """

    def __init__(
        self,
        speech: Role[Worker],
        recognition: Role[ModelWorker[Any]] | None,
        others: Sequence[Worker] = (),
        bound: MemoryBound | None = None,
        idle_s: float = 0.0,
        servers: Sequence[Worker] = (),
    ) -> None:
        super().__init__()
        self.speech = speech
        self.recognition = recognition
        self.address = "" if recognition else speech.wanted.info.name
        self.others = tuple(others)
        self._servers = tuple(servers)
        for worker in self.workers:
            worker.retry = partial(self._try_again, worker)
        self._bound = bound or MemoryBound()
        self._idle_s = idle_s
        self._idle: asyncio.TimerHandle | None = None

    @property
    def roles(self) -> tuple[Role[Worker], ...]:
        return (self.speech, self.recognition) if self.recognition else (self.speech,)

    @property
    def speaks(self) -> tuple[EngineInfo, bool]:
        return self.speech.described

    @property
    def listens(self) -> tuple[RecognizerInfo, bool] | None:
        return self.recognition.described if self.recognition else None

    @property
    def reports(self) -> Sequence[ModelReport]:
        return [self._report(worker) for worker in self.workers]

    def _report(self, worker: Worker) -> ModelReport:
        return ModelReport(
            info=worker.info,
            status=worker.status,
            wanted=any(worker is role.wanted for role in self.roles),
            serving=any(worker is role.serving for role in self.roles),
            hangs=worker.hangs,
            loads=worker.lives.loads,
            unloads=worker.lives.unloads,
            memory_bytes=worker.memory_bytes,
            deaths=worker.lives.deaths,
        )

    @property
    def workers(self) -> tuple[Worker, ...]:
        return (*(worker for role in self.roles for worker in role.workers), *self.others)

    @property
    def engines(self) -> list[EngineInfo]:
        serving = self.speech.serving
        beside = [worker for worker in self.speech.workers if worker.status.takes_jobs]
        return [worker.info for worker in dict.fromkeys((serving, *beside, *self.others))]

    @property
    def is_ready(self) -> bool:
        return all(role.serving.status.takes_jobs for role in self.roles)

    @property
    def waits_for_model(self) -> bool:
        ticket = self.ticket
        if ticket is None or ticket.begun_at is not None:
            return False
        return not self.is_ready or self._worker_of(ticket).status.state != "ready"

    @property
    def place(self) -> Waiting:
        worker = self._worker_of(self.ticket) if self.ticket else None
        if worker is None or worker.status.state not in ("loading", "waking"):
            return Waiting(0, None)
        return Waiting(0, worker.loading_s, loading=worker.info.title)

    def hosting_s(self, job: Job) -> float | None:
        worker = self.worker_for(job)
        load_s = 0.0 if worker.status.state == "ready" else worker.loading_s if worker.status.takes_jobs else None
        return None if load_s is None or load_s > BRIEF_S else load_s + (job.expected_s or 0.0)

    def serves(self, engine: str) -> bool:
        failed = any(role.serving.status.state == "failed" for role in self.roles)
        return not failed and bool(self.speech.serving.info.name == engine)

    def can_do(self, job: Job) -> bool:
        return self.worker_for(job).status.state != "failed"

    def start(self) -> None:
        for role in self.roles:
            for worker in role.workers:
                worker.start()
        self.rest_later()

    def ask_for_room(self, guest: Ticket | None) -> bool:
        if self.ticket and self.ticket.speech:
            self.ticket.speech.guest_s = self.hosting_s(guest.job) if guest else None
        return False

    def worker_for(self, job: Job) -> Worker:
        """The worker that does this job, or the part of it that takes the time."""
        if isinstance(job, SpeakJob):
            return self._engine_worker(job.engine.name)
        return self._recognizer_worker(job.recognizer)

    def _recognizer_worker(self, name: str) -> ModelWorker[Any]:
        assert self.recognition, "nobody listens at an address"
        return self.recognition.named(name)

    def _engine_worker(self, name: str) -> Worker:
        beside = (*self.others, *self._servers)
        return next((worker for worker in beside if worker.info.name == name), None) or self.speech.named(name)

    def _worker_of(self, ticket: Ticket) -> Worker:
        return ticket.worker or self.worker_for(ticket.job)

    def rest_later(self) -> None:
        self._stay_awake()
        if self._idle_s:
            self._idle = asyncio.get_running_loop().call_later(self._idle_s, self.rest)

    def rest(self) -> None:
        """Free the models; those that are still loading, or being checked, are freed when they have been idle again."""
        for worker in self.workers:
            if worker.can_be_freed:
                worker.free()
        if not all(worker.rests for worker in self.workers):
            self.rest_later()

    async def close(self) -> None:
        self._stay_awake()
        await asyncio.gather(*(worker.close() for worker in self.workers))

    def _stay_awake(self) -> None:
        if self._idle:
            self._idle.cancel()

    def effort(self, job: Job) -> int:
        worker = self.worker_for(job)
        return 0 if worker.status.state == "ready" else 1 + len(self._freed_for(worker))

    def _wake(self, worker: Worker) -> None:
        """Have it loaded if it isn't, when there is room for it."""
        worker.used_at = time.monotonic()
        if worker.rests:
            worker.start(after=[each.free() for each in self._freed_for(worker)])

    def _try_again(self, worker: Worker) -> None:
        """Load one that failed, though nobody asks for it.

        Other engines are unloaded to make room; models in use are not.
        """
        if worker in self.others:
            return
        freed = self._bound.freed_for(worker, self._loaded, [each for each in self._spare if each in self.others])
        left = [each for each in self._loaded if each not in freed]
        if self._bound.holds(worker, left) or not any(each in self.others for each in left):
            worker.start(after=[each.free() for each in freed])

    def _freed_for(self, worker: Worker) -> list[Worker]:
        return self._bound.freed_for(worker, self._loaded, self._spare) if worker.rests else []

    @property
    def _loaded(self) -> list[Worker]:
        return [each for each in self.workers if not each.rests and each.status.state != "failed"]

    @property
    def _spare(self) -> list[Worker]:
        """The workers whose models may be freed, in the order in which that is done."""
        by_use = sorted(self.others, key=lambda worker: worker.used_at)
        listeners = self.recognition.workers if self.recognition else ()
        ranked = (*by_use, *self.speech.workers[1:], *reversed(listeners), self.speech.wanted)
        at_work = [self._worker_of(ticket) for ticket in self.tickets]
        return [worker for worker in ranked if worker.can_be_freed and worker not in at_work]

    def begin(self, ticket: Ticket) -> None:
        self._stay_awake()
        self.ticket = ticket
        ticket.context.run(self._begin, ticket.job, ticket)

    def _begin(self, job: Job, ticket: Ticket) -> None:
        if ticket.speech:
            self._go_on(ticket.speech, ticket)
        elif isinstance(job, ListenJob):
            self._listen(job, ticket, ticket.deliver, self.released)
        elif job.transcription:
            self._read_prompt_and_speak(job, job.transcription, ticket)
        else:
            self._speak(job, ticket)

    def _listen(
        self, job: ListenJob, ticket: Ticket, deliver: Callable[[Any], None], released: Callable[[], None]
    ) -> None:
        def transcribe(recognizer: Recognizer) -> Generator[Transcript, None, None]:
            return recognizer.transcribe(job.samples, job.sample_rate, job.language, job.with_words, job.is_live)

        worker = ticket.worker = self._recognizer_worker(job.recognizer)
        self._wake(worker)
        ticket.run = worker.begin(transcribe, deliver, ticket.start, released, self.timeout_s)

    def _speak(self, job: SpeakJob, ticket: Ticket) -> None:
        ticket.speech = Speech(job)
        self._go_on(ticket.speech, ticket)

    def _go_on(self, speech: Speech, ticket: Ticket) -> None:
        def deliver(event: LaneEvent | End) -> None:
            if not (isinstance(event, End) and event.error is None and speech.next_engine):
                ticket.deliver(event)

        def released() -> None:
            if ticket.ended or speech.is_aside or speech.next_engine is None:
                self.released()
            else:
                ticket.context.run(self._go_on, speech, ticket)

        assert speech.next_engine, "it isn't over"
        worker = ticket.worker = self._engine_worker(speech.next_engine.name)
        self._wake(worker)
        ticket.run = worker.begin(speech, deliver, ticket.start, released, self.timeout_s, speech.may_go_on)
        if ticket.begun_at is not None and self.place.loading:
            ticket.pause(self.place.seconds, self.place.loading)

    def _read_prompt_and_speak(self, job: SpeakJob, prompt: ListenJob, ticket: Ticket) -> None:
        heard: list[Transcript] = []

        def collect(event: Transcript | End) -> None:
            if isinstance(event, Transcript):
                heard[:] = [event]
            elif event.error:
                ticket.deliver(event)
            elif not heard or not heard[0].text:
                sentence = "No speech was found in the prompt audio: choose another recording."
                ticket.deliver(End(InputError(sentence, code="no_speech_in_prompt")))
            else:
                ticket.deliver(heard[0])

        def speak_or_leave() -> None:
            if ticket.ended:
                self.released()
            else:
                utterance = replace(job.utterance, prompt_text=heard[0].text)
                ticket.context.run(self._speak, replace(job, utterance=utterance), ticket)

        self._listen(prompt, ticket, collect, speak_or_leave)
