"""What front ends, the line and voices tell each other where they are processes of their own. Plain values.

A voice is a process that has one seat. Places are told by the line, jobs and sound go between front ends and voices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voxdemo.errors import UnavailableError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.lanes.jobs import Job
from voxdemo.lanes.line import Claim, LaneStats, ModelReport
from voxdemo.lanes.turns import Place, PlaceTable
from voxdemo.speech import EngineInfo, RecognizerInfo, Waiting

END = "end"
"""The last value of a job's stream; without it, the voice has gone."""


# What a front end tells the line


@dataclass(frozen=True, slots=True)
class Enter:
    """Somebody came `age_s` ago; or stood in line before, `since` the moment that a line told."""

    id: str
    """The same id again is the same request."""
    claim: Claim
    age_s: float
    since: float | None = None
    is_served: bool = False
    """Whether a voice has it in hand; that voice says so, too."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The job can be carried to a voice."""

    id: str
    job: Job
    """Its outline: `jobs.outline`."""


@dataclass(frozen=True, slots=True)
class Leave:
    """It is over, or its client has left."""

    id: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The voice with this id didn't answer: no turns are to be given there until it is heard of."""

    voice: str


# What the line tells a front end


@dataclass(frozen=True, slots=True)
class Entered:
    """It has a place, since this moment: by the line's own clock."""

    id: str
    since: float


@dataclass(frozen=True, slots=True)
class Called:
    """Its job may be prepared."""

    id: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Its job is to be carried to this voice now."""

    id: str
    voice: str
    url: str
    with_id: str = ""
    """Of the request that wants the same, for which the voice has it already; "": it is the first."""


@dataclass(frozen=True, slots=True)
class Lost:
    """It has no place any more: its turn wasn't taken, or its voice has gone."""

    id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It isn't taken in."""

    id: str
    error: UnavailableError


@dataclass(frozen=True, slots=True)
class Places:
    """Where those with these ids stand now whose places aren't what they were told to be by now."""

    ids: Sequence[str]
    table: PlaceTable


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be spoken and read with, and how fast, as `Paces.snapshot`."""

    catalogue: Catalogue
    recognizer: RecognizerInfo
    models: Sequence[ModelReport]
    paces: str


@dataclass(frozen=True, slots=True)
class LineState:
    """How the line is doing, but for its models."""

    stats: LaneStats
    coming: Mapping[str, Place]
    """The places that a "long" text, a "brief" one and a "recording" would have."""
    refusal: UnavailableError | None
    """Why nobody is taken in: the line is full."""
    front_ends: Sequence[str] = ()
    """Where those are that listen."""


# What a voice tells the line


@dataclass(frozen=True, slots=True)
class VoiceOffer:
    """As `Offer`, of one voice; each info with whether it is the wanted model's."""

    engines: Sequence[EngineInfo]
    speaks: tuple[EngineInfo, bool]
    listens: tuple[RecognizerInfo, bool]
    models: Sequence[ModelReport]
    paces: str
    start_s: float = 0.0
    """How long its process took until it began to load the models."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A job that a voice has."""

    id: str
    elapsed_s: float | None
    """Since it began; None where it waits for a model or a part of another job."""
    left_s: float | None
    turn_s: float


@dataclass(frozen=True, slots=True)
class Beat:
    """What a voice is at: told at every change, and twice a second."""

    id: str
    url: str
    is_ready: bool
    is_closing: bool
    place: Waiting
    """Of a job that waits for a model."""
    jobs: Sequence[InHand]
    offer: VoiceOffer | None = None
    """None where it is as it was told before."""
    said: Sequence[str] = ()
    """The ids of jobs that have ended well and can still be heard."""


# What the line tells a voice


@dataclass(frozen=True, slots=True)
class BeatAnswer:
    """The answer to a beat."""

    wants_offer: bool
    jobs: int
    """How many the voice has, with those that are on their way to it."""
