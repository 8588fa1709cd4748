"""Lines of every kind, over fake models, for the tests of what each of them must do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

import pytest
from fakes import CLONER, LISTENER, FakeEngine, FakeRecognizer, Stage, until
from rings import first_of
from servers import Servers
from starlette.types import ASGIApp

from voxdemo.engines.base import SpeechPart
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elsewhere import line as line_module
from voxdemo.lanes.elsewhere import voice
from voxdemo.lanes.elsewhere.front_end import LineElsewhere, offer_of
from voxdemo.lanes.elsewhere.line import LineProcess, line_app
from voxdemo.lanes.elsewhere.voice import VoiceProcess, voice_app
from voxdemo.lanes.line import JobLine
from voxdemo.lanes.local import speech, ticket
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.speech import Utterance

SECRET = "the secret of the tests"


class OpenLines(Protocol):
    def __call__(
        self, seats: int = 1, queue_size: int = 100, most_waiting: int = 0, front_ends: int = 1, ready: bool = True
    ) -> Awaitable[Sequence[JobLine]]:
        """The line as each of so many front ends has it, with its models loaded."""


Opened = Callable[[AsyncExitStack, Stage, int, int, int, int], Awaitable[Sequence[JobLine]]]


def seat(stage: Stage) -> Seat:
    def check(engine: FakeEngine) -> list[tuple[float, float]]:
        list(engine.speak(SpeechPart(Utterance("Ready."), "Ready.")))
        return [(1.0, 1.0)]

    speaker = ModelWorker(CLONER, lambda tell: FakeEngine(stage, CLONER, tell), check)
    listener = ModelWorker(LISTENER, lambda tell: FakeRecognizer(stage), lambda _: [(1.0, 1.0)])
    return Seat(Role(speaker), Role(listener))


async def in_this_process(
    stack: AsyncExitStack, stage: Stage, seats: int, queue_size: int, most_waiting: int, front_ends: int
) -> Sequence[JobLine]:
    lane = Lane([seat(stage) for _ in range(seats)], queue_size, 30.0, most_waiting)
    lane.start()
    stack.push_async_callback(lane.close)
    return [lane] * front_ends


async def elsewhere(
    stack: AsyncExitStack, stage: Stage, seats: int, queue_size: int, most_waiting: int, front_ends: int
) -> Sequence[JobLine]:
    servers = Servers()
    stack.push_async_callback(servers.close)
    line_url = await servers.serve(lambda url: line_app(LineProcess(queue_size, most_waiting), SECRET))

    def with_voice(url: str) -> ASGIApp:
        return voice_app(VoiceProcess(seat(stage), Paces(), url, line_url, SECRET, 30.0), SECRET)

    for _ in range(seats):
        await servers.serve(with_voice)
    offer = await offer_of(line_url, SECRET, within_s=30.0)
    lines = [LineElsewhere(line_url, SECRET, offer, Paces()) for _ in range(front_ends)]
    for line in lines:
        line.start()
        stack.push_async_callback(line.close)
    await until(lambda: all(line.stats().seats == seats for line in lines))
    return lines


KINDS: dict[str, Opened] = {"here": in_this_process, "elsewhere": elsewhere}


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(params=first_of(*KINDS))
async def open_lines(
    request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[OpenLines, None]:
    monkeypatch.setattr(voice, "BEAT_EVERY_S", 0.02)
    monkeypatch.setattr(line_module, "GATHER_S", 0.0)
    async with AsyncExitStack() as stack:

        async def opened(
            seats: int = 1, queue_size: int = 100, most_waiting: int = 0, front_ends: int = 1, ready: bool = True
        ) -> Sequence[JobLine]:
            lines = await KINDS[request.param](stack, stage, seats, queue_size, most_waiting, front_ends)
            if ready:
                await until(lambda: all(line.stats().ready_seats == seats for line in lines))
            return lines

        yield opened
        stage.may_load.set()
        stage.open = True
        stage.steps.release(1000)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens live to what the fakes say, so that a longer text stands aside after any part."""
    for module in (speech, ticket):
        monkeypatch.setattr(module, "TURN_S", 0.0)
