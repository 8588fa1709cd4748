"""Where front ends and voices reach the line. Knows no jobs."""

import httpx

from voxdemo.lanes import wire


class LineAddress:
    """Where the line is that is known by this URL.

    That may be a proxy's, which leads to the line wherever it is by now: it is asked once where that is, and again when
    nobody answers there. Not `is_straight`: all goes through the proxy.
    """

    def __init__(self, http: httpx.AsyncClient, known_at: str, is_straight: bool = True) -> None:
        self._http = http
        self._known_at = known_at.rstrip("/")
        self._is_straight = is_straight
        self._found_at = ""

    async def url(self) -> str:
        """Raises HTTPError, and ValueError for an answer that isn't a line's."""
        if not self._is_straight:
            return self._known_at
        if not self._found_at:
            answer = await self._http.get(f"{self._known_at}/line/where")
            self._found_at = wire.from_bytes(answer.raise_for_status().content) or self._known_at
        return self._found_at

    def forget(self) -> None:
        """Nobody answered there."""
        self._found_at = ""
