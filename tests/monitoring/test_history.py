"""The last hour, minute by minute, as the Status tab draws it."""

from __future__ import annotations

import os
import tracemalloc
from typing import Any

import pytest

from voxdemo.monitoring.history import MINUTE_S, MINUTES, MOST, USAGE_EVERY_S, History, Minute
from voxdemo.monitoring.machine import Accelerator, Usage
from voxdemo.monitoring.outcomes import Ended


class Clock:
    """Seconds, at the beginning of a minute."""

    now = 1000 * MINUTE_S

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(clock: Clock) -> History:
    return History(clock)


def ended(**values: Any) -> Ended:
    return Ended(**{"task": "generation", "door": "page", "engine": "Fake", "ending": "done", **values})


def usage(cpu_s: float = 0.0, *gpus: Accelerator) -> Usage:
    return Usage(1, cpu_s, available_bytes=6 << 30, memory_bytes=8 << 30, free_disk_bytes=1, accelerators=gpus)


def test_before_anything_happened_there_are_empty_minutes(history: History) -> None:
    assert history.minutes() == [Minute()] * MINUTES


def test_each_minute_has_the_latency_of_its_own_results(history: History, clock: Clock) -> None:
    for second in range(100, 0, -1):
        history.add(ended(total_s=float(second)))
    history.add(ended(total_s=5_000.0, ending="refused"))
    clock.now += 2 * MINUTE_S
    history.add(ended(total_s=7.0, ending="stopped"))
    before, between, now = history.minutes()[-3:]
    assert (before.p50_s, before.p95_s, before.jobs) == (50.0, 95.0, 101)
    assert between == Minute()
    assert (now.p50_s, now.p95_s, now.jobs) == (7.0, 7.0, 1)


def test_after_an_hour_a_minute_is_forgotten(history: History, clock: Clock) -> None:
    history.add(ended())
    clock.now += (MINUTES - 1) * MINUTE_S
    assert history.minutes()[0].jobs == 1
    history.add(ended())
    clock.now += MINUTE_S
    assert [minute.jobs for minute in history.minutes()] == [0] * (MINUTES - 2) + [1, 0]


def test_many_results_take_no_more_room(history: History) -> None:
    tracemalloc.start()
    for second in range(3 * MOST):
        history.add(ended(total_s=float(second)))
    taken_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    minute = history.minutes()[-1]
    assert taken_bytes < 500 * MOST
    assert (minute.jobs, minute.p50_s) == (MOST, 2.5 * MOST - 1)  # of the last ones


def test_of_the_line_the_most_at_once_is_kept(history: History) -> None:
    for running, waiting in [(0, 0), (1, 7), (2, 3), (0, 0)]:
        history.look(running, waiting)
    assert (history.minutes()[-1].running, history.minutes()[-1].waiting) == (2, 7)


def test_a_job_that_is_over_between_two_looks_was_running(history: History) -> None:
    history.look(0, 0)
    history.add(ended(work_s=0.2, audio_s=1.0))
    assert history.minutes()[-1].running == 1


def test_failures_refusals_cache_and_pace_are_reckoned_apart(history: History) -> None:
    for ending in ("failed", "stopped", "refused", "refused", "cancelled"):
        history.add(ended(ending=ending))
    history.add(ended(work_s=1.0, audio_s=4.0))
    history.add(ended(work_s=3.0, audio_s=4.0))
    history.add(ended(task="recognition", work_s=1.0, audio_s=10.0))
    history.add(ended(cached=True, audio_s=4.0))
    minute = history.minutes()[-1]
    assert (minute.jobs, minute.failed, minute.refused) == (9, 2, 2)
    assert (minute.speech_rtf, minute.recognition_rtf) == (0.5, 0.1)
    assert minute.cache_hits == 1 / 5  # the stopped one was a result, too


def test_the_machine_is_looked_at_seldom_and_told_in_shares(history: History, clock: Clock) -> None:
    assert history.wants_usage
    history.use(usage(100.0))
    assert not history.wants_usage
    assert history.minutes()[-1].cpu is None  # until there is a second look
    clock.now += USAGE_EVERY_S
    assert history.wants_usage
    half = 0.5 * USAGE_EVERY_S * (os.cpu_count() or 1)
    history.use(usage(100.0 + half, Accelerator(0, 1, 4, 0.2), Accelerator(1, 3, 4, 0.1)))
    minute = history.minutes()[-1]
    assert (minute.cpu, minute.memory) == (pytest.approx(0.5), pytest.approx(0.25))
    assert (minute.gpu, minute.gpu_memory) == (0.2, 0.75)
