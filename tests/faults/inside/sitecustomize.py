"""Put into a server by PYTHONPATH, so that it can be looked into and its clock moved without a door of its own.

WITNESS names a folder. SIGUSR1: the names of the process's threads are written, as JSON, into its `threads.json`.
SIGUSR2: the wall clock is as many seconds off from now on as its `clock` says.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from pathlib import Path

_right_time = time.time
_numbers = itertools.count()


def _tell_threads(*_: object) -> None:
    told = _folder / "threads.json"
    beside = told.with_name(f"{told.name}.{next(_numbers)}")  # its own: the next signal may come in the midst of this
    beside.write_text(json.dumps([thread.name for thread in threading.enumerate()]))
    beside.replace(told)


def _set_clock(*_: object) -> None:
    clock = _folder / "clock"
    if not clock.exists():
        return
    off_s = float(clock.read_text())
    clock.unlink()
    time.time = lambda: _right_time() + off_s


if "WITNESS" in os.environ:
    _folder = Path(os.environ["WITNESS"])
    signal.signal(signal.SIGUSR1, _tell_threads)
    signal.signal(signal.SIGUSR2, _set_clock)
