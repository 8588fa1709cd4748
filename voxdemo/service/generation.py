"""Utterances on their way to sound: from the cache, from an equal one that is being spoken, or new.

Lives on the event loop. Knows the line it hands jobs to, no model and no web.
"""

import asyncio
import contextvars
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from voxdemo.audio.reading import prompt
from voxdemo.audio.reading.prompt import MAX_PROMPT_S, PromptAudio
from voxdemo.errors import StorageError, VoxdemoError
from voxdemo.estimates.paces import Paces
from voxdemo.files import remove
from voxdemo.intake.catalogue import Catalogue
from voxdemo.intake.request import Examined, Plan, SpeechRequest, plan, speech
from voxdemo.lanes.jobs import SpeakJob
from voxdemo.lanes.line import JobLine, LineTicket
from voxdemo.lanes.turns import Size
from voxdemo.service.job_recorder import JobRecorder
from voxdemo.service.live_sound import Listener, LiveSound, SharedSound
from voxdemo.service.recognition import Recognitions
from voxdemo.service.request_context import RequestContext
from voxdemo.service.shared_answers import SharedAnswers
from voxdemo.service.speech_assembler import SpeechAssembler
from voxdemo.speech import Speaking, SpeechEvent, Spoken, Utterance, Waiting
from voxdemo.stores.opening import Stores
from voxdemo.stores.results import speech_file
from voxdemo.threads import READING, SHARING, in_thread

log = logging.getLogger(__name__)

TRY_EVERY_S = 5.0
"""How often it is tried whether sounds can be written again."""
PROOF = Utterance("Ready.")
"""What is said to see whether sounds can be written again."""


class Generations:
    """Speaks requests. All methods are for the event loop's thread.

    Each request gets a folder among the results; what is being made lies below `workshop`.
    """

    def __init__(
        self,
        line: JobLine,
        recognitions: Recognitions,
        stores: Stores,
        workshop: Path,
        paces: Paces,
    ) -> None:
        self.live_sounds: dict[str, Listener] = {}
        self.answers: SharedAnswers[Spoken, SharedSound] = SharedAnswers(line, stores.answers, Spoken)
        self.storage = Storage(self._say_something)
        self.in_use: set[Path] = set()
        """The folders of the workshop in which something is being made."""
        self._line = line
        self._recognitions = recognitions
        self._results = stores.results
        self._workshop = workshop
        self._paces = paces

    async def request(self, utterance: Utterance, is_private: bool = False) -> SpeechRequest:
        has_recordings = utterance.prompt_audio or utterance.own
        reads = READING if has_recordings else None  # or a text waits for other people's recordings
        request = await in_thread(_request, utterance, self._line.catalogue, pool=reads)
        return replace(request, key="") if is_private else request

    async def speak(self, utterance: Utterance, context: RequestContext) -> AsyncGenerator[SpeechEvent, None]:
        with self._faults_noted():
            known = context.examined and context.examined.of(utterance, self._line.catalogue.engine_of(utterance))
            examined = known or Examined(utterance, await self.request(utterance, context.is_private))
            async with aclosing(self._spoken(examined, context)) as events:
                async for event in events:
                    yield event

    async def prepare(self, utterance: Utterance) -> None:
        with self._faults_noted():
            request = await self.request(utterance)
            if not await self.answers.is_at_hand(request.key):
                await self._make(Examined(utterance, request))

    async def _make(self, examined: Examined) -> None:
        """Make a sound that nobody gets."""
        with self._results.new() as folder:
            try:
                async with self._on_air(examined, RequestContext(), folder) as events:
                    async for _ in events:
                        pass
            finally:
                await in_thread(remove, folder)

    @contextmanager
    def _faults_noted(self) -> Generator[None, None, None]:
        try:
            yield
        except StorageError as error:
            log.exception("a sound can't be written")
            self.storage.note(error)
            raise

    async def _spoken(self, examined: Examined, context: RequestContext) -> AsyncGenerator[SpeechEvent, None]:
        request, countdown = examined.speech, context.countdown
        with self._results.new(is_kept=not context.is_private) as folder:
            spoken = await self.answers.kept(request.key, folder)
            if spoken is None:
                async with self._on_air(examined, context, folder) as events:
                    async for event in events:
                        match event:
                            case Spoken():
                                spoken = event
                            case Speaking():
                                yield countdown.steady(replace(event, sound=folder.name), time.monotonic())
                            case Waiting():
                                yield countdown.steady(event, time.monotonic())
            assert spoken, "a generation that raises nothing ends with Spoken"
            if not speech_file(folder).exists():  # it couldn't be handed on, as the log tells
                raise StorageError
            if context.door != "openai":  # programs of that get the sound itself
                await in_thread(self._results.publish, folder, pool=SHARING)
            warnings = (*spoken.warnings, *request.warnings)
            yield replace(spoken, path=speech_file(folder), seed=request.seed, warnings=warnings)

    @asynccontextmanager
    async def _on_air(
        self, examined: Examined, context: RequestContext, folder: Path
    ) -> AsyncGenerator[AsyncGenerator[SpeechEvent, None], None]:
        """The events of a sound that is put into this folder, and can be heard under the folder's name meanwhile."""
        size = Size(None, engine=examined.speech.seat_of)
        shared = self.answers.work(examined.speech.key, context, size, partial(self._begin, examined))
        try:
            async with shared.listener(folder) as listener, aclosing(shared.join()) as events:
                self.live_sounds[folder.name] = listener
                yield events
        finally:
            self.live_sounds.pop(folder.name, None)

    def _begin(self, examined: Examined, ticket: LineTicket) -> SharedSound:
        request, folder = examined.speech, self._workshop / secrets.token_hex(8)
        try:
            folder.mkdir(parents=True)
            sound = LiveSound(speech_file(folder), request.engine.sample_rate, request.seed)
        except OSError as error:
            remove(folder)
            raise StorageError from error
        self.in_use.add(folder)
        work = self._speak_new(examined, ticket, folder, sound)
        return SharedSound(folder, sound, work, partial(self._line.leave, ticket))

    async def _speak_new(
        self, examined: Examined, ticket: LineTicket, folder: Path, sound: LiveSound
    ) -> AsyncGenerator[SpeechEvent, None]:
        request, arrived = examined.speech, time.monotonic()
        try:
            planned = examined.plan
            if planned is None:
                planned = await in_thread(plan, request, pool=READING)
            rate, speed = request.engine.sample_rate, planned.utterance.speed
            made = partial(SpeechAssembler, planned.parts, rate, speed, lead_s=planned.lead_s)
            take = await in_thread(made)  # the first one imports scipy
            job, notes = await self._job(planned, request)
            recorder = JobRecorder(job, take, sound)
            async with aclosing(recorder.told(self._line.run(job, ticket))) as events:
                async for event in events:
                    yield event
        finally:
            self.in_use.discard(folder)
            _finish(sound)
        self.storage.note(recorder.error)
        spoken = recorder.spoken(notes, time.monotonic() - arrived)
        self._learn(job, spoken)
        if recorder.is_whole and request.engine in self._line.catalogue.engines:  # its weights are told when loaded
            await self.answers.keep(request.key, replace(spoken, path=Path(spoken.path.name)), folder)
        yield spoken

    async def _job(self, planned: Plan, request: SpeechRequest) -> tuple[SpeakJob, list[str]]:
        """The job for the line, and what people should know about it."""
        utterance, info, notes = planned.utterance, request.engine, list(planned.warnings)
        texts, expected_s = [part.text for part in planned.parts], self._paces.speaking_s(planned.work)
        said, units = replace(utterance, prompt_audio=None), sum(planned.work.values())
        job = SpeakJob(info, said, texts, expected_s, units=units, shares=planned.shares, seat_of=request.seat_of)
        job = replace(job, guests=planned.guests, recordings=await _recordings(planned))
        if utterance.prompt_audio is None:
            return job, notes
        sound = await in_thread(prompt.read, utterance.prompt_audio, info.prompt_rate, pool=READING)
        if "prompt_audio" not in info.honours:
            return job, notes
        # A transcript of the whole recording is a wrong one of its beginning.
        prompt_text = "" if sound.was_cut else utterance.prompt_text
        if sound.was_cut:
            without = ", without the transcript" if utterance.prompt_text else ""
            notes.append(f"The prompt audio is longer than {MAX_PROMPT_S:.0f} s: only its beginning is used{without}.")
        job = replace(job, utterance=replace(said, prompt_text=prompt_text), prompt=sound)
        if info.needs_transcript and not prompt_text:
            recognizer = self._line.recognizer_info
            samples = await in_thread(sound.at, recognizer.sample_rate, pool=READING)
            listen = self._recognitions.job(recognizer, samples, None)
            job = replace(job, transcription=listen, expected_s=_sum(job.expected_s, listen.expected_s))
        return job, notes

    async def _say_something(self) -> None:
        """Speak a word, from the line to the file, to see whether that works."""
        await self._make(Examined(PROOF, await self.request(PROOF)))

    def _learn(self, job: SpeakJob, spoken: Spoken) -> None:
        if job.transcription is None and not job.guests and not spoken.failure:
            self._paces.speech(job.engine.key).learn(job.units, spoken.seconds_spent)
            self._paces.keep()


