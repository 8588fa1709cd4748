"""How a cluster on one machine ends: its Ray here is a process that ignores every signal, its Caddy one that sleeps."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from serving import ROOT, eventually, free_port

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(os.environ["UP"], "w").close()
time.sleep(600)
"""
BOX = """
import sys
from voxdemo.cluster.box import run
from voxdemo.server.start import mistakes_told
from voxdemo.settings import load
with mistakes_told():
    run(load(), sys.argv[1], front_ends=0, head=("-c", sys.argv[2]))
"""


@contextmanager
def box(folder: Path, caddy: str, ray: str) -> Iterator[subprocess.Popen[str]]:
    """A cluster without servers, this script its balancer and that one its Ray."""
    program = folder / "caddy"
    program.write_text(f"#!/bin/sh\n{caddy}\n")
    program.chmod(0o755)
    settings = {"VOXDEMO_PORT": str(free_port()), "VOXDEMO_CACHE_DIR": str(folder), "VOXDEMO_HOST": "::1"}
    settings |= {"PATH": "/usr/bin:/bin", "UP": str(folder / "up")}
    with subprocess.Popen(
        [sys.executable, "-c", BOX, str(program), ray], cwd=ROOT, env=settings, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        assert started.stdout
        assert "are starting" in started.stdout.readline()
        yield started


def test_a_second_ctrl_c_ends_all_of_it_at_once(tmp_path: Path) -> None:
    with box(tmp_path, "exec sleep 600", STUBBORN) as cluster:
        assert cluster.stdout
        assert cluster.stderr
        eventually((tmp_path / "up").exists)
        cluster.send_signal(signal.SIGINT)
        assert "Press Ctrl-C again" in cluster.stdout.readline()
        below = [each for each in psutil.Process(cluster.pid).children() if each.status() != psutil.STATUS_ZOMBIE]
        assert below
        cluster.send_signal(signal.SIGINT)
        assert cluster.wait(30) == 1
        assert "ended before its jobs were" in cluster.stderr.read()
        assert not [each for each in below if each.is_running()]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that the one above it was killed")
def test_whatever_runs_below_a_cluster_that_was_killed_ends_with_it(tmp_path: Path) -> None:
    with box(tmp_path, "exec sleep 600", "import time; time.sleep(600)") as cluster:
        below = eventually(lambda: len(found := psutil.Process(cluster.pid).children()) == 2 and found)
        cluster.kill()
        assert psutil.wait_procs(below, 30)[1] == []


def test_a_balancer_that_cant_take_its_port_ends_all_of_it_with_a_sentence(tmp_path: Path) -> None:
    with box(tmp_path, "exit 1", "import time; time.sleep(600)") as cluster:
        assert cluster.stderr
        assert cluster.wait(30) == 2
        told = cluster.stderr.read()
        assert "voxdemo can't start: Caddy can't serve at http://[::1]:" in told
        assert "started again" not in told
