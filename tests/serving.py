"""Starts the real server as a process of its own on a free port, as a user would, and stops it again."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvicorn
from forking import ROOT, Forked, is_read_at_import
from starlette.types import ASGIApp

from voxdemo.settings import Settings

START_S = 240.0
EVERY_JOB_ANEW = {"VOXDEMO_CACHE_SIZE": 0}
"""For servers that many tests share, who say the same words."""
SPACE = {"SPACE_ID": "somebody/voxdemo", "SYSTEM": "spaces", "SPACE_HOST": "somebody-voxdemo.hf.space"}
"""By what a program knows that Hugging Face runs it."""


def free_port() -> int:
    """One below those that Linux gives connections, from 32768 on: nobody takes it before it is listened to."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Server:
    """A server process. `url` ends without a slash; `log` is what it printed.

    `by_itself` it shares nothing with other servers, and takes seconds longer to begin.
    """

    def __init__(
        self,
        folder: Path,
        script: str = "app.py",
        port_variable: str = "VOXDEMO_PORT",
        port: int = 0,
        by_itself: bool = False,
        **settings: object,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self._log_path = folder / "server.log"
        inherited = environment(folder, **{port_variable: self.port, **settings})
        anew = by_itself or any(map(is_read_at_import, settings))
        self.process = _started(ROOT / script, inherited, self._log_path, anew)

    @property
    def log(self) -> str:
        return self._log_path.read_text(errors="replace")

    def wait_until_ready(self) -> None:
        self.wait_for("/ready")

    def wait_for(self, path: str) -> None:
        """Until `path` answers 200. Polls, because a starting server has no other way to be heard."""
        pause = threading.Event()
        for _ in range(int(START_S / 0.05)):
            assert self.process.poll() is None, f"the server ended:\n{self.log}"
            try:
                if self.http.get(path).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            pause.wait(0.05)
        raise AssertionError(f"{path} didn't answer 200 within {START_S:.0f} s:\n{self.log}")

    def joined(self, endpoint: str, data: list[object], session: str = "session", **headers: str) -> httpx.Response:
        """What a client that joins Gradio's queue is answered."""
        functions = self.http.get("/config").json()["dependencies"]
        number = next(function["id"] for function in functions if function["api_name"] == endpoint)
        body = {"data": data, "fn_index": number, "session_hash": session}
        return self.http.post("/gradio_api/queue/join", json=body, headers=headers)

    def messages(self, endpoint: str, data: list[object]) -> Iterator[dict[str, Any]]:
        """What Gradio's queue tells a bare client of a job, message by message; closing this is hanging up."""
        session = secrets.token_hex(8)
        self.joined(endpoint, data, session).raise_for_status()
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def page_values(self, text: str) -> list[object]:
        """What the page's Speak button sends for a text, every other control being as it is at first."""
        config = self.http.get("/config").json()
        speak = next(function for function in config["dependencies"] if function["api_name"] == "speak")
        values = {component["id"]: component["props"].get("value") for component in config["components"]}
        return [text, *(values[number] for number in speak["inputs"][1:])]

    def in_line(self) -> int:
        """How many are served or wait."""
        line = self.http.get("/ready").json()
        return int(line["running"] + line["waiting"])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code after this signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self.http.close()

    def end(self) -> None:
        """Kill it with all that it started: a test that has seen enough waits for no goodbye."""
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
        self.process.kill()
        self.process.wait(timeout=60)
        self.http.close()


StartServer = Callable[..., Server]
"""What the fixture `start_server` is: a script, port_variable and settings to a server."""


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The app's address, served by uvicorn as Gradio serves it."""
    listening = socket.create_server(("127.0.0.1", 0))
    # At the end nobody awaits what is still asked for.
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    pause = threading.Event()
    while not server.started:
        assert thread.is_alive()
        pause.wait(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listening.close()
        assert not thread.is_alive()


def _started(script: Path, environment: Mapping[str, str], log: Path, anew: bool) -> Forked | subprocess.Popen[bytes]:
    """A process that runs it, in a Python begun `anew` or in one that has imported what it needs."""
    log.touch()
    if not anew:
        return Forked([str(script)], environment, (os.devnull, str(log), str(log)))
    with log.open("wb") as written:
        return subprocess.Popen(
            [sys.executable, str(script)], stdout=written, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
        )


def eventually(condition: Callable[[], Any], within_s: float = 30.0) -> Any:
    """What `condition` returns once it is true; the server is another process, so there is nothing to wait on."""
    pause, deadline = threading.Event(), time.monotonic() + within_s
    while not (result := condition()):
        assert time.monotonic() < deadline, "it never came to be"
        pause.wait(0.02)
    return result


def environment(folder: Path, **settings: object) -> Mapping[str, str]:
    """This process's environment without anybody's VOXDEMO_ settings, and with these; no hub can be reached.

    None is a variable that isn't set.
    """
    theirs = ("VOXDEMO_", "GRADIO_", "SENTRY_", "SPACE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    usual = {"VOXDEMO_CACHE_DIR": str(folder / "cache"), "VOXDEMO_DRAIN_S": "0", "HF_HUB_OFFLINE": "1"}
    usual["VOXDEMO_EXAMPLES_AHEAD"] = "false"  # hundreds of servers would be busy with them
    wanted = {**kept, **usual, **settings}
    return {name: str(value) for name, value in wanted.items() if value is not None}


def asked(
    server: Server, path: str, takes: str | None, method: str = "GET", **headers: str
) -> tuple[httpx.Response, bytes]:
    """The answer and its bytes as they came, to a client that takes these codings; None: it says nothing of any."""
    request = server.http.build_request(method, path, headers=headers)
    del request.headers["accept-encoding"]
    if takes is not None:
        request.headers["accept-encoding"] = takes
    answer = server.http.send(request, stream=True)
    with closing(answer):
        return answer, b"".join(answer.iter_raw())


def is_default(name: str, written: str) -> bool:
    """Whether a setting of this name, written like this in the environment, is as it would be without."""
    field = Settings.model_fields[name]
    variable = f"VOXDEMO_{name.upper()}" if field.validation_alias else name
    return bool(getattr(Settings(_env_file=None, **{variable: written}), name) == field.default)  # type: ignore[call-arg]
