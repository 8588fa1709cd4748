"""What a live session is told and what it tells: text that grows while somebody speaks.

Plain frozen values. Seconds count from the session's first sample, turns from 0. They know nothing of models or lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voxdemo.errors import VoxdemoError
from voxdemo.speech import Transcript

LIVE_RATE = 16_000
"""Hz of the samples that a session is fed."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a session listens; may be changed between turns."""

    language: str | None = None
    """An ISO 639-1 code; None has it detected in every turn."""
    cuts_turns: bool = True
    """Whether turns begin and end by voice detection; else its client ends each of them."""
    threshold: float = 0.5
    """Probability of a voice from which on somebody speaks."""
    prefix_s: float = 0.3
    """Of sound before speech begins that belongs to the turn."""
    silence_s: float = 0.5
    """That ends a turn."""


@dataclass(frozen=True, slots=True)
class LiveBounds:
    """How much there may be of live sessions in a server."""

    sessions: int = 4
    per_client: int = 0
    """How many of those one client may have; 0: all."""
    silence_s: float = 60.0
    """How long nobody may speak in one; 0: as long as it lasts."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody begins to speak; it was detected a moment after `at_s`."""

    turn: int
    at_s: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Nobody has spoken since `at_s`, for as long as ends a turn."""

    turn: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Committed:
    """The turn has all of its sound, which is between these moments."""

    turn: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class NothingCommitted:
    """Its client ended a turn when none was open."""

    event_id: str = ""
    """The client's id of the commit."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a reading of an open turn brought."""

    turn: int
    settled: str
    """Text that has settled now: it follows what settled before, and is never taken back."""
    open: str
    """All that follows it and may still change."""
    behind_s: float
    """How much sound had come meanwhile that isn't read yet."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """All of a turn is settled: `transcript.text` is what settled of it, joined, and its segments have their times."""

    turn: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """A turn ends without the rest of its text; the session goes on."""

    turn: int
    error: VoxdemoError


@dataclass(frozen=True, slots=True)
class LiveEnded:
    """The session is over: nobody spoke for too long, it lasted too long, or the server stops."""

    reason: Literal["silence", "too_long", "stopping"]


LiveEvent = SpeechStarted | SpeechStopped | Committed | NothingCommitted | Heard | TurnEnded | TurnFailed | LiveEnded
"""Of every turn, in this order: SpeechStarted, Heard… with SpeechStopped and Committed among them, and last of it
TurnEnded or TurnFailed. Where its client ends turns, the first two don't come. The next turn may begin before the last
one has ended; LiveEnded is the last of all. NothingCommitted belongs to no turn."""


@dataclass(frozen=True, slots=True)
class LiveStats:
    """How the live sessions of a server are doing."""

    sessions: int
    limit: int
    behind_s: float
    """The most sound that any of them has had that isn't read yet."""
