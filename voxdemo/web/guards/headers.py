"""What every answer says in its headers, and the one list of all that stands between the network and the routes.

Gradio's own page decides what its Content-Security-Policy must allow: it has scripts in the page, and makes functions
of those that its HTML components bring. So the policy's worth is in where the page may load from and send to: nowhere
but here.
"""

import logging
import re
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voxdemo import logs
from voxdemo.settings import Settings
from voxdemo.stores.limits import Limits
from voxdemo.web.guards.access import Access
from voxdemo.web.guards.bodies import BodyLimit, CostlyDoors
from voxdemo.web.guards.callers import UNLISTED_SITE, Guard, Incoming
from voxdemo.web.guards.compressing import Compressing
from voxdemo.web.guards.refusals import refused
from voxdemo.web.guards.wellformed import Heads, WellFormed

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
ANSWERS = ("http.response.start", "websocket.http.response.start", "websocket.accept")
"""The messages of ASGI that have the headers of an answer."""
FOREIGN = "Pages of other sites can't call this server: ask its operator to name yours in VOXDEMO_CORS_ORIGINS."


def guards(settings: Settings, limits: Limits, *inner: Middleware) -> list[Middleware]:
    """What `app_kwargs={"middleware": …}` gets: all that stands before the routes, with `inner` nearest to them."""
    logging.getLogger("uvicorn.error").addFilter(_is_a_failure)
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
        Middleware(KnownOrigins, origins),
        Middleware(Access, settings.keys),
        Middleware(WithoutOrigin),
        Middleware(WellFormed),
        Middleware(Heads),
        Middleware(CostlyDoors, limits),
        Middleware(BodyLimit),
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
        if scope["type"] == "lifespan":
            scope["app"].middleware_stack = _wrapped(scope["app"].middleware_stack, self._layers)
            self._guarded = self._inner
        await self._guarded(scope, receive, send)


class RequestIds(Guard):
    """ASGI middleware: gives every request an id, or keeps a well-formed one of its own, and answers with it."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        given = request.headers.get("x-request-id", "")
        number = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else logs.new_request_id()
        if not request.path.endswith(GRADIO_STARTS):  # Gradio's queue begins there, and would have that id for ever
            logs.enter_request(number)  # for good: what fails is logged outside of here
        await self._app(request.scope, receive, _with_headers(send, {"X-Request-ID": number}))


class SecurityHeaders(Guard):
    """ASGI middleware: sets `SECURITY` on every answer, where the route hasn't set its own."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        await self._app(request.scope, receive, _with_headers(send, SECURITY))


class KnownOrigins(Guard):
    """ASGI middleware: marks what pages of sites send that aren't named, and refuses it where it is a WebSocket.

    Browsers ask before they let such a page read an answer, but not before a form's request or a WebSocket.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(app)
        self._origins = origins

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        is_foreign = request.is_from_elsewhere and request.headers.get("origin") not in self._origins
        request.scope[UNLISTED_SITE] = is_foreign
        answer = refused(request.scope, 403, FOREIGN) if request.is_websocket and is_foreign else self._app
        await answer(request.scope, receive, send)


class WithoutOrigin(Guard):
    """ASGI middleware: hides the origin from Gradio, which would let every site's page read the answer."""

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in request.scope["headers"] if name != b"origin"]
        await self._app({**request.scope, "headers": headers}, receive, send)


def _is_a_failure(record: logging.LogRecord) -> bool:
    """Not so what uvicorn logs of every WebSocket that is refused with an answer (its "websockets-sansio", 0.54)."""
    return record.msg != "ASGI callable returned without completing handshake."


def _wrapped(app: ASGIApp, layers: Sequence[Middleware]) -> ASGIApp:
    for layer, arguments, options in reversed(layers):
        app = layer(app, *arguments, **options)
    return app


def _with_headers(send: Send, headers: dict[str, str]) -> Send:
    """`send`, with these headers on the answer that have no value yet."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] in ANSWERS:
            message.setdefault("headers", [])
            given = MutableHeaders(scope=message)
            for name, value in headers.items():
                given.setdefault(name, value)
        await send(message)

    return send_with_headers
