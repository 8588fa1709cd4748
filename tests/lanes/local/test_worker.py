"""A model that failed, hung or missed a deadline is checked before it serves again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from fakes import CLONER, LISTENER, FakeEngine, FakeRecognizer, Stage, until
from lining import everything

from voxdemo.errors import EngineError, JobTimeoutError
from voxdemo.lanes.jobs import SpeakJob
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.speech import Utterance


class Checks:
    """Counts a model's checks; each waits until it may go on."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.fails = False

    def __call__(self, engine: FakeEngine) -> list[tuple[float, float]]:
        self.begun += 1
        assert self.may_go_on.wait(timeout=30)
        if self.fails:
            raise RuntimeError("broken")
        return [(1.0, 1.0)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def checks() -> Checks:
    return Checks()


@pytest.fixture
async def lane(stage: Stage, checks: Checks) -> AsyncGenerator[Lane, None]:
    """One seat, whose voice has 0.05 s for a job, and then as long to end its step."""
    speech = ModelWorker(CLONER, lambda tell: FakeEngine(stage), checks, hang_grace_s=0.05)
    recognition = ModelWorker(LISTENER, lambda tell: FakeRecognizer(stage), lambda _: [(1.0, 1.0)])
    made = Lane([Seat(Role(speech), Role(recognition))], queue_size=9, job_timeout_s=0.05)
    made.start()
    await until(lambda: made.stats().ready_seats == 1)
    yield made
    checks.may_go_on.set()
    stage.open = True
    stage.steps.release(1000)
    await made.close()


async def said(lane: Lane, text: str) -> list[Any]:
    return await everything(lane, SpeakJob(CLONER, Utterance(text), [text], 1.0))


def reason(lane: Lane) -> str:
    return lane.stats().models[0].status.reason


async def test_after_a_failed_job_it_is_not_ready_until_the_model_has_been_checked(
    lane: Lane, stage: Stage, checks: Checks
) -> None:
    stage.open = True
    checks.may_go_on.clear()
    failing = asyncio.ensure_future(said(lane, "raise"))
    await until(lambda: checks.begun == 2)
    assert lane.stats().ready_seats == 0
    assert reason(lane) == "Fake voice failed on a job and is being checked."
    checks.may_go_on.set()
    with pytest.raises(EngineError):
        await failing
    await until(lambda: lane.stats().ready_seats == 1)
    assert stage.builds == 1


async def test_what_is_wrong_with_a_request_is_no_fault_of_the_model(lane: Lane, stage: Stage, checks: Checks) -> None:
    stage.open = True
    with pytest.raises(Exception, match="say something else"):
        await said(lane, "refuse")
    assert (checks.begun, lane.stats().ready_seats) == (1, 1)


async def test_from_a_deadline_on_it_is_not_ready_until_the_model_has_been_checked(
    lane: Lane, stage: Stage, checks: Checks
) -> None:
    checks.may_go_on.clear()
    with pytest.raises(JobTimeoutError):
        await said(lane, "slow")
    assert lane.stats().ready_seats == 0
    assert reason(lane) == "Fake voice didn't end a job in time and is being checked."
    assert lane.stats().models[0].hangs
    stage.steps.release()
    await until(lambda: checks.begun == 2)
    assert lane.stats().ready_seats == 0
    await until(lambda: not lane.stats().models[0].hangs)
    checks.may_go_on.set()
    await until(lambda: lane.stats().ready_seats == 1)


async def test_a_model_that_fails_its_check_after_a_deadline_is_built_anew(
    lane: Lane, stage: Stage, checks: Checks
) -> None:
    checks.fails = True
    with pytest.raises(JobTimeoutError):
        await said(lane, "slow")
    stage.steps.release()
    await until(lambda: stage.builds == 2)
    assert lane.stats().ready_seats == 0


async def test_a_step_that_was_left_behind_hangs_until_it_ends_though_another_model_serves(
    lane: Lane, stage: Stage
) -> None:
    with pytest.raises(JobTimeoutError):
        await said(lane, "hang")
    await until(lambda: stage.builds == 2 and lane.stats().ready_seats == 1)
    assert lane.stats().models[0].hangs
    stage.steps.release()
    await until(lambda: not lane.stats().models[0].hangs)
    assert lane.stats().ready_seats == 1


async def test_a_job_that_ends_in_time_hangs_never(lane: Lane, stage: Stage) -> None:
    stage.open = True
    await said(lane, "fine")
    assert not lane.stats().models[0].hangs
