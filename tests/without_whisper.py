"""Puts a fake in the place of the built-in recogniser, of which a test of voices asks nothing.

To load Whisper takes a server longer than all the rest. Import it, or run it as app.py is run.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fakes import Stage

from voxdemo.recognizers import registry

registry._BUILT_IN = Stage().recognizer()
if __name__ == "__main__":
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
