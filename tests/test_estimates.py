from __future__ import annotations

import pytest

from voxdemo.estimates import REMEMBERED_JOBS, Pace


def test_nothing_is_known_before_the_first_job() -> None:
    assert Pace().seconds(100) is None


def test_one_job_gives_a_proportion() -> None:
    pace = Pace()
    pace.learn(100, 2.0)
    assert pace.seconds(50) == pytest.approx(1.0)


def test_jobs_of_different_sizes_tell_the_fixed_part_from_the_part_per_unit() -> None:
    pace = Pace()
    for units in (10, 20, 100, 200):
        pace.learn(units, 3.0 + 0.1 * units)
    assert pace.seconds(50) == pytest.approx(8.0)


def test_a_nonsensical_fit_falls_back_to_a_proportion() -> None:
    pace = Pace()
    pace.learn(10, 5.0)
    pace.learn(100, 1.0)
    assert pace.seconds(110) == pytest.approx(6.0)


def test_it_follows_a_machine_that_becomes_slower() -> None:
    pace = Pace()
    for _ in range(10):
        pace.learn(100, 1.0)
    for _ in range(REMEMBERED_JOBS):
        pace.learn(100, 4.0)
    assert pace.seconds(100) == pytest.approx(4.0)
