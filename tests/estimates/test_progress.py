from __future__ import annotations

import pytest

from voxdemo.estimates.progress import remaining_s


def test_what_is_left_is_what_was_expected_less_the_time_that_is_over_until_some_of_it_is_done() -> None:
    assert remaining_s(10.0, 0.0, 0.0, 4.0) == 6.0
    assert remaining_s(10.0, 0.0, 0.0, 12.0) == 0.0
    assert remaining_s(None, 0.0, 0.0, 4.0) is None


def test_the_more_is_done_the_more_a_jobs_own_pace_counts() -> None:
    assert remaining_s(10.0, 0.1, 2.0, 2.0) == pytest.approx(0.9 * (0.1 * 20 + 0.9 * 10))
    assert remaining_s(10.0, 0.9, 18.0, 18.0) == pytest.approx(0.1 * (0.9 * 20 + 0.1 * 10))
    assert remaining_s(None, 0.5, 5.0, 6.0) == pytest.approx(4.0)
    assert remaining_s(10.0, 1.0, 8.0, 8.0) == 0.0
