"""Queueing theory against tables, closed forms and lines that are played through."""

from __future__ import annotations

import heapq
import math
import random
import statistics

import pytest

from voxdemo.planning import theory


@pytest.mark.parametrize(
    ("servers", "load", "waiting"),
    [
        (1, 0.5, 0.5),
        (1, 0.9, 0.9),
        (2, 1.0, 1 / 3),
        (2, 1.5, 9 / 14),
        (3, 2.0, 4 / 9),
        (4, 3.0, 0.5094),
        (5, 4.0, 0.5541),
        (10, 8.0, 0.4092),
    ],
)
def test_erlangs_c_is_that_of_the_tables(servers: int, load: float, waiting: float) -> None:
    assert theory.erlang_c(servers, load) == pytest.approx(waiting, abs=1e-4)


def test_waits_with_exponential_services_are_those_of_the_closed_form() -> None:
    rng = random.Random(1)
    services = [rng.expovariate(1.0) for _ in range(200_000)]
    assert theory.open_wait(services, 0.8, 1, 0.95) == pytest.approx(math.log(0.8 / 0.05) / 0.2, rel=0.05)
    assert theory.open_wait(services, 0.04, 1, 0.95) == 0.0
    assert theory.open_wait(services, 1.1, 1, 0.95) == math.inf


@pytest.mark.parametrize("servers", [1, 2])
def test_an_open_line_waits_as_a_simulation_does(servers: int) -> None:
    rng = random.Random(2)
    services = [rng.uniform(4, 16) for _ in range(1_000)]
    per_s = 0.8 * servers / statistics.fmean(services)
    free, now, waits = [0.0] * servers, 0.0, []
    for _ in range(100_000):
        now += rng.expovariate(per_s)
        begun = max(now, heapq.heappop(free))
        heapq.heappush(free, begun + rng.choice(services))
        waits.append(begun - now)
    assert theory.open_wait(services, per_s, servers, 0.95) == pytest.approx(theory.percentile(waits, 0.95), rel=0.15)


def test_in_a_closed_line_one_waits_for_all_the_others() -> None:
    services = [1.0, 2.0, 6.0]
    waits = theory.closed_waits(services, users=10, servers=1, think_s=0, rng=random.Random(3))
    rng = random.Random(4)
    sums = [sum(rng.choices(services, k=9)) for _ in range(20_000)]
    assert statistics.fmean(waits) == pytest.approx(9 * 3.0, rel=0.02)
    assert theory.percentile(waits, 0.95) == pytest.approx(theory.percentile(sums, 0.95), rel=0.03)
    assert max(theory.closed_waits(services, 2, 2, 0, random.Random(5))) == 0


def test_people_and_places_are_as_many_as_the_wait_allows() -> None:
    services = [10.0] * 50
    people = [theory.most_people(services, 1 / 60, 1, wait_s) for wait_s in (1.0, 30.0, 3_600.0)]
    assert people[0] < people[1] < people[2] == 5  # 90 % of the six that one generator can do a minute
    assert theory.queue_size(services, 0.5 / 10, 1) == 9  # 0.5 to the 10th is a thousandth


def test_very_many_people_are_counted_at_once() -> None:
    assert theory.most_people([0.001] * 20_000, 1 / 60, 1, 1.0) == 54_000  # 90 % of a server's time
