from __future__ import annotations

import random

import pytest

from voxdemo.estimates.countdown import FLOOR_S, Countdown, remaining_s
from voxdemo.speech import Speaking, Waiting


def test_it_counts_down_between_equal_estimates() -> None:
    countdown = Countdown()
    assert [countdown.tell(20.0 - now, now) for now in range(5)] == [20, 19, 18, 17, 16]


def test_a_better_estimate_is_told_at_once() -> None:
    countdown = Countdown()
    countdown.tell(60.0, 0.0)
    assert countdown.tell(12.0, 1.0) == pytest.approx(12.0)


def test_a_worse_estimate_is_told_in_small_steps() -> None:
    countdown = Countdown()
    countdown.tell(20.0, 0.0)
    assert countdown.tell(60.0, 10.0) == pytest.approx(11.5)
    assert countdown.tell(59.0, 11.0) == pytest.approx(1.15 * 10.5)


def test_a_slightly_worse_estimate_is_told_as_it_is() -> None:
    countdown = Countdown()
    countdown.tell(20.0, 0.0)
    assert countdown.tell(11.0, 10.0) == pytest.approx(11.0)


def test_asking_often_makes_no_more_steps() -> None:
    countdown = Countdown()
    countdown.tell(20.0, 0.0)
    told = [countdown.tell(100.0, 0.01 * call) or 0.0 for call in range(100)]
    assert max(told) == pytest.approx(23.0)


def test_a_worse_estimate_is_reached_in_the_end() -> None:
    countdown = Countdown()
    countdown.tell(20.0, 0.0)
    done_at = 100.0
    told = [countdown.tell(done_at - now, now) or 0.0 for now in range(1, 60)]
    assert told[-1] == pytest.approx(done_at - 59)


def test_over_any_run_of_estimates_what_remains_never_grows_by_more_than_a_fifth() -> None:
    chance = random.Random(5)
    countdown, now, before = Countdown(), 0.0, None
    for _ in range(5_000):
        passed = chance.choice([0.0, 0.05, 0.4, 1.0, 3.0])
        now += passed
        told = countdown.tell(chance.uniform(0, 90), now)
        before = None if before is None else before - passed
        if told is None:
            continue
        assert told >= 0
        assert before is None or told <= max(1.2 * before, FLOOR_S) + 1e-9
        before = told


def test_where_little_was_told_and_much_is_left_nothing_is_told_until_the_end() -> None:
    countdown = Countdown()
    countdown.tell(5.0, 0.0)
    told = [countdown.tell(60.0 - now, now) for now in range(1, 61)]
    assert told[:57] == [None] * 57
    assert told[-2:] == [1.0, 1.0]


def test_a_job_that_should_be_over_stands_still_near_the_end() -> None:
    countdown = Countdown()
    countdown.tell(3.0, 0.0)
    told = [countdown.tell(max(0.0, 3.0 - now), now) for now in range(1, 8)]
    assert told == [2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_a_job_of_a_blink_is_told_as_one() -> None:
    countdown = Countdown()
    assert countdown.tell(0.2, 0.0) == pytest.approx(0.2)
    assert countdown.tell(0.0, 0.3) == pytest.approx(0.2)


def test_once_nothing_is_known_anything_can_be_told_next() -> None:
    countdown = Countdown()
    assert countdown.tell(None, 0.0) is None
    countdown.tell(5.0, 1.0)
    assert countdown.tell(None, 2.0) is None
    assert countdown.tell(40.0, 3.0) == pytest.approx(40.0)


def test_what_is_left_is_what_was_expected_less_the_time_that_is_over_until_some_of_it_is_done() -> None:
    assert remaining_s(10.0, 0.0, 0.0, 4.0) == 6.0
    assert remaining_s(10.0, 0.0, 0.0, 12.0) == 0.0
    assert remaining_s(None, 0.0, 0.0, 4.0) is None


def test_the_more_is_done_the_more_a_jobs_own_pace_counts() -> None:
    assert remaining_s(10.0, 0.1, 2.0, 2.0) == pytest.approx(0.9 * (0.1 * 20 + 0.9 * 10))
    assert remaining_s(10.0, 0.9, 18.0, 18.0) == pytest.approx(0.1 * (0.9 * 20 + 0.1 * 10))
    assert remaining_s(None, 0.5, 5.0, 6.0) == pytest.approx(4.0)
    assert remaining_s(10.0, 1.0, 8.0, 8.0) == 0.0


def test_the_loading_of_a_model_is_counted_by_itself_and_bends_no_countdown() -> None:
    countdown = Countdown()
    for now, left in ((0.0, 2.0), (1.0, 1.0), (2.0, None)):
        assert countdown.steady(Waiting(0, left, "Kokoro-82M"), now) == Waiting(0, left, "Kokoro-82M")
    assert countdown.steady(Speaking(0.0, 30.0), 3.0) == Speaking(0.0, 30.0)
    midway = Speaking(0.5, 4.0, loading="Kokoro-82M")
    assert countdown.steady(midway, 4.0) == midway
    assert countdown.steady(Speaking(0.5, 20.0), 8.0) == Speaking(0.5, 20.0)
