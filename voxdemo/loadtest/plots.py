"""The plots of a load test, as PNG files: latency by users, wait against service, the line in time."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no window
from matplotlib import pyplot as plt

from voxdemo.loadtest.measured import Run
from voxdemo.loadtest.report import times

TEAL, ORANGE, GREY = "#0b6e62", "#b45309", "#808a85"
"""The page's, which people who see few colours can tell apart."""
SIZE = (8.0, 4.0)
"""Inches."""


def draw(runs: Sequence[Run], folder: Path) -> Sequence[str]:
    """Draw all of them into this folder; their names."""
    drawn = {"latency.png": _latency, "waits.png": _waits, "timeline.png": _timeline}
    runs = [run for run in runs if run.done]
    if not runs:
        return []
    for name, plot in drawn.items():
        figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
        plot(axes, runs)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        figure.savefig(folder / name, dpi=120)
        plt.close(figure)
    return list(drawn)


def _latency(axes: Any, runs: Sequence[Run]) -> None:
    at = range(len(runs))
    for rank, colour in (("p50", TEAL), ("p95", ORANGE), ("max", GREY)):
        axes.plot(at, [times(run)["latency"][rank] for run in runs], "o-", color=colour, label=rank)
    axes.set_xticks(at, [run.name for run in runs])
    axes.set(title="Latency by users", ylabel="seconds", ylim=(0, None))


def _waits(axes: Any, runs: Sequence[Run]) -> None:
    told = [times(run) for run in runs]
    waits = [each.get("wait", {}).get("average", 0.0) for each in told]
    services = [each.get("service", {}).get("average", 0.0) for each in told]
    axes.bar(range(len(runs)), services, color=TEAL, label="service")
    axes.bar(range(len(runs)), waits, bottom=services, color=ORANGE, label="wait")
    axes.set_xticks(range(len(runs)), [run.name for run in runs])
    axes.set(title="Average wait and service time", ylabel="seconds")


def _timeline(axes: Any, runs: Sequence[Run]) -> None:
    begun_at = min(request.begun_at for run in runs for request in run.requests)
    for index, run in enumerate(runs):
        labels = (None, None) if index else ("waiting", "running")
        waiting = _steps([(each.begun_at, each.started_at or each.ended_at) for each in run.requests], begun_at)
        running = _steps([(each.started_at, each.ended_at) for each in run.requests if each.started_at], begun_at)
        axes.step(*waiting, where="post", color=ORANGE, label=labels[0])
        axes.step(*running, where="post", color=TEAL, label=labels[1])
    axes.set(title="The queue, as clients saw it", xlabel="seconds", ylabel="jobs", ylim=(0, None))


def _steps(spans: Sequence[tuple[float, float]], begun_at: float) -> tuple[list[float], list[int]]:
    """How many of these spans are open, from moment to moment."""
    changes = sorted([(begin - begun_at, 1) for begin, _ in spans] + [(end - begun_at, -1) for _, end in spans])
    return [moment for moment, _ in changes], list(accumulate(change for _, change in changes))
