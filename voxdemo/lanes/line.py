"""The line as the service and the doors see it: places first, the work later.

A request takes a place by what is known at its door, is told where it stands by what the line said last, and hands over
its job when its turn is near. Knows no threads and no models, so that the line may be the lane of this process or one
on other machines.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from voxdemo.errors import NotReadyError, UnavailableError
from voxdemo.estimates.paces import Paces
from voxdemo.intake.catalogue import Catalogue
from voxdemo.lanes.jobs import Job, LaneEvent
from voxdemo.lanes.turns import Place, Size
from voxdemo.speech import ModelInfo, RecognizerInfo

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
class AddressLoad:
    """How much the server at an address has to do for this one."""

    name: str
    """That of its engine."""
    seats: int
    """How many jobs it takes at once."""
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class LaneStats:
    """How the line is doing."""

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
    addresses: tuple[AddressLoad, ...] = ()
    """Beside `seats`, which are this machine's, though `running` and `waiting` count all jobs."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request wants of the line, known at its door before the work itself is.

    What it takes is reckoned from its `work`, or from `recording_s`, for as long as it waits: paces are learned.
    """

    size: Size
    work: Mapping[str, float] = field(default_factory=dict)
    """How much there is to be spoken by each model, by its key: `Plan.work`; empty: not known."""
    recording_s: float = 0.0
    """Of a recording that is to be read: its seconds, by the recogniser that serves; 0: not known."""
    caller: str = ""
    """Which client asks, as clients are counted; "" where nobody counts it."""
    key: str = ""
    """Of the request, where equal ones share an answer: they are called together. "": it shares none."""

    def reckoned(self, paces: Paces, recognizer: str) -> Size:
        """Its size by what these paces are now; the `recognizer` is the key of the one that serves."""
        seconds = self.size.expected_s
        if self.work:
            seconds = paces.speaking_s(self.work)
        elif self.recording_s:
            seconds = paces.listening(recognizer).seconds(self.recording_s)
        return replace(self.size, expected_s=seconds)


class LineTicket(Protocol):
    """A request's place in the line, which goes by when the request arrived at its door."""

    claim: Claim
    is_called: bool
    """Whether its job may be prepared and brought."""
    refusal: UnavailableError | None
    """Why the line has turned it away."""


class JobLine(Protocol):
    """What the service needs of whatever runs its jobs: the lane of this process, or a line elsewhere.

    Nothing here waits but `run`, `drain` and `close`: what a line elsewhere says of places is what it said last.
    `moved` are called after every change of the places of those who wait, and once a second while somebody waits.
    """

    moved: list[Callable[[], None]]
    is_shared: bool
    """Whether other servers have it, too, so that it goes on when this one ends."""

    @property
    def others(self) -> Sequence[str]:
        """The addresses of the other servers that have it."""

    @property
    def catalogue(self) -> Catalogue:
        """What jobs that come now can be spoken with; its usual engine is another one when a better has been loaded."""

    @property
    def recognizer_info(self) -> RecognizerInfo: ...

    @property
    def fault(self) -> str:
        """Why it can't be reached, in one sentence; "" where it can. Places are as they were told last, then."""

    @property
    def refusal(self) -> NotReadyError | None:
        """Why no job is taken in any more; None as long as they are."""

    def check_room(self) -> None:
        """Raises `refusal`, and BusyError when the line is full: jobs that get a seat in a moment don't count."""

    def check_caller(self, caller: str) -> None:
        """Raises LimitError where so many jobs of this client wait that another may not."""

    def take(self, claim: Claim, arrived_at: float) -> LineTicket:
        """A ticket for a request that arrived at this monotonic time.

        `run` or `leave` gives it back. Raises `refusal`; the bounds are for `check_room` and `check_caller`, but where
        others come in elsewhere, the ticket may be turned away for them later.
        """

    def place(self, ticket: LineTicket) -> Place:
        """Its place now; the first, and no seconds, for a ticket that doesn't wait any more."""

    def leave(self, ticket: LineTicket) -> None:
        """Take it out of the line. Harmless when it has left."""

    def run(self, job: Job, ticket: LineTicket) -> AsyncGenerator[LaneEvent, None]:
        """The job's events. Raises the ticket's `refusal`, and what the model raised.

        Closing it takes the job out of the line, or frees its seat within one step of the engine.
        """

    @property
    def is_busy(self) -> bool:
        """Whether a job runs. May be read from any thread."""

    def foretell(self, coming: Size) -> Place:
        """The place that a job would have which came now, after all in line."""

    def stats(self) -> LaneStats: ...

    def start(self) -> None: ...

    def refuse_all(self, within_s: float) -> NotReadyError:
        """Take no more jobs in and refuse those that wait; those that run have so many seconds. Returns the refusal."""

    async def drain(self, within_s: float) -> None:
        """Returns when the last job has ended; `refuse_all` comes first. What runs after `within_s` is refused, too."""

    async def close(self) -> None:
        """Refuse all jobs that are left, also those that run, and close the models."""
