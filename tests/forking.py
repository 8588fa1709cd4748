"""Scripts in processes of their own that begin at once: each is forked from one that has imported what servers need.

Gradio alone takes seconds of processor time to import, and the tests start more than a hundred servers. What a library
reads from the environment while it is imported is as it was here, so that who changes such things starts a new Python.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from huggingface_hub import constants

from voxdemo import telemetry

ROOT = Path(__file__).parent.parent
PRELOADED = [
    "voxdemo.server.site", "voxdemo.server.serve", "voxdemo.server.start", "torch", "hibari", "faster_whisper",
    "pyloudnorm",
]  # fmt: skip
READ_AT_IMPORT = ("NO_PROXY", "SPACES_")
"""How the names begin of variables that libraries read while they are imported; `spaces` begins processes by its own.

The hub's library keeps what it reads in a module, which can read it again.
"""
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


class Forked:
    """A running script, as `subprocess.Popen` would have it."""

    def __init__(self, script: Path, environment: Mapping[str, str], log: Path) -> None:
        _start_forking()
        self._process: ForkServerProcess = _context.Process(
            target=_become, args=(str(script), dict(environment), str(log)), daemon=True
        )
        self._process.start()
        self.pid: int = self._process.pid or 0

    def poll(self) -> int | None:
        """The exit code once it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises TimeoutExpired where it goes on for longer than so many seconds."""
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("a forked script", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Do nothing where it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended meanwhile, and the process that forks has seen to it
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def is_read_at_import(variable: str) -> bool:
    """Whether a library reads this variable while it is imported."""
    return variable.startswith(READ_AT_IMPORT)


def _start_forking() -> None:
    """The process that forks, with an environment in which no hub can be reached."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before


def _become(script: str, environment: dict[str, str], log: str) -> None:
    """In the new process: be a Python that was started with this script and environment."""
    gc.freeze()  # or what was imported before is searched again and again for what could go
    os.environ.clear()
    os.environ.update(environment)
    telemetry.switch_off()  # as a new Python does when it imports voxdemo
    importlib.reload(constants)
    with open(log, "ab", buffering=0) as written:  # noqa: PTH123 - bare, as a shell's redirection
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    os.chdir(ROOT)
    tempfile.tempdir = None  # as TMPDIR says, and not as it was found for the libraries
    if inside := environment.get("PYTHONPATH"):
        sys.path.insert(0, inside)
        importlib.import_module("sitecustomize")
    sys.argv = [script]
    sys.path.insert(0, str(Path(script).parent))
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
