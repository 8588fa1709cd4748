"""A job as one program gets it: its events and its sound in one stream, as fast as the program reads.

Knows the service's events and the sounds that are being made, nothing of HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import soundfile

from voxdemo.service.live_sound import Listener
from voxdemo.speech import Captions, Retaken, Segment, Speaking, SpeechEvent, Spoken, Waiting
from voxdemo.threads import in_thread

AHEAD = 2
"""How many blocks of sound are read before they are asked for; the others stay on the disk."""
SAMPLE_BYTES = 2
BLOCK_FRAMES = 1 << 18
"""Samples in a block of a sound that was there already."""


@dataclass(frozen=True, slots=True)
class SoundBegins:
    """Sound follows, at this rate in Hz; so many samples where that is known."""

    sample_rate: int
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Captioned:
    """Sentences that were heard, with the times of their words in the sound that has come."""

    segments: Sequence[Segment]


JobEvent = Waiting | SoundBegins | Speaking | bytes | Captioned | Spoken
"""Waiting… → SoundBegins → Speaking, 16-bit little-endian samples and what is said in them… → Spoken."""


class JobStream:
    """Iterate it for what comes of the job; it raises what the job raises.

    The job runs in a task of its own, so that nothing of it depends on how the request is cut off. It
    ends with the job, or with `leave`, which whoever made this calls when it reads no further; others may listen on.
    """

    def __init__(self, events: AsyncGenerator[SpeechEvent, None], live: Mapping[str, Listener]) -> None:
        self._queue: asyncio.Queue[JobEvent | Exception | None] = asyncio.Queue()  # None is the end
        self._room = asyncio.Semaphore(AHEAD)  # for sound alone, so that a slow listener keeps no job from its end
        self._live = live
        self._task = asyncio.create_task(self._run(events))

    async def leave(self) -> None:
        """Returns when the job has been left."""
        await asyncio.sleep(0)  # the task has begun: it gives the ticket of the request back
        self._task.cancel()
        await asyncio.wait({self._task})

    async def __aiter__(self) -> AsyncGenerator[JobEvent, None]:
        while (item := await self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
            if isinstance(item, bytes):
                self._room.release()

    async def _run(self, events: AsyncGenerator[SpeechEvent, None]) -> None:
        try:
            await self._hear(events)
            self._queue.put_nowait(None)
        except Exception as error:  # it is raised where the stream is read
            self._queue.put_nowait(error)

    async def _hear(self, events: AsyncGenerator[SpeechEvent, None]) -> None:
        listening: asyncio.Task[None] | None = None
        spoken: Spoken | None = None
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Speaking) and listening is None and (share := self._live.get(event.sound)):
                        listening = asyncio.create_task(self._listen(share))
                    if isinstance(event, Spoken):
                        spoken = event  # and the job goes to its end
                    else:
                        self._queue.put_nowait(event)
            assert spoken, "a generation that raises nothing ends with Spoken"
            await (listening or self._read(spoken))
        finally:
            if listening:
                listening.cancel()
        self._queue.put_nowait(spoken)

    async def _listen(self, share: Listener) -> None:
        rate, sent, late_s = share.sound.sample_rate, 0, 0.0
        self._queue.put_nowait(SoundBegins(rate))
        async with aclosing(share.sound.listen()) as heard:
            async for event in heard:
                match event:
                    case bytes():
                        await self._hand_on(event)
                        sent += len(event) // SAMPLE_BYTES
                    case Retaken(start_s):  # what was sent of it is heard all the same
                        late_s = sent / rate - start_s
                    case Captions(segments=segments, is_settled=True):
                        self._queue.put_nowait(Captioned([segment.later(late_s) for segment in segments]))

    async def _read(self, spoken: Spoken) -> None:
        """A sound that was there already."""
        with soundfile.SoundFile(spoken.path) as file:
            self._queue.put_nowait(SoundBegins(file.samplerate, file.frames))
            while block := await in_thread(lambda: file.read(BLOCK_FRAMES, dtype="int16").tobytes()):
                await self._hand_on(block)
        self._queue.put_nowait(Captioned(spoken.captions))

    async def _hand_on(self, sound: bytes) -> None:
        await self._room.acquire()
        self._queue.put_nowait(sound)
