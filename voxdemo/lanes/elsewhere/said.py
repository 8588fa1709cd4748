"""What a voice says of a job, from its first event on, for every front end whose people want the same.

Lives on the event loop. Knows no models and no HTTP.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from voxdemo.errors import StorageError
from voxdemo.lanes import wire
from voxdemo.lanes.messages import END
from voxdemo.lanes.shared_work import see_through

log = logging.getLogger(__name__)

ALIVE_EVERY_S = 2.0
"""How often something is said, if only that the voice is there."""
KEPT_S = 10.0
"""How long a job that has ended can still be heard: by whoever was told of it before. One that nobody has begun to
hear, as its front end left first, may begin as long.
"""
OFFERED_S = 8.0
"""How long the line is told of it, which takes a moment to send somebody here."""
IN_MEMORY = 16 * 2**20
"""Bytes of a job's sound from which on it lies in a temporary file: three minutes at 24 kHz."""
READ_BYTES = 1 << 18
ALIVE = wire.to_bytes(None)


class Said:
    """A job's events as they travel. The job begins with the first who hears it, and stops when the last one leaves."""

    def __init__(self, events: AsyncGenerator[Any, None]) -> None:
        self._is_left = False
        """Whether it was stopped, as everybody had left."""
        self._events = events
        self._bytes: BinaryIO = BytesIO()
        self._size = 0
        self._heard_by = 0
        self._changed = asyncio.Event()
        self._made_at = time.monotonic()
        self._over_at: float | None = None
        self._is_cut_off = False
        self._is_whole = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_past(self) -> bool:
        """Whether nobody hears it any more, or will."""
        since = self._over_at if self._task else self._made_at
        is_old = since is not None and time.monotonic() - since > KEPT_S
        return not self._heard_by and (is_old or self._is_left)

    @property
    def is_over(self) -> bool:
        return self._over_at is not None

    @property
    def is_in_vain(self) -> bool:
        """Whether whoever comes has the job done again: it was stopped, or has failed, and those who heard so are gone.

        Until the line knows that, it sends people here.
        """
        has_failed = self.is_over and not (self._is_whole or self._heard_by)
        return self._is_left or has_failed

    @property
    def is_on_offer(self) -> bool:
        """Whether it has ended well, and those who want the same and are told so now come in time to hear it."""
        is_young = self._over_at is not None and time.monotonic() - self._over_at < OFFERED_S
        return self._is_whole and is_young

    def close(self) -> None:
        """Let go of what was said: nobody may hear it any more."""
        self._bytes.close()

    async def heard(self) -> AsyncGenerator[bytes, None]:
        """All of it from the beginning, then what comes, until its end."""
        self._heard_by += 1
        self._task = self._task or asyncio.ensure_future(self._hear())
        try:
            position = 0
            while position < self._size or not self.is_over:
                if position < self._size:
                    self._bytes.seek(position)
                    chunk = self._bytes.read(min(READ_BYTES, self._size - position))  # half an event may follow
                    position += len(chunk)
                    yield chunk
                elif not await self._has_changed():
                    yield ALIVE
            if self._is_cut_off:
                yield wire.to_bytes(StorageError())
        finally:
            self._heard_by -= 1
            if not (self._heard_by or self.is_over):
                self._is_left = True
                self._task.cancel()
                await see_through(self._task)

    async def _has_changed(self) -> bool:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), ALIVE_EVERY_S)
            return True
        return False

    async def _hear(self) -> None:
        try:
            async with aclosing(self._events):
                async for event in self._events:
                    self._keep(wire.to_bytes(event))
                    self._is_whole = event == END
                    self._tell()
        except OSError:  # of `_keep`: what comes of the job itself is among its events
            log.exception("what a job says can't be kept")
            self._is_cut_off = True
        finally:
            self._over_at = time.monotonic()
            self._tell()

    def _keep(self, event: bytes) -> None:
        """Raises OSError where the disk is full; all that was kept before can still be heard then."""
        if isinstance(self._bytes, BytesIO) and self._size + len(event) > IN_MEMORY:
            self._bytes = _on_disk(memoryview(self._bytes.getvalue()))
        self._bytes.seek(self._size)
        _write(self._bytes, memoryview(event))
        self._size += len(event)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _on_disk(content: memoryview) -> BinaryIO:
    # Without a buffer, or what can't be written would come up again at the next reading.
    file: BinaryIO = TemporaryFile(buffering=0)  # noqa: SIM115 - it stays open as long as the job is kept
    try:
        _write(file, content)
    except OSError:
        file.close()
        raise
    return file


def _write(file: BinaryIO, content: memoryview) -> None:
    while content:
        content = content[file.write(content) :]
