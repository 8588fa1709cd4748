from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import chatterbox_checkpoint
import pytest
from speaking_chatterbox import built

from voxdemo.engines.chatterbox.engine import ChatterboxEngine


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny checkpoints: one that "stops" as soon as it may, and one that "runs" on for ever."""
    root = tmp_path_factory.mktemp("chatterbox")
    return {
        "stops": chatterbox_checkpoint.chatterbox(root / "stops"),
        "runs": chatterbox_checkpoint.chatterbox(root / "runs", stops=False),
    }


@pytest.fixture(scope="session")
def stopping(folders: dict[str, Path]) -> Iterator[ChatterboxEngine]:
    engine = built(folders["stops"])
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def running(folders: dict[str, Path]) -> Iterator[ChatterboxEngine]:
    engine = built(folders["runs"])
    yield engine
    engine.close()
