"""A run: how often requests are sent, and what the server's /metrics say meanwhile."""

import asyncio
import itertools
import logging
import random
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

from voxdemo.loadtest.doors import Door
from voxdemo.loadtest.measured import Moment, Run

log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""How long a refused user waits before asking again, if the server doesn't say."""

METRICS_EVERY_S = 1.0
OnDone = Callable[[], None]
"""Is told when a request of the run has ended."""


def uncached(texts: Sequence[str]) -> Iterator[str]:
    """These texts over and over, as no cache has them: each with a number of its own and a word of this load test's."""
    test = secrets.randbelow(10**6)
    for number, text in enumerate(itertools.cycle(texts), 1):
        yield f"Test {test}, number {number}. {text}"


async def closed_loop(
    run: Run, client: httpx.AsyncClient, door: Door, texts: Iterator[str], count: int, told: OnDone
) -> None:
    """`count` requests by the run's users, who each ask again `think_s` after their answer; they come one by one."""
    left = iter(range(count))

    async def user() -> None:
        for _ in left:
            request = await door.ask(client, next(texts))
            run.requests.append(request)
            told()
            if request.outcome == "refused":
                await asyncio.sleep(request.retry_after_s or PAUSE_S)
            await asyncio.sleep(run.think_s)

    assert run.users
    await asyncio.gather(*(user() for _ in range(run.users)))


async def open_loop(
    run: Run, client: httpx.AsyncClient, door: Door, texts: Iterator[str], count: int, told: OnDone, rng: random.Random
) -> None:
    """`count` requests that arrive by chance (a Poisson process), whether or not others have their answer."""

    async def ask() -> None:
        request = await door.ask(client, next(texts))
        run.requests.append(request)
        told()

    assert run.per_minute
    asking = []
    for _ in range(count):
        asking.append(asyncio.create_task(ask()))
        await asyncio.sleep(rng.expovariate(run.per_minute / 60))
    await asyncio.gather(*asking)


@asynccontextmanager
async def watched(run: Run, client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    """While this is open, the moments of the run are gathered; without /metrics there are none."""
    first = await _moment(client)
    if first is None:
        yield
        return
    run.moments.append(first)
    watching = asyncio.create_task(_watch(run, client))
    try:
        yield
    finally:
        watching.cancel()
        last = await _moment(client)
        run.moments.append(last or run.moments[-1])


async def _watch(run: Run, client: httpx.AsyncClient) -> None:
    while True:
        await asyncio.sleep(METRICS_EVERY_S)
        if moment := await _moment(client):
            run.moments.append(moment)


async def _moment(client: httpx.AsyncClient) -> Moment | None:
    asked_at = time.monotonic()
    try:
        answer = await client.get("/metrics")
        if not answer.is_success:
            return None
        families = text_string_to_metric_families(answer.text)
        samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }
    except (httpx.HTTPError, ValueError):
        log.debug("no metrics", exc_info=True)
        return None
    return Moment((asked_at + time.monotonic()) / 2, samples)
