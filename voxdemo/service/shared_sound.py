"""A sound that is being made for all requests that are equal, and what each of their clients gets of it.

Each has a folder and a token of its own, so that neither its leaving nor its token shows anything of the others.
Lives on the event loop; files are linked and copied on threads. Knows no line and no web.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from voxdemo.files import link_or_copy, remove
from voxdemo.lanes.shared_work import SharedWork
from voxdemo.service.live_sound import LiveSound
from voxdemo.speech import Captions, Retaken, SpeechEvent
from voxdemo.stores.results import made_in, speech_file
from voxdemo.threads import COPYING, in_thread

log = logging.getLogger(__name__)


@dataclass
class Listener:
    """A client that hears a sound while it is made; when it is over, the sound is in the client's `folder`."""

    sound: LiveSound
    folder: Path

    def __post_init__(self) -> None:
        self._over = asyncio.Event()

    @property
    def sample_rate(self) -> int:
        """Of the sound, in Hz."""
        return self.sound.sample_rate

    def listen(self) -> AsyncGenerator[bytes | Captions | Retaken, None]:
        """As `LiveSound.listen`."""
        return self.sound.listen()

    async def over(self) -> None:
        """Returns when the folder has the whole sound, or what there was of it when the client left."""
        await self._over.wait()

    def settled(self) -> None:
        """It is over."""
        self._over.set()


class SharedSound:
    """A sound and the work that makes it, in a `folder` that is deleted when the last listener has left.

    `work` writes `sound` and finishes it however it ends. It stops when the last listener leaves. In the end
    `ended` is called.
    """

    def __init__(
        self, folder: Path, sound: LiveSound, work: AsyncGenerator[SpeechEvent, None], ended: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._sound = sound
        self._work = SharedWork(work, ended)
        self._listeners = 0

    @property
    def is_over(self) -> bool:
        """Whether it's too late for another listener."""
        return self._work.is_over

    @asynccontextmanager
    async def listener(self, folder: Path) -> AsyncGenerator[Listener, None]:
        """A listener whose own folder this is. At the end the sound is put there, whole or as far as it has come."""
        listener = Listener(self._sound, folder)
        self._listeners += 1
        try:
            yield listener
        finally:
            # In a task of its own, because a task that leaves may be cancelled twice.
            await asyncio.shield(asyncio.ensure_future(self._settle(listener)))

    def told(self) -> AsyncGenerator[SpeechEvent, None]:
        """How it goes. Closing this is leaving."""
        return self._work.join()

    async def _settle(self, listener: Listener) -> None:
        try:
            if self._sound.is_over:
                await in_thread(self._link, listener.folder)
            else:
                await in_thread(self._copy, listener.folder, pool=COPYING)
        except OSError:
            log.exception("a sound can't be handed on")
        finally:
            listener.settled()
            self._listeners -= 1
            if not self._listeners:
                await in_thread(remove, self._folder)

    def _link(self, folder: Path) -> None:
        for file in made_in(self._folder):
            link_or_copy(file, folder / file.name)

    def _copy(self, folder: Path) -> None:
        if self._sound.duration_s:
            self._sound.copy(speech_file(folder))
