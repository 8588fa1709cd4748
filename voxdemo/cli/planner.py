"""The command `plan`: a plan as a table and sentences for people, or as JSON for programs."""

import io
import json
import shutil
import statistics
import sys
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from voxdemo.cli.results import bar, counted
from voxdemo.errors import InputError, SettingsError
from voxdemo.lanes.elastic import Elastic
from voxdemo.planning import prices, theory
from voxdemo.planning.prices import Machine
from voxdemo.planning.stages import PROMISED, Planner, Stage
from voxdemo.planning.work import VOICES, MeasuredVoice, Work, on_a_gpu

if TYPE_CHECKING:
    from voxdemo.planning.days import SimulatedDay

FORMS = ("text", "json")
WIDTH = 120
"""Of what is printed into a pipe."""
RECORDINGS = "of 20 s, by the built-in recogniser on two cores; benchmarks/README.md"
NEEDS_SIMPY = "--simulate needs the package SimPy: run .venv/bin/pip install -r requirements-plan.txt, then try again."
NEEDED = {
    "--least": "--most", "--target": "--most", "--start": "--most", "--idle": "--most",
    "--most": "--simulate", "--seed": "--simulate",
}  # fmt: skip
"""Flags that say something of what another one asks for."""
REPLACED = (
    ("--real-time-factor", "--report", ", and name --machine gpu"),
    ("--characters", "--report", ""),
    ("--voice", "--real-time-factor", ""),
)
"""Flags in whose place another one stands, and what to do besides."""
NOT_ELASTIC = "A line on Ray starts and stops generators by this rule: docs/scaling.md."
COLUMNS: dict[str, Callable[[Stage], str]] = {
    "users": lambda each: f"{each.users:,}",
    "online": lambda each: f"{each.online:,}",
    "requests/h": lambda each: f"{each.requests_per_hour:,}",
    "machines": lambda each: f"{each.machines:,}",
    "generators": lambda each: f"{each.generators:,}",
    "in one line": lambda each: f"{each.in_one_line:,}",
    "busy": lambda each: _percent(round(each.busy, 2)),
    "95 % wait": lambda each: f"{each.wait_s:.1f} s",
    "memory": lambda each: f"{each.memory_gb:,.1f} GB",
}
"""Of the plan; the money comes last."""


def check_flags(given: Collection[str]) -> None:
    """Raises InputError where one of the flags that were typed, such as "--least", would have no effect."""
    for flag, other in NEEDED.items():
        if flag in given and other not in given:
            sentence = "{flag} does nothing without {other}: add {other}, or leave out {flag}."
            raise InputError(sentence, code="flag_without_another", flag=flag, other=other)
    for flag, other, instead in REPLACED:
        if flag in given and other in given:
            sentence = (
                "{flag} does nothing beside {other}, which says how long requests take: leave out {flag}{instead}."
            )
            raise InputError(sentence, code="two_sources", flag=flag, other=other, instead=instead)


def voice_of(name: str, real_time_factor: float | None) -> MeasuredVoice:
    """The one that was measured, or the one on a GPU with this factor. Raises InputError for an unknown name."""
    if real_time_factor:
        return on_a_gpu(real_time_factor)
    if name not in VOICES:
        sentence = "There are no figures of a voice {name!r}: take {these}, or give --real-time-factor or --report."
        raise InputError(sentence, code="no_figures", name=name[:20], these=" or ".join(VOICES))
    return VOICES[name]


def machine_of(name: str, table: prices.Prices) -> Machine:
    """The row of this name. Raises InputError where there is none."""
    if name not in table:
        sentence = "The price table has no machine {name!r}: name one of {these}."
        raise InputError(sentence, code="no_such_machine", name=name[:20], these=", ".join(table))
    return table[name]


def day_of(planner: Planner, users: int | None, rules: Elastic | None, seed: int) -> "SimulatedDay":
    """A day of so many users, as `days.simulated` plays it. Raises SettingsError where SimPy isn't installed."""
    try:
        from voxdemo.planning import days
    except ModuleNotFoundError as error:
        if error.name != "simpy":
            raise
        raise SettingsError(NEEDS_SIMPY) from error
    with bar() as show:
        return days.simulated(planner, users, rules, seed, lambda done: show("Playing a day", done))


def as_json(planner: Planner, planned: Sequence[Stage], day: "SimulatedDay | None") -> str:
    """All of it. Shares are 0..1, times seconds."""
    services = planner.work.services
    told: dict[str, Any] = {
        "work": {
            "title": planner.work.title,
            "source": planner.work.source,
            "mean_s": statistics.fmean(services),
            "variation": statistics.pstdev(services) / statistics.fmean(services),
            "recording_share": planner.work.recording_share,
        },
        "demand": asdict(planner.demand),
        "promised_share": PROMISED,
        "machine": planner.machine.model_dump(by_alias=True),
        "one_machine_serves": planner.users_of_one(),
        "stages": [{**asdict(stage), "generators": stage.generators} for stage in planned],
        "changes": list(_changes(planned)),
        "method": theory.METHOD,
    }
    if day:
        told["day"] = asdict(day)
    return json.dumps(told, indent=2)


def print_text(planner: Planner, planned: Sequence[Stage], day: "SimulatedDay | None") -> None:
    """The plan as people read it."""
    _print([*_assumed(planner), "", _staged(planner, planned), "", *_meaning(planner, planned)])
    if day:
        _print(["", _titled(day), "", _hours(day), "", *_of_the_day(planner, day)])


