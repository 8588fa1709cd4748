"""More people at once than the line holds: all are answered, in order, and what it took is given back."""

from __future__ import annotations

import pytest
from callers import Call, all_within, callers, out_of_order
from rings import AT_NIGHT
from witness import QUEUE_SIZE, Witness, new_text

pytestmark = pytest.mark.long

BURSTS = 100 if AT_NIGHT else 3
CROWD = 200


async def test_a_burst_over_the_bound_is_served_in_order_or_told_when_to_come_back(fake: Witness) -> None:
    async with callers(fake.url) as people:
        for _ in range(BURSTS):
            fake.stage("reset")
            calls = [await people.join(new_text("burst")) for _ in range(4 * QUEUE_SIZE)]
            assert {call.status for call in calls} == {200}
            fake.stage("open")
            await all_within(60, *(people.listen(call) for call in calls))
            assert all(call.is_served or call.is_refused_in_words for call in calls), calls
            served = [call.text for call in calls if call.is_served]
            assert QUEUE_SIZE + 1 <= len(served) <= QUEUE_SIZE + 2
            assert fake.ask("GET", "/stage").json()["started"] == served


async def test_two_hundred_at_once_before_one_generator_are_all_answered(fake: Witness) -> None:
    await crowd(fake)
    fake.prove()
    memory = fake.memory
    for _ in range(5 if AT_NIGHT else 1):
        calls = await crowd(fake)
        assert {call.status for call in calls} == {200}
        assert not [call for call in calls if not (call.is_served or call.is_refused_in_words)]
        started = fake.ask("GET", "/stage").json()["started"]
        assert sorted(started) == sorted(call.text for call in calls if call.is_served)
        assert not out_of_order(calls, started)
        fake.prove()
    assert fake.memory < 1.1 * memory


async def crowd(fake: Witness) -> list[Call]:
    """Two hundred who come while nobody is served, and are then."""
    fake.stage("reset")
    async with callers(fake.url) as people:
        calls = await all_within(60, *(people.join(new_text("crowd")) for _ in range(CROWD)))
        assert fake.in_line() <= QUEUE_SIZE + 2
        fake.stage("open")
        return await all_within(60, *(people.listen(call) for call in calls))
