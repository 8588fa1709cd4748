"""Where and how front ends and voices reach the line. Knows no jobs."""

import ssl
from typing import Any

import httpx

from voxdemo.lanes import wire
from voxdemo.lanes.elsewhere.asgi import credentials


def client_of(url: str, secret: str, **options: Any) -> httpx.AsyncClient:
    """A client of the line at this URL; where that isn't https://, one that trusts no certificate at all.

    To read those that are trusted usually takes 30 ms.
    """
    trusted = url.lower().startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(headers=credentials(secret), trust_env=False, verify=trusted, **options)


class LineAddress:
    """Where the line is that is known by this URL.

    That may be a proxy's, which leads to the line wherever it is by now: it is asked once where that is, and again when
    nobody answers there.
    """

    def __init__(self, http: httpx.AsyncClient, known_at: str) -> None:
        self._http = http
        self._known_at = known_at.rstrip("/")
        self._found_at = ""

    async def url(self) -> str:
        """Raises HTTPError, and ValueError for an answer that isn't a line's."""
        if not self._found_at:
            answer = await self._http.get(f"{self._known_at}/line/where")
            self._found_at = wire.from_bytes(answer.raise_for_status().content) or self._known_at
        return self._found_at

    def forget(self) -> None:
        """Nobody answered there."""
        self._found_at = ""


def why_not(error: Exception) -> str:
    """What is to be done where a line that is there doesn't understand this process; "" where it isn't there."""
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else 0
    if status == httpx.codes.UNAUTHORIZED:
        return "the line refuses this process: set VOXDEMO_LINE_SECRET to what it has there"
    if status == httpx.codes.BAD_REQUEST or isinstance(error, ValueError):
        return "what answers at VOXDEMO_LINE_URL isn't a line of this release: run the same voxdemo at both"
    return ""
