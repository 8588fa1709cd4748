"""Counts what is being answered, so that a server that stops knows when all clients have their answers.

Pure ASGI. It changes nothing, but for a server that leaves its people to others: what a balancer brings there that was
not begun there is refused, so that the balancer asks another one.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from voxdemo.errors import NotReadyError
from voxdemo.web.guards.begun import goes_on
from voxdemo.web.guards.callers import Guard, Incoming
from voxdemo.web.guards.refusals import refused, retry_after

UNCOUNTED = ("/health", "/ready", "/metrics", "/v1/stats", "/heartbeat/")
"""Parts of paths that are asked for again and again, or held open, by clients that wait for nothing."""
ALSO_HERE = ("/gradio_api/upload", "/speech/", "/file=")
"""Parts of paths that this server answers as well as another, and that may not be asked for twice."""
LOOK_S = 0.1

T = TypeVar("T")


class Traffic:
    """Counts the requests of the app that has its `middleware`. `settled` is for the server's event loop."""

    is_left_to_others = False
    """Whether a balancer is to ask another server for all that wasn't begun at this one."""

    def __init__(self) -> None:
        self.middleware = Middleware(_Counted, self)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way = 0
        self._last_at = time.monotonic()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """What `work` returns, done by the server's event loop; for other threads than that one's."""
        assert self._loop, "the server is up"
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    async def settled(self, quiet_s: float, within_s: float) -> None:
        """Returns when nothing has been under way for `quiet_s`, at the latest after `within_s`."""
        end = time.monotonic() + within_s
        while (now := time.monotonic()) < end:
            if not self._under_way and now >= self._last_at + quiet_s:
                return
            await asyncio.sleep(LOOK_S)

    def began(self) -> None:
        self._under_way += 1

    def ended(self) -> None:
        """It was answered, or its client has left."""
        self._under_way -= 1
        self._last_at = time.monotonic()

    def served_by(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server came up on this event loop."""
        self._loop = loop


class _Counted(Guard):
    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        super().__init__(app)
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._traffic.served_by(asyncio.get_running_loop())
        await super().__call__(scope, receive, send)

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        if any(part in request.path for part in UNCOUNTED):
            await self._app(request.scope, receive, send)
            return
        if self._traffic.is_left_to_others and _is_new_here(request):
            error = NotReadyError.restarting(0)
            await refused(request.scope, 503, error, retry_after(error))(request.scope, receive, send)
            return
        self._traffic.began()
        try:
            await self._app(request.scope, receive, send)
        finally:
            self._traffic.ended()


def _is_new_here(request: Incoming) -> bool:
    """Whether a balancer brings it that can ask another server: whoever comes by themselves has no other."""
    is_answered = goes_on(request) or any(part in request.path for part in ALSO_HERE)
    return "x-forwarded-for" in request.headers and not is_answered