def _request(utterance: Utterance, catalogue: Catalogue) -> SpeechRequest:
    resolved, engine = catalogue.resolved(utterance)
    return speech(resolved, engine, catalogue.guests(engine), catalogue.named_in(resolved, engine))


async def _recordings(planned: Plan) -> dict[Path, PromptAudio]:
    """Those of the guests, each read once. Raises InputError for what can't be read."""
    guests = {(each.utterance.prompt_audio, each.engine.prompt_rate) for each in planned.guests.values()}
    return {path: await in_thread(prompt.read, path, rate, pool=READING) for path, rate in guests if path}


def _finish(sound: LiveSound) -> None:
    try:
        sound.finish()
    except OSError as error:
        raise StorageError from error


def _sum(seconds: float | None, more: float | None) -> float | None:
    return None if seconds is None or more is None else seconds + more


class Storage:
    """Told of every writing, and `fault` says what was wrong with the last one; "" where nothing was.

    While there is a fault, `try_again` is called now and then, which makes and writes something small: no
    request may come meanwhile that would show that writing works again. What it raises is ignored.
    """

    def __init__(self, try_again: Callable[[], Awaitable[None]]) -> None:
        self.fault = ""
        self._try_again = try_again
        self._trying: asyncio.Task[None] | None = None

    def note(self, error: VoxdemoError | None) -> None:
        """Something was written, or ended with this error."""
        self.fault = error.sentence if isinstance(error, StorageError) else ""
        if self.fault and (self._trying is None or self._trying.done()):
            self._trying = contextvars.Context().run(lambda: asyncio.ensure_future(self._keep_trying()))

    async def close(self) -> None:
        if self._trying:
            self._trying.cancel()
            await asyncio.wait([self._trying])

    async def _keep_trying(self) -> None:
        while self.fault:
            await asyncio.sleep(TRY_EVERY_S)
            try:
                await self._try_again()
            except VoxdemoError:
                pass  # not yet
            except Exception:  # whatever it is, this goes on, or the end of the fault would stay unseen
                log.exception("it can't be found out whether sounds can be written")
