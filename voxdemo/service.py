"""SpeechService, the one way in: validate → plan parts → line → join → encode, told as events.

The page, the Gradio endpoints and the HTTP routes differ only in how they print its events. It knows no web and no
model; the line it hands jobs to may be the lane of this process or one elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from voxdemo import validate
from voxdemo.audio import decode, encode
from voxdemo.errors import BusyError, EngineError, InputError
from voxdemo.estimates import Pace
from voxdemo.lane import JobLine, LaneStats, ListenJob, Piece, SpeakJob, Started
from voxdemo.results import SPEECH_FILE, Results
from voxdemo.speech import (
    EngineInfo,
    Listening,
    RecognitionEvent,
    RecognizerInfo,
    SpeechEvent,
    Spoken,
    Transcript,
    Utterance,
    Waiting,
)
from voxdemo.take import Take
from voxdemo.text import scripts, split

log = logging.getLogger(__name__)

MAX_PROMPT_S = 30.0
"""Longest prompt audio; what is beyond is cut. VoxCPM's users report running out of memory on longer ones."""
MAX_RECORDING_S = 600.0
"""Longest recording to recognise."""
PROMPT_RATE = 48_000
"""Rate in Hz at which prompt audio is handed to an engine: the highest that any of them uses."""
PEAKS_PER_S = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether jobs are served now; if not, why, in one sentence."""

    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a job that comes now would meet. Seconds are None while nothing was measured yet."""

    ahead: int
    wait_s: float | None
    own_s: float | None


@dataclass(frozen=True, slots=True)
class Paces:
    """How fast the models are: speech by characters of text, listening by seconds of recording."""

    speech: Pace = field(default_factory=Pace)
    listening: Pace = field(default_factory=Pace)


