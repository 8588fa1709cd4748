"""The Status tab: what is wrong, the gist in numbers, and the last hour as plots. Nothing in it is anybody's.

What it shows is worked out once for all who look, every few seconds, and only while somebody does:
`assets/shell/status.js` asks again as long as the tab is seen. It knows the service; `status_panels` knows the plots.
"""

import html
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from voxdemo import __version__
from voxdemo.monitoring.timeline import MINUTES, Minute
from voxdemo.service.service import SpeechService
from voxdemo.web.components import wording
from voxdemo.web.components.i18n import say
from voxdemo.web.components.status_panels import AGO, BAR_MINUTES, SERIES, Panel, count, panels, percents, seconds
from voxdemo.web.components.wiring import AT_ONCE

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


class Board:
    """Works out what is shown, once for all who look within FRESH_S. For the event loop's thread."""

    def __init__(self, service: SpeechService, clock: Callable[[], float] = time.monotonic) -> None:
        self.panels = panels(service.stats().queue_size)
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
        minutes = self._service.timeline.minutes()
        number = next(self._numbers)  # or the page would hear nothing of an answer like the one before
        gist = f'<div data-number="{number}">{_gist(self._service, minutes)}</div>'
        return [gist, *(part for panel in self.panels for part in (panel.head(minutes), panel.plot(minutes)))]


def add_status_tab(service: SpeechService) -> None:
    """Add the tab to the Tabs in whose context this is called."""
    board = Board(service)
    with gr.Tab(say("Status"), id="status"), gr.Column(elem_id="vx-status"):
        gist = gr.HTML(
            NOTHING_YET,
            js_on_load=f"voxdemo.board(element, watch, {1000 * REFRESH_S:.0f}, () => trigger('look'))",
            apply_default_css=False,
            elem_id="vx-gist",
        )
        with gr.Row(elem_id="vx-plots"):
            parts = [part for panel in board.panels for part in _layout(panel)]

    async def look() -> list[Any]:
        return board.look()

    gist.look(look, outputs=[gist, *parts], **AT_ONCE)


def _layout(panel: Panel) -> tuple[gr.HTML, gr.LinePlot | gr.BarPlot]:
    kind = gr.BarPlot if panel.mark == "bar" else gr.LinePlot
    with gr.Column(elem_classes="vx-panel", min_width=0):
        head = gr.HTML("", apply_default_css=False)
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
        "requests a minute": count(told["requests_per_minute"]),
        "average time to a result": NONE if latency["average"] is None else seconds(latency["average"]),
        "95 % of results within": NONE if latency["p95"] is None else seconds(latency["p95"]),
        "of the last jobs failed": percents(100 * told["failure_rate"]),
        "came from the cache": NONE if hits is None else percents(100 * hits),
        "since the start": _span(told["uptime_s"]),
    }
    return "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in numbers.items())


def _span(value: float) -> str:
    hours = value / 3600
    return wording.seconds(value) if hours < 1.5 else f"{hours:.0f} h" if hours < 36 else f"{hours / 24:.0f} days"