def _print(parts: Sequence[str]) -> None:
    """Tables as they are, sentences as wide as fits."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    for part in parts:
        print(part if part.startswith("|") else textwrap.fill(part, width, subsequent_indent="  "))


def _assumed(planner: Planner) -> Iterator[str]:
    demand, machine = planner.demand, planner.machine
    yield from _work(planner.work)
    yield (
        f"Demand:  at the peak {_percent(demand.peak_share)} of all users are online, and each sends"
        f" {counted(demand.each_per_minute, 'request')} a minute; the cache answers {_percent(demand.cached)}."
    )
    yield f"Promise: {_percent(PROMISED)} of the requests begin within {demand.wait_s:g} s."
    yield (
        f"Machine: {machine.machine} ({machine.what}), {machine.per_month:g} {machine.currency} a month"
        f" ({machine.date}; {machine.source})."
    )


def _work(of: Work) -> Iterator[str]:
    yield f"Work:    {statistics.fmean(of.texts_s):.2f} s a text: {of.title} ({of.source})."
    if of.recording_share:
        yield f"         {_percent(of.recording_share)} are recordings: {of.recording_s:.2f} s each ({RECORDINGS})."


def _staged(planner: Planner, planned: Sequence[Stage]) -> str:
    money = f"{planner.machine.currency}/month"
    columns: dict[str, Callable[[Stage], str]] = {**COLUMNS, money: lambda each: f"{each.per_month:,.0f}"}
    return _table(list(columns), [[cell(each) for cell in columns.values()] for each in planned])


def _meaning(planner: Planner, planned: Sequence[Stage]) -> Iterator[str]:
    most, held = planner.users_of_one(), planner.most_generators
    yield (
        "Each machine is a front end with a line of its own; “in one line”: so many generators are enough if all"
        " machines share one line (VOXDEMO_LINE_URL)."
    )
    alone = [f"{stage.users:,}" for stage in planned if stage.machines == 1]
    yield (
        f"A single machine serves up to {most:,} users with {counted(held, 'generator')}; of these stages:"
        f" {', '.join(alone) or 'none'}."
    )
    yield from _changes(planned)
    yield theory.METHOD


def _changes(planned: Sequence[Stage]) -> Iterator[str]:
    """What each stage needs that the one before it didn't."""
    first = planned[0]
    yield f"{first.users:,} users: {counted(first.machines, 'machine')}, {_set(_settings(first).items())}."
    for before, after in pairwise(planned):
        yield f"{after.users:,} users: {'; '.join(_change(before, after)) or 'nothing changes'}."


def _change(before: Stage, after: Stage) -> Iterator[str]:
    if after.machines > before.machines:
        yield f"{after.machines:,} machines instead of {before.machines:,}"
    if settings := _settings(after).items() - _settings(before).items():
        yield _set(settings)
    if after.machines > before.machines == 1:
        yield (
            "a balancer that keeps everybody on one machine (sticky sessions), VOXDEMO_REDIS_URL for limits that count"
            " together, and VOXDEMO_DATABASE_URL and VOXDEMO_STORAGE_URL (or a VOXDEMO_CACHE_DIR that all share) for"
            " one queue of jobs of many texts, and for results and voices that are there for all"
        )


def _settings(stage: Stage) -> dict[str, int]:
    return {"VOXDEMO_GENERATORS": stage.generators_each, "VOXDEMO_QUEUE_SIZE": stage.queue_size}


def _set(settings: Collection[tuple[str, int]]) -> str:
    return " and ".join(f"{name}={value}" for name, value in sorted(settings))


def _titled(day: "SimulatedDay") -> str:
    rules = day.elastic
    if rules.most == rules.least:
        lines = f"{counted(day.lines, 'line')} with {counted(rules.most, 'generator')}{' each' * (day.lines > 1)}"
    else:
        lines = (
            f"one line with {rules.least} to {rules.most} generators: as many as have the last in line begin within"
            f" {rules.target_s:g} s, {rules.start_s:g} s to start one, stopped when idle for {rules.idle_s:g} s"
        )
    return f"A day of {day.stage.users:,} users, played with the seed {day.seed}: {lines}."


def _hours(day: "SimulatedDay") -> str:
    rows = [
        [f"{hour}:00", f"{each.requests:,}", f"{each.refused:,}", f"{each.generators:.1f}",
         _seconds(each.median_wait_s), _seconds(each.p95_wait_s)]
        for hour, each in enumerate(day.hours)
    ]  # fmt: skip
    return _table(["hour", "requests", "refused", "generators", "median wait", "95 % wait"], rows)


def _of_the_day(planner: Planner, day: "SimulatedDay") -> Iterator[str]:
    whole, peak = day.whole, max(day.hours, key=lambda hour: hour.requests)
    planned = f" (planned, by the formula: {_seconds(day.stage.wait_s)})" if day.is_planned else ""
    yield (
        f"{whole.requests:,} requests reached a line, and {whole.refused:,} were refused. Half of the waits were at"
        f" most {_seconds(whole.median_wait_s)}, 95 % at most {_seconds(whole.p95_wait_s)}, and in the busiest hour at"
        f" most {_seconds(peak.p95_wait_s)}{planned}."
    )
    currency = planner.machine.currency
    yield f"{day.generator_s / 3600:,.0f} hours of generators cost {day.generators_cost:,.2f} {currency} that day."
    if not day.is_planned:
        all_of_them = counted(day.stage.generators, "generator")
        yield f"The plan's {all_of_them}, all day long, would cost {day.planned_cost:,.2f} {currency}."
        yield NOT_ELASTIC


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, to be pasted."""
    table = Table(box=box.MARKDOWN, show_edge=True)
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*row)
    console = Console(file=io.StringIO(), width=WIDTH)  # whole, even where a terminal has less room
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line for line in captured.get().splitlines() if line.strip())


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
