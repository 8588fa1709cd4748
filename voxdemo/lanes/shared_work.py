"""Work that several listeners wait for: done once, its events handed to all, stopped when the last one leaves.

Lives on the event loop. Knows nothing of what is done.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from voxdemo.errors import VoxdemoError

log = logging.getLogger(__name__)

T = TypeVar("T")


class SharedWork(Generic[T]):
    """One run of `work`, in a task of its own that begins at once.

    `work` is closed when the last listener leaves. From then on, or from its end, it `is_over`: too late to join.
    `ended` is called in the end, even if the work was never begun.
    """

    def __init__(self, work: AsyncGenerator[T, None], ended: Callable[[], None] = lambda: None) -> None:
        self.is_over = False
        self._listeners: list[_Inbox[T]] = []
        self._last: T | None = None
        self._error: BaseException | None = None
        self._task = asyncio.ensure_future(self._run(work))
        self._task.add_done_callback(lambda _: ended())

    async def join(self) -> AsyncGenerator[T, None]:
        """What is told from now on, with what was told last before it. Raises what the work raises.

        A slow listener gets only the newest event of each kind.
        """
        inbox: _Inbox[T] = _Inbox()
        if self._last is not None:
            inbox.put(self._last)
        if self.is_over:
            inbox.put(None)
        self._listeners.append(inbox)
        try:
            while (item := await inbox.get()) is not None:
                yield item
            if self._error:
                raise self._error
        finally:
            self._listeners.remove(inbox)
            if not self._listeners:
                self.is_over = True
                self._task.cancel()
                await see_through(self._task)  # what it works with may be put away now

    async def _run(self, work: AsyncGenerator[T, None]) -> None:
        try:
            async with aclosing(work):
                async for item in work:
                    self._last = item
                    self._tell(item)
        except BaseException as error:  # it's for the listeners
            self._error = error
            if not self._listeners and not isinstance(error, VoxdemoError | asyncio.CancelledError):
                log.exception("work failed when nobody waited for it any more")
        finally:
            self.is_over = True
            self._tell(None)

    def _tell(self, item: T | None) -> None:
        for inbox in self._listeners:
            inbox.put(item)


async def see_through(task: asyncio.Future[T]) -> None:
    """Wait until it has ended, even if the caller is cancelled meanwhile, once or more often: that is raised then."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


class _Inbox(Generic[T]):
    """Events that a listener hasn't got yet; None is the end."""

    def __init__(self) -> None:
        self._items: deque[T | None] = deque()
        self._filled = asyncio.Event()

    def put(self, item: T | None) -> None:
        if self._items and type(self._items[-1]) is type(item):
            self._items.pop()
        self._items.append(item)
        self._filled.set()

    async def get(self) -> T | None:
        await self._filled.wait()
        item = self._items.popleft()
        if not self._items:
            self._filled.clear()
        return item
