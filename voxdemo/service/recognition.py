"""Recordings on their way to words: from the cache, from an equal one that is being read, or new.

Lives on the event loop. Knows the line it hands jobs to, no model and no web.
"""

import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path

from voxdemo.audio import wav
from voxdemo.audio.reading import decode
from voxdemo.audio.wav import PEAKS_PER_S
from voxdemo.errors import EngineError, InputError, StorageError
from voxdemo.estimates.paces import Paces
from voxdemo.intake.request import AskedRecording, RecordingRequest, recording
from voxdemo.lanes.jobs import ListenJob, Started
from voxdemo.lanes.line import JobLine, LineTicket
from voxdemo.lanes.shared_work import SharedWork
from voxdemo.lanes.turns import Size
from voxdemo.service.request_context import RequestContext
from voxdemo.service.shared_answers import SharedAnswers
from voxdemo.speech import Listening, RecognitionEvent, RecognizerInfo, Samples, Transcript, Waiting
from voxdemo.stores.opening import Stores
from voxdemo.stores.results import MOST_BARS, speech_file, write_captions
from voxdemo.threads import READING, SHARING, in_thread

log = logging.getLogger(__name__)

MAX_RECORDING_S = 600.0
"""Longest recording to recognise."""


class SharedReading(SharedWork[RecognitionEvent]):
    """A recording that is being read; `sounds` has it as samples, once it is decoded."""

    def __init__(
        self,
        work: AsyncGenerator[RecognitionEvent, None],
        ended: Callable[[], None],
        sounds: Sequence[decode.Recording],
    ) -> None:
        super().__init__(work, ended)
        self.sounds = sounds


class Recognitions:
    """Reads recordings. All methods are for the event loop's thread.

    Recordings that are to be kept get a folder among the results.
    """

    def __init__(self, line: JobLine, stores: Stores, paces: Paces) -> None:
        self.answers: SharedAnswers[Transcript, SharedReading] = SharedAnswers(line, stores.answers, Transcript)
        self._line = line
        self._results = stores.results
        self._paces = paces

    async def request(self, asked: AskedRecording) -> RecordingRequest:
        return await in_thread(recording, asked, self._line.recognizer_info, pool=READING)

    async def read(
        self, asked: AskedRecording, keep: bool, context: RequestContext
    ) -> AsyncGenerator[RecognitionEvent, None]:
        known = context.examined and context.examined.of(asked, self._line.recognizer_info)
        request = known.recording if known else await self.request(asked)
        transcript, sound = await self.answers.kept(request.key), None
        if transcript is None:
            size = Size(None, speaks=False)
            reading = self.answers.work(request.key, context, size, partial(self._begin, request))
            async with aclosing(reading.join()) as events:
                async for event in events:
                    if isinstance(event, Transcript):
                        transcript = event
                    else:
                        yield context.countdown.steady(event, time.monotonic())
            sound = next(iter(reading.sounds), None)
        assert transcript, "a recognition that raises nothing ends with a transcript"
        if keep and transcript.text:
            transcript = await in_thread(self._kept, transcript, request, sound, pool=READING)
            if transcript.path:
                await in_thread(self._results.publish, transcript.path.parent, pool=SHARING)
        yield transcript

    async def supply(self, path: Path, transcript: Transcript) -> None:
        request = await self.request(AskedRecording(path))
        if not await self.answers.is_at_hand(request.key):
            await self.answers.keep(request.key, transcript)

    def job(self, info: RecognizerInfo, samples: Samples, language: str | None, with_words: bool = False) -> ListenJob:
        expected_s = self._paces.listening(info.key).seconds(len(samples) / info.sample_rate)
        return ListenJob(info.name, samples, info.sample_rate, language, expected_s, with_words)

    def _begin(self, request: RecordingRequest, ticket: LineTicket) -> SharedReading:
        sounds: list[decode.Recording] = []
        work = self._read_new(request, ticket, sounds)
        return SharedReading(work, partial(self._line.leave, ticket), sounds)

    async def _read_new(
        self, request: RecordingRequest, ticket: LineTicket, sounds: list[decode.Recording]
    ) -> AsyncGenerator[RecognitionEvent, None]:
        info = request.recognizer
        sound = await in_thread(_decoded, request, pool=READING)
        sounds.append(sound)
        if sound.truncated:
            sentence = "That recording is longer than {minutes} minutes: send a shorter one."
            raise InputError(sentence, code="recording_too_long", minutes=round(MAX_RECORDING_S / 60))
        job = self.job(info, sound.samples, request.language, request.with_words)
        heard: Transcript | None = None
        begun = time.monotonic()
        async with aclosing(self._line.run(job, ticket)) as events:
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
        if heard is None:
            raise EngineError("{title} returned no transcript: try again.", code="no_transcript", title=info.title)
        transcript = replace(heard, seconds_spent=time.monotonic() - begun)
        self._paces.listening(info.key).learn(sound.duration_s, transcript.seconds_spent)
        self._paces.keep()
        if info == self._line.recognizer_info:  # which tells its weights only when loaded
            await self.answers.keep(request.key, transcript)
        yield transcript

    def _kept(self, transcript: Transcript, request: RecordingRequest, sound: decode.Recording | None) -> Transcript:
        """The same, with the recording as it was heard, and its captions, in a folder among the results."""
        try:
            sound = sound or _decoded(request)
            with self._results.new() as folder:
                path = speech_file(folder)
                write_captions(folder, transcript.segments)
                wav.write_wav(path, sound.samples, sound.sample_rate)
        except (OSError, StorageError):  # the words are what was asked for
            log.exception("a recording can't be kept")
            return transcript
        bars = min(MOST_BARS, round(sound.duration_s * PEAKS_PER_S))
        return replace(transcript, path=path, peaks=tuple(wav.peaks(sound.samples, bars)))


def _decoded(request: RecordingRequest) -> decode.Recording:
    return decode.read(request.recording, MAX_RECORDING_S, rate=request.recognizer.sample_rate)


def _listening(so_far: Transcript, duration_s: float, spent: float) -> Listening:
    done = min(1.0, so_far.segments[-1].end_s / duration_s) if so_far.segments else 0.0
    return Listening(done, spent * (1 - done) / done if done else None, so_far)
