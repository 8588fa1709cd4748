"""The id of the request that is being served here, by a context variable, which tasks and `in_thread` hand on."""

import secrets
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def new_request_id() -> str:
    """A short id that no other request of these days has."""
    return secrets.token_hex(6)


def request_id() -> str:
    """The id of the request that is being served here; "" where none is."""
    return _request_id.get()


def enter_request(number: str) -> None:
    """From here on, to its end, this task serves the request of this id."""
    _request_id.set(number)
