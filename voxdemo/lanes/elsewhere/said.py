"""What a voice says of a job, from its first event on, for every front end whose people want the same.

Lives on the event loop. Knows no models and no HTTP.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from tempfile import SpooledTemporaryFile
from typing import Any

from voxdemo.lanes import wire
from voxdemo.lanes.shared_work import see_through

ALIVE_EVERY_S = 2.0
"""How often something is said, if only that the voice is there."""
KEPT_S = 10.0
"""How long a job that has ended can still be heard: by whoever was told of it before."""
IN_MEMORY = 16 * 2**20
"""Bytes of a job's sound from which on it lies in a temporary file: three minutes at 24 kHz."""
READ_BYTES = 1 << 18
ALIVE = wire.to_bytes(None)


class Said:
    """A job's events as they travel. The job begins with the first who hears it, and stops when the last one leaves."""

    def __init__(self, events: AsyncGenerator[Any, None]) -> None:
        self.is_left = False
        """Whether it was stopped, as everybody had left."""
        self._events = events
        self._bytes = SpooledTemporaryFile[bytes](IN_MEMORY)
        self._size = 0
        self._heard_by = 0
        self._changed = asyncio.Event()
        self._over_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_past(self) -> bool:
        """Whether nobody hears it any more, or will."""
        ended = self._over_at is not None and time.monotonic() - self._over_at > KEPT_S
        return not self._heard_by and (ended or self.is_left)

    def close(self) -> None:
        """Let go of what was said: nobody may hear it any more."""
        self._bytes.close()

    async def heard(self) -> AsyncGenerator[bytes, None]:
        """All of it from the beginning, then what comes, until its end."""
        self._heard_by += 1
        self._task = self._task or asyncio.ensure_future(self._hear())
        try:
            position = 0
            while position < self._size or self._over_at is None:
                if position < self._size:
                    self._bytes.seek(position)
                    chunk = self._bytes.read(READ_BYTES)
                    position += len(chunk)
                    yield chunk
                elif not await self._has_changed():
                    yield ALIVE
        finally:
            self._heard_by -= 1
            if not self._heard_by and self._over_at is None:
                self.is_left = True
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
                    self._bytes.seek(self._size)
                    self._size += self._bytes.write(wire.to_bytes(event))
                    self._tell()
        finally:
            self._over_at = time.monotonic()
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
