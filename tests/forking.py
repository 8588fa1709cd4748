"""Python in processes of their own that begin at once: each is forked from one that has imported what servers need.

Gradio alone takes seconds of processor time to import, and the tests start more than a hundred servers and commands.
What Python or a library reads from the environment while it begins is as it was here, so that who changes such things
starts a new Python.
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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from huggingface_hub import constants

from voxdemo import telemetry

ROOT = Path(__file__).parent.parent
PRELOADED = [
    "voxdemo.server.site", "voxdemo.server.serve", "voxdemo.server.start", "torch", "hibari", "faster_whisper",
    "pyloudnorm", "tests.preloaded",
]  # fmt: skip
READ_AT_IMPORT = ("NO_PROXY", "PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL")
"""How the names begin of variables that Python reads, or libraries while they are imported.

The hub's library keeps what it reads in a module, which can read it again.
"""
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


class Forked:
    """A running Python, as `subprocess.Popen` would have it; `arguments` are those of the command `python`.

    `files` are what it reads, and where it writes what it prints and what goes wrong.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[str], folder: Path = ROOT
    ) -> None:
        _start_forking()
        self._process: ForkServerProcess = _context.Process(
            target=_become, args=(list(arguments), dict(environment), list(files), str(folder)), daemon=True
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
            raise subprocess.TimeoutExpired("a forked Python", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Do nothing where it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended meanwhile, and the process that forks has seen to it
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path = ROOT, said: bytes = b"", to: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """What becomes of a Python that is told this on stdin, as `subprocess.run` would have it; it prints `to` a file."""
    with tempfile.TemporaryDirectory() as kept:
        read, printed, wrong = (Path(kept, name) for name in ("in", "out", "err"))
        read.write_bytes(said)
        process = Forked(arguments, environment, (str(read), to or str(printed), str(wrong)), folder)
        try:
            code = process.wait(timeout=120)
        finally:
            process.kill()
        out = b"" if to else printed.read_bytes()
        return subprocess.CompletedProcess(arguments, code, out, wrong.read_bytes())


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


def _become(arguments: list[str], environment: dict[str, str], files: list[str], folder: str) -> None:
    """In the new process: be a Python that was started with these arguments and this environment."""
    gc.freeze()  # or what was imported before is searched again and again for what could go
    multiprocessing.current_process().daemon = False  # or it couldn't begin processes, as `spaces` does
    os.environ.clear()
    os.environ.update(environment)
    telemetry.switch_off()  # as a new Python does when it imports voxdemo
    importlib.reload(constants)
    for number, (file, mode) in enumerate(zip(files, ("rb", "ab", "ab"), strict=True)):
        with open(file, mode, buffering=0) as opened:  # noqa: PTH123 - bare, as a shell's redirection
            os.dup2(opened.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - in place of the one that was closed for it
    os.chdir(folder)
    tempfile.tempdir = None  # as TMPDIR says, and not as it was found for the libraries
    for inside in filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)):
        sys.path.insert(0, inside)
        if Path(inside, "sitecustomize.py").exists():
            importlib.import_module("sitecustomize")
    try:
        _run(*arguments)
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()


def _run(what: str, *words: str) -> None:
    """As the command `python`: a module behind -m, a program behind -c, or a script."""
    if what == "-m":
        sys.argv = list(words)
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif what == "-c":
        sys.argv = ["-c", *words[1:]]
        exec(words[0], {"__name__": "__main__"})
    else:
        sys.argv = [what, *words]
        sys.path.insert(0, str(Path(what).parent))
        runpy.run_path(what, run_name="__main__")
