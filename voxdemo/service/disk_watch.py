"""Whether what is made can be written, and after it couldn't, when it can again. Knows nothing of what is made.

Lives on the event loop.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable

from voxdemo.errors import StorageError, VoxdemoError

log = logging.getLogger(__name__)

TRY_EVERY_S = 5.0


class Storage:
    """Told of every writing, and `fault` says what was wrong with the last one; "" where nothing was.

    While there is a fault, `try_again` is called now and then, which makes and writes something small: no
    request may come meanwhile that would show that writing works again. What it raises is ignored.
    """

    def __init__(self, try_again: Callable[[], Awaitable[None]]) -> None:
        self.fault = ""
        self._try_again = try_again
        self._trying: asyncio.Task[None] | None = None

    def note(self, error: VoxdemoError | None) -> None:
        """Something was written, or ended with this error."""
        self.fault = error.sentence if isinstance(error, StorageError) else ""
        if self.fault and (self._trying is None or self._trying.done()):
            self._trying = contextvars.Context().run(lambda: asyncio.ensure_future(self._keep_trying()))

    async def close(self) -> None:
        """Try no more."""
        if self._trying:
            self._trying.cancel()
            await asyncio.wait([self._trying])

    async def _keep_trying(self) -> None:
        while self.fault:
            await asyncio.sleep(TRY_EVERY_S)
            try:
                await self._try_again()
            except VoxdemoError:
                pass  # not yet
            except Exception:  # whatever it is, this goes on, or the end of the fault would stay unseen
                log.exception("it can't be found out whether sounds can be written")
