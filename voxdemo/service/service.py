"""SpeechService, the one way in: request → cache → line → join → file, told as events.

The page, the Gradio endpoints and the HTTP routes differ only in how they print its events. It knows no web and no
model; the line it hands jobs to may be the lane of this process or one elsewhere.
"""

import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from voxdemo.errors import UnavailableError
from voxdemo.estimates.paces import Paces
from voxdemo.intake.catalogue import Catalogue
from voxdemo.intake.request import AskedRecording, Passage, RecordingRequest, SpeechRequest, work_of
from voxdemo.lanes.line import Claim, JobLine, LaneStats
from voxdemo.lanes.turns import Size
from voxdemo.live import LiveBounds, LiveOptions
from voxdemo.monitoring import machine
from voxdemo.monitoring.alarms import Alarms
from voxdemo.monitoring.history import History
from voxdemo.monitoring.metrics import Metrics, Snapshot
from voxdemo.monitoring.outcomes import Ended, Outcome, Task, told
from voxdemo.service.generation import Generations
from voxdemo.service.live_sessions import LiveSession, LiveSessions
from voxdemo.service.live_sound import Listener
from voxdemo.service.recognition import Recognitions
from voxdemo.service.request_context import RequestContext
from voxdemo.speech import EngineInfo, RecognitionEvent, RecognizerInfo, SpeechEvent, Transcript, Utterance
from voxdemo.stores.opening import Stores
from voxdemo.stores.results import delete_old
from voxdemo.threads import CLEANING, KEEPING, in_thread

Event = TypeVar("Event", bound=SpeechEvent | RecognitionEvent)

LONGEST_ASIDE_S = 60.0
"""How long cleaning waits for jobs to end: where they never do, the disk would fill."""
ASIDE_S = 0.05
"""How often it is looked."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether jobs are taken in and will be served; if not, why, in one sentence."""

    ready: bool
    reason: str = ""
    pending: str = ""
    """What is still missing, in sentences: how far a better model's loading is while a stand-in serves, or why not; in
    a line elsewhere, where people wait for a voice, why none can work now."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a job that comes now would meet. Seconds are None while nothing was measured yet."""

    ahead: int
    """Jobs that come first, those that are being served among them."""
    wait_s: float | None
    own_s: float | None
    waiting: int = 0
    """How many of those ahead aren't served yet."""


