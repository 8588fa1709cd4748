"""How far the planner's formulas are from a line that is played through, by order of arrival alone and by its rules.

    .venv/bin/python benchmarks/planner.py
    .venv/bin/python benchmarks/planner.py --report FOLDER

For generators that are so busy all day long, prints the wait that 95 % don't exceed: by the formula, as played in order
of arrival, and as played by the real line's rules (recordings go before texts, long texts stand aside for brief jobs).
With the folder of a load test's report, it plays the requests of its last run again, and prints their waits beside the
measured ones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import simpy

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.turns import Size
from voxdemo.planning import simulation, theory
from voxdemo.planning.simulation import Acting, Day, SimulatedJob, SimulatedLine, SimulatedRequest
from voxdemo.planning.stages import MOST_WAITING, PROMISED
from voxdemo.planning.work import VOICES, as_measured, at_work_s

CASES = ((1, 0.3), (1, 0.75), (2, 0.46), (2, 0.755), (4, 0.8), (7, 0.8))
"""How many generators, and how busy they are."""


def main() -> None:
    """Print a table, or what comes of a load test."""
    arguments = _arguments()
    if arguments.report:
        _print_again(json.loads((arguments.report / "report.json").read_text(encoding="utf-8"))["runs"][-1])
        return
    simulation.rate_at = lambda seconds: 1.0  # as busy all day
    print("voice    generators  busy   formula  in order of arrival  by the line's rules")
    for name, voice in VOICES.items():
        work = as_measured(voice, 300, arguments.recordings / 100)
        for generators, busy in CASES:
            per_s = busy * generators / statistics.fmean(work.services)
            day = Day(per_s, work, Elastic(generators, generators), queue_size=MOST_WAITING)
            expected = theory.open_wait(work.services, per_s, generators, PROMISED)
            by_rules, in_order = _played(day, arguments.seed), _in_order(day, arguments.seed)
            print(f"{name:8} {generators:10}  {busy:4.0%}  {expected:6.2f} s  {in_order:17.2f} s  {by_rules:17.2f} s")


def _played(day: Day, seed: int) -> float:
    waits = [each.wait_s for each in simulation.play(day, seed).requests if each.wait_s is not None]
    return theory.percentile(waits, PROMISED)


def _in_order(day: Day, seed: int) -> float:
    """With one kind of job, which no other overtakes or interrupts."""
    size = simulation._size
    simulation._size = lambda work, rng: Size(size(work, rng).expected_s, speaks=False)
    try:
        return _played(day, seed)
    finally:
        simulation._size = size


class AgainLine(SimulatedLine):
    """A line whose users ask again afterwards."""

    def __init__(self, env: simpy.Environment, generators: int, requests: list[SimulatedRequest]) -> None:
        self.ended: dict[SimulatedJob, simpy.Event] = {}
        super().__init__(env, 10**6, Elastic(generators, generators), requests)

    def asked(self, service_s: float) -> simpy.Event:
        """Happens when this request is served."""
        job = self.enter(Size(service_s))
        assert job, "there is room for all"
        return self.ended.setdefault(job, self.env.event())

    def _work(self, job: SimulatedJob) -> Acting:
        yield from super()._work(job)
        self.ended.setdefault(job, self.env.event()).succeed()


def _print_again(run: dict[str, Any]) -> None:
    """Waits in the load test's steady part, and what the simulation makes of the same requests."""
    done = [each for each in run["requests"] if each["outcome"] == "done" and each["started_at"] is not None]
    done.sort(key=lambda each: float(each["begun_at"]))
    steady = slice(run["users"] or 0, None)
    measured = [each["started_at"] - each["begun_at"] for each in done]
    for name, waits in (("measured", measured), ("simulated", _again(run, done))):
        median_s, p95_s = (theory.percentile(waits[steady], share) for share in (0.5, PROMISED))
        print(f"{run['name']}, {name}: half of the waits within {median_s:.2f} s, 95 % within {p95_s:.2f} s")


def _again(run: dict[str, Any], done: Sequence[dict[str, Any]]) -> list[float]:
    """The waits of these requests, in the order of their arrival, if they are served by the line's rules.

    Each occupies a generator for as long as it did. Where users asked again after their answer, they do so here; else
    requests arrive when they arrived.
    """
    seen_s = [each["ended_at"] - each["started_at"] for each in done]
    services = [at_work_s(seconds, run["worked"]) for seconds in seen_s]
    delivery_s = statistics.fmean(seen_s) - statistics.fmean(services)
    env, requests = simpy.Environment(), list[SimulatedRequest]()
    line = AgainLine(env, run["generators"], requests)
    if run["users"] is None:
        env.process(_arriving(line, [each["begun_at"] - done[0]["begun_at"] for each in done], services))
    else:
        left = iter(services)
        for _ in range(run["users"]):
            env.process(_asking(line, left, delivery_s + run["think_s"]))
    env.run()
    return [each.wait_s or 0.0 for each in sorted(requests, key=lambda request: request.arrived_at)]


def _arriving(line: AgainLine, moments: Sequence[float], services: Sequence[float]) -> Acting:
    for at, service_s in zip(moments, services, strict=True):
        yield line.env.timeout(at - line.env.now)
        line.asked(service_s)


def _asking(line: AgainLine, services: Iterator[float], pause_s: float) -> Acting:
    for service_s in services:
        yield line.asked(service_s)
        yield line.env.timeout(pause_s)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=float, default=10, help="percent of the requests that are recordings")
    parser.add_argument("--seed", type=int, default=0, help="of the days that are played")
    parser.add_argument("--report", type=Path, help="the folder of a load test's report, to be played again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
