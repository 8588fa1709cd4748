"""The line at one moment: who competes for which seats, in which order, and when their turns will come.

Knows no clock, and changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from voxdemo.lanes.jobs import Job
from voxdemo.lanes.line import AddressLoad
from voxdemo.lanes.local.seats import AnySeat
from voxdemo.lanes.local.ticket import Ticket
from voxdemo.lanes.turns import Busy, Place, Size, foretold, in_turn


@dataclass(frozen=True)
class Order:
    """Of those that wait, given in order of arrival, before seats by what they are for: `AnySeat.address`.

    `usual` is the name of the engine of jobs that need none in particular, `overtook` as in `in_turn`.
    """

    waiting: Sequence[Ticket]
    pools: Mapping[str, Sequence[AnySeat]]
    usual: str
    overtook: bool
    awaited: Sequence[float] = ()
    """In how many seconds further seats will be there that any job may have."""

    def pool(self, size: Size) -> str:
        """Which seats it competes for."""
        if not size.speaks or len(self.pools) < 2:
            return ""
        engine = size.engine or self.usual
        return engine if engine in self.pools else ""

    def running(self, pool: str) -> list[Ticket]:
        return [ticket for seat in self.pools[pool] for ticket in seat.tickets]

    @cached_property
    def turns(self) -> dict[str, list[Ticket]]:
        """Those who wait, in the order of their turns, by the seats that they compete for."""
        theirs: dict[str, list[Ticket]] = {pool: [] for pool in self.pools}
        for ticket in self.waiting:
            theirs[self.pool(ticket.size)].append(ticket)
        return {
            pool: in_turn(waiting, [not ticket.size.speaks for ticket in waiting], self.overtook)
            for pool, waiting in theirs.items()
        }

    def to_wait(self) -> list[Ticket]:
        """Those who wait, in the order of their turns, but for those that get a seat in a moment."""
        return [ticket for pool, turns in self.turns.items() for ticket in turns[self._free(pool) :]]

    def _free(self, pool: str) -> int:
        return max(0, len(self.pools[pool]) - len(self.running(pool)))

    def load(self, address: str) -> AddressLoad:
        waiting = sum(self.pool(ticket.size) == address for ticket in self.waiting)
        return AddressLoad(address, len(self.pools[address]), len(self.running(address)), waiting)

    def places(self) -> list[Place]:
        """Those of all who wait."""
        sizes = self._sizes()
        if len(self.pools) < 2:
            return self._foretold("", sizes)
        pools = [self.pool(size) for size in sizes]
        places: dict[int, Place] = {}
        for pool in set(pools):
            indices = [index for index, each in enumerate(pools) if each == pool]
            places.update(zip(indices, self._foretold(pool, [sizes[index] for index in indices]), strict=True))
        return [places[index] for index in range(len(sizes))]

    def place_of(self, coming: Size) -> Place:
        """That of a job that comes now, after all who wait."""
        pool = self.pool(coming)
        theirs = [size for size in self._sizes() if self.pool(size) == pool]
        return self._foretold(pool, [*theirs, coming], len(theirs))[0]

    def _foretold(self, pool: str, sizes: Sequence[Size], first: int = 0) -> list[Place]:
        overtook = self.overtook and not pool
        return foretold(self._outlooks(pool), len(self.running(pool)), sizes, overtook, first)

    def before_last_s(self, unknown_s: float) -> float:
        """How much work is left before the last in line; a job of which nothing is known counts so many seconds."""
        left = [ticket.left_s for pool in self.pools for ticket in self.running(pool)]
        left += [size.expected_s for size in self._sizes()[:-1]]
        return sum(unknown_s if seconds is None else seconds for seconds in left)

    def _outlooks(self, pool: str) -> list[Busy]:
        """When the seats will be free that serve now, or will."""
        seats = [seat for seat in self.pools[pool] if not seat.is_leaving] or self.pools[pool]
        serving = [seat for seat in seats if seat.serves(pool or self.usual)] or seats
        coming = [Busy(seconds) for seconds in self.awaited] if not pool else []
        if any(seat.ready_in_s is None for seat in serving) or not (serving or coming):
            return [Busy(None) for _ in serving] or [Busy(None)]
        return [*(Busy(seat.ready_in_s) if seat.ready_in_s else seat.outlook for seat in serving), *coming]

    def _sizes(self) -> list[Size]:
        """How much work those are that wait; the answer that an earlier one waits for takes no time of its own."""
        firsts = {ticket.claim.key: ticket for ticket in reversed(self.waiting)}
        return [
            replace(ticket.size, expected_s=0.0)
            if ticket.claim.key and firsts[ticket.claim.key] is not ticket
            else ticket.size
            for ticket in self.waiting
        ]


def with_jobs(turns: Sequence[Ticket]) -> Iterator[Ticket]:
    """Those whose jobs are there, but none before one of the same kind that is still being prepared."""
    held = set[bool]()
    for ticket in turns:
        if not ticket.brought:
            held.add(ticket.size.speaks)
        elif ticket.size.speaks not in held:
            yield ticket


def free_seat(job: Job, seats: Sequence[AnySeat]) -> AnySeat | None:
    # A broken seat is always free and would fail job after job, while a whole one has to be waited for.
    there = [seat for seat in seats if seat.is_open]
    free = [seat for seat in there if not seat.tickets]
    usable = [seat for seat in free if seat.can_do(job)]
    if not usable and any(seat.can_do(job) for seat in there):
        return None
    return min(usable or free, key=lambda seat: seat.effort(job), default=None)
