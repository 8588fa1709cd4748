"""Sound that can be heard while it is made: a wav that grows on disk, and what each listener gets of it.

Each listener reads the file at their own pace, so that none slows the voice down, and memory doesn't grow with the
length of the sound. Requests that are equal share one; each has a folder and a token of its own, so that neither its
leaving nor its token shows anything of the others. Everything here lives on the event loop, but for reading, writing,
linking and copying files. Knows no line, no web and no text.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from voxdemo.audio.wav import GrowingWav
from voxdemo.files import link_or_copy, remove
from voxdemo.lanes.shared_work import SharedWork, see_through
from voxdemo.speech import Captions, Retaken, Samples, Segment, SpeechEvent
from voxdemo.stores.results import made_in, speech_file, write_beside
from voxdemo.threads import COPYING, in_thread

log = logging.getLogger(__name__)

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
        with suppress(FileNotFoundError), self._wav.reader() as file:  # it was put away when it ended
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


@dataclass(frozen=True, slots=True)
class Listener:
    """A client that hears a sound while it is made."""

    sound: LiveSound
    folder: Path
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the folder has the whole sound, or what there was of it when the client left."""


class SharedSound(SharedWork[SpeechEvent]):
    """A sound and the work that makes it, in a `folder` that is deleted when the last listener has left.

    `work` writes `sound` and finishes it however it ends. It stops when the last one that has joined leaves. In the end
    `ended` is called.
    """

    def __init__(
        self, folder: Path, sound: LiveSound, work: AsyncGenerator[SpeechEvent, None], ended: Callable[[], None]
    ) -> None:
        super().__init__(work, ended)
        self._folder = folder
        self._sound = sound
        self._heard_by = 0

    @asynccontextmanager
    async def listener(self, folder: Path) -> AsyncGenerator[Listener, None]:
        """A listener whose own folder this is. At the end the sound is put there, whole or as far as it has come."""
        listener = Listener(self._sound, folder)
        self._heard_by += 1
        try:
            yield listener
        finally:
            await see_through(asyncio.ensure_future(self._settle(listener)))  # its folder is needed until then

    async def _settle(self, listener: Listener) -> None:
        try:
            if self._sound.is_over:
                await in_thread(self._link, listener.folder)
            else:
                await in_thread(self._copy, listener.folder, pool=COPYING)
        except OSError:
            log.exception("a sound can't be handed on")
        finally:
            listener.over.set()
            self._heard_by -= 1
            if not self._heard_by:
                await in_thread(remove, self._folder)

    def _link(self, folder: Path) -> None:
        for file in made_in(self._folder):
            link_or_copy(file, folder / file.name)

    def _copy(self, folder: Path) -> None:
        if self._sound.duration_s:
            self._sound.copy(speech_file(folder))