class SpeechService:
    """Speaks and listens through one line. All methods are for the event loop's thread.

    `files` is the folder of what people send, and below it their results: a client that knows the name of a file there
    can fetch it. In `workshop` sounds are made.

    `speak` and `transcribe` are async generators; closing one takes its job out of the line or stops it, unless others
    wait for the same. `live_sounds` has the sounds that are being made, by the keys that `Speaking.sound` tells.
    `metrics` and `history` are told how every job ends; `watch` is to be called about once a second.
    """

    def __init__(
        self, line: JobLine, files: Path, workshop: Path, stores: Stores, paces: Paces, live: LiveBounds
    ) -> None:
        self.stores = stores
        self.results = stores.results
        self.files = files
        self.line = line
        self.metrics = Metrics(self._state)
        self.history = History()
        self.alarms = Alarms()
        self._workshop = workshop
        self._paces = paces
        self._cleaning: Future[None] | None = None
        self._preparing = 0
        self._needed_at = time.monotonic()
        self._recognitions = Recognitions(line, stores, paces)
        self._generations = Generations(line, self._recognitions, stores, workshop, paces)
        self.live_sounds: Mapping[str, Listener] = self._generations.live_sounds
        self.live_sessions = LiveSessions(line, paces, live)

    @property
    def catalogue(self) -> Catalogue:
        """The engines that speak what comes now, and their voices."""
        return self.line.catalogue

    @property
    def engine_info(self) -> EngineInfo:
        """The engine that speaks what names no voice; another one when a better has been loaded."""
        return self.catalogue.usual

    @property
    def recognizer_info(self) -> RecognizerInfo:
        """The recogniser that reads what comes now, as `engine_info`."""
        return self.line.recognizer_info

    def start(self) -> None:
        self.line.start()

    async def close(self) -> None:
        """Refuse all jobs that are left and close the models, as `JobLine.close`."""
        await self._generations.storage.close()
        await self.line.close()
        await in_thread(lambda: None, pool=KEEPING)  # what was learned last is written

    async def request(self, utterance: Utterance, is_private: bool = False) -> SpeechRequest:
        """The request to speak this with the engine that serves. Raises InputError for what can't be.

        The sound of one that `is_private` is neither kept nor shared.
        """
        return await self._generations.request(utterance, is_private)

    async def recording_request(self, asked: AskedRecording) -> RecordingRequest:
        """The request to read this with the recogniser that serves. Raises InputError for what can't be."""
        return await self._recognitions.request(asked)

    async def is_at_hand(self, asked: SpeechRequest | RecordingRequest) -> bool:
        """Whether the answer is there, or on its way, so that it costs nothing and stands in no line."""
        by_kind = self._generations if isinstance(asked, SpeechRequest) else self._recognitions
        return await by_kind.answers.is_at_hand(asked.key)

    def take_ticket(self, context: RequestContext) -> None:
        """Have a request stand in line for what its door has examined. Raises the reason why nothing is taken in."""
        assert context.examined, "its door has examined it"
        examined = context.examined

        if examined.plan:
            size = Size(None, engine=examined.speech.seat_of)
            claim = Claim(size, work=examined.plan.work, caller=context.caller)
        else:
            claim = Claim(Size(None, speaks=False), recording_s=examined.recording_s, caller=context.caller)
        key = examined.request.key if examined.request and self.stores.answers.is_on else ""
        context.ticket = self.line.take(replace(claim, key=key), context.begun_at)

    @contextmanager
    def holding(self, context: RequestContext) -> Generator[None, None, None]:
        """While a request has its ticket: in the end it is given back, unless it was handed over."""
        try:
            yield
        finally:
            self.leave(context)

    def leave(self, context: RequestContext) -> None:
        """Give its ticket back, if it still has one."""
        if context.ticket:
            self.line.leave(context.ticket)
            context.ticket = None

    def speak(self, utterance: Utterance, context: RequestContext | None = None) -> AsyncGenerator[SpeechEvent, None]:
        """Say it. Yields Waiting… → Speaking… → one Spoken, whose file is in a folder of its own.

        From the first Speaking on it can be heard through `live_sounds`; what was spoken when this is closed is kept.
        What was spoken before is given again at once, and equal requests share what is being spoken. A door hands on
        the `context` that began there. Raises InputError, before the job is handed to the line, for what can't be said;
        BusyError when the line is full; EngineError when the model failed before a sound was heard; StorageError when
        the disk is full.
        """
        context = context or RequestContext()
        outcome = self._outcome("generation", context, utterance)
        size = Size(None, engine=self.catalogue.engine_of(utterance).name)
        return self._counted(self._generations.speak(utterance, context), outcome, context, size)

    def transcribe(
        self, asked: AskedRecording, keep: bool = False, context: RequestContext | None = None
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """Read what is said in a recording. Yields Waiting… → Listening… → one Transcript.

        With `keep` the recording and its captions get a folder among the results; the rest is as in `speak`. Raises
        InputError for what is no recording, empty, under 0.1 s or over 10 minutes; BusyError when the line is full;
        EngineError when the model failed.
        """
        context = context or RequestContext()
        events = self._recognitions.read(asked, keep, context)
        return self._counted(events, self._outcome("recognition", context), context, Size(None, speaks=False))

    def live(
        self, options: LiveOptions, context: RequestContext | None = None
    ) -> AbstractAsyncContextManager[LiveSession]:
        """A session in which what is said becomes text while it is said, as `LiveSessions.open`."""
        return self.live_sessions.open(options, context or RequestContext())

    def _outcome(self, task: Task, context: RequestContext, utterance: Utterance | None = None) -> Outcome:
        if utterance:
            title, characters = self.catalogue.engine_of(utterance).title, len(str(utterance.text))
        else:
            info, characters = self.engine_info if task == "generation" else self.recognizer_info, None
            title = info.title
        return Outcome(task, context.door, context.begun_at, title, characters)

    async def _counted(
        self, events: AsyncGenerator[Event, None], outcome: Outcome, context: RequestContext, size: Size
    ) -> AsyncGenerator[Event, None]:
        """These events; when they end, the outcome is told, and the request's ticket given back.

        A request that came by no door takes its ticket here, for work of this `size`.
        """
        with told(outcome, self._ended), self.holding(context):
            if context.door == "program":
                self.line.check_room()
                context.ticket = self.line.take(Claim(size), context.begun_at)
            async with aclosing(events):
                async for event in events:
                    outcome.note(event)
                    yield event

    async def prepare(self, utterance: Utterance) -> None:
        """Speak this for the cache, if it isn't at hand. It isn't counted as a request.

        Equal requests that come meanwhile share it. Cancelling this frees the generator, if none has come. Raises what
        `speak` does.
        """
        self._preparing += 1
        try:
            await self._generations.prepare(utterance)
        finally:
            self._preparing -= 1

    async def supply(self, recording: Path, transcript: Transcript) -> None:
        """Have this at hand for requests with this recording, where nothing is yet."""
        await self._recognitions.supply(recording, transcript)

    def ended_at_door(self, task: Task, context: RequestContext, error: BaseException) -> None:
        """Count and log a request that ended at its door already: refused for this reason, or its client has left."""
        with suppress(type(error)), told(self._outcome(task, context), self._ended):
            raise error

    def forecast(self, utterance: Utterance, passages: Sequence[Passage] = ()) -> Forecast:
        """What this job would meet if it came now; in `passages`, where several voices say it."""
        engine = self.catalogue.engine_of(utterance)
        passages = passages or [Passage(utterance, engine)]
        own_s = self._paces.speaking_s(work_of(passages))
        if own_s is not None:
            own_s += sum(map(self._loading_s, {each.engine.name: each.engine for each in passages}.values()))
        place = self.line.foretell(Size(own_s, engine=engine.name))
        wait_s = None if place.end_s is None or own_s is None else place.end_s - own_s
        ahead = max(0, place.ahead - self._preparing)
        return Forecast(ahead, wait_s, own_s, waiting=max(0, ahead - self.running))

    def _loading_s(self, engine: EngineInfo) -> float:
        """Seconds until an engine that rests is loaded, where that is known."""
        states = [model.status.state for model in self.line.stats().models if model.info.name == engine.name]
        return (self._paces.load_s(engine.title) or engine.load_s or 0.0) if {*states} == {"resting"} else 0.0

    def speaking_s(self, units: float, engine: EngineInfo) -> float | None:
        """Seconds in which it speaks so much, by `estimates.paces.speech_units`; None: not known yet."""
        return self._paces.speech(engine.key).seconds(units)

    def is_instant(self, engine: EngineInfo) -> bool | None:
        """As `Paces.is_instant`."""
        return self._paces.is_instant(engine)

    def readiness(self) -> Readiness:
        """Whether the models of a seat have all worked since their last fault, and sounds can be written.

        A server of a line elsewhere is ready once it reaches the line, also while no voice can work: people wait for
        one that comes or loads. Beside it what is still missing.
        """
        if refusal := self.live_sessions.refusal:
            return Readiness(False, refusal.sentence)
        if fault := self.line.fault:
            return Readiness(False, fault)
        stats, fault = self.line.stats(), self._generations.storage.fault
        unready = _unready(stats)
        pending = " ".join(filter(None, (_pending(stats, EngineInfo), _pending(stats, RecognizerInfo))))
        if unready and not self.line.is_shared:
            return Readiness(False, unready, pending)
        return Readiness(not fault, fault, unready or pending)

    @property
    def until_next_s(self) -> float | None:
        """Seconds until a sentence would start that came now, behind everybody; None: not known yet."""
        return self.line.foretell(Size(0.0)).start_s

    @property
    def quiet_s(self) -> float:
        """Seconds since a request needed a model; 0 while one does."""
        return (
            0.0
            if self.running or self.waiting or self.live_sessions.stats().sessions
            else time.monotonic() - self._needed_at
        )

    @property
    def running(self) -> int:
        """How many jobs are being served; those of `prepare` give way, and aren't counted."""
        return max(0, self.line.stats().running - self._preparing)

    @property
    def waiting(self) -> int:
        """How many jobs wait, counted as `running`."""
        line = self.line.stats()
        return max(0, line.waiting - max(0, self._preparing - line.running))

    def watch(self) -> None:
        """Look how it does, and whether something is wrong that the operator should know; keep the cache small."""
        line = self.line.stats()
        self.alarms.look(self.waiting, line.queue_size, self.history.failure_rate)
        self.history.look(line.running, self.waiting)
        if self.history.wants_usage:
            self.history.use(machine.usage(self.files))
        if self._cleaning is None or self._cleaning.done():
            self._cleaning = CLEANING.submit(self.stores.answers.clean, self._aside())

    async def clean(self, older_than_s: float) -> None:
        in_use = {*self.results.in_use, *self._generations.in_use}
        for folder in (self.files, self._workshop):
            await in_thread(delete_old, folder, older_than_s, in_use, self._aside(), pool=CLEANING)
        with suppress(UnavailableError):  # it is told in /ready, and done in an hour
            await in_thread(self.results.delete_shared, older_than_s, pool=CLEANING)
            await in_thread(self.stores.uploads.drop_old, older_than_s, pool=CLEANING)
            await in_thread(self.stores.answers.delete_shared, pool=CLEANING)

    def _aside(self) -> Callable[[], None]:
        """For a thread that cleans: returns when no job runs, or when it has waited LONGEST_ASIDE_S in all."""
        until = time.monotonic() + LONGEST_ASIDE_S

        def stand_aside() -> None:
            while self.line.is_busy and time.monotonic() < until:
                time.sleep(ASIDE_S)

        return stand_aside

    def _ended(self, ended: Ended) -> None:
        self.metrics.ended(ended)
        self.history.add(ended)
        self._needed_at = time.monotonic()

    def _state(self) -> Snapshot:
        usage = machine.usage(self.files)
        live, kept = self.live_sessions.stats(), self.stores.answers.used_bytes
        return Snapshot(self.line.stats(), self.waiting, live, kept, usage)


def _unready(stats: LaneStats) -> str:
    """Why no seat can work now; "" where one can."""
    if stats.ready_seats:
        return ""
    if not stats.seats:
        return "The line has no voice at the moment."
    reasons = (model.status.reason for model in stats.models if model.serving and model.status.state != "ready")
    return next(reasons, "The models are loading.")


def _pending(stats: LaneStats, kind: type[EngineInfo] | type[RecognizerInfo]) -> str:
    """Why the wanted model of this kind doesn't serve, and what does meanwhile; "" where it serves."""
    models = [model for model in stats.models if isinstance(model.info, kind)]
    waited_for = next((model for model in models if model.wanted and not model.serving), None)
    serving = next((model for model in models if model.serving), None)
    if waited_for is None or serving is None or serving.wanted:
        return ""
    return f"{waited_for.status.reason} Meanwhile: {serving.info.title}."
