"""How a cluster on one machine ends that doesn't want to: its Ray here is a process that ignores every signal."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
from serving import ROOT, eventually, free_port

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(os.environ["UP"], "w").close()
time.sleep(600)
"""
BOX = f"""
from voxdemo.cluster.box import run
from voxdemo.settings import load
run(load(), "sleep", front_ends=0, head=("-c", {STUBBORN!r}))
"""


def test_a_second_ctrl_c_ends_all_of_it_at_once(tmp_path: Path) -> None:
    settings = {"VOXDEMO_PORT": str(free_port()), "VOXDEMO_CACHE_DIR": str(tmp_path), "VOXDEMO_HOST": "::1"}
    settings |= {"PATH": "/usr/bin:/bin", "UP": str(tmp_path / "up")}
    with subprocess.Popen(
        [sys.executable, "-c", BOX], cwd=ROOT, env=settings, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as box:  # fmt: skip
        assert box.stdout
        assert box.stderr
        assert "are starting" in box.stdout.readline()
        eventually((tmp_path / "up").exists)
        box.send_signal(signal.SIGINT)
        assert "Press Ctrl-C again" in box.stdout.readline()
        below = [each for each in psutil.Process(box.pid).children() if each.status() != psutil.STATUS_ZOMBIE]
        assert below
        box.send_signal(signal.SIGINT)
        assert box.wait(30) == 1
        assert "ended before its jobs were" in box.stderr.read()
        assert not [each for each in below if each.is_running()]
