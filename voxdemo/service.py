"""SpeechService, the one way in: validate → plan parts → line → join → encode, told as events.

The page, the Gradio endpoints and the HTTP routes differ only in how they print its events. It knows no web and no
model; the line it hands jobs to may be the lane of this process or one elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from voxdemo import prompt, validate
from voxdemo.audio import decode, encode
from voxdemo.errors import BusyError, EngineError, InputError
from voxdemo.estimates import Pace
from voxdemo.jobs import Cut, JobLine, LaneStats, ListenJob, Piece, Retaken, SpeakJob, Started
from voxdemo.prompt import MAX_PROMPT_S, Prompt
from voxdemo.results import SPEECH_FILE, Results
from voxdemo.speech import (
    EngineInfo,
    Listening,
    RecognitionEvent,
    RecognizerInfo,
    Samples,
    SpeechEvent,
    Spoken,
    Transcript,
    Utterance,
    Waiting,
)
from voxdemo.take import Take
from voxdemo.text import scripts, split

log = logging.getLogger(__name__)

MAX_RECORDING_S = 600.0
"""Longest recording to recognise."""
PROMPT_FILE = "prompt.wav"
PEAKS_PER_S = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether jobs are served now; if not, why, in one sentence."""

    ready: bool
    reason: str = ""
    pending: str = ""
    """What is still missing while a stand-in serves, in sentences: how far a better model's loading is, or why not."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a job that comes now would meet. Seconds are None while nothing was measured yet."""

    ahead: int
    wait_s: float | None
    own_s: float | None


@dataclass(frozen=True, slots=True)
class Paces:
    """How fast the models are, by their names: speech by characters of text, listening by seconds of recording."""

    speech: defaultdict[str, Pace] = field(default_factory=lambda: defaultdict(Pace))
    listening: defaultdict[str, Pace] = field(default_factory=lambda: defaultdict(Pace))


