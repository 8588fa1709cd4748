"""The WebSocket's door, where a client does what a real connection does only after a long time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import LISTENER
from starlette.websockets import WebSocket

from voxdemo.web.v1.realtime import door


@pytest.mark.parametrize("query", [b"intent=transcription", b""])
async def test_a_client_that_does_not_read_holds_no_session(monkeypatch: pytest.MonkeyPatch, query: bytes) -> None:
    monkeypatch.setattr(door, "SEND_S", 0.01)
    happened: list[str] = []

    @asynccontextmanager
    async def live(*_: Any) -> AsyncIterator[Any]:
        yield SimpleNamespace()
        raise AssertionError("its first event can't be sent")

    async def counted(_: str) -> None:
        happened.append("counted")

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        happened.append(message["type"])
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()

    sessions = SimpleNamespace(refusal=None)
    service = SimpleNamespace(live=live, live_sessions=sessions, recognizer_info=LISTENER)
    app = SimpleNamespace(state=SimpleNamespace(entrance=SimpleNamespace(service=service, counted=counted)))
    scope = {"type": "websocket", "app": app, "subprotocols": [], "query_string": query, "headers": []}
    await door.realtime(WebSocket(scope, receive, send))
    assert happened[-1] == "websocket.send", "it isn't closed politely"
