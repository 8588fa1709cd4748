"""Whether /health and /ready tell the truth: a loop that stalls, a step that hangs, a model that has failed."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from fakes import CLONER, LISTENER, FakeEngine, FakeRecognizer, Stage, until
from gradio_client import Client
from gradio_client.exceptions import AppError
from serving import Server, StartServer, eventually

from voxdemo.errors import EngineError, JobTimeoutError
from voxdemo.lanes.jobs import SpeakJob
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.monitoring.event_loop import STALL_S, Pulse
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
    async with aclosing(lane.run(SpeakJob(CLONER, Utterance(text), [text], 1.0))) as events:
        return [event async for event in events]


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


async def test_a_loop_that_stood_still_is_told_of_and_the_log_says_where(caplog: pytest.LogCaptureFixture) -> None:
    secret = "what somebody wrote"
    pulse, forgetful = Pulse(0.4, 0.05), Pulse(0.4, 0.05, told_s=0.0)
    async with pulse.felt(), forgetful.felt():
        await asyncio.sleep(0)
        assert not pulse.trouble()
        hold_up(1.0, secret)
        assert "stood still" in pulse.trouble()
        await until(lambda: caplog.text.count("turns again") == 2)
        assert "stood still for 1 s" in pulse.trouble()
        assert "hold_up" in caplog.text
        assert secret not in caplog.text
        stalls = [record for record in caplog.records if "has stood still" in record.message]
        assert [record.levelno for record in stalls] == [logging.ERROR] * 2
        assert not forgetful.trouble()


async def test_time_in_which_nothing_could_run_is_not_the_loops() -> None:
    pulse = Pulse(0.4, look_s=1000.0)  # as a thread looks that doesn't get to run
    async with pulse.felt():
        await asyncio.sleep(0)
        hold_up(0.6, "")
        assert not pulse.trouble()


def hold_up(seconds: float, text: str) -> None:
    time.sleep(seconds)


def test_health_fails_while_the_event_loop_stalls(start_server: StartServer) -> None:
    server = start_server("tests/fake_app.py")
    server.wait_until_ready()
    stalling = threading.Thread(target=server.http.post, args=[f"/stall/{STALL_S + 1}"])
    stalling.start()
    answer = eventually(lambda: refused(server))  # asked while it stalls, answered after
    stalling.join()
    assert answer["reason"] == f"The server stood still for {STALL_S + 1:.0f} s: its log says where."
    assert "in stall\n" in server.log
    assert server.http.get("/ready").status_code == 200


def refused(server: Server) -> Any:
    """What /health says when it isn't well."""
    answer = server.http.get("/health")
    return answer.json() if answer.status_code == 503 else None


@pytest.mark.long
def test_health_fails_while_a_step_hangs_and_ready_proves_that_it_works_again(start_server: StartServer) -> None:
    server = start_server("tests/fake_app.py", VOXDEMO_JOB_TIMEOUT_S=1)
    server.wait_until_ready()
    with pytest.raises(AppError, match="took longer than 1 s"):
        Client(server.url, verbose=False).predict("slow", api_name="/generate")
    assert refused(server) == {
        "alive": False,
        "reason": "Fake voice hangs in a job that is past its deadline: see the server's log.",
        "version": server.http.get("/health").json()["version"],
    }
    ready = server.http.get("/ready")
    assert (ready.status_code, ready.json()["reason"]) == (
        503, "Fake voice didn't end a job in time and is being checked."
    )  # fmt: skip
    server.http.post("/stage/open")
    eventually(lambda: server.http.get("/ready").status_code == 200)
    assert server.http.get("/health").status_code == 200
    assert Client(server.url, verbose=False).predict("fine", api_name="/generate")


@pytest.mark.long
def test_health_holds_while_models_load(start_server: StartServer) -> None:
    server = start_server()
    server.wait_for("/health")
    while server.http.get("/ready").status_code == 503:
        assert server.http.get("/health").status_code == 200
    assert server.http.get("/health").status_code == 200
