"""Which requests are let in: those of programs by an API key, those of people by Gradio's own login.

A valid key opens all that Gradio guards with a login. With keys configured, programs need one: for their paths, here,
and for the frozen endpoints, in Gradio's queue, because gradio_client calls those by number. The page itself uses the
paths of jobs, so a login opens them too. A request that changes something counts as a person's only where it comes from
a page of this server: browsers send a login along from pages of other sites, too.
"""

import hashlib
import hmac
import ipaddress
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from voxdemo.settings import Settings
from voxdemo.web.guards.callers import ACCOUNT, KEY, READER, Guard, Incoming
from voxdemo.web.guards.logins import LOG_OUT, cookies_of
from voxdemo.web.guards.refusals import OWN_PATHS, refused

log = logging.getLogger(__name__)

FOR_PROGRAMS = ("generate", "prompt_wav_recognition")
"""The endpoints that scripts call; the page has its own."""
GRADIO_PATHS = "/gradio_api/call/"
"""Below which programs call, too; unlike OWN_PATHS, Gradio's login guards it."""
FOR_PEOPLE = ("/v1/audio/jobs", "/v1/realtime")
"""Below which the page asks: its Batch tab, and its live way to recognise."""
FOR_READERS = ("/v1/docs", "/v1/openapi.json", "/v1/static-offline-docs/")
"""How to call, in words: open without a key, because a browser has none to send."""
KEY_OFFERED = "openai-insecure-api-key."
"""How OpenAI's clients in browsers send a key, where they can set no header: as a subprotocol of a WebSocket."""
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


class Access(Guard):
    """ASGI middleware: lets programs in by their key, and refuses a wrong one, or none where one is needed.

    Without any keys `Authorization` is ignored, as is everything in it but a Bearer token. A WebSocket needs a key or a
    login wherever they are set, on every path: Gradio's own login guards none.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        super().__init__(app)
        self._keys = [_Key(digest := _digest(key), f"key-{digest.hex()[:10]}") for key in keys]

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        scope = request.scope
        if request.app.auth:
            await request.app.tokens.look(_login(request))
        sent = _bearer(request) if self._keys else None
        key = self._known(sent) if sent is not None else None
        if refusal := WRONG_KEY if sent is not None and not key else self._lacks(request, key):
            return await refused(scope, 401, refusal, CHALLENGE)(scope, receive, send)
        if key:
            scope = _let_in(scope, key)
        elif request.path.startswith(OWN_PATHS) and (account := account_of(scope)) is not None:
            scope = {**scope, READER: f"{ACCOUNT}{account}"}
        return await self._app(scope, receive, send)

    def _known(self, sent: str) -> _Key | None:
        digest = _digest(sent)
        matching = [key for key in self._keys if hmac.compare_digest(key.digest, digest)]
        return matching[0] if matching else None

    def _lacks(self, request: Incoming, key: _Key | None) -> str:
        """What a request for a program's path lacks, or one that changes something."""
        path = request.path
        changes = request.is_websocket or request.method not in ("GET", "HEAD")
        is_foreign = changes and request.is_from_elsewhere
        if path == LOG_OUT and is_foreign:
            return ELSEWHERE
        is_for_programs = path.startswith((OWN_PATHS, GRADIO_PATHS))
        if key or path.startswith(FOR_READERS) or not (is_for_programs or request.is_websocket):
            return ""
        has_login = bool(request.app.auth) and _account(request) is not None
        if self._keys and not (has_login and (path.startswith(FOR_PEOPLE) or not is_for_programs)):
            return NO_KEY
        if not request.app.auth or (path.startswith(GRADIO_PATHS) and not request.is_websocket):
            return ""
        return (ELSEWHERE if is_foreign else "") if has_login else NO_LOGIN


def refuse_without_key(scope: Scope, endpoint: str | None, settings: Settings) -> None:
    """Raises HTTPException where a request to Gradio's queue names an endpoint for programs and has no key."""
    if settings.keys and endpoint in FOR_PROGRAMS and not scope.get(KEY):
        raise HTTPException(401, NO_KEY, CHALLENGE)


def account_of(scope: Scope) -> str | None:
    """The account that has logged in on the page; None without a login, and for programs, which have keys."""
    return None if scope.get(KEY) else _account(Incoming(scope))


def may_see_page(scope: Scope) -> bool:
    """Whether no login is asked for, or the request comes with one."""
    return not scope["app"].auth or _account(Incoming(scope)) is not None


def warn_if_open(settings: Settings) -> None:
    """Warn in the log of a server that asks for neither key nor login and can be reached from other machines."""
    if not settings.accounts and not settings.keys and not _is_loopback(settings.host):
        log.warning(
            "Everybody who can reach %s may use this demo: set VOXDEMO_AUTH for people and VOXDEMO_API_KEYS for"
            " programs, or VOXDEMO_HOST=127.0.0.1 to keep it to this machine.",
            settings.host,
        )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("latin-1")).digest()  # as headers are decoded


def _bearer(request: Incoming) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = request.scope.get("subprotocols", ())
    return next((name.removeprefix(KEY_OFFERED) for name in offered if name.startswith(KEY_OFFERED)), None)


def _let_in(scope: Scope, key: _Key) -> Scope:
    """The request as it would be had its key logged in on the page."""
    app = scope["app"]
    if app.auth:
        app.tokens[key.login] = key.id
        cookie = f"{cookies_of(scope)[0]}={key.login}"  # the last one of a name counts
        scope = {**scope, "headers": [*scope["headers"], (b"cookie", cookie.encode())]}
    return {**scope, KEY: key.id, READER: key.id}


def _account(request: Incoming) -> str | None:
    """Whom Gradio takes the client for by the cookies of a login; None without one, or where it is over."""
    account: str | None = request.app.tokens.get(_login(request))
    return account


def _login(request: Incoming) -> str:
    """The token that it comes with; "": none."""
    return next(filter(None, map(request.cookies.get, cookies_of(request.scope))), "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
