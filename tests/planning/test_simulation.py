"""A day that is played: the rules of the line, generators that come and go, and what theory says of the same."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from rings import first_of

simpy = pytest.importorskip("simpy", reason="needs SimPy, from requirements-plan.txt")

from voxdemo.errors import InputError  # noqa: E402
from voxdemo.lanes.elastic import Elastic  # noqa: E402
from voxdemo.lanes.turns import Size, in_turn  # noqa: E402
from voxdemo.planning import simulation, theory  # noqa: E402
from voxdemo.planning.simulation import Day, SimulatedLine, SimulatedRequest  # noqa: E402
from voxdemo.planning.work import VOICES, Work, as_measured  # noqa: E402

TEXTS = Work("texts", [float(seconds) for seconds in range(2, 9)], 1.0, 1.0, "")
ONE = Elastic(1, 1)


def served(
    arrivals: Sequence[tuple[float, Size]], elastic: Elastic = ONE, queue_size: int = 100
) -> list[SimulatedRequest]:
    """What becomes of jobs that arrive then, in the order in which they begin."""
    env, requests = simpy.Environment(), list[SimulatedRequest]()
    line = SimulatedLine(env, queue_size, elastic, requests)
    for at, size in arrivals:
        env.run(until=at)
        line.enter(size)
    env.run(until=1e5)
    return requests


def begun(requests: Sequence[SimulatedRequest]) -> list[tuple[float, float]]:
    return [(each.arrived_at, each.arrived_at + each.wait_s) for each in requests if each.wait_s is not None]


def test_turns_come_as_the_real_line_gives_them() -> None:
    rng = random.Random(1)
    for _ in range(30):
        speaks = [True, *(rng.random() < 0.5 for _ in range(9))]
        arrivals = [(1 + number / 100, Size(1.0, is_text)) for number, is_text in enumerate(speaks)]
        waiting = [at for at, _ in arrivals[1:]]
        turns = in_turn(waiting, [not is_text for is_text in speaks[1:]], False)
        assert [at for at, _ in begun(served(arrivals))] == [arrivals[0][0], *turns]


def test_a_longer_text_stands_aside_for_one_brief_job_and_goes_on() -> None:
    requests = served([(1, Size(25.0)), (2, Size(3.0)), (3, Size(3.0)), (4, Size(15.0))])
    assert begun(requests) == [(1, 1), (2, 11), (3, 24), (4, 32)]


def test_who_comes_to_a_full_line_is_refused() -> None:
    requests = served([(1, Size(5.0)), (2, Size(5.0)), (3, Size(5.0)), (4, Size(5.0))], queue_size=2)
    assert [each.arrived_at for each in requests if each.wait_s is None] == [4]


def test_generators_come_when_people_would_wait_too_long_and_go_when_they_are_idle() -> None:
    rules = Elastic(1, 3, target_s=10.0, start_s=30.0, idle_s=60.0)
    env, requests = simpy.Environment(), list[SimulatedRequest]()
    line = SimulatedLine(env, 100, rules, requests)
    there = []
    env.run(until=1)
    for _ in range(10):
        line.enter(Size(9.0))
    for moment in (2.5, 30.0, 32.5, 500.0):
        env.run(until=moment)
        there.append((line.ready, line.starting))
    assert there == [(1, 2), (1, 2), (3, 0), (1, 0)]  # asked for at the next look, ready 30 s later, gone when idle
    assert len(begun(requests)) == 10


def test_with_none_at_rest_the_first_request_starts_one() -> None:
    rules = Elastic(0, 1, start_s=30.0, idle_s=60.0)
    assert begun(served([(100, Size(2.0)), (110, Size(2.0)), (1_000, Size(2.0))], rules)) == [
        (100, pytest.approx(131, abs=1.5)),
        (110, pytest.approx(133, abs=1.5)),
        (1_000, pytest.approx(1_031, abs=1.5)),
    ]


def test_the_same_seed_plays_the_same_day() -> None:
    day = Day(0.05, TEXTS, Elastic(1, 2))
    first, again, other = (simulation.play(day, seed) for seed in (1, 1, 2))
    assert first == again
    assert first.requests != other.requests
    assert len(first.generators) == 24 * 60
    assert (min(first.generators), max(first.generators)) == (1, 2)


@pytest.mark.parametrize(("generators", "busy"), first_of((2, 0.7), (1, 0.6), (4, 0.8)))
def test_a_busy_hour_waits_as_the_formula_says(generators: int, busy: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "rate_at", lambda _: 1.0)  # all day
    per_s = busy * generators / 5.0
    requests = simulation.play(Day(per_s, TEXTS, Elastic(generators, generators), queue_size=1_000), 3).requests
    waits = [each.wait_s for each in requests if each.wait_s is not None]
    expected = theory.open_wait(TEXTS.texts_s, per_s, generators, 0.95)
    assert theory.percentile(waits, 0.95) == pytest.approx(expected, rel=0.15)


def test_a_line_as_long_as_planned_refuses_no_more_than_the_plan_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the peak, with recordings, which take longer than texts and go before them."""
    monkeypatch.setattr(simulation, "HOURS", 4)
    monkeypatch.setattr(simulation, "rate_at", lambda _: 1.0)
    work, per_s = as_measured(VOICES["builtin"], 300, 0.1), 10 / 3
    queue_size = theory.queue_size(work.services, per_s, 2, work.recordings_load)
    assert queue_size < 100
    requests = simulation.play(Day(per_s, work, Elastic(2, 2), queue_size=queue_size), 3).requests
    assert sum(each.wait_s is None for each in requests) <= theory.REFUSED * len(requests)


@pytest.mark.parametrize(("elastic", "lines"), first_of((ONE, 1), (ONE, 2), (Elastic(0, 2), 1)))
def test_who_still_waits_at_midnight_is_served_and_counted(elastic: Elastic, lines: int) -> None:
    slow = Work("slow", [500 * each for each in TEXTS.texts_s], 1.0, 1.0, "")
    tired, rested = (simulation.play(Day(0.002, work, elastic, lines), 1).requests for work in (slow, TEXTS))
    assert [each.arrived_at for each in tired] == [each.arrived_at for each in rested]
    assert all(each.arrived_at < 86_400 for each in tired)
    assert max(each.arrived_at + (each.wait_s or 0.0) for each in tired) > 90_000


def test_a_day_that_would_never_end_is_refused() -> None:
    with pytest.raises(InputError, match="A day of these users has 47,520,000 requests: play one with at most 2,000,0"):
        simulation.play(Day(1_000.0, TEXTS, ONE), 0)


def test_everybody_stays_in_the_line_of_their_machine() -> None:
    """Two lines of one generator wait longer than one line of two, and neither refuses more than it must."""
    apart, together = (Day(0.25, TEXTS, Elastic(each, each), lines) for lines, each in ((2, 1), (1, 2)))
    means = [sum(each.wait_s or 0.0 for each in simulation.play(day, 5).requests) for day in (apart, together)]
    assert means[0] > 1.5 * means[1]


def test_a_day_is_quietest_at_four_and_busiest_at_four_in_the_afternoon() -> None:
    rates = [simulation.rate_at(3600 * hour) for hour in range(24)]
    assert (rates.index(min(rates)), rates.index(max(rates))) == (4, 16)
    assert (min(rates), max(rates)) == (pytest.approx(0.1), pytest.approx(1.0))
