"""A server with OpenAI's chat completions that answers by a script: what it does is what it is asked last.

It says a text a few letters at a time. `asked` is what it was sent, `hung_up` how many left before the end.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from serving import served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "the-key-of-the-language-model"
SECRET = "words of the language model's server, and /its/path"
ANSWER = "Certainly. Dr. Smith is in at 5 p.m. today! Shall I ask him?"
WHOLE = {
    "404": Response(SECRET, 404),
    "401": Response(SECRET, 401),
    "429": Response(SECRET, 429),
    "500": Response(SECRET, 500),
    "html": HTMLResponse(f"<h1>{SECRET}</h1>"),
    "json": Response('data: {"choices": [{}]}\n\n', media_type="text/event-stream"),
    "list": Response("data: [1, 2]\n\n", media_type="text/event-stream"),
    "no-json": Response(f"data: {SECRET}\n\n", media_type="text/event-stream"),
    "fault": Response("data: " + json.dumps({"error": {"message": SECRET}}) + "\n\n", media_type="text/event-stream"),
    "nothing": Response("", media_type="text/event-stream"),
    "says nothing": Response("data: [DONE]\n\n", media_type="text/event-stream"),
}
"""By what is said to it, what it answers at once."""


class Chat:
    """The server's app, and what a test sees of it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.hung_up = 0
        self.says = ANSWER
        self.may_go_on = threading.Event()
        """Where it "waits" behind its first sentence, it goes on when this is set."""
        models = JSONResponse({"object": "list", "data": [{"id": "parrot"}, {"id": "owl"}]})
        self.app = Starlette(
            routes=[
                Route("/v1/models", lambda _: models),
                Route("/v1/chat/completions", self.answer, methods=["POST"]),
            ]
        )

    async def answer(self, request: Request) -> Response:
        asked = await request.json()
        self.asked.append(asked)
        self.keys.append(request.headers.get("authorization"))
        said = asked["messages"][-1]["content"]
        if said == "fails once" and [each["messages"][-1]["content"] for each in self.asked].count(said) == 1:
            return WHOLE["500"]
        return WHOLE.get(said) or StreamingResponse(self._written(request, said), media_type="text/event-stream")

    async def _written(self, request: Request, said: str) -> AsyncGenerator[bytes, None]:
        yield b": a comment\n\n"
        if said == "stalls":
            await asyncio.Event().wait()
        text = {"thinks": f"\n<think>Hm. Well.</think>\n\n{ANSWER}", "dies": "One. Two. Thr"}.get(said, self.says)
        text = said.partition("say: ")[2] or text
        is_over = False
        try:
            for at in range(0, len(text), 3):
                yield _event(delta={"content": text[at : at + 3]})
                while said == "waits" and at > 12 and not self.may_go_on.is_set():
                    if await request.is_disconnected():
                        return
                    await asyncio.sleep(0.005)
            if said == "dies":
                return
            if said != "without the end":
                yield _event(delta={}, finish_reason="stop")
            if said != "without a mark":
                yield b"data: [DONE]\n\n"
            is_over = True
        finally:
            self.hung_up += not is_over


def _event(**choice: Any) -> bytes:
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()


@contextmanager
def chatting() -> Iterator[tuple[Chat, str]]:
    """The server while it runs, and its address as a setting names it."""
    chat = Chat()
    with served(chat.app) as url:
        yield chat, f"{url}/v1"
