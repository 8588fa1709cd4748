"""A day of a demo, played through request by request in discrete events (SimPy), by the rules of the real line.

Chance comes from one seed: the same seed plays the same day. Needs the package in requirements-plan.txt.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from voxdemo.errors import InputError
from voxdemo.lanes.elastic import LOOK_S, Elastic, Load
from voxdemo.lanes.turns import TURN_S, Size, in_turn
from voxdemo.planning.work import Work
from voxdemo.settings import QUEUE_SIZE

QUIETEST, QUIETEST_H = 0.1, 4
"""At which hour the fewest ask, as a share of the busiest hour's rate; that is twelve hours later. An assumption."""
HOURS, HOUR_S = 24, 3_600
MOST_REQUESTS = 2_000_000
"""In a day: about a minute of playing, and a gigabyte of memory."""
NOTE_S = 60.0
"""How often it is noted how many generators there are."""

Acting = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Day:
    """What is played: requests that arrive by chance, at most `per_s` of them a second, and lines that take them."""

    per_s: float
    work: Work
    elastic: Elastic
    lines: int = 1
    queue_size: int = QUEUE_SIZE
    """How many may wait in each."""


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A request that was served or refused. Times are seconds since midnight."""

    arrived_at: float
    wait_s: float | None
    """None: it was refused."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it. `generators`: how many there were, starting ones too, every NOTE_S."""

    requests: Sequence[SimulatedRequest]
    generators: Sequence[int]

    @property
    def generator_s(self) -> float:
        """For how long generators ran, added up."""
        return sum(self.generators) * NOTE_S


@dataclass(eq=False, slots=True)
class SimulatedJob:
    """A request in line, or at work."""

    arrived_at: float
    size: Size

    @property
    def work_s(self) -> float:
        return self.size.expected_s or 0.0


@dataclass(eq=False)
class SimulatedLine:
    """One line, and its generators."""

    env: simpy.Environment
    queue_size: int
    elastic: Elastic
    requests: list[SimulatedRequest]
    ready: int = 0
    starting: int = 0
    _waiting: dict[bool, deque[SimulatedJob]] = field(default_factory=lambda: {True: deque(), False: deque()})
    """Texts and recordings, each in the order of their arrival."""
    _running: int = 0
    _left_s: float = 0.0
    """How much work was left of all that run and wait when their turns began."""
    _turns: dict[SimulatedJob, float] = field(default_factory=dict)
    """When those turns began that go on."""
    _overtook: bool = False
    _idle: list[tuple[int, float, simpy.Event]] = field(default_factory=list)
    """Generators without a job, as a heap: their number, since when, and what wakes them. The first ones work most."""
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not any(self._waiting.values())

    def __post_init__(self) -> None:
        for _ in range(self.elastic.least):
            self.env.process(self._generator())
        if self.elastic.most > self.elastic.least:
            self.env.process(self._autoscale())

    def enter(self, size: Size) -> SimulatedJob | None:
        """A place at the end; None where the line is full."""
        if not self._idle and sum(map(len, self._waiting.values())) >= self.queue_size:
            self.requests.append(SimulatedRequest(self.env.now, None))
            return None
        job = SimulatedJob(self.env.now, size)
        self._waiting[size.speaks].append(job)
        self._left_s += job.work_s
        if self._idle:
            heapq.heappop(self._idle)[2].succeed(True)
        return job

    def _generator(self) -> Acting:
        number = next(self._numbers)
        self.ready += 1
        goes_on = True
        while goes_on:
            if job := self._next():
                yield from self._work(job)
            else:
                wakes = self.env.event()
                heapq.heappush(self._idle, (number, self.env.now, wakes))
                goes_on = yield wakes
        self.ready -= 1

    def _work(self, job: SimulatedJob) -> Acting:
        """Its work; a longer text is interrupted every TURN_S for one brief job, where one waits."""
        self._waiting[job.size.speaks].remove(job)
        self._running += 1
        self.requests.append(SimulatedRequest(job.arrived_at, self.env.now - job.arrived_at))
        left_s = job.work_s
        while left_s > 0:
            turn_s = left_s if job.size.is_brief else min(left_s, TURN_S)
            self._turns[job] = self.env.now
            yield self.env.timeout(turn_s)
            del self._turns[job]
            left_s -= turn_s
            self._left_s -= turn_s
            if left_s > 0 and (guest := self._guest()):
                yield from self._work(guest)
        self._running -= 1

    def _next(self) -> SimulatedJob | None:
        """Whose turn it is. Only the first of each kind can be it, so that `in_turn` is asked about these."""
        heads = [jobs[0] for jobs in self._waiting.values() if jobs]
        if len(heads) < 2:
            self._overtook = self._overtook and not heads
            return heads[0] if heads else None
        heads.sort(key=lambda job: job.arrived_at)
        job = in_turn(heads, [not each.size.speaks for each in heads], self._overtook)[0]
        self._overtook = not job.size.speaks and job is not heads[0]
        return job

    def _guest(self) -> SimulatedJob | None:
        """The brief job that comes first."""
        waiting = sorted((job for jobs in self._waiting.values() for job in jobs), key=lambda job: job.arrived_at)
        turns = in_turn(waiting, [not job.size.speaks for job in waiting], self._overtook)
        return next((job for job in turns if job.size.is_brief), None)

    def _autoscale(self) -> Acting:
        while True:
            yield self.env.timeout(LOOK_S)
            rested = sorted(
                (each for each in self._idle if self.env.now - each[1] >= self.elastic.idle_s), reverse=True
            )
            voices, jobs = self.ready + self.starting, self._running + sum(map(len, self._waiting.values()))
            more = self.elastic.wanted(Load(jobs, self._before_last_s, voices, len(rested))) - voices
            for _ in range(more):
                self.env.process(self._start())
            self._stop(rested[: max(0, -more)])

    @property
    def _before_last_s(self) -> float:
        """How much work is left before the last in line."""
        last = max((jobs[-1] for jobs in self._waiting.values() if jobs), key=lambda job: job.arrived_at, default=None)
        done_s = sum(self.env.now - begun for begun in self._turns.values())
        return self._left_s - done_s - (last.work_s if last else 0.0)

    def _start(self) -> Acting:
        self.starting += 1
        yield self.env.timeout(self.elastic.start_s)
        self.starting -= 1
        yield from self._generator()

    def _stop(self, idle: Sequence[tuple[int, float, simpy.Event]]) -> None:
        for each in idle:
            self._idle.remove(each)
            each[2].succeed(False)
        heapq.heapify(self._idle)


