from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orpheus_checkpoint
import pytest
from speaking_orpheus import built

from voxdemo.engines.orpheus.engine import OrpheusEngine


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny checkpoints: one that "stops" as soon as it may, one that "runs" on for ever, and their "codec"."""
    root = tmp_path_factory.mktemp("orpheus")
    return {
        "stops": orpheus_checkpoint.orpheus(root / "stops"),
        "runs": orpheus_checkpoint.orpheus(root / "runs", stops=False, parts=1),
        "codec": orpheus_checkpoint.snac(root / "codec"),
    }


@pytest.fixture(scope="module")
def stopping(folders: dict[str, Path]) -> Iterator[OrpheusEngine]:
    engine = built(folders["stops"], folders["codec"])
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def running(folders: dict[str, Path]) -> Iterator[OrpheusEngine]:
    engine = built(folders["runs"], folders["codec"])
    yield engine
    engine.close()
