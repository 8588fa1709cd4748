"""app.py on a machine that seems to have a GPU, where "auto" wants VoxCPM and SenseVoice, whatever PyTorch finds."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import without_whisper  # noqa: F401 - for its effect

from voxdemo.model_support import devices

devices._NVIDIA_NODES = (Path("/dev/null"),)
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
