from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest

from voxdemo.errors import StorageError, VoxdemoError
from voxdemo.lanes.shared_work import SharedWork


class Work:
    """Tells what the test hands it."""

    def __init__(self) -> None:
        self.steps: asyncio.Queue[int | str | Exception | None] = asyncio.Queue()
        self.is_closed = False

    async def told(self) -> AsyncGenerator[int | str, None]:
        try:
            while (step := await self.steps.get()) is not None:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.is_closed = True


async def heard(flight: SharedWork[int | str]) -> list[int | str]:
    return [item async for item in flight.join()]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_who_join_are_told_the_same_and_it_runs_once() -> None:
    work = Work()
    flight = SharedWork(work.told())
    first, second = (asyncio.ensure_future(heard(flight)) for _ in range(2))
    for step in (1, "two", None):
        work.steps.put_nowait(step)
        await settle()
    assert await first == await second == [1, "two"]
    assert flight.is_over


async def test_who_comes_later_begins_with_what_was_told_last() -> None:
    work = Work()
    flight = SharedWork(work.told())
    first = asyncio.ensure_future(heard(flight))
    for step in (1, "two"):
        work.steps.put_nowait(step)
        await settle()
    late = asyncio.ensure_future(heard(flight))
    await settle()
    work.steps.put_nowait(3)
    work.steps.put_nowait(None)
    assert await first == [1, "two", 3]
    assert await late == ["two", 3]


async def test_who_is_slow_misses_only_what_was_followed_by_the_same_kind() -> None:
    work = Work()
    flight = SharedWork(work.told())
    async with aclosing(flight.join()) as slow:
        work.steps.put_nowait(0)
        assert await anext(slow) == 0
        for step in (1, 2, "a", "b", 3, None):
            work.steps.put_nowait(step)
        await settle()
        assert [item async for item in slow] == [2, "b", 3]


async def test_one_that_leaves_leaves_the_others_alone_and_the_last_one_stops_it() -> None:
    work = Work()
    flight = SharedWork(work.told())
    first, second = flight.join(), flight.join()
    work.steps.put_nowait(1)
    assert await anext(first) == await anext(second) == 1
    await first.aclose()
    assert not work.is_closed
    work.steps.put_nowait(2)
    assert await anext(second) == 2
    await second.aclose()
    assert work.is_closed
    assert flight.is_over


async def test_a_failure_reaches_all_of_them() -> None:
    work = Work()
    flight = SharedWork(work.told())
    first, second = (asyncio.ensure_future(heard(flight)) for _ in range(2))
    await settle()
    work.steps.put_nowait(ValueError("no"))
    for each in (first, second):
        with pytest.raises(ValueError, match="no"):
            await each


async def test_who_is_cancelled_twice_stops_it_all_the_same() -> None:
    work = Work()
    flight = SharedWork(work.told())
    only = asyncio.ensure_future(heard(flight))
    await settle()
    only.cancel()
    only.cancel()
    with suppress(asyncio.CancelledError):
        await only
    await settle()
    assert work.is_closed


async def test_who_joins_when_all_is_over_is_told_how_it_ended() -> None:
    work = Work()
    flight = SharedWork(work.told())
    work.steps.put_nowait("only")
    work.steps.put_nowait(None)
    await settle()
    assert await asyncio.wait_for(heard(flight), 1) == ["only"]


@pytest.mark.parametrize("finishes", [True, False], ids=["it finishes", "its last listener leaves"])
async def test_its_end_is_told_once(finishes: bool) -> None:
    work, ends = Work(), list[bool]()
    flight = SharedWork(work.told(), lambda: ends.append(True))
    listener = asyncio.ensure_future(heard(flight))
    await settle()
    assert ends == []
    if finishes:
        work.steps.put_nowait(None)
    else:
        listener.cancel()
    await settle()
    assert ends == [True]


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError("a disk"), StorageError()])
async def test_what_goes_wrong_when_nobody_listens_any_more_is_in_the_log(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def told() -> AsyncGenerator[int | str, None]:
        try:
            await asyncio.Event().wait()
            yield 1
        finally:
            raise error

    listener = asyncio.ensure_future(heard(SharedWork(told())))
    await settle()
    listener.cancel()
    await settle()
    is_bug = not isinstance(error, VoxdemoError)
    assert [record.exc_info is not None for record in caplog.records] == [True] * is_bug
    assert (str(error) in caplog.text) is is_bug


async def test_leaving_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    listener = asyncio.ensure_future(heard(SharedWork(Work().told())))
    await settle()
    listener.cancel()
    await settle()
    assert caplog.records == []


async def test_the_last_one_that_leaves_waits_for_the_works_end_however_often_it_is_cancelled() -> None:
    may_end = asyncio.Event()

    async def slow_to_close() -> AsyncGenerator[int, None]:
        try:
            await asyncio.Event().wait()
            yield 1
        finally:
            await may_end.wait()

    leaving = asyncio.ensure_future(heard(SharedWork(slow_to_close())))
    for _ in range(3):
        await settle()
        leaving.cancel()
    await settle()
    assert not leaving.done()
    may_end.set()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
