"""From people to machines, memory and money, by the formulas in `theory`.

A plan gives each server a line of its own, with page, voices and front end in one process: people wait in the line of
the server that they reach. How many generators one line over all servers needs is calculated beside it.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from voxdemo.errors import InputError
from voxdemo.planning import theory
from voxdemo.planning.prices import BALANCER, Machine, Prices
from voxdemo.planning.work import Work
from voxdemo.settings import QUEUE_SIZE

STAGES = (100, 500, 2_000, 10_000)
MOST_USERS = 10_000_000
PROMISED = 0.95
"""The share of the requests that begin within the wait that is promised."""
PEOPLE_A_FRONT_END = 250
"""How many may be online at one server: it could hold all of them in line (benchmarks/README.md, "What people in line
cost")."""
MOST_WAITING = 1_000
"""In one line: who would wait behind more has gone by then."""
MOST_GENERATORS = 100_000
"""Beyond, a plan by these formulas means nothing."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What people ask for at the busiest time. All of these are assumptions, until they are one's own figures."""

    peak_share: float
    """The share of all users that is online then, 0..1."""
    each_per_minute: float
    """Requests of each who is online."""
    cached: float
    """The share of the requests that the cache answers, 0..1."""
    wait_s: float
    """What PROMISED of the waits aren't to exceed."""

    def online(self, users: float) -> float:
        return users * self.peak_share

    def per_s(self, users: float) -> float:
        """Requests a second that reach a generator."""
        return self.online(users) * self.each_per_minute / 60 * (1 - self.cached)


@dataclass(frozen=True, slots=True)
class Stage:
    """What so many users need."""

    users: int
    online: int
    """At the busiest time."""
    requests_per_hour: int
    """Then, with those that the cache answers."""
    machines: int
    """Each a front end with a line, and generators behind it."""
    generators_each: int
    busy: float
    """The share of that time for which a generator works, 0..1."""
    wait_s: float
    """What PROMISED of the waits don't exceed."""
    queue_size: int
    """Of each machine: VOXDEMO_QUEUE_SIZE with which at most one request in 1,000 is refused."""
    memory_gb: float
    """Of all machines together."""
    per_month: float
    in_one_line: int
    """How many generators are enough if all machines share one line."""

    @property
    def generators(self) -> int:
        return self.machines * self.generators_each


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans for one kind of machine."""

    demand: Demand
    work: Work
    machine: Machine
    prices: Prices

    @property
    def most_generators(self) -> int:
        """On one machine, by its memory and by the price table. Raises InputError where not even one fits."""
        held = [number for number in range(1, self.machine.generators + 1) if self._fits(number)]
        if not held:
            raise InputError(
                "{title} needs {gb:.1f} GB, and {machine!r} can't hold a generator: choose another --machine.",
                code="too_small_a_machine",
                title=self.work.title,
                gb=self.work.memory_gb(1),
                machine=self.machine.machine,
            )
        return held[-1]

    def stage(self, users: int) -> Stage:
        """The fewest machines that keep the promise, and on a single one the fewest generators."""
        if theory.load(self.work.services, self.demand.per_s(users)) > MOST_GENERATORS:
            raise InputError(
                "{users:,} users would keep more than {most:,} generators busy: plan for fewer, or for shorter texts.",
                code="too_many_users", users=users, most=MOST_GENERATORS,
            )  # fmt: skip
        most = self.most_generators
        each = next((number for number in range(1, most + 1) if self._serve(users, 1, number)), most)
        machines = _least(lambda number: self._serve(users, number, each))
        services, per_s = self.work.services, self.demand.per_s(users) / machines
        waiting = theory.queue_size(services, per_s, each, self.work.recordings_load)
        return Stage(
            users=users,
            online=math.ceil(self.demand.online(users)),
            requests_per_hour=math.ceil(60 * self.demand.online(users) * self.demand.each_per_minute),
            machines=machines,
            generators_each=each,
            busy=theory.load(services, per_s) / each,
            wait_s=theory.open_wait(services, per_s, each, PROMISED),
            queue_size=min(max(QUEUE_SIZE, waiting), MOST_WAITING),
            memory_gb=machines * self.work.memory_gb(each),
            per_month=machines * self.machine.per_month + (self.prices[BALANCER].per_month if machines > 1 else 0.0),
            in_one_line=_least(lambda number: self._wait(self.demand.per_s(users), number)),
        )

    def users_of_one(self) -> int:
        """How many users a single machine serves at most."""
        most = self.most_generators
        return bisect_left(range(1, MOST_USERS), True, key=lambda users: not self._serve(users, 1, most))

    def _fits(self, generators: int) -> bool:
        return self.work.memory_gb(generators) <= self.machine.memory_gb

    def _serve(self, users: int, machines: int, generators: int) -> bool:
        """Whether people on each of so many machines wait no longer than promised."""
        is_room = self.demand.online(users) / machines <= PEOPLE_A_FRONT_END
        return is_room and self._wait(self.demand.per_s(users) / machines, generators)

    def _wait(self, per_s: float, generators: int) -> bool:
        services = self.work.services
        is_calm = theory.load(services, per_s) <= theory.MOST_LOAD * generators
        return is_calm and theory.open_wait(services, per_s, generators, PROMISED) <= self.demand.wait_s


def _least(is_enough: Callable[[int], bool]) -> int:
    """The least number that is enough, if all that are larger are enough, too."""
    most = next(2**power for power in count() if is_enough(2**power))
    return bisect_left(range(1, most), True, key=is_enough) + 1
