"""What a request is, to all that stands before the routes: HTTP's, or a WebSocket's that isn't open yet.

No guard looks by itself which of the two it is. This module knows ASGI scopes, and of the server only how to name the
proxies to believe.
"""

import asyncio
import ipaddress
import os
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")

KEY = "voxdemo.key"
"""Where in a scope the id of the API key stands that a request came with."""
READER = "voxdemo.reader"
"""The entry of a scope for the only one that may see what the request makes: a key's id, or an account."""
UNLISTED_SITE = "voxdemo.unlisted_site"
"""Whether a page of another site sends it that isn't named in the settings."""
ACCOUNT = "account "
"""What the entry of an account has before its name, so that none is a key's id."""
UNKNOWN = "unknown"
"""All clients without an address, as through a Unix socket; they count as one."""
NETWORK_BITS = 64
"""Of an IPv6 address: what one customer gets at the least, and can choose addresses from at will."""


class Incoming(HTTPConnection):
    """A request, with its headers, cookies and app as Starlette reads them."""

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for a WebSocket, instead of an answer."""
        return bool(self.scope["type"] == "websocket")

    @property
    def method(self) -> str:
        """HTTP's; a WebSocket begins with a GET."""
        return str(self.scope.get("method", "GET"))

    @property
    def path(self) -> str:
        """The path as routes see it: below the one that a proxy serves this under."""
        path, root = str(self.scope["path"]), str(self.scope.get("root_path", ""))
        return path.removeprefix(root) if path.startswith(f"{root}/") else path

    @property
    def caller(self) -> str:
        """The client that it is counted for: its API key, else the address or IPv6 network it comes from.

        Cookies and sessions don't matter, because anybody can have as many as they like.
        """
        if key := self.scope.get(KEY):
            return str(key)
        return _network(self.client.host) if self.client else UNKNOWN

    @property
    def reader(self) -> str | None:
        """The key or account that it came with; None where it came without."""
        reader: str | None = self.scope.get(READER)
        return reader

    @property
    def keeper(self) -> str:
        """Whose voices it may use: its key's id, its account, or "", which is everybody that came without either."""
        return (self.reader or "").removeprefix(ACCOUNT)

    @property
    def is_of_unlisted_site(self) -> bool:
        """Whether a page of another site sends it that the settings don't name; known behind `KnownOrigins` only."""
        return bool(self.scope[UNLISTED_SITE])

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether a page of another site sends it. Programs say nothing of where they are, and aren't pages.

        Browsers say it in Sec-Fetch-Site, which no proxy spoils, but only where there is TLS, and not all of them for a
        WebSocket; no page can set any of these headers itself.
        """
        if site := self.headers.get("sec-fetch-site"):
            return site != "same-origin"
        origin = self.headers.get("origin")
        if origin is None:
            return False
        host = origin.partition("://")[2]
        own = (self.headers.get("host"), self.headers.get("x-forwarded-host", "").partition(",")[0])
        return not host or host not in own


class Guard:
    """ASGI middleware for requests of either kind; the start and the end of the app pass it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            await self.guard(Incoming(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        """Hand the request on to the app, changed or not, or refuse it."""
        raise NotImplementedError


async def first_done(*work: Coroutine[Any, Any, T]) -> T:
    """What the first of these returns, or raises; the others are cancelled, and gone."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def left(receive: Receive) -> None:
    """Returns when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def trust(proxies: Sequence[str]) -> None:
    """Believe X-Forwarded-For and X-Forwarded-Proto from these addresses and networks only; call it before the launch.

    Of a chain of proxies the last that isn't one of these is the client. "*" believes everybody, and then the first:
    for a server that only its proxy can reach, and whose proxy replaces what clients claim.
    """
    believed = "*" if "*" in proxies else ",".join(name for proxy in proxies for name in _spellings(proxy))
    os.environ["FORWARDED_ALLOW_IPS"] = believed  # uvicorn's; unset, it believes whatever runs on this machine


def _network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(address), NETWORK_BITS), strict=False))
        address = address.ipv4_mapped
    return str(address)


def _spellings(proxy: str) -> list[str]:
    """As it stands, and as an IPv4 address looks to a server that listens on IPv6."""
    network = ipaddress.ip_network(proxy)
    if network.version == 6:
        return [proxy]
    return [proxy, f"::ffff:{network.network_address}/{96 + network.prefixlen}"]
