from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from voxdemo.speech import SpeechEvent, Waiting
from voxdemo.web.v1.job_stream import JobStream


async def test_a_stream_that_is_left_at_once_still_lets_its_job_give_its_ticket_back() -> None:
    steps = []

    async def job() -> AsyncGenerator[SpeechEvent, None]:
        steps.append("begun")
        try:
            await asyncio.Event().wait()
            yield Waiting(0, None)
        finally:
            steps.append("ended")

    await JobStream(job(), {}).leave()
    assert steps == ["begun", "ended"]
