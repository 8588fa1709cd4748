"""One utterance on its way from the line to its file: what the line tells becomes sound, captions and progress.

Lives on the event loop. Knows the job and its sound; no line, no model and no web.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeVar

from voxdemo import jobs
from voxdemo.audio.encode import fewer_bars
from voxdemo.countdown import Countdown
from voxdemo.errors import EngineError, VoxdemoError
from voxdemo.jobs import Cut, LaneEvent, Piece, SpeakJob, Started
from voxdemo.live import LiveSound
from voxdemo.speech import (
    Captions,
    Chunk,
    Listening,
    RecognitionEvent,
    Retaken,
    Speaking,
    SpeechEvent,
    Spoken,
    Transcript,
    Waiting,
)
from voxdemo.take import Take
from voxdemo.threads import in_thread

log = logging.getLogger(__name__)

MOST_BARS = 1200
"""Bars of the wave that are told of a finished sound; more can't be drawn."""


class Rendition:
    """The take of a job, recorded as it comes.

    `sound` takes what is spoken, `key` is what that can be heard under, `countdown` steadies the seconds that are told.
    """

    def __init__(self, job: SpeakJob, take: Take, sound: LiveSound, key: str, countdown: Countdown) -> None:
        self.job = job
        self._take = take
        self._sound = sound
        self._key = key
        self._countdown = countdown
        self._transcript = ""
        self._stopped = ""

    async def told(self, events: AsyncGenerator[LaneEvent, None]) -> AsyncGenerator[SpeechEvent, None]:
        """What the line's events of this job mean to people. Closing this closes `events`.

        A failure after the first sound ends the sound there; one before it is raised, as EngineError where the sound
        can't be written.
        """
        try:
            async with aclosing(events):
                async for event in events:
                    for told in await in_thread(partial(self._taken, event)):  # joining takes up to 0.1 s
                        await self._record(told)
                        yield self._keyed(steady(told, self._countdown))
            ending = await in_thread(self._take.end)
        except VoxdemoError as error:
            if not self._sound.duration_s:
                raise
            ending = self._take.break_off()
            self._stopped = f"The voice stopped after {self._take.where_it_stopped()}. {error.sentence}"
        for told in ending:
            await self._record(told)
            yield self._keyed(told)

    def spoken(self, notes: Sequence[str], since_arrival_s: float) -> Spoken:
        """The result; `notes` are what people should know of it beside what its take has to say.

        Raises EngineError where there was no sound.
        """
        take = self._take
        if not self._sound.duration_s:
            subject = self.job.engine.subject
            raise EngineError(f"{subject} made no sound of this text: change it a little and try again.")
        assert self.job.utterance.seed is not None
        read = [f"The transcript was made from the prompt audio: “{self._transcript}”"] if self._transcript else []
        return Spoken(
            path=self._sound.path,
            duration_s=self._sound.duration_s,
            seed=self.job.utterance.seed,
            seconds_spent=take.seconds_spent,
            captions=take.captions,
            peaks=fewer_bars(self._sound.peaks, MOST_BARS),
            warnings=(*notes, *read, *take.warnings()),
            stopped=self._stopped,
            timings={
                "waiting": since_arrival_s - take.seconds_spent,
                "first_chunk": take.seconds_to_first_chunk,
                "speaking": take.seconds_spent,
            },
        )

    def _taken(self, event: LaneEvent) -> Sequence[SpeechEvent]:
        match event:
            case Waiting():
                return (event,)
            case Started():
                return (self._take.begin(self.job.expected_s),)
            case Transcript(text):
                self._transcript = text
                return (self._take.begin(self.job.speaking_s),)
            case Piece(part, samples):
                return self._take.add(part, samples)
            case jobs.Retaken(part):
                return self._take.retake(part)
            case Cut():
                self._take.cut()
        return ()

    def _keyed(self, event: SpeechEvent) -> SpeechEvent:
        return replace(event, sound=self._key) if isinstance(event, Speaking) else event

    async def _record(self, event: SpeechEvent) -> None:
        try:
            match event:
                case Chunk(samples):
                    await self._sound.write(samples)
                case Captions():
                    self._sound.caption(event)
                case Retaken(start_s):
                    await self._sound.cut(start_s)
        except OSError as error:
            log.exception("the sound can't be written")
            raise EngineError("The server has no room left for the sound: tell whoever runs it.") from error


Told = TypeVar("Told", bound=SpeechEvent | RecognitionEvent)


def steady(event: Told, countdown: Countdown) -> Told:
    """The event with seconds that count down, whatever was measured anew meanwhile."""
    match event:
        case Waiting(_, seconds):
            return replace(event, seconds=countdown.tell(seconds, time.monotonic()))
        case Speaking(_, left) | Listening(_, left):
            return replace(event, seconds_left=countdown.tell(left, time.monotonic()))
    return event