class SpeechService:
    """Speaks and listens through one line. All methods are for the event loop's thread.

    `speak` and `transcribe` are async generators; closing one takes its job out of the line or stops it. `doors` lists
    who stands at a door and isn't in the line yet, as expected seconds, so that forecasts count everybody.
    """

    def __init__(self, line: JobLine, results: Results, paces: Paces) -> None:
        self.results = results
        self.doors: list[Callable[[], Sequence[float | None]]] = []
        self._line = line
        self._paces = paces

    @property
    def engine_info(self) -> EngineInfo:
        """The engine that speaks what comes now; another one when a better has been loaded."""
        return self._line.engine_info

    @property
    def recognizer_info(self) -> RecognizerInfo:
        """The recogniser that reads what comes now, as `engine_info`."""
        return self._line.recognizer_info

    def start(self) -> None:
        """Begin to load the models."""
        self._line.start()

    async def close(self) -> None:
        """Turn away who waits, stop who runs, close the models."""
        await self._line.close()

    async def speak(self, utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        """Say it. Yields Waiting… → Speaking and Chunk… → one Spoken, whose file is in a folder of its own.

        Raises InputError, before the job is handed to the line, for what can't be said; BusyError when the line is
        full; EngineError when the model failed.
        """
        arrived, info = time.monotonic(), self.engine_info
        utterance, warnings = validate.checked(utterance, info)
        with self.results.new() as folder:
            job, notes = await self._plan(utterance, info, folder)
            take = Take(job.parts, info.sample_rate, job.expected_s)
            async with aclosing(self._line.run(job)) as events:
                async for event in events:
                    match event:
                        case Waiting():
                            yield event
                        case Started():
                            yield take.begin()
                        case Transcript(text=text):
                            notes = (*notes, f"The transcript was made from the prompt audio: “{text}”")
                            yield take.begin()
                        case Piece(part, samples):
                            chunk, progress = take.add(part, samples)
                            yield chunk
                            yield progress
                        case Retaken(part):
                            yield take.retake(part)
                        case Cut(part):
                            take.cut(part)
            warnings = (*warnings, *notes, *take.warnings())
            yield await self._spoken(job, take, info, warnings, folder, time.monotonic() - arrived)

    async def transcribe(self, recording: Path, language: str | None = None) -> AsyncGenerator[RecognitionEvent, None]:
        """Read what is said in a recording. Yields Waiting… → Listening… → one Transcript.

        Raises InputError for what is no recording, empty, under 0.1 s or over 10 minutes; BusyError when the line is
        full; EngineError when the model failed.
        """
        info = self.recognizer_info
        if language not in (None, *info.languages):
            raise InputError(f"{info.title} doesn't know the language {str(language)[:40]!r}.")
        sound = await _in_thread(partial(decode.read, recording, MAX_RECORDING_S, rate=info.sample_rate))
        if sound.truncated:
            raise InputError(f"That recording is longer than {MAX_RECORDING_S / 60:.0f} minutes: send a shorter one.")
        job = self._listen_job(info, sound.samples, language)
        heard: Transcript | None = None
        begun = time.monotonic()
        async with aclosing(self._line.run(job)) as events:
            async for event in events:
                match event:
                    case Waiting():
                        yield event
                    case Started():
                        begun = time.monotonic()
                        yield Listening(0.0, job.expected_s)
                    case Transcript():
                        heard = event
                        yield _listening(event, sound.duration_s, time.monotonic() - begun)
        yield self._heard(info, heard, sound.duration_s, time.monotonic() - begun)

    def check_text(self, text: str) -> None:
        """See whether this text can be spoken, without a place in line. Raises InputError, as `speak` would."""
        validate.readable_text(text, self.engine_info)

    def forecast(self, text: str) -> Forecast:
        """What a job with this text would meet if it came now."""
        stats, at_doors = self._line.stats(), [seconds for door in self.doors for seconds in door()]
        return Forecast(
            ahead=stats.running + stats.waiting + len(at_doors),
            wait_s=self._line.wait_s(at_doors),
            own_s=self.expected_s(text),
        )

    def expected_s(self, text: str | None) -> float | None:
        """Seconds that speaking this text takes, or listening to a recording nobody has looked at yet (None)."""
        if text is None:
            return self._paces.listening[self.recognizer_info.name].seconds(UNSEEN_RECORDING_S)
        return self._paces.speech[self.engine_info.name].seconds(len(text))

    def wait_s(self, behind: Sequence[float | None]) -> float | None:
        """Seconds until a job would start that stands after all in line and those `behind` them."""
        return self._line.wait_s(behind)

    def busy(self, waiting: int) -> BusyError:
        """The refusal for somebody who meets a full line, with `waiting` people in it."""
        return BusyError.full(waiting, self.forecast("").wait_s)

    def readiness(self) -> Readiness:
        """Whether the models of at least one seat have all proved that they work, and what is still missing."""
        stats = self._line.stats()
        pending = " ".join(filter(None, (_pending(stats, EngineInfo), _pending(stats, RecognizerInfo))))
        if stats.ready_seats:
            return Readiness(True, pending=pending)
        reasons = (model.status.reason for model in stats.models if model.serving and model.status.state != "ready")
        return Readiness(False, next(reasons, "The models are loading."), pending)

    def stats(self) -> LaneStats:
        """How the line is doing."""
        return self._line.stats()

    async def _plan(self, utterance: Utterance, info: EngineInfo, folder: Path) -> tuple[SpeakJob, tuple[str, ...]]:
        """The job for the line, and what people should know about it."""
        seed = secrets.randbelow(2**32) if utterance.seed is None else utterance.seed
        utterance = replace(utterance, seed=seed)
        parts = split.sentence_groups(utterance.text, info.chunk_chars)
        parts = [part for part in parts if scripts.is_speakable(part)]
        expected_s = self._paces.speech[info.name].seconds(len(utterance.text))
        job = SpeakJob(info, utterance, parts, expected_s)
        if utterance.prompt_audio is None:
            return job, ()
        sound = await _in_thread(partial(prompt.read, utterance.prompt_audio, info.prompt_rate))
        if "prompt_audio" not in info.honours:
            return job, ()
        await _in_thread(partial(sound.write, folder / PROMPT_FILE))
        return await self._with_prompt(job, info, sound, folder / PROMPT_FILE)

    async def _with_prompt(
        self, job: SpeakJob, info: EngineInfo, sound: Prompt, path: Path
    ) -> tuple[SpeakJob, tuple[str, ...]]:
        # A transcript of the whole recording is a wrong one of its beginning.
        prompt_text = "" if sound.was_cut else job.utterance.prompt_text
        without = ", without the transcript" if job.utterance.prompt_text else ""
        notes = (f"The prompt audio is longer than {MAX_PROMPT_S:.0f} s: only its beginning is used{without}.",)
        job = replace(job, utterance=replace(job.utterance, prompt_audio=path, prompt_text=prompt_text))
        if info.needs_transcript and not prompt_text:
            recognizer = self.recognizer_info
            samples = await _in_thread(partial(sound.at, recognizer.sample_rate))
            listen = self._listen_job(recognizer, samples, None)
            job = replace(job, prompt=listen, expected_s=_sum(job.expected_s, listen.expected_s))
        return job, notes if sound.was_cut else ()

    def _listen_job(self, info: RecognizerInfo, samples: Samples, language: str | None) -> ListenJob:
        expected_s = self._paces.listening[info.name].seconds(len(samples) / info.sample_rate)
        return ListenJob(info.name, samples, info.sample_rate, language, expected_s)

    async def _spoken(
        self,
        job: SpeakJob,
        take: Take,
        info: EngineInfo,
        warnings: tuple[str, ...],
        folder: Path,
        since_arrival_s: float,
    ) -> Spoken:
        spent = take.seconds_spent
        if not take.duration_s:
            raise EngineError(f"{info.subject} made no sound of this text: change it a little and try again.")
        if job.prompt is None:
            self._paces.speech[info.name].learn(len(job.utterance.text), spent)
        path = folder / SPEECH_FILE
        peaks = await _in_thread(partial(_write, path, take, info.sample_rate))
        (folder / PROMPT_FILE).unlink(missing_ok=True)
        log.info(
            "spoke %d characters: %.2f s of sound in %.2f s, %.2f s after it was asked for",
            len(job.utterance.text), take.duration_s, spent, since_arrival_s,
        )  # fmt: skip
        assert job.utterance.seed is not None
        return Spoken(
            path=path,
            duration_s=take.duration_s,
            seed=job.utterance.seed,
            seconds_spent=spent,
            captions=take.captions(),
            peaks=peaks,
            warnings=warnings,
            timings={
                "waiting": since_arrival_s - spent,
                "first_chunk": take.seconds_to_first_chunk,
                "speaking": spent,
            },
        )

    def _heard(self, info: RecognizerInfo, heard: Transcript | None, duration_s: float, spent: float) -> Transcript:
        if heard is None:
            raise EngineError(f"{info.title} read nothing: try again.")
        self._paces.listening[info.name].learn(duration_s, spent)
        log.info("read %.2f s of sound in %.2f s", duration_s, spent)
        return replace(heard, seconds_spent=spent)


UNSEEN_RECORDING_S = 10.0
"""How long a recording is taken to be before it was decoded: about what people say into a microphone."""


def _pending(stats: LaneStats, kind: type[EngineInfo] | type[RecognizerInfo]) -> str:
    """Why the wanted model of this kind doesn't serve, and what does meanwhile; "" where it serves."""
    models = [model for model in stats.models if isinstance(model.info, kind)]
    waited_for = next((model for model in models if model.wanted and not model.serving), None)
    serving = next((model for model in models if model.serving), None)
    if waited_for is None or serving is None or serving.wanted:
        return ""
    return f"{waited_for.status.reason} Meanwhile: {serving.info.title}."


def _sum(seconds: float | None, more: float | None) -> float | None:
    return None if seconds is None or more is None else seconds + more


def _listening(so_far: Transcript, duration_s: float, spent: float) -> Listening:
    done = min(1.0, so_far.segments[-1].end_s / duration_s) if so_far.segments else 0.0
    return Listening(done, spent * (1 - done) / done if done else None)


def _write(path: Path, take: Take, sample_rate: int) -> tuple[int, ...]:
    sound = take.sound()
    encode.write_wav(path, sound, sample_rate)
    return tuple(encode.peaks(sound, round(take.duration_s * PEAKS_PER_S)))


async def _in_thread(function: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, function)
