"""HEAD is answered wherever GET is: probes, proxies and download managers ask so first.

FastAPI's routes, unlike Starlette's, know only the methods that they name. Pure ASGI; knows nothing of the routes but
which of them aren't pages.
"""

import re
from functools import partial

from starlette.types import Message, Receive, Send

from voxdemo.web.guards.callers import Guard, Incoming

NOT_ASKED = re.compile(r"/gradio_api/(queue|heartbeat|call|stream|dev)/|/logout/?$")
"""What a GET begins or ends: Gradio's streams, whose end stops the jobs of a page, and a login."""


class Heads(Guard):
    """ASGI middleware: a HEAD that no route takes is answered as a GET without its body."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        scope = request.scope
        if request.method != "HEAD" or NOT_ASKED.match(request.path):
            return await self._app(scope, receive, send)
        first = _UnlessRefused(send)
        await self._app(dict(scope), receive, first.send)  # a copy: routing writes into it
        if first.is_refused:
            await self._app({**scope, "method": "GET"}, receive, partial(_send_head, send))
        return None


class _UnlessRefused:
    """Hands an answer on, unless it's that this method isn't taken."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_refused = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_refused = message["status"] == 405
        if not self.is_refused:
            await self._send(message)


async def _send_head(send: Send, message: Message) -> None:
    await send({**message, "body": b""} if message["type"] == "http.response.body" else message)
