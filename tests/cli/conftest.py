"""What tests of the command line share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import forking
import pytest
from commands import Run, settings_of


@pytest.fixture
def voxdemo(tmp_path: Path) -> Run:
    """Runs a command; `anew` in a Python that has imported nothing before, which takes seconds longer."""

    def run(
        *words: str, said: bytes = b"", to: str = "", anew: bool = False, **settings: object
    ) -> subprocess.CompletedProcess[bytes]:
        arguments, environment = ["-m", "voxdemo", *words], settings_of(tmp_path, **settings)
        if not (anew or any(map(forking.is_read_at_import, settings))):
            return forking.run(arguments, environment, tmp_path, said, to)
        return subprocess.run(
            [sys.executable, *arguments],
            input=said,
            capture_output=True,
            env=environment,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )

    return run
