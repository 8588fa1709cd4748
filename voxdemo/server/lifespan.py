"""What goes on from the start of the web server to its end: the service, and work that is done again and again."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from voxdemo.service.service import SpeechService
from voxdemo.web.routes import Parts

log = logging.getLogger(__name__)

CLEAN_EVERY_S = 3600.0
LOOK_EVERY_S = 1.0
"""How often it is looked whether something is wrong."""

Work = Callable[[], Coroutine[Any, Any, None]]
"""Goes on until it is cancelled."""


def lifespan(
    parts: Parts, keep_s: float, more_work: Sequence[Work] = ()
) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """The `lifespan` of an app that serves these parts.

    What people sent and got is deleted after `keep_s` seconds. `more_work` goes on as long as the server is up.
    """
    service = parts.service

    @asynccontextmanager
    async def served(_: Any) -> AsyncGenerator[dict[str, Any], None]:
        service.start()
        work: Sequence[Work] = (partial(_clean, service, keep_s), partial(_watch, service), *more_work)
        tasks = [asyncio.create_task(begin()) for begin in work]
        try:
            async with parts.pulse.felt():
                yield {"parts": parts}
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.close()
            await service.stores.limits.close()

    return served


async def _clean(service: SpeechService, keep_s: float) -> None:
    while True:
        try:
            await service.clean(keep_s)
        except Exception:  # the disk, for one; it is tried again
            log.exception("what is old can't be deleted")
        await asyncio.sleep(min(CLEAN_EVERY_S, keep_s / 2))


async def _watch(service: SpeechService) -> None:
    is_failing = False
    while True:
        try:
            service.watch()
            is_failing = False
        except Exception:  # the machine can't be looked at, for one; it is tried again
            if not is_failing:
                log.exception("the server can't be watched")
            is_failing = True
        await asyncio.sleep(LOOK_EVERY_S)
