"""Sound that can be heard while it is made: a wav that grows on disk, and its listeners.

The file is the one truth. A listener reads it at a pace of their own, so nobody who listens, or stops listening, slows
the voice down, and memory doesn't grow with the length of the sound. Everything here lives on the event loop, but for
reading and writing the file. Knows no web and no text.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from voxdemo.audio.wav import GrowingWav
from voxdemo.speech import Captions, Retaken, Samples, Segment
from voxdemo.stores.results import write_beside
from voxdemo.threads import in_thread

READ_BYTES = 1 << 16
"""How much a listener is given at once: 1.4 s at 24 kHz."""


class LiveSound:
    """The sound of one job, from its first sample until it's over.

    `path` is where the finished file comes to be; until then it lies beside it. `seed` is told to
    players; None where it changes nothing.
    """

    def __init__(self, path: Path, sample_rate: int, seed: int | None) -> None:
        self.sample_rate = sample_rate
        self.path = path
        self.captions: list[Segment] = []
        self.is_over = False
        self._wav = GrowingWav(path, sample_rate)
        self._seed = seed
        self._notes: list[Captions | Retaken] = []
        self._takes = 0
        self._changed = asyncio.Event()

    @property
    def duration_s(self) -> float:
        """Seconds of sound so far."""
        return self._wav.frames / self.sample_rate

    @property
    def peaks(self) -> Sequence[int]:
        """The wave so far as bars of 0 to 100, ten a second."""
        return self._wav.peaks

    async def write(self, samples: Samples) -> None:
        """Add samples at the end. Raises OSError where the disk is full."""
        await in_thread(self._wav.write, samples)
        self._tell()

    async def cut(self, start_s: float) -> None:
        """Take back what came from `start_s` on, which listeners that have heard of it are told."""
        self._takes += 1
        self.captions = [caption for caption in self.captions if caption.start_s < start_s]
        await in_thread(self._wav.truncate, round(start_s * self.sample_rate))
        self._notes.append(Retaken(start_s))
        self._tell()

    def caption(self, captions: Captions) -> None:
        """Tell listeners which words are heard when."""
        self.captions[captions.first :] = captions.segments
        self._notes.append(captions)
        self._tell()

    def finish(self) -> None:
        """No more will come. Where there was a sample, the file is there now, and beside it what players need."""
        try:
            self._wav.finish()
            if self._wav.frames:
                write_beside(self.path.parent, self._seed, self.duration_s, self.captions, self.peaks)
        finally:
            self.is_over = True
            self._tell()

    def copy(self, path: Path) -> None:
        """Put what there is so far at `path`, in the same way. For any thread; raises OSError."""
        total_s = self._wav.copy(path) / self.sample_rate
        write_beside(path.parent, self._seed, total_s, list(self.captions), list(self.peaks))

    async def listen(self) -> AsyncGenerator[bytes | Captions | Retaken, None]:
        """All of it from the beginning, then what comes, until it is over: 16-bit little-endian samples, and notes."""
        if self.is_over and not self._wav.frames:
            return
        with self._wav.reader() as file:
            position = noted = 0
            while True:
                changed, is_over = self._changed, self.is_over
                while noted < len(self._notes):
                    note = self._notes[noted]
                    noted += 1
                    if isinstance(note, Captions):
                        yield note
                    elif (start := round(note.start_s * self.sample_rate)) < position:
                        position = start
                        yield note
                if position < self._wav.frames:
                    takes = self._takes
                    data = await in_thread(GrowingWav.read, file, position, self._wav.frames, READ_BYTES)
                    if takes == self._takes:  # else it may be of a take that was taken back meanwhile
                        position += len(data) // 2
                        yield data
                elif is_over:
                    return
                elif noted == len(self._notes):
                    await changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
