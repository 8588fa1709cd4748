"""Who came first, kept through work that takes some longer than others. Lives on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class Place:
    """One that has come and is still on the way. Made by `Arrivals.arrive`."""

    def __init__(self, before: asyncio.Future[None] | None) -> None:
        self._before = before
        self.all_gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when this one and all who came before have left."""

    async def turn(self) -> None:
        """Returns when all who came before have left."""
        if self._before:
            await asyncio.wait([self._before])
            self._before = None

    def leave(self) -> None:
        """Let those who came later go on. Harmless when it has left."""
        if self._before is None or self._before.done():
            self._pass_on()
        else:
            self._before.add_done_callback(lambda _: self._pass_on())

    def _pass_on(self) -> None:
        if not self.all_gone.done():
            self.all_gone.set_result(None)


class Arrivals:
    """Those who are on the way to a line, which they are to reach in the order in which they came."""

    def __init__(self) -> None:
        self._last: Place | None = None

    @contextmanager
    def arrive(self) -> Generator[Place, None, None]:
        """A place behind all who have come; it is left at the end, if not before."""
        place = self._last = Place(self._last.all_gone if self._last else None)
        try:
            yield place
        finally:
            place.leave()
