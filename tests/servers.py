"""Apps that are served on ports of their own in this process: lines, voices and what stands before them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from fakes import until
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """One of several in a process, whose signals they leave alone: each would put back those of another one."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Servers:
    """Apps on ports of their own in this process, which end together."""

    def __init__(self) -> None:
        self._running: list[tuple[Server, asyncio.Task[None]]] = []

    async def serve(self, made: Callable[[str], ASGIApp]) -> str:
        """The address of an app, which is made when that is known."""
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = Server(uvicorn.Config(made(url), log_config=None, timeout_graceful_shutdown=0))
        self._running.append((server, asyncio.ensure_future(server.serve([listening]))))
        await until(lambda: server.started)
        return url

    async def close(self) -> None:
        for server, _ in self._running:
            server.should_exit = True
        await asyncio.gather(*(serving for _, serving in self._running))
