"""The pulse of the event loop: what is told of a loop that stood still."""

from __future__ import annotations

import asyncio
import logging
import re
import time

import pytest
from fakes import until

from voxdemo.monitoring import event_loop
from voxdemo.monitoring.event_loop import Pulse


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "STALL_S", 0.4)
    monkeypatch.setattr(event_loop, "LOOK_S", 0.05)


async def test_a_loop_that_stood_still_is_told_of_and_the_log_says_where(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, pulse = "what somebody wrote", Pulse()
    async with pulse.felt():
        await asyncio.sleep(0)
        assert not pulse.trouble()
        hold_up(1.0, secret)
        assert "stood still" in pulse.trouble()
        await until(lambda: "turns again" in caplog.text)
        assert re.search(r"stood still for [1-9]\d* s", pulse.trouble())
        assert "hold_up" in caplog.text
        assert secret not in caplog.text
        stalls = [record for record in caplog.records if "has stood still" in record.message]
        assert [record.levelno for record in stalls] == [logging.ERROR]
        monkeypatch.setattr(event_loop, "TOLD_S", 0.0)
        assert not pulse.trouble()


async def test_time_in_which_nothing_could_run_is_not_the_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "LOOK_S", 1000.0)  # as a thread looks that doesn't get to run
    pulse = Pulse()
    async with pulse.felt():
        await asyncio.sleep(0)
        hold_up(0.6, "")
        assert not pulse.trouble()


def hold_up(seconds: float, text: str) -> None:
    time.sleep(seconds)
