"""SpeechService, the one way in: plan → line → join → file, told as events.

The page, the Gradio endpoints and the HTTP routes differ only in how they print its events. It knows no web and no
model; the line it hands jobs to may be the lane of this process or one elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from voxdemo import prompt
from voxdemo.audio import decode, encode
from voxdemo.audio.wav import PEAKS_PER_S
from voxdemo.countdown import Countdown
from voxdemo.errors import BusyError, EngineError, InputError
from voxdemo.estimates import Paces
from voxdemo.estimates import write as write_paces
from voxdemo.jobs import JobLine, LaneStats, ListenJob, SpeakJob, Started
from voxdemo.live import LiveSound
from voxdemo.plan import Plan, plan, units_of
from voxdemo.prompt import MAX_PROMPT_S
from voxdemo.rendition import MOST_BARS, Rendition, steady
from voxdemo.results import Results, prompt_file, speech_file, write_captions, write_summary
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
from voxdemo.threads import KEEPING, READING, in_thread

log = logging.getLogger(__name__)

MAX_RECORDING_S = 600.0
"""Longest recording to recognise."""


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


class SpeechService:
    """Speaks and listens through one line. All methods are for the event loop's thread.

    `speak` and `transcribe` are async generators; closing one takes its job out of the line or stops it. `doors` lists
    who stands at a door and isn't in the line yet, as expected seconds, so that forecasts count everybody. `live` has
    the sounds that are being made, by the keys that `Speaking.sound` tells; `files` is where all files are.
    """

    def __init__(self, line: JobLine, results: Results, paces: Paces, paces_file: Path) -> None:
        self.results = results
        self.doors: list[Callable[[], Sequence[float | None]]] = []
        self._line = line
        self._paces = paces
        self._paces_file = paces_file
        self._live: dict[str, LiveSound] = {}
        self._planning = asyncio.Lock()  # or a short text overtakes a long one that came before it

    @property
    def files(self) -> Path:
        """The folder below which results are, and what people send."""
        return self.results.root.parent

    @property
    def live(self) -> Mapping[str, LiveSound]:
        """What is being spoken now."""
        return self._live

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
        await in_thread(lambda: None, KEEPING)  # what was learned last is written

    async def speak(
        self, utterance: Utterance, countdown: Countdown | None = None
    ) -> AsyncGenerator[SpeechEvent, None]:
        """Say it. Yields Waiting… → Speaking, Captions and Chunk… → one Spoken, whose file is in a folder of its own.

        From the first Speaking on it can be heard through `live`; what was spoken when this is closed is kept. A door
        that has told seconds already hands on their `countdown`. Raises InputError, before the job is handed to the
        line, for what can't be said; BusyError when the line is full; EngineError when the model failed before a sound
        was heard; OSError when the disk is full.
        """
        arrived, info = time.monotonic(), self.engine_info
        async with self._planning:
            planned, take = await in_thread(partial(_planned, utterance, info))
        with self.results.new() as folder:
            job, notes = await self._speak_job(planned, info, folder)
            with self._on_air(folder, job) as sound:
                rendition = Rendition(job, take, sound, folder.name, countdown or Countdown())
                async with aclosing(rendition.told(self._line.run(job))) as events:
                    async for event in events:
                        yield event
            yield self._spoken(rendition, notes, time.monotonic() - arrived)

    async def transcribe(
        self,
        recording: Path,
        language: str | None = None,
        keep: bool = False,
        countdown: Countdown | None = None,
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """Read what is said in a recording. Yields Waiting… → Listening… → one Transcript.

        With `keep` the recording and its captions get a folder among the results; `countdown` is as in `speak`. Raises
        InputError for what is no recording, empty, under 0.1 s or over 10 minutes; BusyError when the line is full;
        EngineError when the model failed.
        """
        info = self.recognizer_info
        if language not in (None, *info.languages):
            raise InputError(f"{info.title} doesn't know the language {str(language)[:40]!r}.")
        sound = await in_thread(partial(decode.read, recording, MAX_RECORDING_S, rate=info.sample_rate), READING)
        if sound.truncated:
            raise InputError(f"That recording is longer than {MAX_RECORDING_S / 60:.0f} minutes: send a shorter one.")
        job = self._listen_job(info, sound.samples, language)
        heard: Transcript | None = None
        begun, countdown = time.monotonic(), countdown or Countdown()
        async with aclosing(self._line.run(job)) as events:
            async for event in events:
                match event:
                    case Waiting():
                        yield steady(event, countdown)
                    case Started():
                        begun = time.monotonic()
                        yield steady(Listening(0.0, job.expected_s), countdown)
                    case Transcript():
                        heard = event
                        yield steady(_listening(event, sound.duration_s, time.monotonic() - begun), countdown)
        transcript = self._heard(info, heard, sound.duration_s, time.monotonic() - begun)
        if keep and transcript.text:
            transcript = await in_thread(partial(self._kept, transcript, sound), READING)
        yield transcript

    def forecast(self, utterance: Utterance) -> Forecast:
        """What this job would meet if it came now."""
        stats, at_doors = self._line.stats(), [seconds for door in self.doors for seconds in door()]
        return Forecast(
            ahead=stats.running + stats.waiting + len(at_doors),
            wait_s=self._line.wait_s(at_doors),
            own_s=self.speaking_s(units_of(utterance, self.engine_info)),
        )

    def speaking_s(self, units: float) -> float | None:
        """Seconds that it takes to speak so much, by `plan.units_of`; None: not known yet."""
        return self._paces.speech(self.engine_info.key).seconds(units)

    def listening_s(self, recording_s: float) -> float | None:
        """Seconds that it takes to read a recording of so many seconds; None: not known yet."""
        return self._paces.listening(self.recognizer_info.key).seconds(recording_s)

    def wait_s(self, behind: Sequence[float | None]) -> float | None:
        """Seconds until a job would start that stands after all in line and those `behind` them."""
        return self._line.wait_s(behind)

    def busy(self, waiting: int) -> BusyError:
        """The refusal for somebody who meets a full line, with `waiting` people in it."""
        return BusyError.full(waiting, self.wait_s([seconds for door in self.doors for seconds in door()]))

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

    async def _speak_job(self, planned: Plan, info: EngineInfo, folder: Path) -> tuple[SpeakJob, list[str]]:
        """The job for the line, and what people should know about it."""
        utterance, notes = planned.utterance, list(planned.warnings)
        texts = [part.text for part in planned.parts]
        expected_s = self.speaking_s(planned.units)
        job = SpeakJob(info, utterance, texts, expected_s, units=planned.units, shares=planned.shares)
        if utterance.prompt_audio is None:
            return job, notes
        sound = await in_thread(partial(prompt.read, utterance.prompt_audio, info.prompt_rate), READING)
        if "prompt_audio" not in info.honours:
            return job, notes
        path = prompt_file(folder)
        await in_thread(partial(sound.write, path))
        # A transcript of the whole recording is a wrong one of its beginning.
        prompt_text = "" if sound.was_cut else utterance.prompt_text
        if sound.was_cut:
            without = ", without the transcript" if utterance.prompt_text else ""
            notes.append(f"The prompt audio is longer than {MAX_PROMPT_S:.0f} s: only its beginning is used{without}.")
        job = replace(job, utterance=replace(utterance, prompt_audio=path, prompt_text=prompt_text))
        if info.needs_transcript and not prompt_text:
            recognizer = self.recognizer_info
            samples = await in_thread(partial(sound.at, recognizer.sample_rate), READING)
            listen = self._listen_job(recognizer, samples, None)
            job = replace(job, prompt=listen, expected_s=_sum(job.expected_s, listen.expected_s))
        return job, notes

    def _listen_job(self, info: RecognizerInfo, samples: Samples, language: str | None) -> ListenJob:
        expected_s = self.listening_s(len(samples) / info.sample_rate)
        return ListenJob(info.name, samples, info.sample_rate, language, expected_s)

    def _kept(self, transcript: Transcript, sound: decode.Recording) -> Transcript:
        """The same, with the recording as it was heard, and its captions, in a folder among the results."""
        try:
            with self.results.new() as folder:
                path = speech_file(folder)
                write_captions(folder, transcript.segments)
                encode.write_wav(path, sound.samples, sound.sample_rate)
        except OSError:  # the words are what was asked for
            log.exception("a recording can't be kept")
            return transcript
        bars = min(MOST_BARS, round(sound.duration_s * PEAKS_PER_S))
        return replace(transcript, path=path, peaks=tuple(encode.peaks(sound.samples, bars)))

    @contextmanager
    def _on_air(self, folder: Path, job: SpeakJob) -> Generator[LiveSound, None, None]:
        """A sound that can be heard while it's made; however this ends, what there is of it is put in order."""
        sound = self._live[folder.name] = LiveSound(speech_file(folder), job.engine.sample_rate)
        try:
            yield sound
        finally:
            del self._live[folder.name]
            prompt_file(folder).unlink(missing_ok=True)
            if sound.finish():
                _put_beside(folder, job, sound)

    def _spoken(self, rendition: Rendition, notes: Sequence[str], since_arrival_s: float) -> Spoken:
        job, spoken = rendition.job, rendition.spoken(notes, since_arrival_s)
        if job.prompt is None and not spoken.stopped:
            self._paces.speech(job.engine.key).learn(job.units, spoken.seconds_spent)
            self._keep_paces()
        log.info(
            "spoke %d characters: %.2f s of sound in %.2f s, %.2f s after it was asked for",
            len(job.utterance.text), spoken.duration_s, spoken.seconds_spent, since_arrival_s,
        )  # fmt: skip
        return spoken

    def _keep_paces(self) -> None:
        KEEPING.submit(write_paces, self._paces_file, self._paces.snapshot())

    def _heard(self, info: RecognizerInfo, heard: Transcript | None, duration_s: float, spent: float) -> Transcript:
        if heard is None:
            raise EngineError(f"{info.title} read nothing: try again.")
        self._paces.listening(info.key).learn(duration_s, spent)
        self._keep_paces()
        log.info("read %.2f s of sound in %.2f s", duration_s, spent)
        return replace(heard, seconds_spent=spent)


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


def _planned(utterance: Utterance, info: EngineInfo) -> tuple[Plan, Take]:
    planned = plan(utterance, info)
    return planned, Take(planned.parts, info.sample_rate, planned.utterance.speed)


def _put_beside(folder: Path, job: SpeakJob, sound: LiveSound) -> None:
    total_s = sound.duration_s
    heard = [replace(each, end_s=min(each.end_s, total_s)) for each in sound.captions if each.start_s < total_s]
    summary = {
        "total": round(total_s, 2),
        "seed": job.utterance.seed,
        "format": sound.path.suffix.removeprefix(".").upper(),
        "peaks": encode.fewer_bars(sound.peaks, MOST_BARS),
        "captions": [(round(caption.start_s, 2), round(caption.end_s, 2), caption.text) for caption in heard],
    }
    try:
        write_captions(folder, heard)
        write_summary(folder, summary)
    except OSError:  # the sound is there all the same
        log.exception("captions can't be written")
