"""A sound that is being made for all who ask for the same, and what each of them gets of it.

Everybody has a folder and a token of their own, so that nobody's leaving, and no token, tells anything of the others.
Lives on the event loop; files are linked and copied on threads. Knows no line and no web.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from voxdemo.files import link_or_copy
from voxdemo.lanes.shared_work import Flight
from voxdemo.service.live_sound import LiveSound
from voxdemo.speech import Captions, Retaken, SpeechEvent
from voxdemo.stores.results import made_in, speech_file
from voxdemo.threads import COPYING, in_thread

log = logging.getLogger(__name__)


@dataclass
class Share:
    """One person's share of a sound that is being made: it can be heard now, and is in `folder` when it's over."""

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
        """Returns when all there will be is in its folder: the whole sound, or what there was of it when they left."""
        await self._over.wait()

    def settled(self) -> None:
        """It is over."""
        self._over.set()


class Making:
    """A sound and the work that makes it, in a `folder` that goes with the last who has a share in it.

    `work` writes `sound` and finishes it however it ends. It stops when the last of them leaves; then it calls `ended`.
    """

    def __init__(
        self, folder: Path, sound: LiveSound, work: AsyncGenerator[SpeechEvent, None], ended: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._sound = sound
        self._flight = Flight(work, ended)
        self._shares = 0

    @property
    def is_over(self) -> bool:
        """Whether it's too late for another share."""
        return self._flight.is_over

    @asynccontextmanager
    async def share(self, folder: Path) -> AsyncGenerator[Share, None]:
        """A share for somebody whose own folder this is. At the end it is put there, whole or as far as it has come."""
        share = Share(self._sound, folder)
        self._shares += 1
        try:
            yield share
        finally:
            # In a task of its own, because whoever leaves may be cancelled twice.
            await asyncio.shield(asyncio.ensure_future(self._settle(share)))

    def told(self) -> AsyncGenerator[SpeechEvent, None]:
        """How it goes. Closing this is leaving."""
        return self._flight.join()

    async def _settle(self, share: Share) -> None:
        try:
            if self._sound.is_over:
                await in_thread(partial(self._link, share.folder))
            else:
                await in_thread(partial(self._copy, share.folder), COPYING)
        except OSError:
            log.exception("a sound can't be handed on")
        finally:
            share.settled()
            self._shares -= 1
            if not self._shares:
                await in_thread(partial(shutil.rmtree, self._folder, ignore_errors=True))

    def _link(self, folder: Path) -> None:
        for file in made_in(self._folder):
            link_or_copy(file, folder / file.name)

    def _copy(self, folder: Path) -> None:
        if self._sound.duration_s:
            self._sound.copy(speech_file(folder))
