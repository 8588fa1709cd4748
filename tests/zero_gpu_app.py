"""app.py as on ZeroGPU, with the real package `spaces`, which asks for GPUs whom SPACES_ZERO_DEVICE_API_URL names."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import without_cuda  # noqa: F401 - it has to come first

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import without_whisper  # noqa: F401 - for its effect

from voxdemo.model_support import devices

devices.lent = lambda _: devices.Device("cpu", "a GPU that is lent", 10**12)
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
