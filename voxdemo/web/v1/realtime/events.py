"""One transcription session: events of its client become calls of a live session, and what that hears becomes events.

Knows no connection: it takes and returns events as JSON knows them.
"""

import base64
import binascii
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from voxdemo.audio.arriving import ArrivingSound
from voxdemo.errors import InputError, NotReadyError, VoxdemoError
from voxdemo.live import (
    LIVE_RATE,
    Committed,
    Heard,
    LiveEnded,
    LiveEvent,
    LiveOptions,
    NothingCommitted,
    SpeechStarted,
    SpeechStopped,
    TurnEnded,
    TurnFailed,
)
from voxdemo.service.live_sessions import LONGEST_S
from voxdemo.speech import RecognizerInfo, Samples, Transcript
from voxdemo.threads import in_thread
from voxdemo.web.guards.refusals import in_words, status_of
from voxdemo.web.v1.realtime.fields import OPEN_TEXT, Session

Event = dict[str, Any]

NOT_BASE64 = "audio must be the bytes of the sound in base64: encode them and send them again."
NOTHING_THERE = "There is no sound to commit: append at least 0.1 s first."
NOTHING_OPEN = "No turn is open: voice detection has ended all that were spoken."
UNKNOWN_EVENT = "A transcription session takes {these}, not {type!r}."
LEAST_S = 0.1
"""Of sound that can be committed, as OpenAI has it."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"
LONGEST_ID = 512
"""Characters of an event's id that are repeated, as many as OpenAI takes."""


class Listens(Protocol):
    """What a transcription session needs of a live one."""

    def feed(self, samples: Samples) -> None: ...
    def commit(self, name: str) -> None: ...
    def clear(self) -> None: ...
    def change(self, options: LiveOptions) -> None: ...


