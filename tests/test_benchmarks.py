"""The benchmarks begin by the commands that their README names; what they measure is no test's business."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if "argparse" in path.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_says_how_it_is_used(script: Path) -> None:
    asked = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    assert "usage:" in asked.stdout
