"""Redis dies, hangs and comes back while people ask: everybody is served all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from callers import all_within, callers
from witness import StartWitness, Witness, new_text

pytestmark = pytest.mark.long

redis_server = pytest.importorskip("redis_server")


@pytest.fixture(scope="module")
def limited(start_witness: StartWitness, redis: Any) -> Witness:
    """A server that counts with Redis, and lets through what comes here."""
    return start_witness(VOXDEMO_REDIS_URL=redis.url, VOXDEMO_RATE_LIMIT="10000/minute", VOXDEMO_QUEUE_SIZE=50)


async def served(witness: Witness) -> bool:
    """Whether ten people at once are, in a time that nobody takes for a hang."""
    witness.stage("open")
    async with callers(witness.url) as people:
        calls = await all_within(20, *(people.call(new_text("limited")) for _ in range(10)))
    return all(call.is_served for call in calls)


async def test_everybody_is_served_whatever_becomes_of_it(limited: Witness, redis: Any, tmp_path: Path) -> None:
    assert await served(limited)
    redis.hang()
    assert await served(limited)
    redis.wake()
    assert await served(limited)
    redis.kill()
    assert await served(limited)
    secret = redis_server.PASSWORD
    assert secret not in limited.ask("GET", "/ready").text
    assert secret not in limited.server.log
    redis.start()
    assert await served(limited)
    limited.before = limited.traces()  # connections to Redis are kept
    limited.prove()
