"""What comes of a day that is played: waits hour by hour, and what generators cost.

Needs the package in requirements-plan.txt.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voxdemo.errors import InputError
from voxdemo.lanes.elastic import Elastic
from voxdemo.planning import simulation, theory
from voxdemo.planning.simulation import HOUR_S, HOURS, Day, Played, SimulatedRequest
from voxdemo.planning.stages import MOST_WAITING, PROMISED, Planner, Stage


@dataclass(frozen=True, slots=True)
class Hours:
    """What became of the requests of some hours, and how many generators there were on average."""

    requests: int
    refused: int
    generators: float
    median_wait_s: float | None
    """None: nobody was served."""
    p95_wait_s: float | None

    @classmethod
    def of(cls, requests: Sequence[SimulatedRequest], generators: Sequence[int]) -> "Hours":
        waits = [each.wait_s for each in requests if each.wait_s is not None]
        median_s, p95_s = (theory.percentile(waits, share) if waits else None for share in (0.5, PROMISED))
        return cls(len(requests), len(requests) - len(waits), statistics.fmean(generators), median_s, p95_s)


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """A day that was played, and the stage that it was played for."""

    stage: Stage
    is_planned: bool
    """Whether it was played on the machines of the plan; else in one line whose generators come and go."""
    elastic: Elastic
    lines: int
    seed: int
    generator_s: float
    generators_cost: float
    """What they cost that day, and nothing else."""
    planned_cost: float
    """What the plan's generators would cost, all of them all day long."""
    whole: Hours
    hours: Sequence[Hours]


def simulated(
    planner: Planner, users: int | None, rules: Elastic | None, seed: int, tell: Callable[[float], None]
) -> SimulatedDay:
    """A day of so many users, by `rules` in one line whose generators come and go, or without them as the plan has it.

    `tell` takes the share that is done, 0..1. Raises InputError where nobody says how many users.
    """
    if not users:
        raise InputError("Say with --users for how many people the day is to be simulated.", code="no_users")
    stage = planner.stage(users)
    lines, queue_size = (1, MOST_WAITING) if rules else (stage.machines, stage.queue_size)
    elastic = rules or Elastic(stage.generators_each, stage.generators_each)
    day = Day(planner.demand.per_s(users), planner.work, elastic, lines, queue_size)
    played = simulation.play(day, seed, tell)
    per_generator_s = planner.machine.per_generator_s
    return SimulatedDay(
        stage=stage,
        is_planned=rules is None,
        elastic=elastic,
        lines=lines,
        seed=seed,
        generator_s=played.generator_s,
        generators_cost=played.generator_s * per_generator_s,
        planned_cost=stage.generators * HOURS * HOUR_S * per_generator_s,
        whole=Hours.of(played.requests, played.generators),
        hours=_by_hour(played),
    )


def _by_hour(played: Played) -> Sequence[Hours]:
    """By the hour in which requests arrived."""
    requests: list[list[SimulatedRequest]] = [[] for _ in range(HOURS)]
    for each in played.requests:
        requests[int(each.arrived_at // HOUR_S)].append(each)
    notes = len(played.generators) // HOURS
    return [Hours.of(those, played.generators[n * notes : (n + 1) * notes]) for n, those in enumerate(requests)]
