"""What a seat is to the lane, wherever its models are: one job at a time, and what is known of that; and all seats.

Lives on the event loop. Knows no models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from voxdemo.intake.catalogue import Catalogue
from voxdemo.lanes.jobs import Job
from voxdemo.lanes.line import ModelReport
from voxdemo.lanes.local.ticket import Ticket
from voxdemo.lanes.turns import Busy
from voxdemo.speech import EngineInfo, RecognizerInfo, Waiting

RESTART_S = 5.0
"""How long a new server takes before it begins to load its models; measured 3 to 5 s on two cores."""
LOADING_S = 60.0
"""How long its models are taken to load where that isn't known: about as long as VoxCPM's."""

T = TypeVar("T")


class AnySeat(ABC):
    """Its lane sets `timeout_s`, the seconds that a part of a job may take, and what is called when it is released."""

    timeout_s: float
    released: Callable[[], None]
    address = ""
    """The name of the engine whose jobs alone come here; "": all that aren't an address's."""
    is_open = True
    """Whether it may be given jobs."""
    is_leaving = False
    """Whether it won't be given any more."""

    def __init__(self) -> None:
        self.ticket: Ticket | None = None
        """The job that it works on."""
        self.host: Ticket | None = None
        """A longer job that stands aside for that one."""

    @property
    def tickets(self) -> list[Ticket]:
        """The jobs that have begun here."""
        return [ticket for ticket in (self.ticket, self.host) if ticket]

    @property
    def outlook(self) -> Busy:
        """When it will be free, for the forecast of the turns of those that wait."""
        left = [ticket.left_s for ticket in self.tickets]
        if self.waits_for_model or self.place.loading:
            left[0] = None if left[0] is None or self.place.seconds is None else left[0] + self.place.seconds
        if None in left:
            return Busy(None)
        seconds = [seconds or 0.0 for seconds in left]
        if self.host:
            return Busy(seconds[0], seconds[1], turn_s=self.host.turn_s)
        if self.ticket and not self.ticket.size.is_brief:
            turn_s = min(seconds[0], self.ticket.turn_s)
            return Busy(turn_s, seconds[0] - turn_s, may_host=True, turn_s=self.ticket.turn_s)
        return Busy(sum(seconds))

    @property
    def ready_in_s(self) -> float | None:
        """Seconds until its models can work; None: not known."""
        return 0.0 if self.is_ready else None

    @property
    @abstractmethod
    def speaks(self) -> tuple[EngineInfo, bool]:
        """The engine that gets the jobs that come now, and whether it is the wanted one, no stand-in."""

    @property
    @abstractmethod
    def listens(self) -> tuple[RecognizerInfo, bool] | None:
        """As `speaks`; None at an address."""

    @property
    @abstractmethod
    def engines(self) -> Sequence[EngineInfo]:
        """What it speaks with: the engine that serves, then the others whose voices can be asked for."""

    @property
    @abstractmethod
    def reports(self) -> Sequence[ModelReport]:
        """How its models are; for each kind the one that is wanted comes first."""

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the models that serve can work now, or have been freed and will be loaded for the next job."""

    @property
    @abstractmethod
    def waits_for_model(self) -> bool:
        """Whether its job can't begin yet because models are loading."""

    @property
    @abstractmethod
    def place(self) -> Waiting:
        """What its job is told while it waits for a model: which one is loaded for it, and for how long."""

    @abstractmethod
    def hosting_s(self, job: Job) -> float | None:
        """Seconds that a brief job takes here between two parts of a longer one; None where its model isn't there soon.

        The loading of a model that was freed counts.
        """

    @abstractmethod
    def serves(self, engine: str) -> bool:
        """Whether the engine with this name serves here, and neither model that serves has failed."""

    @abstractmethod
    def can_do(self, job: Job) -> bool:
        """Whether the model that does this job hasn't failed."""

    @abstractmethod
    def effort(self, job: Job) -> int:
        """How much comes before this job's work: 0 where its model is ready, more where others must be freed for it."""

    @abstractmethod
    def start(self) -> None:
        """Begin to load the models that serve."""

    @abstractmethod
    def begin(self, ticket: Ticket) -> None:
        """Give the ticket's job to its model, which starts with it when it is loaded, or goes on with it."""

    @abstractmethod
    def ask_for_room(self, guest: Ticket | None) -> bool:
        """Have a longer text stand aside for this brief job after its next part, if it has begun; None: for no one.

        True where the guest is to be given here at once, to wait for that.
        """

    @abstractmethod
    def rest_later(self) -> None:
        """Free the models when no job has come for as long as they may be idle."""

    @abstractmethod
    async def close(self) -> None:
        """Close the models."""


class Seats:
    """The seats behind one line, and what they offer together."""

    def __init__(self) -> None:
        self.all: list[AnySeat] = []
        self.pools: dict[str, list[AnySeat]] = defaultdict(list, {"": []})
        """By what they are for: `AnySeat.address`."""
        self._last: list[AnySeat] = []
        """The seat that went last: what it had is offered until another one comes."""

    def add(self, seat: AnySeat) -> None:
        self.all.append(seat)
        self.pools[seat.address].append(seat)

    def remove(self, seat: AnySeat) -> None:
        self.all.remove(seat)
        self.pools[seat.address].remove(seat)
        self._last = [seat]

    @property
    def offering(self) -> Sequence[AnySeat]:
        """Those whose models are offered; none as long as there was none."""
        return self.all or self._last

    @property
    def usual(self) -> EngineInfo:
        """The engine of texts that need none in particular."""
        return wanted([seat.speaks for seat in self.pools[""] or self._last])

    @property
    def catalogue(self) -> Catalogue:
        seats = self.offering
        engines = {engine.name: engine for seat in seats for engine in (self.usual, *seat.engines)}
        work = {report.info.name for seat in seats for report in seat.reports if report.status.state != "failed"}
        return Catalogue(tuple(engines.values()), frozenset(engines.keys() - work))

    @property
    def recognizer_info(self) -> RecognizerInfo:
        return wanted([each.listens for each in self.offering if each.listens])

    @property
    def reports(self) -> Sequence[ModelReport]:
        """How all models are; a server at an address is told of once, however many seats it has."""
        reports = [report for seat in self.pools[""] for report in seat.reports]
        told = {report.info.name for report in reports if report.info.is_elsewhere}
        there = (seats[0].reports[0] for pool, seats in self.pools.items() if pool)
        return [
            *reports,
            *(replace(each, wanted=False, serving=False) for each in there if each.info.name not in told),
        ]


def until_restarted_s(seats: Sequence[AnySeat], within_s: float) -> float:
    """What is left of the running jobs, which have `within_s`, and what the models took to load."""
    outlooks = [seat.outlook for seat in seats if seat.ticket and not seat.waits_for_model]
    left = [within_s if busy.free_s is None else busy.free_s + busy.rest_s for busy in outlooks]
    longest_s = max(left, default=0.0)
    loads = (report.status.load_s for seat in seats for report in seat.reports if report.status.load_s)
    return min(within_s, longest_s) + RESTART_S + max(loads, default=LOADING_S)


def wanted(models: Sequence[tuple[T, bool]]) -> T:
    """Of what serves in the same role at every seat: the wanted model where any of them has it, else the stand-in."""
    return next((info for info, is_wanted in models if is_wanted), models[0][0])
