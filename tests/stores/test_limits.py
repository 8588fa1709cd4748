from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from fakes import until

from voxdemo.errors import LimitError, SettingsError
from voxdemo.stores import limits
from voxdemo.stores.limits import Limits
from voxdemo.stores.valkey import Valkey

if TYPE_CHECKING:
    from redis_server import RedisServer

MakeLimits = Callable[..., Limits]
GOOD_S = 2.5
"""How long a hundred requests may take over a Redis that doesn't answer: half of what they would take in turn."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    from redis_server import RedisServer  # here: it skips what needs Valkey where there is none

    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
async def make_limits() -> AsyncGenerator[MakeLimits, None]:
    """Limits, which count in Redis where they get its address, and how often to try it again."""
    made = []

    def make(rates: str, *redis: Any) -> Limits:
        made.append(Valkey(*redis) if redis else None)
        return Limits(rates, made[-1])

    yield make
    for valkey in filter(None, made):
        await valkey.close()


@pytest.fixture(params=["in memory", "in Redis"])
def make(request: pytest.FixtureRequest, make_limits: MakeLimits) -> MakeLimits:
    """Limits, in memory and in Redis."""
    if request.param == "in memory":
        return make_limits
    url = request.getfixturevalue("redis").url
    return lambda rates: make_limits(rates, url)


def notice_of(counted: Limits) -> str:
    return counted._redis.valkey.notice if counted._redis else ""


async def refused(counted: Limits, client: str = "ann", kind: str = "job") -> float:
    """Seconds after which the refused client may come again."""
    with pytest.raises(LimitError) as error:
        await counted.take(client, kind)  # type: ignore[arg-type]
    assert error.value.retry_after_s
    return error.value.retry_after_s


async def let_through(counted: Limits, client: str = "ann", kind: str = "job") -> int:
    """How many requests are let through before the first refusal."""
    for number in range(1000):
        try:
            await counted.take(client, kind)  # type: ignore[arg-type]
        except LimitError:
            return number
    raise AssertionError("nothing was refused")


async def test_without_limits_nothing_is_refused(make_limits: MakeLimits) -> None:
    counted = make_limits("", "redis://nowhere.invalid")
    for _ in range(1000):
        await counted.take("ann")


async def test_each_client_has_its_own_limit(make: MakeLimits) -> None:
    counted = make("3/minute")
    assert await let_through(counted, "ann") == 3
    assert await let_through(counted, "bob") == 3


async def test_jobs_and_uploads_are_counted_apart(make: MakeLimits) -> None:
    counted = make("2/minute")
    assert await let_through(counted, kind="upload") == 2
    assert await let_through(counted, kind="job") == 2


async def test_every_rate_holds_and_the_longest_wait_is_told(make: MakeLimits) -> None:
    counted = make("3/minute;2/100seconds")
    assert await let_through(counted) == 2
    assert 60 < await refused(counted) <= 100
    counted = make("2/10seconds; 2 per hour")
    await counted.take("bob")
    await counted.take("bob")
    assert 3500 < await refused(counted, "bob") < 3601  # Redis has a clock of its own


async def test_who_waits_as_told_is_let_through(make: MakeLimits) -> None:
    counted = make("2/2seconds")
    begun = time.monotonic()
    await counted.take("ann")
    taken = time.monotonic()
    await asyncio.sleep(0.6)  # so that the first leaves the window, and the second stays
    await counted.take("ann")
    asked = time.monotonic()
    wait_s = await refused(counted)
    assert 2 - (time.monotonic() - begun) - 0.05 <= wait_s <= 2 - (asked - taken) + 0.05
    await asyncio.sleep(wait_s)
    await counted.take("ann")


async def test_a_refused_request_counts_in_no_rate(make: MakeLimits) -> None:
    counted = make("1/second;3/minute")
    await counted.take("ann")
    for _ in range(20):
        await refused(counted)
    await asyncio.sleep(await refused(counted))
    await counted.take("ann")  # had they counted, this would be more than 3 a minute
    assert await refused(counted) < 2


async def test_many_at_once_get_no_more_than_one_after_the_other(make: MakeLimits) -> None:
    counted = make("9/hour;7/minute")
    answers = await asyncio.gather(*(counted.take("ann") for _ in range(50)), return_exceptions=True)
    assert [answer for answer in answers if answer is None] == [None] * 7
    assert all(answer is None or isinstance(answer, LimitError) for answer in answers)
    assert await refused(counted) < 61  # had the refused counted for the hour, it would be 3600
    assert notice_of(counted) == ""


async def test_a_clock_that_is_set_back_locks_nobody_out(make: MakeLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, now = make("2/minute"), time.time
    monkeypatch.setattr(time, "time", lambda: now() + 86_400)
    assert await let_through(counted) == 2
    monkeypatch.setattr(time, "time", now)
    (answer,) = await asyncio.gather(counted.take("ann"), return_exceptions=True)
    assert answer is None or (isinstance(answer, LimitError) and 0 < (answer.retry_after_s or 0) < 61)


async def test_the_error_says_it_too(make: MakeLimits) -> None:
    counted = make("1/minute")
    await counted.take("ann")
    with pytest.raises(LimitError, match=r"^Too many requests: try again in (59|60|61) s\.$"):
        await counted.take("ann")


@pytest.mark.long
async def test_memory_is_flat_however_many_clients_come(
    make_limits: MakeLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, now = make_limits("5/minute;100/hour"), time.monotonic
    hours = 0.0
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now() + hours * 3600))

    async def day(number: int) -> int:
        nonlocal hours
        for client in range(500):
            await counted.take(f"{number} {client}")
        hours += 24
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = await day(1)
        for number in range(2, 7):
            last = await day(number)
    finally:
        tracemalloc.stop()
    assert last < first * 1.2


async def test_no_more_than_so_many_clients_are_remembered(
    make_limits: MakeLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_CLIENTS", 2)
    counted = make_limits("1/hour")
    for client in ("ann", "bob", "cy"):
        await counted.take(client)
    await refused(counted, "cy")
    await refused(counted, "bob")
    await counted.take("ann")


async def test_servers_with_one_redis_share_the_count(redis: RedisServer, make_limits: MakeLimits) -> None:
    here, there, by_socket = (make_limits("4/minute", url) for url in (redis.url, redis.url, redis.unix_url))
    await here.take("ann")
    await there.take("ann")
    await by_socket.take("ann")
    await here.take("ann")
    for counted in (here, there, by_socket):
        await refused(counted)


async def test_while_redis_is_gone_each_server_counts_for_itself(
    redis: RedisServer, make_limits: MakeLimits, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = make_limits("2/minute", redis.url, 0.05), make_limits("2/minute", redis.url)
    await there.take("ann")
    assert notice_of(here) == ""
    redis.kill()
    for counted in (here, there):
        assert await let_through(counted) == 2
        assert "this machine only" in notice_of(counted)
    redis.start()
    await until(lambda: not notice_of(here))
    await make_limits("2/minute", redis.url).take("ann")
    assert await let_through(here) == 1  # together with the other server
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert sum("is gone" in line for line in said) == 2  # once each
    assert sum("is back" in line for line in said) == 1


@pytest.mark.parametrize(
    "url",
    ["redis://127.0.0.1:1", "rediss://:secret@127.0.0.1:1/2", "unix:///nowhere/socket", f"redis://{'a' * 70}.invalid"],
)
def test_redis_that_was_never_there_is_no_hindrance(url: str) -> None:
    valkey = Valkey(url)  # before there is an event loop, as a server makes it

    async def use() -> None:
        assert await let_through(Limits("2/minute", valkey)) == 2
        assert valkey.notice
        await valkey.close()

    asyncio.run(use())


@pytest.mark.parametrize("known", [True, False], ids=["connected before", "never connected"])
async def test_a_redis_that_hangs_holds_nobody_up(redis: RedisServer, make_limits: MakeLimits, known: bool) -> None:
    counted = make_limits("5/minute", redis.url, 0.05)
    if known:
        await counted.take("zoe")
    redis.hang()
    started = time.monotonic()
    await asyncio.gather(*(counted.take(f"client {number}") for number in range(100)))
    assert time.monotonic() - started < GOOD_S
    for _ in range(5):
        await counted.take("ann")
    await refused(counted)
    redis.wake()
    await until(lambda: not notice_of(counted))
    await counted.take("ann")


async def test_a_redis_that_takes_nothing_in_counts_as_gone(redis: RedisServer, make_limits: MakeLimits) -> None:
    counted = make_limits("2/minute", redis.url.replace("1234@", "wrong@"), 0.01)
    assert await let_through(counted) == 2
    await until(lambda: bool(notice_of(counted)))


async def test_no_secret_reaches_the_log(
    redis: RedisServer, make_limits: MakeLimits, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    wrong = redis.url.replace("open-sesame", "let-me-in")
    for url in (redis.url, wrong, f"{redis.url}?password=open-sesame-1234"):
        await make_limits("2/minute", url).take("ann")
    redis.kill()
    await make_limits("2/minute", redis.url).take("ann")
    assert "gone" in caplog.text
    assert "sesame" not in caplog.text
    assert "let-me-in" not in caplog.text


@pytest.mark.parametrize(
    "url", ["redis://:open-sesame@host:port", "http://open-sesame", "redis://[open-sesame", "redis://h?db=open-sesame"]
)
def test_a_redis_url_that_makes_no_sense_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        Valkey(url)
    assert error.value.sentence.startswith("VOXDEMO_REDIS_URL ")
    assert "sesame" not in error.value.sentence
    assert error.value.__suppress_context__
