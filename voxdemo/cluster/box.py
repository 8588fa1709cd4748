"""A whole cluster on one machine, to try it: Ray with the line and its voices, two servers, and Caddy before them.

Each is a process that is started again when it ends. Nothing here imports Ray.
"""

import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import httpx
import psutil

from voxdemo.errors import SettingsError
from voxdemo.lanes.elsewhere.asgi import url_of
from voxdemo.settings import Settings

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
SHOWN = {"0.0.0.0": HOST, "::": "::1"}
"""Of addresses that stand for all of a machine, those at which it reaches itself."""
LOOK_EVERY_S = 0.5
AGAIN_S = 2.0
"""After which a process is started again that has ended."""
ENDING_S = 20.0
"""How much longer than its jobs may take an ending may last, until it is given up."""
BETWEEN_S = 0.2
"""Between two looks at what is ending."""
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
PR_SET_PDEATHSIG = 1
"""Of prctl(2), from linux/prctl.h."""
HEAD = ("-m", "voxdemo.cluster.head")
"""What Python runs as Ray, the port of the line behind it."""


class Process:
    """One of those that are started again. `command` runs with `variables` beside the environment."""

    def __init__(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, **variables}
        self._process = self._started()
        self._ended_at: float | None = None
        self.family: list[psutil.Process] = []
        """It and all below it, as they were when it was looked at."""

    def _started(self) -> "subprocess.Popen[bytes]":
        # without what servers print of their addresses; not in this session: Ctrl-C is for what ends these in order
        return subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def look(self) -> None:
        """Start it again, if it ended a while ago."""
        if self._is_there():
            return
        if self._ended_at is None:
            self._ended_at = time.monotonic()
            print(f"{self.name} has ended and will be started again.", file=sys.stderr, flush=True)
            self._clear_away()
        elif time.monotonic() - self._ended_at > AGAIN_S:
            self._process, self._ended_at = self._started(), None

    def _is_there(self) -> bool:
        if self.has_ended:
            return False
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            self.family = [process, *process.children(recursive=True)]
        return True

    def stop(self) -> None:
        if self._is_there():
            self._process.send_signal(signal.SIGTERM)

    def end(self, within_s: float, signals: Sequence[int]) -> None:
        """Wait for its end, until a second of these signals comes, and leave nothing of it behind."""
        until = time.monotonic() + within_s
        while self._is_there() and time.monotonic() < until and len(signals) < 2:
            time.sleep(BETWEEN_S)
        self._clear_away()
        self._process.wait()

    def _clear_away(self) -> None:
        for each in self.family:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def check(settings: Settings, package: str = "ray", program: str = "caddy") -> str:
    """The balancer's program: that of requirements-ray.txt, or one that is installed.

    Raises SettingsError where something is missing, or wanted that a cluster can't do.
    """
    if settings.line_url:
        raise SettingsError("A cluster on one machine has a line of its own: leave VOXDEMO_LINE_URL out.")
    if settings.remote_engines.get_secret_value():
        raise SettingsError("A voice of a line can't have engines at addresses: leave VOXDEMO_REMOTE_ENGINES out.")
    if importlib.util.find_spec(package) is None:
        raise SettingsError("Ray is missing: run ./launch.sh cluster, or pip install -r requirements-ray.txt.")
    found = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if not found:
        raise SettingsError("Caddy is missing, which spreads people over the servers: install it, then try again.")
    return found


