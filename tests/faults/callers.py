"""Bare clients of Gradio's queue, many at once in one thread: who joins, listens, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

BUSY = re.compile(r"Busy: (1 person is|\d+ people are) waiting\. Try again in (about \d+ s|a minute)\.")


@dataclass
class Call:
    """One who asked for a text to be spoken. `asked_at` and `taken_at` are around the request that joined the line."""

    text: str
    session: str
    asked_at: float
    taken_at: float
    status: int
    outcome: dict[str, Any] | None = None

    @property
    def sentence(self) -> str:
        """What it was told instead of a sound."""
        return str((self.outcome or {}).get("output", {}).get("error", ""))

    @property
    def is_served(self) -> bool:
        return bool(self.outcome and self.outcome["success"])

    @property
    def is_refused_in_words(self) -> bool:
        return not self.is_served and bool(BUSY.fullmatch(self.sentence))


class Callers:
    """Clients of a server, each with a session of its own."""

    def __init__(self, http: httpx.AsyncClient, function: int) -> None:
        self.http = http
        self._function = function

    async def join(self, text: str, session: str = "") -> Call:
        """Somebody who stands in line, or has been refused there, and doesn't listen yet."""
        session, asked_at = session or secrets.token_hex(8), time.monotonic()
        data = [text, None, "", 2.0, 10, False, False]
        joined = {"data": data, "fn_index": self._function, "session_hash": session}
        answer = await self.http.post("/gradio_api/queue/join", json=joined)
        return Call(text, session, asked_at, time.monotonic(), answer.status_code)

    async def listen(self, call: Call) -> Call:
        """The same when it has been told how it ended."""
        async with aclosing(self.messages(call)) as messages:
            async for message in messages:
                if message["msg"] == "process_completed":
                    call.outcome = message
                    break
        return call

    async def call(self, text: str) -> Call:
        return await self.listen(await self.join(text))

    async def messages(self, call: Call) -> AsyncGenerator[dict[str, Any], None]:
        parameters = {"session_hash": call.session}
        async with self.http.stream("GET", "/gradio_api/queue/data", params=parameters) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@asynccontextmanager
async def callers(url: str) -> AsyncGenerator[Callers, None]:
    """Clients of the server at `url`; everything they hold open is closed at the end."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        functions = (await http.get("/config")).json()["dependencies"]
        yield Callers(http, next(function["id"] for function in functions if function["api_name"] == "generate"))


def out_of_order(calls: list[Call], started: list[str]) -> list[tuple[str, str]]:
    """Pairs of which the first had joined before the second asked, and yet the second was turned to before."""
    place = {text: index for index, text in enumerate(started)}
    served = [call for call in calls if call.text in place]
    return [
        (first.text, second.text)
        for first in served
        for second in served
        if first.taken_at < second.asked_at and place[first.text] > place[second.text]
    ]


async def all_within(seconds: float, *coroutines: Any) -> list[Any]:
    """What all of them return; none may take longer than this."""
    return list(await asyncio.wait_for(asyncio.gather(*coroutines), seconds))