class SpeechService:
    """Speaks and listens through one line. All methods are for the event loop's thread.

    `speak` and `transcribe` are async generators; closing one takes its job out of the line or stops it. `doors` lists
    who stands at a door and isn't in the line yet, as expected seconds, so that forecasts count everybody.
    """

    def __init__(
        self,
        line: JobLine,
        engine_info: EngineInfo,
        recognizer_info: RecognizerInfo,
        results: Results,
        paces: Paces,
    ) -> None:
        self.engine_info = engine_info
        self.recognizer_info = recognizer_info
        self.results = results
        self.doors: list[Callable[[], Sequence[float | None]]] = []
        self._line = line
        self._paces = paces

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
        arrived = time.monotonic()
        utterance, warnings = validate.checked(utterance, self.engine_info)
        with self.results.new() as folder:
            utterance, cut = await self._with_prompt(utterance, folder)
            job = self._plan(utterance)
            take = Take(job.parts, self.engine_info.sample_rate, job.expected_s)
            async with aclosing(self._line.run(job)) as events:
                async for event in events:
                    match event:
                        case Waiting():
                            yield event
                        case Started():
                            yield take.begin()
                        case Piece(part, samples):
                            chunk, progress = take.add(part, samples)
                            yield chunk
                            yield progress
            yield await self._spoken(job, take, (*warnings, *cut), folder, time.monotonic() - arrived)

    async def transcribe(self, recording: Path, language: str | None = None) -> AsyncGenerator[RecognitionEvent, None]:
        """Read what is said in a recording. Yields Waiting… → Listening… → one Transcript.

        Raises InputError for what is no recording, empty, under 0.1 s or over 10 minutes; BusyError when the line is
        full; EngineError when the model failed.
        """
        if language not in (None, *self.recognizer_info.languages):
            raise InputError(f"{self.recognizer_info.title} doesn't know the language {str(language)[:40]!r}.")
        sound = await _in_thread(
            partial(decode.read, recording, MAX_RECORDING_S, rate=self.recognizer_info.sample_rate)
        )
        if sound.truncated:
            raise InputError(f"That recording is longer than {MAX_RECORDING_S / 60:.0f} minutes: send a shorter one.")
        expected_s = self._paces.listening.seconds(sound.duration_s)
        job = ListenJob(sound.samples, sound.sample_rate, language, expected_s)
        heard: Transcript | None = None
        begun = time.monotonic()
        async with aclosing(self._line.run(job)) as events:
            async for event in events:
                match event:
                    case Waiting():
                        yield event
                    case Started():
                        begun = time.monotonic()
                        yield Listening(0.0, expected_s)
                    case Transcript():
                        heard = event
                        yield _listening(event, sound.duration_s, time.monotonic() - begun)
        yield self._heard(heard, sound.duration_s, time.monotonic() - begun)

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
            return self._paces.listening.seconds(UNSEEN_RECORDING_S)
        return self._paces.speech.seconds(len(text))

    def wait_s(self, behind: Sequence[float | None]) -> float | None:
        """Seconds until a job would start that stands after all in line and those `behind` them."""
        return self._line.wait_s(behind)

    def busy(self, waiting: int) -> BusyError:
        """The refusal for somebody who meets a full line, with `waiting` people in it."""
        return BusyError.full(waiting, self.forecast("").wait_s)

    def readiness(self) -> Readiness:
        """Whether the models of at least one seat have all proved that they work."""
        stats = self._line.stats()
        if stats.ready_seats:
            return Readiness(True)
        return Readiness(False, next(status.reason for status in stats.statuses if status.state != "ready"))

    def stats(self) -> LaneStats:
        """How the line is doing."""
        return self._line.stats()

    def _plan(self, utterance: Utterance) -> SpeakJob:
        parts = split.sentence_groups(utterance.text, self.engine_info.chunk_chars)
        parts = [part for part in parts if scripts.is_speakable(part)]
        return SpeakJob(utterance, parts, self._paces.speech.seconds(len(utterance.text)))

    async def _with_prompt(self, utterance: Utterance, folder: Path) -> tuple[Utterance, tuple[str, ...]]:
        seed = secrets.randbelow(2**32) if utterance.seed is None else utterance.seed
        utterance = replace(utterance, seed=seed)
        if utterance.prompt_audio is None:
            return utterance, ()
        sound = await _in_thread(partial(decode.read, utterance.prompt_audio, MAX_PROMPT_S, rate=PROMPT_RATE))
        if "prompt_audio" in self.engine_info.honours:
            path = folder / "prompt.wav"
            await _in_thread(partial(encode.write_wav, path, sound.samples, sound.sample_rate))
            utterance = replace(utterance, prompt_audio=path)
        cut = f"The prompt audio is longer than {MAX_PROMPT_S:.0f} s: only its beginning is used."
        return utterance, (cut,) if sound.truncated else ()

    async def _spoken(
        self, job: SpeakJob, take: Take, warnings: tuple[str, ...], folder: Path, since_arrival_s: float
    ) -> Spoken:
        spent = take.seconds_spent
        if not take.duration_s:
            raise EngineError(
                f"{self.engine_info.subject} made no sound of this text: change it a little and try again."
            )
        self._paces.speech.learn(len(job.utterance.text), spent)
        path = folder / SPEECH_FILE
        peaks = await _in_thread(partial(_write, path, take, self.engine_info.sample_rate))
        (folder / "prompt.wav").unlink(missing_ok=True)
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

    def _heard(self, heard: Transcript | None, duration_s: float, spent: float) -> Transcript:
        if heard is None:
            raise EngineError(f"{self.recognizer_info.title} read nothing: try again.")
        self._paces.listening.learn(duration_s, spent)
        log.info("read %.2f s of sound in %.2f s", duration_s, spent)
        return replace(heard, seconds_spent=spent)


UNSEEN_RECORDING_S = 10.0
"""How long a recording is taken to be before it was decoded: about what people say into a microphone."""


def _listening(so_far: Transcript, duration_s: float, spent: float) -> Listening:
    done = min(1.0, so_far.segments[-1].end_s / duration_s) if so_far.segments else 0.0
    return Listening(done, spent * (1 - done) / done if done else None)


def _write(path: Path, take: Take, sample_rate: int) -> tuple[int, ...]:
    sound = take.sound()
    encode.write_wav(path, sound, sample_rate)
    return tuple(encode.peaks(sound, round(take.duration_s * PEAKS_PER_S)))


async def _in_thread(function: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, function)
