"""How a refusal looks: as Gradio's clients and the page read it, and below /v1/ as in OpenAI's API.

And a file that may be gone, which is refused then.

Of most HTTP errors gradio_client shows the status alone, of a job that fails the sentence. So a script that asks for
too much is let in for as long as it takes to fail; an upload that is one too many is answered with a file that isn't
there, and the job that names it fails. Raw HTTP gets a 429. Knows ASGI scopes and our errors, no route.
"""

import json
import math
import os
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose
from typing_extensions import override

from voxdemo.errors import UNEXPECTED_CODE, InputError, LimitError, StorageError, UnavailableError, VoxdemoError
from voxdemo.web.guards.callers import Incoming

OWN_PATHS = "/v1/"
"""Below which programs call, as they call OpenAI's API."""
AGENT = "gradio_client/"
"""How its User-Agent begins: huggingface_hub makes it of the library's name."""
UNKNOWN_S = 10
"""Seconds in Retry-After while it isn't known how long a job takes."""
_STATUSES: Sequence[tuple[type[VoxdemoError], int]] = (
    (InputError, 400), (LimitError, 429), (UnavailableError, 503), (StorageError, 507),
)  # fmt: skip
"""Of errors; the first that fits counts."""
_TYPES = {401: "authentication_error", 429: "rate_limit_error"}
"""By status, as OpenAI's API names them."""
_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    503: "not_ready",
    507: StorageError.code,
}
"""By status, of what is refused in a sentence alone; "bad_request" and "unexpected" by all others."""
_REFUSED = re.compile(r"/refused-upload-until-(\d{1,12})(/|$)")
_WAIT_S = 1.0
"""Seconds to wait where the time of a refused upload has come meanwhile."""
POLICY_VIOLATION = 1008
"""The code to close a WebSocket with (RFC 6455, 7.4.1); before it is open, servers answer 403 instead."""


class Refusal(JSONResponse):
    """An answer that refuses a WebSocket, too; where the server can't send one to a WebSocket, this closes it."""

    def render(self, content: Any) -> bytes:
        """In ASCII: it may repeat half a surrogate pair, which can't be sent otherwise."""
        return json.dumps(content, separators=(",", ":")).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if Incoming(scope).is_websocket and "websocket.http.response" not in scope.get("extensions", {}):
            await WebSocketClose(POLICY_VIOLATION)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class FileOrGone(FileResponse):
    """A file that was found; where it was deleted since then, the answer `gone`.

    Starlette opens a file only after it has sent the headers (`_open_file`), too late for a 404: it is opened before.
    """

    def __init__(self, path: Path, gone: Response, **options: Any) -> None:
        super().__init__(path, **options)
        self._gone = gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._file = await anyio.open_file(self.path, "rb")
        except FileNotFoundError:
            return await self._gone(scope, receive, send)
        async with self._file:
            self.stat_result = os.fstat(self._file.wrapped.fileno())
            self.set_stat_headers(self.stat_result)
            return await super().__call__(scope, receive, send)

    @override
    @asynccontextmanager
    async def _open_file(self) -> AsyncIterator[anyio.AsyncFile[bytes]]:
        yield self._file


def refused(scope: Scope, status: int, told: str | VoxdemoError, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal of the request with this scope."""
    if Incoming(scope).path.startswith(OWN_PATHS):
        return to_program(status, told, headers=headers)
    error = _described(status, told)
    sentence = error.pop("message")
    # Gradio's page and clients read "detail", programs that call the other routes "error".
    return Refusal({"error": sentence, "detail": sentence, **error}, status, headers)


def to_program(
    status: int, told: str | VoxdemoError, param: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as OpenAI's API has it."""
    return Refusal({"error": in_words(status, told, param)}, status, headers)


def in_words(status: int, told: str | VoxdemoError, param: str | None = None) -> dict[str, Any]:
    """The content of such an error; `values`, what its sentence has in its places, is ours."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {**_described(status, told), "type": kind, "param": param}


def _described(status: int, told: str | VoxdemoError) -> dict[str, Any]:
    if isinstance(told, VoxdemoError):
        return told.described
    code = _CODES.get(status, "bad_request" if status < 500 else UNEXPECTED_CODE)
    return {"message": told, "code": code, "values": {}}


def status_of(error: VoxdemoError) -> int:
    """The HTTP status that says the same as an error of ours."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def retry_after(error: VoxdemoError) -> dict[str, str]:
    """The header Retry-After, for what can be tried again later; none for other errors."""
    if not isinstance(error, UnavailableError):
        return {}
    seconds = UNKNOWN_S if error.retry_after_s is None else max(1, math.ceil(error.retry_after_s))
    return {"Retry-After": str(seconds)}


def is_gradio_client(scope: Scope) -> bool:
    """Whether gradio_client asks."""
    return AGENT in Headers(scope=scope).get("user-agent", "")


def refused_upload(error: LimitError) -> Response:
    """In place of a 429: the name of a file, from which `check_uploaded` knows when to come again."""
    until = round(time.time() + (error.retry_after_s or _WAIT_S))
    return JSONResponse([f"/refused-upload-until-{until}"])


def check_uploaded(path: Path) -> None:
    """Raises the LimitError that its upload met, where it is the file of one that was refused."""
    if refused := _REFUSED.match(path.as_posix()):
        wait_s = max(_WAIT_S, int(refused[1]) - time.time())
        raise LimitError.too_many(wait_s)
