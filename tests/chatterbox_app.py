"""app.py with a Chatterbox as small as tests/chatterbox_checkpoint.py makes it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import without_whisper  # noqa: F401 - for its effect
from chatterbox_checkpoint import shrink

shrink()
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
