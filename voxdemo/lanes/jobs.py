"""What a line is given, what it says of jobs and models, as plain values, and the line as the service sees it.

Knows no threads and no models, and every value can be pickled, so that the line may be the lane of this process or one
on other machines.
"""

import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.base import SpeechPart
from voxdemo.errors import NotReadyError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.intake.request import Passage
from voxdemo.lanes.turns import Place, Size
from voxdemo.speech import EngineInfo, ModelInfo, RecognizerInfo, Samples, Transcript, Utterance, Waiting


def _new_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class ListenJob:
    """Transcribe `samples` with the recogniser of this name. Yields the growing `Transcript`."""

    recognizer: str
    samples: Samples
    sample_rate: int
    language: str | None
    expected_s: float | None
    id: str = field(default_factory=_new_id)

    @property
    def size(self) -> Size:
        return Size(self.expected_s, speaks=False)


@dataclass(frozen=True, slots=True)
class SpeakJob:
    """Say `parts`, one after the other, as the utterance wants it, with the engine it was planned for.

    Its `guests` are other voices, perhaps of other engines, that say some of the parts: those of the passages, by the
    index of the part. The utterance's text is what is left for its own voice. Yields a `Piece` for every stretch of
    sound, `PartRetaken` and `Cut` where the engine lost its way. With `transcription` the prompt audio is transcribed
    first, on the same seat, and told as a `Transcript`.
    """

    engine: EngineInfo
    utterance: Utterance
    parts: Sequence[str]
    expected_s: float | None
    prompt: PromptAudio | None = None
    """The recording that `utterance` names, which has no path here."""
    transcription: ListenJob | None = None
    units: float = 0.0
    """How much there is to be spoken, by `estimates.paces.speech_units`."""
    shares: Sequence[float] = ()
    """The share of the work that each part is; empty where they are alike."""
    guests: Mapping[int, Passage] = field(default_factory=dict)
    id: str = field(default_factory=_new_id)
    """What the engine knows the parts of this job by."""

    @property
    def speaking_s(self) -> float | None:
        """Seconds that it should take once the prompt audio is read."""
        if self.expected_s is None or self.transcription is None or self.transcription.expected_s is None:
            return self.expected_s
        return self.expected_s - self.transcription.expected_s

    @property
    def size(self) -> Size:
        return Size(self.expected_s, engine=self.engine.name)

    def engine_of(self, part: int) -> EngineInfo:
        return self.guests[part].engine if part in self.guests else self.engine

    def part(self, index: int) -> SpeechPart:
        """What its engine is given of it: of every voice the parts count from 0, as those of a job of its own."""
        guest, voice = self.guests.get(index), self._voice(index)
        before = sum(self._voice(each) == voice for each in range(index)) if self.guests else index
        if guest is None:
            return SpeechPart(self.utterance, self.parts[index], self.id, before, self.prompt)
        return SpeechPart(guest.utterance, self.parts[index], f"{self.id} {voice}", before)

    def _voice(self, part: int) -> str:
        guest = self.guests.get(part)
        return f"{guest.engine.name}/{guest.utterance.voice}" if guest else ""

    def done_before(self, part: int) -> float:
        """The share of the work that is done when `parts[part]` begins."""
        return sum(self.shares[:part]) if self.shares else part / len(self.parts)


Job = SpeakJob | ListenJob


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the sound of `SpeakJob.parts[part]`."""

    part: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class PartRetaken:
    """What came of `SpeakJob.parts[part]` is void: it is said again."""

    part: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The engine didn't find the end of `SpeakJob.parts[part]`: it was cut off where it was far too long."""

    part: int


@dataclass(frozen=True, slots=True)
class Started:
    """The job left the line and has a seat."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A brief job is served before the next part, or a model is loaded for it, for so many more seconds.

    They are None where that isn't known.
    """

    seconds: float | None
    loading: str = ""
    """The model that is being loaded, as people read it."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The job goes on with its next part."""


LaneEvent = Waiting | Started | Piece | PartRetaken | Cut | Paused | Resumed | Transcript
"""Waiting… → Started → Transcript… or Piece… (PartRetaken, Cut and Paused… → Resumed among them)"""


