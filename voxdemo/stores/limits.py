"""How much one client may ask for: every request is counted, or refused with the time at which to come again.

Requests are counted in memory, or in Redis where several servers count together; while Redis is gone each server
counts for itself, and no request fails or waits for it. Nothing is known here of HTTP, nor of what a client is.
"""

import asyncio
import math
import time
from bisect import bisect_right
from collections import OrderedDict
from functools import partial
from typing import Literal
from weakref import WeakValueDictionary

import limits
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from voxdemo.errors import LimitError
from voxdemo.stores.valkey import Valkey

MOST_CLIENTS = 100_000
"""Clients kept in memory for each rate, about 30 MB; beyond that, the one that was away longest starts from zero."""
ROUNDING_S = 0.001
"""What is added to a wait, because Redis rounds to tenths of milliseconds."""

Counted = tuple[str, str]
"""The kind of request, and the client."""


class Limits:
    """Counts each client's requests in every rate of `rates`, such as "10/minute;1/2seconds"; none: nothing is refused.

    For use on one event loop. All servers with the same `valkey` count together.
    """

    def __init__(self, rates: str, valkey: Valkey | None = None) -> None:
        self._rates = list(dict.fromkeys(limits.parse_many(rates))) if rates else []
        self._memory = _Memory()
        self._redis = _Redis(valkey) if valkey else None
        self._turns: WeakValueDictionary[Counted, asyncio.Lock] = WeakValueDictionary()

    async def take(self, client: str, kind: Literal["job", "upload", "login", "websocket"] = "job") -> None:
        """Count one request of this client, apart for each kind.

        Raises LimitError, with the time until the next one would be let through, and then counts it in no rate. Only
        where two servers let the last one through at the same moment may it stay counted in some.
        """
        if not self._rates:
            return
        whose = (kind, client)
        async with self._turns.setdefault(whose, asyncio.Lock()):  # no other request between the look and the count
            wait_s = await self._count(whose)
        if wait_s:
            raise LimitError.too_many(wait_s)

    async def _count(self, whose: Counted) -> float:
        redis = self._redis
        wait_s = await redis.valkey.ask(partial(_counted, redis, self._rates, whose)) if redis else None
        return await _counted(self._memory, self._rates, whose) if wait_s is None else wait_s


async def _counted(counts: "_Memory | _Redis", rates: list[limits.RateLimitItem], whose: Counted) -> float:
    """Count a request in all rates, or in none; 0, or the seconds until it would be let through.

    Windows move: a request weighs until its rate's time has passed since it came.
    """
    wait_s = max([await counts.wait_s(rate, whose) for rate in rates])
    if wait_s:
        return wait_s
    for rate in rates:
        if not await counts.count(rate, whose):  # another server was faster
            return await counts.wait_s(rate, whose) or ROUNDING_S
    return 0.0


class _Memory:
    """Counts in this process, by the monotonic clock; keeps the clients that came within the time of a rate.

    limits' own storage in memory goes by the wall clock, and over all its clients after each request, with a hop to
    the loop's threads for each: 0.9 s of work for 10,000 clients.
    """

    def __init__(self) -> None:
        self._times: dict[limits.RateLimitItem, OrderedDict[Counted, list[float]]] = {}

    async def wait_s(self, rate: limits.RateLimitItem, whose: Counted) -> float:
        now = time.monotonic()
        times = self._clients(rate).get(whose, [])
        del times[: bisect_right(times, now - rate.get_expiry())]
        return times[-rate.amount] + rate.get_expiry() - now if len(times) >= rate.amount else 0.0

    async def count(self, rate: limits.RateLimitItem, whose: Counted) -> bool:
        if await self.wait_s(rate, whose):
            return False
        now, clients = time.monotonic(), self._clients(rate)
        clients.setdefault(whose, []).append(now)
        clients.move_to_end(whose)  # so that the first is the one that was away longest
        while len(clients) > MOST_CLIENTS or _last(next(iter(clients.values()))) <= now - rate.get_expiry():
            clients.popitem(last=False)
        return True

    def _clients(self, rate: limits.RateLimitItem) -> OrderedDict[Counted, list[float]]:
        return self._times.setdefault(rate, OrderedDict())


def _last(times: list[float]) -> float:
    return times[-1] if times else -math.inf


class _Redis:
    """Counts in Redis."""

    def __init__(self, valkey: Valkey) -> None:
        self.valkey = valkey
        storage = RedisStorage(
            "async+redis://", implementation="redispy", key_prefix="voxdemo", connection_pool=valkey.pool
        )
        self._limiter = MovingWindowRateLimiter(storage)

    async def wait_s(self, rate: limits.RateLimitItem, whose: Counted) -> float:
        window = await self._limiter.get_window_stats(rate, *whose)
        if window.remaining > 0:
            return 0.0
        wait_s = window.reset_time - time.time()
        if wait_s > 2 * rate.get_expiry():  # the clock was set back since, and that may be for years
            await self._limiter.clear(rate, *whose)
            return 0.0
        return max(0.0, wait_s) + ROUNDING_S

    async def count(self, rate: limits.RateLimitItem, whose: Counted) -> bool:
        return await self._limiter.hit(rate, *whose)
