from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from asking import NO_CLONER, recording
from fakes import Stage, wired

from voxdemo.lanes.local.lane import Lane
from voxdemo.server import assemble
from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings


@pytest.fixture
def stage() -> Stage:
    return Stage(open=True)


@pytest.fixture(autouse=True)
def over_a_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service knows no more of its line than what can be sent to another machine."""
    monkeypatch.setattr(assemble, "Lane", lambda *arguments: wired(Lane(*arguments)))


@pytest.fixture
async def service(stage: Stage, tmp_path: Path) -> AsyncGenerator[SpeechService, None]:
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    service.start()
    yield service
    await service.close()


@pytest.fixture
async def plain_service(stage: Stage, tmp_path: Path) -> AsyncGenerator[SpeechService, None]:
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine(NO_CLONER)], [stage.recognizer()])
    service.start()
    yield service
    await service.close()


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    return recording(tmp_path / "prompt.wav", seconds=2)
