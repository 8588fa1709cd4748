"""Logins as tokens that say whose they are and until when, signed: servers that share a secret believe each other.

Gradio has tokens of its own, in the memory of one server. Knows no requests.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping

LASTS_S = 7 * 86_400


class Logins:
    """Signs by the `secret`, or by one that nobody else has where there is none; `accounts` are names and passwords.

    A login ends with its time, and where its account's password is another one.
    """

    def __init__(self, secret: str, accounts: Mapping[str, str]) -> None:
        self._secret = secret.encode() or secrets.token_bytes(32)
        self._accounts = accounts
        self.cookie_id = self._mark("the name of the cookie")[:32]
        """What the cookie with a login is called after."""

    def token(self, account: str) -> str:
        """A new login of this account."""
        name = base64.urlsafe_b64encode(account.encode()).decode().rstrip("=")
        told = f"{name}.{int(time.time()) + LASTS_S}.{secrets.token_urlsafe(8)}"
        return f"{told}.{self._signature(told, account)}"

    def account(self, token: str) -> str | None:
        """Whose login it is; None where it is none, or over."""
        told, _, signature = token.rpartition(".")
        try:
            name, until, _ = told.split(".")
            account = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
            is_over = int(until) < time.time()
        except ValueError:
            return None
        if is_over or account not in self._accounts:
            return None
        is_signed = hmac.compare_digest(signature.encode(), self._signature(told, account).encode())
        return account if is_signed else None

    def _signature(self, told: str, account: str) -> str:
        return self._mark(f"login\0{told}\0{self._accounts[account]}")

    def _mark(self, what: str) -> str:
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()
