"""The Status tab: what is wrong, the gist in numbers, and the last hour as plots. Nothing in it is anybody's.

What it shows is worked out once for all who look, every few seconds, and only while somebody does:
`assets/shell/status.js` asks again as long as the tab is seen. The colours are tokens of `assets/shell/tokens.css`.
"""

import html
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr
from gradio.components.native_plot import PlotData

from voxdemo import __version__
from voxdemo.monitoring.history import MINUTES, Minute
from voxdemo.service.service import SpeechService
from voxdemo.web.components import wording
from voxdemo.web.components.assets import say
from voxdemo.web.components.parts import AT_ONCE, own_html

REFRESH_S = 5.0
"""How often the tab refreshes."""
FRESH_S = 0.8 * REFRESH_S
"""How long the same figures are shown to all who look."""
HEIGHT = 168
"""Of a plot, in pixels."""
WELL = "All is well."
QUIET = "No requests in the last hour. New ones will appear here, minute by minute."
NOTHING_YET = (
    "<p class=\"moment\">One moment …</p><p class='away'>Can't reach the server. The numbers return when it does.</p>"
)
"""Before the first answer; which of the two is seen, the stylesheet says."""
NONE = "–"
"""In place of a number that there is nothing to reckon from."""
_count, _percents = "{:.0f}".format, "{:.0f} %".format
AGO, SERIES = "ago", "series"
"""Columns of what a plot gets: minutes from now, so at most 0, and the names of series. The third is its unit's."""
BAR_MINUTES = 5
"""How many minutes are added up to a bar."""
UNSEEN = -10 * MINUTES
"""Where a point lies that nobody sees; the axis reaches up to it. Told as the axis' limit, which makes Gradio draw the
plot anew, it would be drawn with the figures of before.
"""
FIRST, SECOND, THIRD, BOUND = "--vx-plot-1", "--vx-plot-2", "--vx-plot-3", "--vx-plot-bound"


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


class Board:
    """Works out what is shown, once for all who look within FRESH_S. For the event loop's thread."""

    def __init__(self, service: SpeechService, clock: Callable[[], float] = time.monotonic) -> None:
        self.panels = _panels(service.line.stats().queue_size)
        self._service = service
        self._clock = clock
        self._numbers = itertools.count()
        self._shown: tuple[float, list[Any]] | None = None

    def look(self) -> list[Any]:
        """The values of the tab's components: the gist, then heading and plot of every panel."""
        now = self._clock()
        if self._shown is None or now - self._shown[0] >= FRESH_S:
            self._shown = now, self._worked_out()
        return self._shown[1]

    def _worked_out(self) -> list[Any]:
        minutes = self._service.history.minutes()
        number = next(self._numbers)  # or the page would hear nothing of an answer like the one before
        gist = f'<div data-number="{number}">{_gist(self._service, minutes)}</div>'
        return [gist, *(part for panel in self.panels for part in (panel.head(minutes), panel.plot(minutes)))]


def add_status_tab(service: SpeechService) -> None:
    """Add the tab to the Tabs in whose context this is called."""
    board = Board(service)
    with gr.Tab(say("Status"), id="status"), gr.Column(elem_id="vx-status"):
        script = f"voxdemo.board(element, watch, {1000 * REFRESH_S:.0f}, () => trigger('look'))"
        gist = own_html("vx-gist", NOTHING_YET, js_on_load=script)
        with gr.Row(elem_id="vx-plots"):
            parts = [part for panel in board.panels for part in _layout(panel)]

    async def look() -> list[Any]:
        return board.look()

    gist.look(look, outputs=[gist, *parts], **AT_ONCE)


def _layout(panel: Panel) -> tuple[gr.HTML, gr.LinePlot | gr.BarPlot]:
    kind = gr.BarPlot if panel.mark == "bar" else gr.LinePlot
    with gr.Column(elem_classes="vx-panel", min_width=0):
        head = own_html(None, "")
        plot = kind(
            x=AGO,
            y=panel.unit,
            color=SERIES,
            x_title="minutes, 0 is now",
            x_lim=[-MINUTES, 0],
            x_bin=BAR_MINUTES if panel.mark == "bar" else None,
            y_lim=[0, None],
            y_axis_format="~f",
            color_map={series.name: f"var({series.colour})" for series in panel.series},
            colors_in_legend=[],  # the heading is the legend
            height=HEIGHT,
            container=False,
        )
    return head, plot