class TranscriptionSession:
    """A session with its turns, which are items to its client; for the event loop's thread."""

    def __init__(self, live: Listens, recognizer: RecognizerInfo, is_beta: bool = False) -> None:
        self._live = live
        self._recognizer = recognizer
        self._is_beta = is_beta
        self._id, self._expires_at = _new_id("sess"), int(time.time() + LONGEST_S)
        self._session = Session()
        self._sound = ArrivingSound(self._session.coding, LIVE_RATE)
        self._fed = self._committed = 0
        self._items: dict[int, str] = {}
        self._last_item: str | None = None
        self._added_turns: set[int] = set()

    def opened(self) -> Event:
        """What its client is told first."""
        return self._shown("created")

    async def take(self, event: Mapping[str, Any]) -> Sequence[Event]:
        """Do what its client asks for; returns the answers. Raises InputError for what can't be done."""
        kind = event.get("type")
        if not isinstance(kind, str) or kind not in TAKEN:
            raise InputError(
                UNKNOWN_EVENT, code="unknown_event", these=", ".join(TAKEN), type=str(kind or "an event without")[:60]
            )
        return await TAKEN[kind](self, event)

    def told(self, event: LiveEvent) -> Iterator[Event]:
        """What its client is told of this."""
        match event:
            case SpeechStarted(turn, at_s):
                yield _event(
                    "input_audio_buffer.speech_started", audio_start_ms=round(at_s * 1000), item_id=self._item(turn)
                )
            case SpeechStopped(turn, at_s):
                yield _event(
                    "input_audio_buffer.speech_stopped", audio_end_ms=round(at_s * 1000), item_id=self._item(turn)
                )
            case Committed(turn, _, end_s):
                self._committed = max(self._committed, round(end_s * LIVE_RATE))
                self._added_turns.add(turn)
                yield from self._added(self._item(turn))
            case NothingCommitted(event_id):
                error = InputError(NOTHING_OPEN, code="input_audio_buffer_commit_empty", reason="no_turn")
                yield failed(error, {"event_id": event_id or None})
            case Heard():
                yield from self._heard(event)
            case TurnEnded() | TurnFailed():
                yield from self._over(event)
            case LiveEnded():
                yield failed(ended(event))

    async def _update(self, event: Mapping[str, Any]) -> Sequence[Event]:
        self._is_beta = self._is_beta or event["type"].startswith("transcription_session.")
        session = self._session.updated(event.get("session"))
        options = session.options(self._recognizer)
        if session.coding != self._sound.coding:
            self._feed(self._sound.end())
            self._sound = ArrivingSound(session.coding, LIVE_RATE)
        self._session = session
        self._live.change(options)
        return [self._shown("updated")]

    async def _append(self, event: Mapping[str, Any]) -> Sequence[Event]:
        self._feed(await in_thread(self._samples, event.get("audio")))
        return ()

    async def _commit(self, event: Mapping[str, Any]) -> Sequence[Event]:
        self._feed(self._sound.end())
        if self._fed - self._committed < LEAST_S * LIVE_RATE:
            raise InputError(NOTHING_THERE, code="input_audio_buffer_commit_empty")
        self._committed = self._fed
        self._live.commit(_id_of(event) or "")
        return ()

    async def _clear(self, _: Mapping[str, Any]) -> Sequence[Event]:
        self._sound.end()
        self._committed = self._fed
        self._live.clear()
        return [_event("input_audio_buffer.cleared")]

    def _samples(self, audio: Any) -> Samples:
        try:
            return self._sound.samples(base64.b64decode(audio, validate=True))
        except (binascii.Error, TypeError, ValueError) as error:
            raise InputError(NOT_BASE64, field="audio", code="audio_not_base64") from error

    def _feed(self, samples: Samples) -> None:
        if len(samples):
            self._live.feed(samples)
            self._fed += len(samples)

    def _shown(self, what: str) -> Event:
        usual = {"id": self._id, "object": "realtime.transcription_session", "expires_at": self._expires_at}
        if self._is_beta:
            session = self._session.described_in_beta(self._recognizer)
            return _event(f"transcription_session.{what}", session=usual | session)
        return _event(f"session.{what}", session=usual | self._session.described(self._recognizer))

    def _item(self, turn: int) -> str:
        return self._items.setdefault(turn, _new_id("item"))

    def _added(self, item_id: str) -> Iterator[Event]:
        previous, self._last_item = self._last_item, item_id
        yield _event("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        item = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        for happened in ("created",) if self._is_beta else ("added", "done"):
            yield _event(f"conversation.item.{happened}", item=item, previous_item_id=previous)

    def _over(self, event: TurnEnded | TurnFailed) -> Iterator[Event]:
        item_id = self._items.pop(event.turn, "")
        if event.turn not in self._added_turns:  # its sound was cleared before it became an item
            return
        self._added_turns.remove(event.turn)
        if isinstance(event, TurnEnded):
            yield from _completed(item_id, event.transcript)
        else:
            told = in_words(status_of(event.error), event.error)
            yield _event(f"{TRANSCRIPTION}.failed", item_id=item_id, content_index=0, error=told)

    def _heard(self, event: Heard) -> Iterator[Event]:
        item_id = self._item(event.turn)
        if event.settled:
            yield _event(f"{TRANSCRIPTION}.delta", item_id=item_id, content_index=0, delta=event.settled)
        if OPEN_TEXT in self._session.include:
            behind_s = round(event.behind_s, 2)
            yield _event("voxdemo.transcription.open", item_id=item_id, text=event.open, behind_s=behind_s)


def failed(error: VoxdemoError, event: Mapping[str, Any] | None = None) -> Event:
    """What a client is told of an error, which its own `event` met, if any."""
    told = in_words(status_of(error), error, getattr(error, "field", None) or None)
    return _event("error", error={**told, "event_id": _id_of(event or {})})


def _id_of(event: Mapping[str, Any]) -> str | None:
    given = event.get("event_id")
    return given[:LONGEST_ID] if isinstance(given, str) else None


def ended(event: LiveEnded) -> VoxdemoError:
    """Why the session is over."""
    match event.reason:
        case "silence":
            return InputError("Nobody has spoken for too long: open another session.", code="session_silent")
        case "too_long":
            return InputError("This session has lasted as long as one may: open another.", code="session_expired")
        case "stopping":
            return NotReadyError.stopping()


def _completed(item_id: str, transcript: Transcript) -> Iterator[Event]:
    about = {"item_id": item_id, "content_index": 0}
    for number, segment in enumerate(transcript.segments):
        times = {"start": round(segment.start_s, 3), "end": round(segment.end_s, 3)}
        yield _event(f"{TRANSCRIPTION}.segment", **about, id=str(number), speaker="", text=segment.text, **times)
    yield _event(
        f"{TRANSCRIPTION}.completed",
        **about,
        transcript=transcript.text,
        languages=[{"code": transcript.language}] if transcript.language else [],
        usage={"type": "duration", "seconds": round(transcript.duration_s, 3)},
    )


def _event(kind: str, **values: Any) -> Event:
    return {"type": kind, "event_id": _new_id("event"), **values}


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(10)}"


TAKEN: Mapping[str, Callable[[TranscriptionSession, Mapping[str, Any]], Awaitable[Sequence[Event]]]] = {
    "session.update": TranscriptionSession._update,
    "transcription_session.update": TranscriptionSession._update,
    "input_audio_buffer.append": TranscriptionSession._append,
    "input_audio_buffer.commit": TranscriptionSession._commit,
    "input_audio_buffer.clear": TranscriptionSession._clear,
}
"""What a client may send."""
