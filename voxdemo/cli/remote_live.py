"""A live session at a running server: what `hear --live` needs of one, over the WebSocket that all programs use."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from voxdemo.cli.remote import CONNECT_S, error_of, headers, not_an_address, refusal, site, unreachable
from voxdemo.errors import NotReadyError
from voxdemo.live import Heard, LiveEnded, LiveEvent, TurnEnded, TurnFailed
from voxdemo.speech import Samples, Transcript

SENT_RATE = 24_000
"""Hz of the samples that it is fed."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"
NOTHING_OPEN = "input_audio_buffer_commit_empty"
ENDS_OF_CODES: Mapping[str, LiveEvent] = {
    "session_silent": LiveEnded("silence"),
    "session_expired": LiveEnded("too_long"),
}
"""Errors that a session ends with by itself."""


@asynccontextmanager
async def remote_session(url: str, language: str | None) -> AsyncIterator["RemoteSession"]:
    """A session at the server with this URL. Raises the VoxdemoError that says why there is none."""
    async with await _connected(url) as socket:
        session = RemoteSession(socket, language)
        sending = asyncio.ensure_future(session.send())
        try:
            yield session
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _connected(url: str) -> ClientConnection:
    address = f"{site(url).replace('http', 'ws', 1)}/v1/realtime?intent=transcription"
    try:
        return await connect(address, additional_headers=headers(), open_timeout=CONNECT_S)
    except InvalidURI:
        raise not_an_address(url) from None
    except InvalidStatus as refused:
        raise refusal(refused.response.status_code, bytes(refused.response.body or b"")) from refused
    except (OSError, InvalidHandshake) as error:
        raise unreachable(url) from error


class RemoteSession:
    """As `service.live_sessions.LiveSession`, for whoever feeds it and reads what it hears."""

    rate = SENT_RATE

    def __init__(self, socket: ClientConnection, language: str | None) -> None:
        self._socket = socket
        self._unsent: asyncio.Queue[str] = asyncio.Queue()
        self._turns: dict[str, int] = {}
        self._told_behind_s = self._fed_since_s = 0.0
        self._told_at = time.monotonic()
        self._detected: set[str] = set()
        """Items whose end was detected."""
        self._open: set[str] = set()
        """Items whose text isn't complete."""
        self.is_over = self._is_committed = False
        heard = {"format": {"type": "audio/pcm", "rate": SENT_RATE}, "transcription": {"language": language}}
        session = {"type": "transcription", "audio": {"input": heard}, "include": ["voxdemo.open"]}
        self._put("session.update", session=session)

    @property
    def behind_s(self) -> float:
        """How much sound isn't read yet, as far as it is known: silence, of which nothing is told, by the clock."""
        return self._told_behind_s + max(0.0, self._fed_since_s - (time.monotonic() - self._told_at))

    def feed(self, samples: Samples) -> None:
        """More sound: float32, shape [n], SENT_RATE."""
        if len(samples) and not self.is_over:
            self._fed_since_s += len(samples) / SENT_RATE
            data = (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
            self._put("input_audio_buffer.append", audio=base64.b64encode(data).decode())

    def finish(self) -> None:
        """No more sound comes: `events` ends when all has been read."""
        self._put("input_audio_buffer.commit")
        self.is_over = True

    async def send(self) -> None:
        while True:
            await self._socket.send(await self._unsent.get())

    async def events(self) -> AsyncGenerator[LiveEvent, None]:
        """What happens, until the session is over. Raises the VoxdemoError that it ends with."""
        try:
            async for message in self._socket:
                for event in self._told(json.loads(message)):
                    yield event
                    if isinstance(event, LiveEnded):
                        return
                if self.is_over and self._is_committed and not self._open:
                    return
        except ConnectionClosed:
            pass
        raise NotReadyError("The server closed the connection: try again in a minute.", reason="connection_closed")

    def _told(self, event: Mapping[str, Any]) -> Iterator[LiveEvent]:
        item = event.get("item_id", "")
        turn = self._turns.setdefault(item, len(self._turns)) if item else 0
        match str(event["type"]).removeprefix(f"{TRANSCRIPTION}."):
            case "error":
                yield from self._failed(event["error"])
            case "input_audio_buffer.speech_stopped":
                self._detected.add(item)
            case "input_audio_buffer.committed":
                self._open.add(item)
                self._is_committed |= self.is_over and item not in self._detected
            case "voxdemo.transcription.open":
                self._told_behind_s, self._fed_since_s, self._told_at = event["behind_s"], 0.0, time.monotonic()
            case "delta":
                yield Heard(turn, event["delta"], "", self.behind_s)
            case "completed":
                self._open.discard(item)
                yield TurnEnded(turn, Transcript(event["transcript"], None, (), event["usage"]["seconds"]))
            case "failed":
                self._open.discard(item)
                yield TurnFailed(turn, error_of(event["error"]))

    def _failed(self, error: Mapping[str, Any]) -> Iterator[LiveEvent]:
        if error["code"] == NOTHING_OPEN:
            self._is_committed = True
        elif error["code"] in ENDS_OF_CODES:
            yield ENDS_OF_CODES[error["code"]]
        else:
            raise error_of(error)

    def _put(self, kind: str, **values: Any) -> None:
        if not self.is_over:
            self._unsent.put_nowait(json.dumps({"type": kind, **values}))
