"""How a client asks: through Gradio's queue as browsers and gradio_client do, or as programs do, over HTTP.

Each notes when the generator began and when the result was there. It knows the wire; `running` knows how often to ask.
"""

import base64
import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any

import httpx

from voxdemo.errors import UNAVAILABLE_CODES
from voxdemo.loadtest.measured import Request

CHARACTERS = 80
"""Of a server's sentence that are kept."""


class Door(ABC):
    """A way to ask for speech."""

    async def ask(self, client: httpx.AsyncClient, text: str) -> Request:
        """Ask, and wait for the result. What goes wrong is told in the request."""
        request = Request(time.monotonic())
        try:
            await self._ask(client, text, request)
        except httpx.HTTPError as error:
            _broken(request, type(error).__name__)
        request.ended_at = request.ended_at or time.monotonic()
        return request

    @abstractmethod
    async def _ask(self, client: httpx.AsyncClient, text: str, request: Request) -> None: ...


class Gradio(Door):
    """`/generate` through Gradio's queue."""

    def __init__(self) -> None:
        self._number: int | None = None

    async def _ask(self, client: httpx.AsyncClient, text: str, request: Request) -> None:
        number, session = await self._function(client), secrets.token_hex(8)
        body = {"data": [text, None, "", 2.0, 10, False, False], "fn_index": number, "session_hash": session}
        joined = await client.post("/gradio_api/queue/join", json=body)
        if joined.is_success:
            await self._follow(client, session, request)
        else:
            _refused(request, joined)

    async def _function(self, client: httpx.AsyncClient) -> int:
        if self._number is None:
            functions = (await client.get("/config")).raise_for_status().json()["dependencies"]
            self._number = next(int(each["id"]) for each in functions if each["api_name"] == "generate")
        return self._number

    async def _follow(self, client: httpx.AsyncClient, session: str, request: Request) -> None:
        async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            async for message in _events(stream):
                if message["msg"] == "progress" and request.started_at is None:
                    stages = [unit.get("unit") for unit in message.get("progress_data") or ()]
                    request.started_at = time.monotonic() if "speaking" in stages else None
                elif message["msg"] == "process_completed":
                    _completed(request, message)
                    return
        _broken(request)


class OpenAI(Door):
    """/v1/audio/speech, as events."""

    async def _ask(self, client: httpx.AsyncClient, text: str, request: Request) -> None:
        body = {"input": text, "response_format": "wav", "stream_format": "sse"}
        async with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            if answer.is_success:
                await self._follow(answer, request)
            else:
                await answer.aread()
                _refused(request, answer)

    async def _follow(self, answer: httpx.Response, request: Request) -> None:
        async for event in _events(answer):
            match event["type"]:
                case "speech.progress" if event["state"] == "speaking":
                    request.started_at = request.started_at or time.monotonic()
                case "speech.audio.delta":
                    base64.b64decode(event["audio"])
                    request.first_audio_at = request.first_audio_at or time.monotonic()
                case "speech.audio.done":
                    request.outcome, request.audio_s = "done", float(event["duration_s"])
                    return
                case "error":
                    _told(request, event["error"]["message"], event["error"]["code"])
                    return
        _broken(request)


DOORS: dict[str, type[Door]] = {"gradio": Gradio, "openai": OpenAI}
"""By name, as the server counts them."""


async def _events(stream: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in stream.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def _completed(request: Request, message: dict[str, Any]) -> None:
    request.ended_at = time.monotonic()
    if message["success"]:
        request.outcome = "done"
    else:
        _told(request, str(message["output"].get("error") or "no reason given"), message.get("code"))


def _refused(request: Request, answer: httpx.Response) -> None:
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    error = told.get("error") if isinstance(told, dict) else None
    sentence = error.get("message") if isinstance(error, dict) else error
    request.outcome, request.reason = "refused", str(sentence or answer.status_code)[:CHARACTERS]
    after = answer.headers.get("retry-after", "")
    request.retry_after_s = float(after) if after.isdigit() else None


def _told(request: Request, sentence: str, code: str | None) -> None:
    """What a job's own end says: a line that is full, or something that failed."""
    request.outcome = "refused" if code in UNAVAILABLE_CODES else "failed"
    request.reason = sentence[:CHARACTERS]


def _broken(request: Request, how: str = "ended early") -> None:
    request.outcome, request.reason = "failed", f"connection broken ({how})"
