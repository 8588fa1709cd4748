"""One utterance on its way from the line to its file: what the line tells becomes sound, captions and progress.

Lives on the event loop. Knows the job and its sound; no line, no model and no web.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from voxdemo.audio.wav import fewer_bars
from voxdemo.errors import EngineError, StorageError, VoxdemoError
from voxdemo.lanes.jobs import Cut, LaneEvent, PartRetaken, PartTimed, Paused, Piece, Resumed, SpeakJob, Started
from voxdemo.service.live_sound import LiveSound
from voxdemo.service.speech_assembler import SpeechAssembler
from voxdemo.speech import Captions, Chunk, Retaken, Speaking, Spoken, TakeEvent, Transcript, Waiting
from voxdemo.stores.results import MOST_BARS
from voxdemo.threads import in_thread

log = logging.getLogger(__name__)


class JobRecorder:
    """The take of a job, recorded as it comes into `sound`."""

    def __init__(self, job: SpeakJob, take: SpeechAssembler, sound: LiveSound) -> None:
        self.job = job
        self._take = take
        self._sound = sound
        self.error: VoxdemoError | None = None
        self._transcript = ""
        self._stopped: EngineError | None = None

    async def told(self, events: AsyncGenerator[LaneEvent, None]) -> AsyncGenerator[Waiting | Speaking, None]:
        """How it goes, by the line's events of this job. Closing this closes `events`.

        A failure after the first sound ends the sound there; one before it is raised, as StorageError where the sound
        can't be written.
        """
        try:
            async with aclosing(events):
                async for event in events:
                    taken = await in_thread(self._taken, event)  # joining takes up to 0.1 s
                    async for told in self._recorded(taken):
                        yield told
            ending = await in_thread(self._take.end)
        except VoxdemoError as error:
            if not self._sound.duration_s:
                raise
            ending = self._take.break_off()
            self.error = error
            where = self._take.where_it_stopped()
            sentence = "The voice stopped after {where}. {why}"
            self._stopped = EngineError(sentence, "stopped_early", where=where, why=error)
        async for told in self._recorded(ending):
            yield told

    def spoken(self, notes: Sequence[str], since_arrival_s: float) -> Spoken:
        """The result; `notes` are what people should know of it beside what its take has to say.

        Raises EngineError where there was no sound.
        """
        take = self._take
        if not self._sound.duration_s:
            subject = self.job.engine.subject
            sentence = "{subject} produced no audio for this text: change it a little and try again."
            raise EngineError(sentence, code="no_audio", subject=subject)
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
            failure=self._stopped.described if self._stopped else None,
            timings={
                "waiting": since_arrival_s - take.seconds_spent,
                "first_chunk": take.seconds_to_first_chunk,
                "speaking": take.seconds_spent,
            },
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the text is missing, so that the sound is worth being given again."""
        return not self._stopped and not self._take.warnings()

    def _taken(self, event: LaneEvent) -> Sequence[Waiting | TakeEvent]:
        match event:
            case Waiting():
                return (event,)
            case Started():
                return (self._take.begin(self.job.expected_s),)
            case Transcript(text):
                self._transcript = text
                return (self._take.begin(self.job.speaking_s),)
            case Paused(seconds, loading):
                return (self._take.pause(seconds, loading),)
            case Resumed():
                return (self._take.resume(),)
            case Piece(part, samples):
                return self._take.add(part, samples)
            case PartTimed(part, spans):
                return self._take.timed(part, spans)
            case PartRetaken(part):
                return self._take.retake(part)
            case Cut():
                self._take.cut()
        return ()

    async def _recorded(self, events: Sequence[Waiting | TakeEvent]) -> AsyncGenerator[Waiting | Speaking, None]:
        """Of these events those that tell how it goes; the others are put into the sound."""
        for event in events:
            if isinstance(event, Waiting | Speaking):
                yield event
            else:
                await self._record(event)

    async def _record(self, event: Chunk | Captions | Retaken) -> None:
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
            raise StorageError from error
