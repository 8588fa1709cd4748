"""Programs that transcribe live by OpenAI's API: what they send, and in which order they must be told what."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SHORT = {
    "input_audio_buffer.speech_started": "<",
    "conversation.item.input_audio_transcription.delta": "d",
    "input_audio_buffer.speech_stopped": ">",
    "input_audio_buffer.committed": "c",
    "conversation.item.added": "a",
    "conversation.item.done": "b",
    "conversation.item.input_audio_transcription.segment": "s",
    "conversation.item.input_audio_transcription.completed": ".",
}
"""A letter for each event of a turn."""
DETECTED = re.compile("<d*>cabd*s+[.]")
COMMITTED = re.compile("d*cabd*s+[.]")
"""The order of a turn's events, where the server finds its end and where its client says it."""


def pcm(recording: Path) -> bytes:
    """A recording at 24 kHz, and a second of silence."""
    samples, rate = soundfile.read(recording, dtype="float32")
    resampled = soxr.resample(samples, rate, 24_000)
    return (np.concatenate([resampled, np.zeros(24_000)]) * 32_767).astype("<i2").tobytes()


def check_turns(told: Iterable[Mapping[str, Any]], order: re.Pattern[str]) -> str:
    """See that the events of every turn come in this order, and its deltas are its text; all text, joined."""
    turns: dict[str, list[Mapping[str, Any]]] = {}
    for event in told:
        turns.setdefault(event.get("item_id") or event["item"]["id"], []).append(event)
    for events in turns.values():
        assert order.fullmatch("".join(SHORT[event["type"]] for event in events))
        assert (
            "".join(event["delta"] for event in events if event["type"].endswith("delta")) == events[-1]["transcript"]
        )
        assert events[-1]["usage"]["type"] == "duration"
        assert events[-1]["usage"]["seconds"] > 0
    ids = [event["event_id"] for event in told]
    assert len({*ids}) == len(ids)
    return " ".join(events[-1]["transcript"] for events in turns.values())


@contextmanager
def opened(url: str, query: str = "?intent=transcription", **options: Any) -> Iterator[ClientConnection]:
    """A WebSocket to the server at this URL."""
    with connect(f"{url.replace('http', 'ws', 1)}/v1/realtime{query}", max_size=None, **options) as socket:
        yield socket


def said(socket: ClientConnection, **event: Any) -> dict[str, Any]:
    """The next thing that is told, after this event if there is one."""
    if event:
        socket.send(json.dumps(event))
    told: dict[str, Any] = json.loads(socket.recv(timeout=30))
    return told


def turn_of(socket: ClientConnection, sound: bytes) -> str:
    """What is heard of this sound (24 kHz, 16-bit) as one turn, its events in order."""
    said(socket)
    said(socket, type="session.update", session={"audio": {"input": {"turn_detection": None}}})
    for at in range(0, len(sound), 4_800):
        audio = base64.b64encode(sound[at : at + 4_800]).decode()
        socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
    told = [said(socket, type="input_audio_buffer.commit")]
    while not told[-1]["type"].endswith("completed"):
        told.append(said(socket))
    return check_turns(told, COMMITTED)


def closed(socket: ClientConnection) -> tuple[int, str]:
    """By which code and for which reason it is closed."""
    with pytest.raises(ConnectionClosed) as closing:
        socket.recv(timeout=30)
    assert closing.value.rcvd
    return closing.value.rcvd.code, closing.value.rcvd.reason