def run(settings: Settings, caddy: str, front_ends: int = 2, head: Sequence[str] = HEAD) -> None:
    """Serve until a signal comes, at the address of the settings. At a second one nobody's job is waited for.

    `caddy` is what `check` found; Python runs `head` as Ray. Raises SettingsError where Caddy can't serve there.
    """
    signals = list[int]()  # no Event: a signal that came while this thread takes its lock would wait for ever

    def stopped(number: int, _: FrameType | None) -> None:
        signals.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stopped)
    with _started(settings, caddy, front_ends, head, signals) as processes:
        address, is_told = url_of(SHOWN.get(settings.host, settings.host), settings.port), False
        print("A line on Ray, its voices, two servers and a balancer are starting: a minute or two.", flush=True)
        while not signals:
            time.sleep(LOOK_EVERY_S)
            if processes[-1].has_ended and not is_told:  # the balancer, whose port is the only one not chosen here
                sentence = f"Caddy can't serve at {address}: look at what it says, or choose another --port."
                raise SettingsError(sentence)
            for process in processes:
                process.look()
            if not is_told and _speaks(address):
                is_told = True
                told = f"The cluster is at {address}, and takes {_memory(processes) / 1e9:.1f} GB of memory."
                print(f"{told} Press Ctrl-C to stop all of it.", flush=True)
        print("The cluster is stopping: running jobs may end. Press Ctrl-C again to end them now.", flush=True)
    if len(signals) > 1:
        sys.exit("The cluster was ended before its jobs were.")


@contextmanager
def _started(
    settings: Settings, caddy: str, servers: int, head: Sequence[str], signals: Sequence[int]
) -> Iterator[Sequence[Process]]:
    """All of it; ended in the order in which nobody loses what was begun, or at once."""
    line, alive, *ports = _free_ports(2 + servers)
    secret = settings.line_secret.get_secret_value() or secrets.token_hex(16)
    shared = {"VOXDEMO_LINE_URL": f"http://{HOST}:{line}", "VOXDEMO_LINE_SECRET": secret, "VOXDEMO_HOST": HOST}
    python, folder = sys.executable, settings.cache_dir / "cluster"
    below = tempfile.TemporaryDirectory(prefix="voxdemo-")
    configuration = Path(below.name, "Caddyfile")
    listens = f"[{settings.host}]" if ":" in settings.host else settings.host
    configuration.write_text(CADDYFILE.format(host=listens, file=ROOT / "deploy" / "Caddyfile.cluster"))
    site = {"SITE_ADDRESS": f"http://:{settings.port}", "ALIVE_PORT": str(alive)}
    site["FRONT_ENDS"] = " ".join(f"{HOST}:{port}" for port in ports)
    ray = {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "VOXDEMO_CACHE_DIR": str(folder / "voices"),
    }  # fmt: skip
    cluster, front_ends, balancers = list[Process](), list[Process](), list[Process]()
    try:
        cluster.append(Process("Ray", [python, *head, str(line)], {**shared, **ray}))
        for number, port in enumerate(ports, 1):
            own = {"VOXDEMO_PORT": str(port), "VOXDEMO_CACHE_DIR": str(folder / f"server-{number}")}
            own["VOXDEMO_TRUSTED_PROXIES"] = HOST
            front_ends.append(Process(f"Server {number}", [python, "app.py"], {**shared, **own}))
        adapted = ["run", "--config", str(configuration), "--adapter", "caddyfile"]
        site |= {"XDG_CONFIG_HOME": below.name, "XDG_DATA_HOME": below.name}
        balancers.append(Process("The balancer", [caddy, *adapted], site))
        yield [*cluster, *front_ends, *balancers]
    finally:
        for kind in (front_ends, balancers, cluster):
            for process in kind:
                process.stop()
            for process in kind:
                process.end(settings.drain_s + ENDING_S, signals)
        below.cleanup()


def _end_with_parent() -> None:
    """Where it is Linux: the process that runs this gets a SIGTERM when the one that started it was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _free_ports(count: int) -> list[int]:
    listening = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in listening]
    for each in listening:
        each.close()
    return ports


def _memory(processes: Sequence[Process]) -> int:
    """Bytes, and what processes share counted once where the machine tells that."""
    bytes = 0
    for each in (each for process in processes for each in process.family):
        with suppress(psutil.Error):
            told = each.memory_full_info()
            bytes += getattr(told, "pss", told.uss)
    return bytes


def _speaks(address: str) -> bool:
    """Whether a server at an http:// address, for which no certificates are read, is ready and has a voice that is."""
    try:
        answer = httpx.get(f"{address}/ready", timeout=LOOK_EVERY_S, trust_env=False, verify=False)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK and answer.json()["generators_ready"] > 0
