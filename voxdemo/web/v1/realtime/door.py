"""The WebSocket of a transcription session: who is let in, what comes over it and goes, and how it is closed.

What the events mean is the session's business, and what is heard the live session's.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from voxdemo.errors import UNEXPECTED, InputError, NotReadyError, UnavailableError, VoxdemoError
from voxdemo.live import LiveEnded, LiveEvent, LiveOptions
from voxdemo.service.request_context import RequestContext
from voxdemo.threads import in_thread
from voxdemo.web.guards.callers import Incoming, first_done
from voxdemo.web.guards.refusals import retry_after, to_program
from voxdemo.web.v1.entrance import Entrance, TheEntrance
from voxdemo.web.v1.realtime.events import Event, TranscriptionSession, ended, failed

log = logging.getLogger(__name__)

INTENT = "transcription"
TRANSCRIBES = "Realtime sessions here transcribe and don't speak: open /v1/realtime?intent=transcription."
NO_WEBSOCKET = "This address takes a WebSocket: open one, or let the proxy before this server pass it on."
UPGRADES = {"Upgrade": "websocket", "Connection": "Upgrade"}
NOT_AN_EVENT = "An event is a JSON object with a type, sent as text: see docs/api.md."
TOO_MUCH = "More than {mib} MiB a second came over this connection: send sound as it is spoken."
PROTOCOL, BETA_PROTOCOL, BETA_HEADER = "realtime", "openai-beta.realtime-v1", "realtime=v1"
"""What OpenAI's clients in browsers offer, and by what one of the beta is known, there and elsewhere."""
BYTES_A_SECOND, BYTES_AT_ONCE = 2 << 20, 40 << 20
"""How much may come: 32 times what 24 kHz in base64 are, and before that more than a session leaves unread."""
LARGE = 1 << 16
"""Characters of an event from which on it isn't read on the event loop."""
NORMAL, RESTARTS, POLICY, FAILS, LATER, UNREAD = 1000, 1012, 1008, 1011, 1013, 1006
"""Codes that close a WebSocket (RFC 6455, 7.4.1, and IANA's list of them)."""
SEND_S = 20.0
"""How long a client may leave what it's told unread: it would hold a live session for others' time."""
LONGEST_REASON = 123
"""Bytes beside such a code."""

router = APIRouter(tags=["recognition"])


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ends."""

    code: int = NORMAL
    reason: str = ""


@router.get("/realtime", include_in_schema=False)
async def no_websocket(entrance: TheEntrance) -> Response:
    return _refusal(entrance) or to_program(426, NO_WEBSOCKET, headers=UPGRADES)


@router.websocket("/realtime")
async def realtime(socket: WebSocket) -> None:
    """Text while somebody speaks: OpenAI's transcription session."""
    if refusal := _refusal(_entrance(socket)):  # in HTTP, so that a balancer asks another server
        await refusal(socket.scope, socket.receive, socket.send)
        return
    await socket.accept(PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)
    with suppress(WebSocketDisconnect):
        try:
            closing = await _served(socket)
        except VoxdemoError as error:
            await _send(socket, failed(error))
            closing = _closing(error)
        except WebSocketDisconnect:
            raise
        except Exception:  # the door: nothing of it may reach a client
            log.exception("a live session failed")
            await _send(socket, failed(VoxdemoError(UNEXPECTED)))
            closing = Closing(FAILS)
        await socket.close(closing.code, closing.reason.encode()[:LONGEST_REASON].decode(errors="ignore"))


async def _served(socket: WebSocket) -> Closing:
    """How the session ended. Raises the VoxdemoError for which it doesn't begin or go on."""
    if socket.query_params.get("intent") != INTENT:
        raise InputError(TRANSCRIBES, code="session_speaks")
    entrance = _entrance(socket)
    caller = Incoming(socket.scope).caller
    await entrance.counted(caller)
    service = entrance.service
    async with service.live(LiveOptions(), RequestContext("openai", caller)) as live:
        session = TranscriptionSession(live, service.recognizer_info, _is_beta(socket))
        await _send(socket, session.opened())
        return await first_done(_take(socket, session), _tell(socket, session, live.events()))


async def _take(socket: WebSocket, session: TranscriptionSession) -> Closing:
    """Take what the client sends until it leaves. Raises InputError where that is too much."""
    allowance = _Allowance()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        allowance.take(len(message.get("text") or message.get("bytes") or ""))
        event: Mapping[str, Any] = {}
        try:
            event = await _event_in(message)
            answers = await session.take(event)
        except InputError as error:
            answers = [failed(error, event)]
        for answer in answers:
            await _send(socket, answer)


async def _tell(socket: WebSocket, session: TranscriptionSession, events: AsyncGenerator[LiveEvent, None]) -> Closing:
    """Tell the client what is heard until the session is over."""
    async with aclosing(events):
        async for event in events:
            for told in session.told(event):
                await _send(socket, told)
            if isinstance(event, LiveEnded):
                error = ended(event)
                return Closing(RESTARTS if isinstance(error, NotReadyError) else NORMAL, error.sentence)
    return Closing()


async def _send(socket: WebSocket, told: Event) -> None:
    """Raises WebSocketDisconnect where the client doesn't read: it wouldn't read a close either."""
    try:  # in ASCII, as half a surrogate pair can't be sent otherwise
        await asyncio.wait_for(socket.send_text(json.dumps(told)), SEND_S)
    except asyncio.TimeoutError:
        log.warning("a live session ended: its client has read nothing for %.0f s", SEND_S)
        raise WebSocketDisconnect(UNREAD) from None


class _Allowance:
    """How many bytes may still come, which become more as time goes by."""

    def __init__(self) -> None:
        self._left, self._looked_at = float(BYTES_AT_ONCE), time.monotonic()

    def take(self, size: int) -> None:
        now = time.monotonic()
        self._left = min(BYTES_AT_ONCE, self._left + (now - self._looked_at) * BYTES_A_SECOND) - size
        self._looked_at = now
        if self._left < 0:
            raise InputError(TOO_MUCH, code="too_many_bytes", mib=BYTES_A_SECOND >> 20)


async def _event_in(message: Message) -> Mapping[str, Any]:
    """The event that came. Raises InputError for what is none."""
    text = message.get("text") or ""
    try:
        event = await in_thread(json.loads, text) if len(text) > LARGE else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(NOT_AN_EVENT, code="not_an_event") from error
    if not isinstance(event, dict):
        raise InputError(NOT_AN_EVENT, code="not_an_event")
    return event


def _entrance(socket: WebSocket) -> Entrance:
    entrance: Entrance = socket.app.state.entrance
    return entrance


def _refusal(entrance: Entrance) -> Response | None:
    """Why no session is opened any more, at a server that ends."""
    closing = entrance.service.live_sessions.refusal
    return to_program(503, closing, headers=retry_after(closing)) if closing else None


def _is_beta(socket: WebSocket) -> bool:
    return BETA_PROTOCOL in socket.scope["subprotocols"] or BETA_HEADER in socket.headers.get("openai-beta", "")


def _closing(error: VoxdemoError) -> Closing:
    code = POLICY if isinstance(error, InputError) else LATER if isinstance(error, UnavailableError) else FAILS
    return Closing(code, error.sentence)
