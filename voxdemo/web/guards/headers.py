"""What every answer says in its headers, and the one list of all that stands between the network and the routes.

Gradio's own page decides what its Content-Security-Policy must allow: it has scripts in the page, and makes functions
of those that its HTML components bring. So the policy's worth is in where the page may load from and send to: nowhere
but here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voxdemo import logs
from voxdemo.settings import Settings
from voxdemo.web.guards.access import Access
from voxdemo.web.guards.compressing import Compressing

MAY_EMBED = "'self' https://huggingface.co https://*.hf.space"
"""Whose pages may show this one in a frame: Spaces do."""
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        f"frame-ancestors {MAY_EMBED}",
    )
)
SECURITY = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), display-capture=(), geolocation=(), payment=(), usb=()",
}
"""On every answer. No X-Frame-Options: it can't name sites, and browsers that know frame-ancestors ignore it."""
EXPOSED = ("Retry-After", "X-Request-ID", "X-Voxdemo-Seed", "X-Voxdemo-Warning")
"""Headers that pages of other sites may read."""
GRADIO_STARTS = "/gradio_api/startup-events"


def guards(settings: Settings, *inner: Middleware) -> list[Middleware]:
    """What `app_kwargs={"middleware": …}` gets: all that stands before the routes, with `inner` nearest to them.

    `inner` finds in the scope, as `callers.KEY`, the id of the key that a request came with.
    """
    origins = [origin.lower() for origin in settings.cors_origins]
    layers = (
        Middleware(RequestIds),
        Middleware(Compressing),
        Middleware(SecurityHeaders),
        Middleware(
            CORSMiddleware,
            origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        ),
        Middleware(Access, settings.keys),
        Middleware(WithoutOrigin),
        *inner,
    )
    return [Middleware(Outside, layers)]


class Outside:
    """ASGI middleware: puts others round all of the app when it starts.

    Gradio puts its own round those that the app is made with, among them one that lets other sites in, and Starlette
    answers what fails outside of both.
    """

    def __init__(self, app: ASGIApp, layers: Sequence[Middleware]) -> None:
        self._inner = app
        self._layers = layers
        self._guarded = _wrapped(app, layers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Move the others outside when the app starts; then hand on."""
        if scope["type"] == "lifespan":
            scope["app"].middleware_stack = _wrapped(scope["app"].middleware_stack, self._layers)
            self._guarded = self._inner
        await self._guarded(scope, receive, send)


class RequestIds:
    """ASGI middleware: gives every request an id, or keeps a well-formed one of its own, and answers with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request under its id."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get("x-request-id", "")
        number = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else logs.new_request_id()
        if not scope["path"].endswith(GRADIO_STARTS):  # Gradio's queue begins there, and would have that id for ever
            logs.enter_request(number)  # for good: what fails is logged outside of here
        return await self._app(scope, receive, _saying(send, {"X-Request-ID": number}))


class SecurityHeaders:
    """ASGI middleware: sets `SECURITY` on every answer, where the route hasn't set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        await self._app(scope, receive, _saying(send, SECURITY))


class WithoutOrigin:
    """ASGI middleware: hides who calls from Gradio, which would tell every site's page that it may read the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] == "http":
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"origin"]}
        await self._app(scope, receive, send)


def _wrapped(app: ASGIApp, layers: Sequence[Middleware]) -> ASGIApp:
    for layer, arguments, options in reversed(layers):
        app = layer(app, *arguments, **options)
    return app


def _saying(send: Send, headers: dict[str, str]) -> Send:
    """`send`, with these headers on the answer that have no value yet."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = MutableHeaders(scope=message)
            for name, value in headers.items():
                given.setdefault(name, value)
        await send(message)

    return send_with_headers