def play(day: Day, seed: int, tell: Callable[[float], None] = lambda done: None) -> Played:
    """A day from midnight to midnight, and on until nobody waits; `tell` takes the share that is done, 0..1.

    Generators are counted until midnight. Raises InputError for a day with more than MOST_REQUESTS.
    """
    expected = round(day.per_s * sum(rate_at(HOUR_S * hour) for hour in range(HOURS)) * HOUR_S)
    if expected > MOST_REQUESTS:
        sentence = "A day of these users has {requests:,} requests: play one with at most {most:,}."
        raise InputError(sentence, code="too_long_a_day", requests=expected, most=MOST_REQUESTS)
    env, rng, requests = simpy.Environment(), random.Random(seed), list[SimulatedRequest]()
    lines = [SimulatedLine(env, day.queue_size, day.elastic, requests) for _ in range(day.lines)]
    generators: list[int] = []
    env.process(_arrivals(env, day, lines, rng))
    env.process(_noted(env, lines, generators))
    for hour in range(1, HOURS + 1):
        env.run(until=HOUR_S * hour)
        tell(hour / HOURS)
    while not all(line.is_empty for line in lines):  # or those who wait longest wouldn't count
        env.run(until=env.now + HOUR_S)
    return Played(sorted(requests, key=lambda request: request.arrived_at), generators)


def rate_at(seconds: float) -> float:
    """The rate of arrivals so long after midnight, as a share of the busiest hour's."""
    turn = 2 * math.pi * (seconds / HOUR_S - QUIETEST_H) / HOURS
    return QUIETEST + (1 - QUIETEST) * (1 - math.cos(turn)) / 2


def _arrivals(env: simpy.Environment, day: Day, lines: Sequence[SimulatedLine], rng: random.Random) -> Acting:
    """A Poisson process whose rate follows the day; everybody's line is one by chance, as a balancer would choose it.

    By thinning (Lewis and Shedler, "Naval Research Logistics Quarterly" 26, 1979).
    """
    yield env.timeout(rng.expovariate(day.per_s))
    while env.now < HOURS * HOUR_S:
        if rng.random() < rate_at(env.now):
            rng.choice(lines).enter(_size(day.work, rng))
        yield env.timeout(rng.expovariate(day.per_s))


def _size(work: Work, rng: random.Random) -> Size:
    if rng.random() < work.recording_share:
        return Size(work.recording_s, speaks=False)
    return Size(rng.choice(work.texts_s))


def _noted(env: simpy.Environment, lines: Sequence[SimulatedLine], generators: list[int]) -> Acting:
    while env.now < HOURS * HOUR_S:
        generators.append(sum(line.ready + line.starting for line in lines))
        yield env.timeout(NOTE_S)
