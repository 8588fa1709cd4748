"""The server's /metrics during a run, read once a second."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

from voxdemo.loadtest.measured import Moment, Run

log = logging.getLogger(__name__)

EVERY_S = 1.0


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
        await asyncio.sleep(EVERY_S)
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
