"""Jobs in the line of one process, over fake models: what its tests ask and wait for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from fakes import CLONER, PIECE, RATE, Stage, until

from voxdemo.intake.request import Passage
from voxdemo.lanes.jobs import LaneEvent, ListenJob, SpeakJob
from voxdemo.lanes.line import Claim, LineTicket
from voxdemo.lanes.local.lane import Lane
from voxdemo.speech import Utterance, Waiting

MakeLane = Callable[..., Lane]
GUEST = replace(CLONER, name="guest", title="Guest voice")
FASTER = replace(GUEST, name="faster", title="Faster voice", sample_rate=3 * RATE)
PLAIN = replace(CLONER, name="plain", title="Plain voice")


def job(text: str, expected_s: float | None = 10.0) -> SpeakJob:
    return SpeakJob(CLONER, Utterance(text), [text], expected_s)


def parts(*texts: str) -> SpeakJob:
    return replace(job(" ".join(texts)), parts=texts)


def recording() -> ListenJob:
    return ListenJob("fake", PIECE, RATE, None, 1.0)


def events_of(
    lane: Lane, what: str | SpeakJob | ListenJob, ticket: LineTicket | None = None
) -> AsyncGenerator[LaneEvent, None]:
    """The events of a job, which takes its ticket now if it has none."""
    asked = job(what) if isinstance(what, str) else what
    if ticket is None:
        lane.check_room()
        ticket = lane.take(Claim(asked.size), time.monotonic())
    return lane.run(asked, ticket)


async def everything(lane: Lane, what: str | SpeakJob | ListenJob, ticket: LineTicket | None = None) -> list[Any]:
    async with aclosing(events_of(lane, what, ticket)) as events:
        return [event async for event in events]


async def next_started(stage: Stage) -> str:
    return await asyncio.to_thread(stage.started.get, timeout=10)


async def next_closed(stage: Stage) -> str:
    return await asyncio.to_thread(stage.closed.get, timeout=10)


async def in_line(lane: Lane, what: str | SpeakJob | ListenJob) -> tuple[asyncio.Task[list[Any]], asyncio.Queue[Any]]:
    """A job that has taken its place: its task, and its events as they come."""
    events: asyncio.Queue[Any] = asyncio.Queue()

    async def consume() -> list[Any]:
        seen = []
        async with aclosing(events_of(lane, what)) as stream:
            async for event in stream:
                seen.append(event)
                events.put_nowait(event)
        return seen

    task = asyncio.ensure_future(consume())
    await asyncio.sleep(0)  # one turn of the loop, in which it takes its place
    return task, events


async def begun(lane: Lane, stage: Stage, *what: str | SpeakJob) -> list[asyncio.Task[list[Any]]]:
    """Jobs in line, the first of which is being spoken by a lane whose models are ready."""
    await ready(lane)
    tasks = [(await in_line(lane, each))[0] for each in what]
    await next_started(stage)
    return tasks


async def ready(lane: Lane) -> None:
    await until(lambda: all(model.status.state == "ready" for model in lane.stats().models))


LONG = replace(job("one two three", expected_s=60.0), parts=["one", "two", "three"], units=3000.0)
"""Three parts of 20 s of work each, and 200 s of speech: of a voice that is ahead of its listeners."""
MIXED = replace(LONG, guests={1: Passage(Utterance("two"), GUEST)})
"""The same, the second part of which another engine says."""
BRIEF = job("brief", expected_s=5.0)


def kinds(events: Sequence[Any]) -> list[str]:
    return [type(event).__name__ for event in events if not isinstance(event, Waiting)]


async def let_run(stage: Stage, tasks: Sequence[asyncio.Task[Any]]) -> None:
    stage.open = True
    stage.steps.release(100)
    await asyncio.gather(*tasks)


def all_started(stage: Stage) -> list[str]:
    return [stage.started.get() for _ in range(stage.started.qsize())]


async def aside(lane: Lane, stage: Stage) -> list[asyncio.Task[list[Any]]]:
    """A longer text that stands aside, and the brief one that is being spoken meanwhile."""
    tasks = await begun(lane, stage, LONG, BRIEF)
    stage.steps.release(1)
    assert await next_started(stage) == "brief"
    return tasks
