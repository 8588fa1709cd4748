"""What several servers know together, in Valkey or Redis: asked for a moment, and done without while it is gone.

Nothing is known here of what is asked. For use on one event loop.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from voxdemo.errors import SettingsError

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 0.4
"""How long Redis may take for one question before it counts as gone."""
RETRY_EVERY_S = 10.0
"""How often it is tried again while it is gone."""
ASKING_AT_ONCE = 32
"""How many questions are asked at once; more would wait for each other and time out."""

T = TypeVar("T")


class Valkey:
    """The server at `url`; one that can't be understood raises SettingsError. While it is gone no question waits."""

    def __init__(self, url: str, retry_every_s: float = RETRY_EVERY_S) -> None:
        import redis.asyncio  # here, so that servers without Redis don't wait for the import

        try:
            self.pool: Any = redis.asyncio.ConnectionPool.from_url(
                url, socket_connect_timeout=ANSWER_WITHIN_S, socket_timeout=ANSWER_WITHIN_S
            )
        except ValueError:
            what = "VOXDEMO_REDIS_URL can't be understood: write it such as redis://:password@localhost:6379/0."
            raise SettingsError(what) from None  # the cause may contain the password
        self.client: Any = redis.asyncio.Redis(connection_pool=self.pool)
        self._failures = (redis.RedisError, OSError, ValueError, asyncio.TimeoutError)
        self._asking = asyncio.Semaphore(ASKING_AT_ONCE)
        self._retry_every_s = retry_every_s
        self._trying: asyncio.Task[None] | None = None

    @property
    def is_gone(self) -> bool:
        return self._trying is not None

    @property
    def notice(self) -> str:
        """What the operator of the server should know; empty while all is well."""
        if self.is_gone:
            return "Redis can't be reached, so limits and answers are those of this machine only: start it again."
        return ""

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """Its answer; None while it is gone."""
        if self.is_gone:
            return None
        async with self._asking:
            if self.is_gone:  # by now
                return None
            try:
                return await asyncio.wait_for(question(), ANSWER_WITHIN_S)
            except self._failures as error:
                self._lose(error)
                return None

    async def close(self) -> None:
        if self._trying:
            self._trying.cancel()
            await asyncio.wait([self._trying])
        await self.pool.disconnect()

    def _lose(self, error: Exception) -> None:
        if not self.is_gone:
            # Not what the error says: that may contain the address with its password.
            log.warning("Redis is gone (%s): each server goes on by itself.", type(error).__name__)
            self._trying = asyncio.create_task(self._try_again())

    async def _try_again(self) -> None:
        back = False
        while not back:
            await asyncio.sleep(self._retry_every_s)
            with contextlib.suppress(*self._failures):
                # Not a ping: a Redis that is full or a mere copy still answers those.
                await asyncio.wait_for(self.client.set("voxdemo:probe", "", ex=60), ANSWER_WITHIN_S)
                back = True
        log.warning("Redis is back: servers go on together.")
        self._trying = None
