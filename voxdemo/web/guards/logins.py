"""Logins: tokens that say whose they are and until when, signed: servers that share a secret believe each other.

Gradio's own are random, and each server knows those in its memory. It looks them up here instead, and `/login` and
`/logout` are ours.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from voxdemo.stores.valkey import Valkey

LASTS_S = 7 * 86_400
LOG_IN, LOG_OUT = "/login", "/logout"
ENDED = "voxdemo:logins:ended"
"""Where Valkey has marks of tokens that were deleted, by the time until which they would have been good.

One set without a time of its own: where Valkey is full and drops what has one, these stay.
"""


class Logins(MutableMapping[str, str]):
    """The accounts that have logged in, by their tokens: what Gradio asks in place of a dict, its `App.tokens`.

    Tokens are signed by the `secret`, or by one that nobody else has where there is none; `accounts` are names and
    passwords, and `now` tells the seconds since 1970. A login ends with its time, where its account's password is
    another one, and where it is deleted here, or by a server with the same `valkey`. What is put in is kept beside
    those: programs that come with a key.
    """

    def __init__(
        self,
        secret: str,
        accounts: Mapping[str, str],
        now: Callable[[], float] = time.time,
        valkey: Valkey | None = None,
    ) -> None:
        self._secret = secret.encode() or secrets.token_bytes(32)
        self._accounts = accounts
        self.now = now
        self.cookie_id = self._mark("the name of the cookie")[:32]
        """What the cookie with a login is called after."""
        self._kept: dict[str, str] = {}
        self._ended: dict[str, float] = {}
        """The tokens that were deleted, with the time until which they would have been good."""
        self._valkey = valkey

    def begun(self, account: str, password: str) -> str | None:
        """The token of a new login; None where that isn't the account's password."""
        known = self._accounts.get(account)
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            return None
        name = base64.urlsafe_b64encode(account.encode()).decode().rstrip("=")
        told = f"{name}.{int(self.now()) + LASTS_S}.{secrets.token_urlsafe(8)}"
        return f"{told}.{self._signature(told, account)}"

    async def end(self, token: str) -> None:
        """Delete a login, and have other servers find that."""
        self.pop(token, None)
        if self._valkey and (until := self._ended.get(token)):
            changes = self._valkey.client.pipeline()
            changes.zadd(ENDED, {self._mark(token): until}).zremrangebyscore(ENDED, 0, self.now())
            await self._valkey.ask(changes.execute)

    async def look(self, token: str) -> None:
        """Delete a login that another server has ended."""
        valkey = self._valkey
        if valkey is None or token in self._kept or token not in self:
            return
        if await valkey.ask(lambda: valkey.client.zscore(ENDED, self._mark(token))):
            self.pop(token, None)

    def __getitem__(self, token: str) -> str:
        return self._kept[token] if token in self._kept else self._read(token)[0]

    def __setitem__(self, token: str, account: str) -> None:
        self._kept[token] = account

    def __delitem__(self, token: str) -> None:
        if self._kept.pop(token, None) is None:
            _, until = self._read(token)
            good = {each: end for each, end in self._ended.items() if end >= self.now()}
            self._ended = {**good, token: until}

    def __iter__(self) -> Iterator[str]:
        """Those that are kept: people keep theirs themselves."""
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def _read(self, token: str) -> tuple[str, float]:
        """Whose login it is, and until when. Raises KeyError where it is none, or over."""
        told, _, signature = (token or "").rpartition(".")  # Gradio asks for None where there is no cookie
        try:
            name, last, _ = told.split(".")
            account, until = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode(), int(last)
        except ValueError:
            raise KeyError(token) from None
        if until < self.now() or account not in self._accounts or token in self._ended:
            raise KeyError(token)
        if not hmac.compare_digest(signature.encode(), self._signature(told, account).encode()):
            raise KeyError(token)
        return account, until

    def _signature(self, told: str, account: str) -> str:
        return self._mark(f"login\0{told}\0{self._accounts[account]}")

    def _mark(self, what: str) -> str:
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()


def cookies_of(scope: Scope) -> Sequence[str]:
    """The names of both that a login is sent in: a browser sends the first one only where there is TLS."""
    id = scope["app"].cookie_id
    return f"access-token-{id}", f"access-token-unsecure-{id}"


async def log_in(request: Request) -> Response:
    """Begin a login, as Gradio's page and its client ask for one, and with its cookies."""
    async with request.form() as form:
        account, password = (str(form.get(field, "")) for field in ("username", "password"))
    token = request.app.tokens.begun(account.strip(), password)
    if token is None:
        raise HTTPException(400, "That isn't the name and password of an account here: check both.")
    answer = JSONResponse({"success": True})
    secure, unsecure = cookies_of(request.scope)
    answer.set_cookie(secure, token, httponly=True, secure=True, samesite="none")  # for pages in a frame
    answer.set_cookie(unsecure, token, httponly=True)
    return answer


async def log_out(request: Request) -> Response:
    """End the login that a request comes with; others of the same account stay."""
    answer = Response(status_code=204)
    secure, unsecure = cookies_of(request.scope)
    for name in (secure, unsecure):
        await request.app.tokens.end(request.cookies.get(name, ""))
    answer.delete_cookie(secure, secure=True, samesite="none")
    answer.delete_cookie(unsecure)
    return answer


LOGIN_ROUTES = (
    Route(LOG_IN, log_in, methods=["POST"]),
    Route(f"{LOG_IN}/", log_in, methods=["POST"]),
    Route(LOG_OUT, log_out, methods=["POST"]),
)
"""For a server with accounts, before Gradio's own; what that does at a GET of `/logout` takes the cookies alone."""
