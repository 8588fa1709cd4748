"""The plots of the Status tab: what each is of, in which colours and figures, and its points from the last hour.

Knows minutes and what Gradio's plots take; no service. The colours are tokens of `assets/shell/tokens.css`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gradio.components.native_plot import PlotData

from voxdemo.monitoring.timeline import MINUTES, Minute
from voxdemo.web.components import wording

AGO, SERIES = "ago", "series"
"""Columns of what a plot gets: minutes from now, so at most 0, and the names of series. The third is its unit's."""
BAR_MINUTES = 5
"""How many minutes are added up to a bar."""
UNSEEN = -10 * MINUTES
"""Where a point lies that nobody sees; the axis reaches up to it. Told as the axis' limit, which makes Gradio draw the
plot anew, it would be drawn with the figures of before.
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot, or one colour of its bars."""

    name: str
    colour: str
    """A CSS variable."""
    of: Callable[[Minute], float | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """A plot with its heading, in which the newest figures are."""

    title: str
    unit: str
    """Of the axis."""
    told: Callable[[float], str]
    """A figure with its unit, for the heading."""
    roof: Callable[[float], float]
    """Where the axis ends, given the highest value."""
    series: Sequence[Series]
    mark: Literal["line", "bar"] = "line"

    def head(self, minutes: Sequence[Minute]) -> str:
        """As HTML: the title and, beside the colour of each series, its last figure; of bars what all of them say."""
        figures = [(series, self._figure([series.of(minute) for minute in minutes])) for series in self.series]
        told = "".join(
            f'<li><i style="--of: var({series.colour})"></i>{series.name} <b>{self.told(figure)}</b></li>'
            for series, figure in figures
            if figure is not None
        )
        return f"<h2>{self.title}</h2><ul>{told or '<li>nothing this hour</li>'}</ul>"

    def plot(self, minutes: Sequence[Minute]) -> dict[str, Any]:
        """What Gradio would make of a data frame, built once here instead of once for each viewer."""
        columns = {series.name: [series.of(minute) for minute in minutes] for series in self.series}
        drawn = _bars if self.mark == "bar" else _levels
        points = [[at, value, name] for name, values in columns.items() for at, value in drawn(values)]
        top = [UNSEEN, self.roof(self._highest(columns.values())), self.series[0].name]
        types = {AGO: "quantitative", self.unit: "quantitative", SERIES: "nominal"}
        frame = {"columns": [AGO, self.unit, SERIES], "data": [top, *points], "datatypes": types, "mark": self.mark}
        return PlotData.model_validate(frame).model_dump()

    def _figure(self, values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        if self.mark == "bar":
            return sum(known)
        return known[-1] if known else None

    def _highest(self, columns: Iterable[Sequence[float | None]]) -> float:
        if self.mark == "line":
            return max(value or 0.0 for values in columns for value in values)
        sums: list[float] = [sum(filter(None, at_once)) for at_once in zip(*columns, strict=True)]
        return max(sum(sums[start : start + BAR_MINUTES]) for start in range(0, len(sums), BAR_MINUTES))


def _levels(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    """Each minute as a level stretch, so that one alone is seen, too; broken where nothing is known.

    The first point is there for a series of which nothing is known: without any it would have no colour.
    """
    points: list[tuple[float, float | None]] = [(-len(values), None)]
    for start, value in enumerate(map(_rounded, values), -len(values)):
        if value is None:
            points.append((start, None))
        elif value == points[-1][1]:
            points[-1] = (start + 1, value)
        else:
            points += [(start, value), (start + 1, value)]
    return points


def _bars(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    """The values in the middles of their minutes; the plot adds them up."""
    return [(start + 0.5, value) for start, value in enumerate(values, -len(values))]


def count(value: float) -> str:
    return f"{value:.0f}"


def percents(value: float) -> str:
    """Per cent as people read them: "38 %"."""
    return f"{value:.0f} %"


def seconds(value: float) -> str:
    """A time that may be short: "0.09 s", "25 s"."""
    return f"{value:.2f} s" if value < 10 else wording.seconds(value)


def _factor(value: float) -> str:
    return f"{value:.2f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _hundred(_: float) -> float:
    return 100


def _airy_roof(highest: float) -> float:
    return _round_roof(1.05 * highest)  # a line at the very top is half cut off


def _whole_roof(highest: float) -> float:
    return max(4, _round_roof(highest))  # less would have halves on the axis


def _round_roof(highest: float) -> float:
    """The next round number, so that the axis seldom changes and ends with a tick."""
    if not highest:
        return 1
    ten = math.pow(10, math.floor(math.log10(highest)))
    return next(step * ten for step in (1, 2, 4, 6, 8, 10) if step * ten >= highest)


_FIRST, _SECOND, _THIRD, _BOUND = "--vx-plot-1", "--vx-plot-2", "--vx-plot-3", "--vx-plot-bound"
_LATENCY = Panel(
    "Latency", "seconds", seconds, _airy_roof,
    (
        Series("p50", _FIRST, lambda minute: minute.p50_s),
        Series("p95", _SECOND, lambda minute: minute.p95_s),
    ),
)  # fmt: skip
_PACE = Panel(
    "Real-time factor", "factor, 1 is real time", _factor, _airy_roof,
    (
        Series("speaking", _FIRST, lambda minute: minute.speech_rtf),
        Series("recognising", _SECOND, lambda minute: minute.recognition_rtf),
    ),
)  # fmt: skip
_FAILURES = Panel(
    "Failures in the hour", f"jobs in {BAR_MINUTES} min", count, _whole_roof,
    (
        Series("failed", "--vx-danger", lambda minute: minute.failed),
        Series("refused", _BOUND, lambda minute: minute.refused),
    ),
    mark="bar",
)  # fmt: skip
_CACHE = Panel(
    "From the cache", "% of results", percents, _hundred,
    (Series("cache hits", _FIRST, lambda minute: _percent(minute.cache_hits)),),
)  # fmt: skip
_MACHINE = Panel(
    "Machine", "% in use", percents, _hundred,
    (
        Series("memory", _SECOND, lambda minute: _percent(minute.memory)),
        Series("CPU", _FIRST, lambda minute: _percent(minute.cpu)),
        Series("GPU", _THIRD, lambda minute: _percent(minute.gpu)),
        Series("GPU memory", _BOUND, lambda minute: _percent(minute.gpu_memory)),
    ),
)  # fmt: skip


def panels(queue_size: int) -> Sequence[Panel]:
    """All of them, in the order in which they are shown; so many jobs may wait."""
    line = Panel(
        "Queue", "jobs", count, _whole_roof,
        (
            Series("running", _FIRST, lambda minute: minute.running),
            Series("waiting", _SECOND, lambda minute: minute.waiting),
            Series("room for", _BOUND, lambda minute: queue_size),
        ),
    )  # fmt: skip
    return _LATENCY, line, _PACE, _FAILURES, _CACHE, _MACHINE
