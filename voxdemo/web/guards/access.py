"""Who may come in: programs by their API keys, people by Gradio's own login.

A right key opens all that Gradio guards with a login. Where keys are configured, what is made for programs asks for
one: their paths, here, and the frozen endpoints, in Gradio's queue, because gradio_client calls them by number. Of the
programs' paths the page itself uses those of jobs, which a login opens too. What changes something counts as a person's
only where it comes from a page of this server: browsers send a login along for pages of other sites, too.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from voxdemo.settings import Settings
from voxdemo.web.guards.callers import KEY, READER
from voxdemo.web.guards.refusals import OWN_PATHS, path_of, refused

log = logging.getLogger(__name__)

FOR_PROGRAMS = ("generate", "prompt_wav_recognition")
"""The endpoints that scripts call; the page has its own."""
GRADIO_PATHS = "/gradio_api/call/"
"""Below which programs call, too; unlike OWN_PATHS, Gradio's login guards it."""
FOR_PEOPLE = "/v1/audio/jobs"
"""Below which the page's Batch tab asks."""
FOR_READERS = ("/v1/docs", "/v1/openapi.json", "/v1/static-offline-docs/")
"""What says how to call, open to everybody: a browser has no key to send."""
LOG_OUT = "/logout"
CHALLENGE = {"WWW-Authenticate": "Bearer"}
WRONG_KEY = "This API key isn't valid here: check it, or ask the server's operator for one."
NO_KEY = "Programs need an API key here: send it in the header Authorization, as Bearer and the key."
NO_LOGIN = "This server asks for a login: log in on its page first."
ELSEWHERE = "A login counts on this server's own page only: send an API key from elsewhere."


@dataclass(frozen=True, slots=True)
class _Key:
    digest: bytes
    id: str
    login: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    """What Gradio knows it by, as if it had logged in."""


class Access:
    """ASGI middleware: lets programs in by their key, and turns away who has a wrong one, or none where one is needed.

    Without any keys `Authorization` is ignored, as is everything in it but a Bearer token.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [_Key(digest := _digest(key), f"key-{digest.hex()[:10]}") for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it."""
        if scope["type"] == "http":
            sent = _bearer(scope) if self._keys else None
            key = self._known(sent) if sent is not None else None
            if refusal := WRONG_KEY if sent is not None and not key else self._lacks(scope, key):
                return await refused(scope, 401, refusal, CHALLENGE)(scope, receive, send)
            if key:
                scope = _let_in(scope, key)
            elif path_of(scope).startswith(FOR_PEOPLE) and (account := account_of(scope)) is not None:
                scope = {**scope, READER: f"account {account}"}
        return await self._app(scope, receive, send)

    def _known(self, sent: str) -> _Key | None:
        digest = _digest(sent)
        matching = [key for key in self._keys if hmac.compare_digest(key.digest, digest)]
        return matching[0] if matching else None

    def _lacks(self, scope: Scope, key: _Key | None) -> str:
        """What a request for a program's path lacks."""
        path = path_of(scope)
        if path == LOG_OUT and not _comes_from_here(scope):
            return ELSEWHERE
        if key or not path.startswith((OWN_PATHS, GRADIO_PATHS)) or path.startswith(FOR_READERS):
            return ""
        if self._keys and not (path.startswith(FOR_PEOPLE) and scope["app"].auth and _login(scope) is not None):
            return NO_KEY
        if path.startswith(GRADIO_PATHS) or not scope["app"].auth:
            return ""
        if _login(scope) is None:
            return NO_LOGIN
        return "" if _comes_from_here(scope) else ELSEWHERE


def refuse_without_key(scope: Scope, endpoint: str | None, settings: Settings) -> None:
    """For who joins Gradio's queue. Raises HTTPException where this endpoint is for programs and there is no key."""
    if settings.keys and endpoint in FOR_PROGRAMS and not scope.get(KEY):
        raise HTTPException(401, NO_KEY, CHALLENGE)


async def log_out(request: Request) -> Response:
    """Forget the login that a request comes with; others of the same account stay.

    Gradio's own, a GET, ends all of an account's.
    """
    answer = Response(status_code=204)
    secure, unsecure = _cookies(request.scope)
    for name in (secure, unsecure):
        request.app.tokens.pop(request.cookies.get(name), None)
    answer.delete_cookie(secure, secure=True, samesite="none")  # as Gradio sets it, for pages in a frame
    answer.delete_cookie(unsecure)
    return answer


def account_of(scope: Scope) -> str | None:
    """The account of who has logged in on the page; None without a login, and for programs, which have keys."""
    token = None if scope.get(KEY) else _login(scope)
    return None if token is None else scope["app"].tokens[token]


def may_see_page(scope: Scope) -> bool:
    """Whether no login is asked for, or the request comes with one."""
    return not scope["app"].auth or _login(scope) is not None


def warn_if_open(settings: Settings) -> None:
    """Say it in the log if everybody who can reach this server may use it, and others can."""
    if not settings.accounts and not settings.keys and not _is_loopback(settings.host):
        log.warning(
            "Everybody who can reach %s may use this demo: set VOXDEMO_AUTH for people and VOXDEMO_API_KEYS for"
            " programs, or VOXDEMO_HOST=127.0.0.1 to keep it to this machine.",
            settings.host,
        )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("latin-1")).digest()  # as headers are decoded


def _bearer(scope: Scope) -> str | None:
    scheme, _, token = Headers(scope=scope).get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _let_in(scope: Scope, key: _Key) -> Scope:
    """The request as it would be had its key logged in on the page."""
    app = scope["app"]
    if app.auth:
        app.tokens[key.login] = key.id
        cookie = f"{_cookie(scope)}={key.login}"  # the last one of a name counts
        scope = {**scope, "headers": [*scope["headers"], (b"cookie", cookie.encode())]}
    return {**scope, KEY: key.id, READER: key.id}


def _login(scope: Scope) -> str | None:
    """What Gradio knows the login by that a request comes with."""
    cookies = HTTPConnection(scope).cookies
    token = next(filter(None, map(cookies.get, _cookies(scope))), None)
    return token if token in scope["app"].tokens else None


def _comes_from_here(scope: Scope) -> bool:
    """Whether it isn't a page of another site that wants to change something here.

    Browsers tell it in Sec-Fetch-Site, which a proxy doesn't spoil, but only where there is TLS.
    """
    headers = Headers(scope=scope)
    if scope["method"] in ("GET", "HEAD"):
        return True
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _cookie(scope: Scope) -> str:
    return f"access-token-{scope['app'].cookie_id}"


def _cookies(scope: Scope) -> Sequence[str]:
    """Both that Gradio sets, as a browser sends the first one only where there is TLS."""
    return _cookie(scope), f"access-token-unsecure-{scope['app'].cookie_id}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
