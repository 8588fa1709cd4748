from __future__ import annotations

import asyncio

from voxdemo.lanes.arrivals import Arrivals


async def on_the_way(arrivals: Arrivals, name: str, work: asyncio.Event, arrived: list[str]) -> None:
    with arrivals.arrive() as place:
        await work.wait()
        await place.turn()
        arrived.append(name)
        place.leave()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_they_reach_the_line_in_the_order_in_which_they_came() -> None:
    arrivals, arrived, works = Arrivals(), [], [asyncio.Event() for _ in range(3)]
    tasks = [
        asyncio.ensure_future(on_the_way(arrivals, str(number), work, arrived)) for number, work in enumerate(works)
    ]
    for number, expected in ((2, []), (1, []), (0, ["0", "1", "2"])):
        await settle()
        works[number].set()
        await settle()
        assert arrived == expected
    await asyncio.gather(*tasks)


async def test_one_that_leaves_or_fails_holds_up_nobody_but_lets_nobody_past_those_before_it() -> None:
    arrivals, arrived, first, last = Arrivals(), [], asyncio.Event(), asyncio.Event()
    tasks = [asyncio.ensure_future(on_the_way(arrivals, "first", first, arrived))]
    await settle()
    leaving = asyncio.ensure_future(on_the_way(arrivals, "leaving", asyncio.Event(), arrived))
    await settle()
    tasks.append(asyncio.ensure_future(on_the_way(arrivals, "last", last, arrived)))
    await settle()
    leaving.cancel()
    last.set()
    await settle()
    assert arrived == []
    first.set()
    await asyncio.gather(*tasks)
    assert arrived == ["first", "last"]


async def test_who_waits_may_be_cancelled_without_harm_to_those_before() -> None:
    arrivals, arrived, first, ready = Arrivals(), [], asyncio.Event(), asyncio.Event()
    ready.set()
    one = asyncio.ensure_future(on_the_way(arrivals, "one", first, arrived))
    await settle()
    waiting = asyncio.ensure_future(on_the_way(arrivals, "waiting", ready, arrived))
    await settle()
    waiting.cancel()
    await settle()
    first.set()
    await one
    assert arrived == ["one"]
