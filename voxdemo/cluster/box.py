"""A whole cluster on one machine, to try it: Ray with the line and its voices, two servers, and Caddy before them.

Each is a process that is started again when it ends. Nothing here imports Ray.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import httpx
import psutil

from voxdemo.errors import SettingsError
from voxdemo.settings import Settings

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
FRONT_ENDS = 2
HEAD: Sequence[str] = ("-m", "voxdemo.cluster.head")
"""What Python runs as Ray, the port of the line behind it."""
LOOK_EVERY_S = 0.5
AGAIN_S = 2.0
"""After which a process is started again that has ended."""
ENDING_S = 20.0
"""How much longer than its jobs may take an ending may last, until it is given up."""
CADDYFILE = """{{
	admin off
	auto_https off
	default_bind {host}
	log {{
		level FATAL
	}}
}}
import {file}
"""
"""Before the sites of deploy/Caddyfile.cluster: plain HTTP, on this machine alone."""


class Part:
    """One of the processes. `command` runs with `variables` beside the environment."""

    def __init__(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, **variables}
        self._process = self._started()
        self._ended_at: float | None = None
        self.processes: list[psutil.Process] = []
        """With all below it, as they were when it was looked at."""

    def _started(self) -> "subprocess.Popen[bytes]":
        # without what servers print of their addresses; not in this session: Ctrl-C is for what ends these in order
        return subprocess.Popen(
            self._command, env=self._environment, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def look(self) -> None:
        """Start it again, if it ended a while ago."""
        if self._process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(self._process.pid)
                self.processes = [process, *process.children(recursive=True)]
        elif self._ended_at is None:
            self._ended_at = time.monotonic()
            print(f"{self.name} has ended and will be started again.", file=sys.stderr, flush=True)
            self._clear_away()
        elif time.monotonic() - self._ended_at > AGAIN_S:
            self._process, self._ended_at = self._started(), None

    def stop(self) -> None:
        if self._process.poll() is None:
            self.look()
            self._process.send_signal(signal.SIGTERM)

    def end(self, within_s: float) -> None:
        """Wait for its end, and leave nothing of it behind."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        self._clear_away()
        self._process.wait()

    def _clear_away(self) -> None:
        for each in self.processes:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def run(settings: Settings) -> None:
    """Serve until a signal comes, at the address of the settings. Raises SettingsError where something is missing."""
    if settings.line_url:
        raise SettingsError("A cluster on one machine has a line of its own: leave VOXDEMO_LINE_URL out.")
    if settings.remote_engines.get_secret_value():
        raise SettingsError("A voice of a line can't have engines at addresses: leave VOXDEMO_REMOTE_ENGINES out.")
    if importlib.util.find_spec("ray") is None:
        raise SettingsError("Ray is missing: run ./launch.sh cluster, or pip install -r requirements-ray.txt.")
    caddy, stop = _caddy(), threading.Event()

    def stopped(_: int, __: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stopped)
    with _parts(settings, caddy) as parts:
        address, is_told = f"http://{settings.host}:{settings.port}", False
        print("A line on Ray, its voices, two servers and a balancer are starting: a minute or two.", flush=True)
        while not stop.wait(LOOK_EVERY_S):
            for part in parts:
                part.look()
            if not is_told and _is_ready(address):
                is_told = True
                print(f"The cluster is at {address}. Press Ctrl-C to stop all of it.", flush=True)
        print("The cluster is stopping: running jobs may end.", flush=True)


@contextmanager
def _parts(settings: Settings, caddy: str) -> Iterator[Sequence[Part]]:
    """All of it, started; ended in the order in which nobody loses what was begun."""
    line, *ports = _free_ports(1 + FRONT_ENDS)
    secret = settings.line_secret.get_secret_value() or secrets.token_hex(16)
    shared = {"VOXDEMO_LINE_URL": f"http://{HOST}:{line}", "VOXDEMO_LINE_SECRET": secret, "VOXDEMO_HOST": HOST}
    python, folder = sys.executable, settings.cache_dir / "cluster"
    below = tempfile.TemporaryDirectory(prefix="voxdemo-")
    configuration = Path(below.name, "Caddyfile")
    configuration.write_text(CADDYFILE.format(host=settings.host, file=ROOT / "deploy" / "Caddyfile.cluster"))
    site = {"SITE_ADDRESS": f"http://:{settings.port}", "FRONT_ENDS": " ".join(f"{HOST}:{port}" for port in ports)}
    ray = {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "VOXDEMO_CACHE_DIR": str(folder / "voices"),
    }  # fmt: skip
    cluster, front_ends, balancers = list[Part](), list[Part](), list[Part]()
    try:
        cluster.append(Part("Ray", [python, *HEAD, str(line)], {**shared, **ray}))
        for number, port in enumerate(ports, 1):
            own = {"VOXDEMO_PORT": str(port), "VOXDEMO_CACHE_DIR": str(folder / f"server-{number}")}
            own["VOXDEMO_TRUSTED_PROXIES"] = HOST
            front_ends.append(Part(f"Server {number}", [python, "app.py"], {**shared, **own}))
        adapted = ["run", "--config", str(configuration), "--adapter", "caddyfile"]
        balancers.append(
            Part(
                "The balancer", [caddy, *adapted], {**site, "XDG_CONFIG_HOME": below.name, "XDG_DATA_HOME": below.name}
            )
        )
        yield [*cluster, *front_ends, *balancers]
    finally:
        for kind in (front_ends, balancers, cluster):
            for part in kind:
                part.stop()
            for part in kind:
                part.end(settings.drain_s + ENDING_S)
        below.cleanup()


def _free_ports(count: int) -> list[int]:
    listening = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in listening]
    for each in listening:
        each.close()
    return ports


def _caddy() -> str:
    """Its program: that of requirements-ray.txt, or one that is installed. Raises SettingsError."""
    found = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
    if not found:
        raise SettingsError("Caddy is missing, which spreads people over the servers: install it, then try again.")
    return found


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ready", timeout=LOOK_EVERY_S, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
