"""The pulse of the event loop: what is told of a loop that stood still."""

from __future__ import annotations

import asyncio
import logging
import re
import time

import pytest
from fakes import until

from voxdemo.monitoring.event_loop import Pulse


async def test_a_loop_that_stood_still_is_told_of_and_the_log_says_where(caplog: pytest.LogCaptureFixture) -> None:
    secret = "what somebody wrote"
    pulse, forgetful = Pulse(0.4, 0.05), Pulse(0.4, 0.05, told_s=0.0)
    async with pulse.felt(), forgetful.felt():
        await asyncio.sleep(0)
        assert not pulse.trouble()
        hold_up(1.0, secret)
        assert "stood still" in pulse.trouble()
        await until(lambda: caplog.text.count("turns again") == 2)
        assert re.search(r"stood still for [1-9]\d* s", pulse.trouble())
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
