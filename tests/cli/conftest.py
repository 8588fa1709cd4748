"""What tests of the command line share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from commands import Run, settings_of


@pytest.fixture
def voxdemo(tmp_path: Path) -> Run:
    def run(
        *words: str, said: bytes = b"", to: int | BinaryIO = subprocess.PIPE, **settings: object
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "voxdemo", *words],
            input=said,
            stdout=to,
            stderr=subprocess.PIPE,
            env=settings_of(tmp_path, **settings),
            cwd=tmp_path,
            timeout=120,
            check=False,
        )

    return run