def _gist(service: SpeechService, minutes: Sequence[Minute]) -> str:
    """What is wrong, or that nothing is, and below it the numbers; before there are any, that."""
    has_jobs = any(minute.jobs or minute.running for minute in minutes)
    below = f'<dl class="told">{_numbers(service)}</dl>' if has_jobs else f"<p>{QUIET}</p>"
    return f'<ul class="said">{_said(service)}</ul>{below}<p class="version" translate="no">voxdemo {__version__}</p>'


def _said(service: SpeechService) -> str:
    readiness = service.readiness()
    wrong = [f'<li class="wrong">{html.escape(sentence)}</li>' for sentence in service.alarms.warnings]
    missing = filter(None, (readiness.reason, readiness.pending))
    wrong += [f'<li class="missing">{html.escape(sentence)}</li>' for sentence in missing]
    return "".join(wrong) or f"<li>{WELL}</li>"


def _numbers(service: SpeechService) -> str:
    told: dict[str, Any] = service.history.told()
    latency, hits = told["latency_s"], told["cache_hit_rate"]
    numbers = {
        "requests a minute": _count(told["requests_per_minute"]),
        "average time to a result": NONE if latency["average"] is None else _seconds(latency["average"]),
        "95 % of results within": NONE if latency["p95"] is None else _seconds(latency["p95"]),
        "of the last jobs failed": _percents(100 * told["failure_rate"]),
        "came from the cache": NONE if hits is None else _percents(100 * hits),
        "since the start": _span(told["uptime_s"]),
    }
    return "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in numbers.items())


def _seconds(value: float) -> str:
    """A time that may be short: "0.09 s", "25 s"."""
    return f"{value:.2f} s" if value < 10 else wording.seconds(value)


def _span(value: float) -> str:
    hours = value / 3600
    return wording.seconds(value) if hours < 1.5 else f"{hours:.0f} h" if hours < 36 else f"{hours / 24:.0f} days"


def _panels(queue_size: int) -> Sequence[Panel]:
    """All of them, in the order in which they are shown; so many jobs may wait."""
    return (
        Panel("Latency", "seconds", _seconds, _airy_roof, (
            Series("p50", FIRST, lambda minute: minute.p50_s),
            Series("p95", SECOND, lambda minute: minute.p95_s),
        )),
        Panel("Queue", "jobs", _count, _whole_roof, (
            Series("running", FIRST, lambda minute: minute.running),
            Series("waiting", SECOND, lambda minute: minute.waiting),
            Series("room for", BOUND, lambda minute: queue_size),
        )),
        Panel("Real-time factor", "factor, 1 is real time", "{:.2f}".format, _airy_roof, (
            Series("speaking", FIRST, lambda minute: minute.speech_rtf),
            Series("recognising", SECOND, lambda minute: minute.recognition_rtf),
        )),
        Panel("Failures in the hour", f"jobs in {BAR_MINUTES} min", _count, _whole_roof, (
            Series("failed", "--vx-danger", lambda minute: minute.failed),
            Series("refused", BOUND, lambda minute: minute.refused),
        ), mark="bar"),
        Panel("From the cache", "% of results", _percents, lambda _: 100, (
            Series("cache hits", FIRST, lambda minute: _percent(minute.cache_hits)),
        )),
        Panel("Machine", "% in use", _percents, lambda _: 100, (
            Series("memory", SECOND, lambda minute: _percent(minute.memory)),
            Series("CPU", FIRST, lambda minute: _percent(minute.cpu)),
            Series("GPU", THIRD, lambda minute: _percent(minute.gpu)),
            Series("GPU memory", BOUND, lambda minute: _percent(minute.gpu_memory)),
        )),
    )  # fmt: skip


def _levels(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    """Each minute as a level stretch, so that one alone is seen, too; broken where nothing is known.

    The first point is there for a series of which nothing is known: without any it would have no colour.
    """
    points: list[tuple[float, float | None]] = [(-len(values), None)]
    for start, value in enumerate((wording.rounded(each, 3) for each in values), -len(values)):
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


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


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
