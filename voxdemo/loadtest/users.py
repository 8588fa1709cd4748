"""How often requests are sent: by users who each ask again when they have their answer, or at random times."""

import asyncio
import itertools
import random
import secrets
from collections.abc import Callable, Sequence

import httpx

from voxdemo.loadtest.doors import Door
from voxdemo.loadtest.measured import Request, Run

PAUSE_S = 1.0
"""How long a refused user waits before asking again, if the server doesn't say."""

Told = Callable[[Request], None]
"""Is told every request that has ended."""


class Texts:
    """Texts to be spoken that no cache has: each bears a number of its own and a word of this load test's."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = itertools.cycle(texts)
        self._numbers = itertools.count(1)
        self._test = secrets.randbelow(10**6)

    def next(self) -> str:
        return f"Test {self._test}, number {next(self._numbers)}. {next(self._texts)}"


async def closed_loop(run: Run, client: httpx.AsyncClient, door: Door, texts: Texts, count: int, told: Told) -> None:
    """`count` requests by the run's users, who each ask again `think_s` after their answer; they come one by one."""
    left = iter(range(count))

    async def user() -> None:
        for _ in left:
            request = await door.ask(client, texts.next())
            run.requests.append(request)
            told(request)
            if request.outcome == "refused":
                await asyncio.sleep(request.retry_after_s or PAUSE_S)
            await asyncio.sleep(run.think_s)

    assert run.users
    await asyncio.gather(*(user() for _ in range(run.users)))


async def open_loop(
    run: Run, client: httpx.AsyncClient, door: Door, texts: Texts, count: int, told: Told, rng: random.Random
) -> None:
    """`count` requests that arrive by chance (a Poisson process), whether or not others have their answer."""

    async def ask() -> None:
        request = await door.ask(client, texts.next())
        run.requests.append(request)
        told(request)

    assert run.per_minute
    asking = []
    for _ in range(count):
        asking.append(asyncio.create_task(ask()))
        await asyncio.sleep(rng.expovariate(run.per_minute / 60))
    await asyncio.gather(*asking)
