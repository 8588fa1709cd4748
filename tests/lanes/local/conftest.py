"""The line of one process, over fake models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest
from fakes import CLONER, LISTENER, FakeEngine, FakeRecognizer, Stage, wired
from lining import (
    FASTER,
    GUEST,
    PLAIN,
    MakeLane,
)

from voxdemo.engines.base import SpeechPart
from voxdemo.lanes.local import speech, ticket
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.speech import EngineInfo, Utterance


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def make_lane(stage: Stage) -> AsyncGenerator[MakeLane, None]:
    lanes: list[tuple[Lane, Sequence[Stage]]] = []

    def make(
        seats: int = 1,
        queue_size: int = 100,
        job_timeout_s: float = 30.0,
        hang_grace_s: float = 30.0,
        standby: Stage | None = None,
        guest: Stage | None = None,
    ) -> Lane:
        def worker(info: EngineInfo, where: Stage) -> ModelWorker[FakeEngine]:
            return ModelWorker(info, lambda tell: FakeEngine(where, info, tell), check, hang_grace_s=hang_grace_s)

        def seat() -> Seat:
            speech = Role(worker(CLONER, stage), worker(PLAIN, standby) if standby else None)
            listener = ModelWorker(LISTENER, lambda tell: FakeRecognizer(stage), lambda _: [(1.0, 1.0)])
            others = [worker(info, guest) for info in (GUEST, FASTER)] if guest else []
            return Seat(speech, Role(listener), others)

        lane = wired(Lane([seat() for _ in range(seats)], queue_size, job_timeout_s))
        lane.start()
        lanes.append((lane, [each for each in (stage, standby, guest) if each]))
        return lane

    def check(engine: FakeEngine) -> list[tuple[float, float]]:
        list(engine.speak(SpeechPart(Utterance("Ready."), "Ready.")))
        return [(1.0, 1.0)]

    yield make
    for lane, stages in lanes:
        for each in stages:
            each.open = True
            each.steps.release(1000)
        await lane.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens live to what the fakes say, so that a longer text stands aside after any part."""
    for module in (speech, ticket):
        monkeypatch.setattr(module, "TURN_S", 0.0)