ReadyState = Literal["resting", "loading", "waking", "ready", "reloading", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Whether the model can work now, and if not, why: one sentence."""

    state: ReadyState
    """"resting": it isn't loaded, and will be when a job needs it. "waking": that is happening, and not for the first
    time. "reloading": it has been ready, and is checked after a fault or built again after its death."""
    reason: str = ""
    load_s: float | None = None
    """How long the last successful build and check took."""

    @property
    def takes_jobs(self) -> bool:
        """Whether it is ready, or was and has been unloaded since: then the next job has it loaded."""
        return self.state in ("ready", "waking") or (self.state == "resting" and self.load_s is not None)


@dataclass(frozen=True, slots=True)
class ModelReport:
    """How one model is: `serving` when jobs that come now are given to it."""

    info: ModelInfo
    status: WorkerStatus
    wanted: bool
    """Whether it is the one that should serve; else it stands by."""
    serving: bool
    hangs: bool = False
    """Whether a step of it goes on past its job's deadline."""
    loads: int = 0
    """How often it was loaded."""
    unloads: int = 0
    """How often its memory was given back because it had no work, or another one needed the room."""
    memory_bytes: int = 0
    """About how much memory it takes when it is loaded; 0: not known."""
    deaths: int = 0
    """How often it died, hung or failed its check."""


@dataclass(frozen=True, slots=True)
class LaneStats:
    """How the lane is doing."""

    seats: int
    running: int
    waiting: int
    queue_size: int
    """How many may wait."""
    busy_s: float
    """Seconds that seats have worked since the start, added up."""
    ready_seats: int
    """Seats whose models can work now."""
    models: tuple[ModelReport, ...]
    """Every model, seat by seat; for each kind the one that is wanted comes first."""


class LineTicket(Protocol):
    """A request's place in the line, which goes by when the request arrived at its door."""

    caller: str
    """Which client asked, as clients are counted; "" where nobody counts it."""
    is_called: bool
    """Whether its job may be prepared and brought."""
    refusal: NotReadyError | None
    """Why the line has turned it away."""


class JobLine(Protocol):
    """What the service needs of whatever runs its jobs: here a `Lane`, later perhaps one on other machines.

    `moved` are called after every change of the places of those who wait, and once a second while somebody waits.
    """

    moved: list[Callable[[], None]]

    @property
    def catalogue(self) -> Catalogue:
        """What jobs that come now can be spoken with; its usual engine is another one when a better has been loaded."""

    @property
    def recognizer_info(self) -> RecognizerInfo: ...

    @property
    def refusal(self) -> NotReadyError | None:
        """Why no job is taken in any more; None as long as they are."""

    def take(self, size: Callable[[], Size], arrived_at: float, caller: str = "", key: str = "") -> LineTicket:
        """A ticket for a request that arrived at this monotonic time and is so much work, as is known now.

        Requests with the same `key` are called together, because they share one answer. `run` or `leave` gives the
        ticket back. Raises `refusal`; the bound is for `check_room`.
        """

    def check_room(self) -> None:
        """Raises `refusal`, and BusyError when the line is full: jobs that get a seat in a moment don't count."""

    def place(self, ticket: LineTicket) -> Place:
        """Its place now; the first, and no seconds, for a ticket that doesn't wait any more."""

    def waiting(self) -> Sequence[LineTicket]:
        """The tickets without a seat, in the order of their turns, but for those that get one in a moment."""

    def leave(self, ticket: LineTicket) -> None:
        """Take it out of the line. Harmless when it has left."""

    def run(self, job: Job, ticket: LineTicket) -> AsyncGenerator[LaneEvent, None]:
        """The job's events. Raises `refusal`, and what the model raised."""

    @property
    def is_busy(self) -> bool:
        """Whether a job runs. May be read from any thread."""

    def foretell(self, coming: Sequence[Size]) -> Sequence[Place]:
        """The places that jobs would have which came now, in this order, after all in line."""

    def stats(self) -> LaneStats: ...

    def start(self) -> None: ...

    def refuse_all(self, within_s: float) -> NotReadyError:
        """Take no more jobs in and refuse those that wait; those that run have so many seconds. Returns the refusal."""

    async def drain(self, within_s: float) -> None:
        """Returns when the last job has ended; `refuse_all` comes first. What runs after `within_s` is refused, too."""

    async def close(self) -> None:
        """Refuse all jobs that are left, also those that run, and close the models."""
