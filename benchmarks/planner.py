"""How far the planner's formulas are from a line that is played through, by order of arrival alone and by its rules.

    .venv/bin/python benchmarks/planner.py

For generators that are so busy all day long, prints the wait that 95 % don't exceed: by the formula, as played in order
of arrival, and as played by the real line's rules (recordings go before texts, long texts stand aside for brief jobs).
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.turns import Size
from voxdemo.planning import simulation, theory
from voxdemo.planning.simulation import Day
from voxdemo.planning.stages import MOST_WAITING, PROMISED
from voxdemo.planning.work import VOICES, as_measured

CASES = ((1, 0.3), (1, 0.75), (2, 0.46), (2, 0.755), (4, 0.8), (7, 0.8))
"""How many generators, and how busy they are."""


def main() -> None:
    """Print a table."""
    arguments = _arguments()
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=float, default=10, help="percent of the requests that are recordings")
    parser.add_argument("--seed", type=int, default=0, help="of the days that are played")
    return parser.parse_args()


if __name__ == "__main__":
    main()
