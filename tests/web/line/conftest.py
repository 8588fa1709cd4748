"""The service behind the line at the doors, over fake models."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from fakes import Stage

from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[SpeechService, None]:
    stage = Stage(open=True)
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    service.start()
    yield service
    await service.close()
