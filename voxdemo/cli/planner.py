"""The command `plan`: a plan as a table and sentences for people, or as JSON for programs."""

import io
import json
import shutil
import statistics
import sys
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from voxdemo.cli.results import bar
from voxdemo.errors import InputError, SettingsError
from voxdemo.planning import prices, theory, work
from voxdemo.planning.prices import Machine
from voxdemo.planning.stages import PROMISED, STAGES, Planner, Stage
from voxdemo.planning.work import Run, Voice

if TYPE_CHECKING:
    from voxdemo.planning.simulation import Elastic, Played, Visit

FORMS = ("text", "json")
WIDTH = 120
"""Of what is printed into a pipe."""
HOURS = 24
RECORDINGS = "of 20 s, by the built-in recogniser on two cores; benchmarks/README.md"
NEEDS_SIMPY = "--simulate needs the package SimPy: run .venv/bin/pip install -r requirements-plan.txt, then try again."
NO_COMMON_LINE = (
    "This version has no line over several machines, and neither starts nor stops generators by itself: the day shows"
    " what one that does would do."
)
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
    def of(cls, visits: Sequence["Visit"], generators: Sequence[int]) -> "Hours":
        waits = [each.wait_s for each in visits if each.wait_s is not None]
        median_s, p95_s = (theory.percentile(waits, share) if waits else None for share in (0.5, PROMISED))
        return cls(len(visits), len(visits) - len(waits), statistics.fmean(generators), median_s, p95_s)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A day that was played, and the stage that it was played for."""

    stage: Stage
    elastic: "Elastic"
    lines: int
    seed: int
    generator_s: float
    generators_cost: float
    """What they cost that day, and nothing else."""
    whole: Hours
    hours: Sequence[Hours]

    @property
    def is_planned(self) -> bool:
        """Whether it was played on the machines of the plan; else in one line whose generators come and go."""
        return (self.lines, self.elastic.most) == (self.stage.machines, self.stage.generators_each)


def check_source(report: Path | None, real_time_factor: float | None) -> None:
    """Raises InputError where both are given."""
    if report and real_time_factor:
        sentence = "A report says how long requests take: leave out --real-time-factor, and name --machine gpu."
        raise InputError(sentence, code="two_sources")


def voice_of(name: str, real_time_factor: float | None) -> Voice:
    """The one that was measured, or the one on a GPU with this factor. Raises InputError for an unknown name."""
    if real_time_factor:
        return work.on_a_gpu(real_time_factor)
    if name not in work.VOICES:
        sentence = "There are no figures of a voice {name!r}: take {these}, or give --real-time-factor or --report."
        raise InputError(sentence, code="no_figures", name=name[:20], these=" or ".join(work.VOICES))
    return work.VOICES[name]


def machine_of(name: str, table: prices.Prices) -> Machine:
    """The row of this name. Raises InputError where there is none."""
    if name not in table:
        sentence = "The price table has no machine {name!r}: name one of {these}."
        raise InputError(sentence, code="no_such_machine", name=name[:20], these=", ".join(table))
    return table[name]


def stages(planner: Planner, users: int | None) -> Sequence[Stage]:
    """The usual ones, and one for so many users."""
    return [planner.stage(each) for each in sorted({*STAGES, *([users] if users else [])})]


def elastic(least: int, most: int, target_s: float, start_s: float, idle_s: float) -> "Elastic":
    """By what generators come and go. Raises InputError for more at least than at most."""
    if least > most:
        sentence = "--least {least} is more than --most {most}: the least can't exceed the most."
        raise InputError(sentence, code="least_over_most", least=least, most=most)
    rules: Elastic = _simulation().Elastic(least, most, target_s, start_s, idle_s)
    return rules


def simulated(planner: Planner, users: int | None, elastic: "Elastic | None", seed: int) -> Simulated:
    """A day of so many users; `elastic`: in one line whose generators come and go, else as the plan has it.

    Raises SettingsError where SimPy isn't installed.
    """
    simulation = _simulation()
    if not users:
        raise InputError("Say with --users for how many people the day is to be simulated.", code="no_users")
    stage = planner.stage(users)
    lines = 1 if elastic else stage.machines
    queue_size = simulation.MOST_IN_LINE if elastic else stage.queue_size
    rules = elastic or simulation.Elastic(stage.generators_each, stage.generators_each)
    day = simulation.Day(planner.demand.per_s(users), planner.work, rules, lines, queue_size)
    with bar() as tell:
        played = simulation.play(day, seed, lambda done: tell("Playing a day", done))
    cost = played.generator_s * planner.machine.per_generator_s
    whole = Hours.of(played.visits, played.generators)
    return Simulated(stage, rules, lines, seed, played.generator_s, cost, whole, _by_hour(played))


def _by_hour(played: "Played") -> Sequence[Hours]:
    visits: list[list[Visit]] = [[] for _ in range(HOURS)]
    for each in played.visits:
        visits[int(each.arrived_at // 3600)].append(each)
    notes = len(played.generators) // HOURS
    return [Hours.of(those, played.generators[n * notes : (n + 1) * notes]) for n, those in enumerate(visits)]


def as_json(planner: Planner, planned: Sequence[Stage], run: Run | None, day: Simulated | None) -> str:
    """All of it. Shares are 0..1, times seconds."""
    work, services = planner.work, planner.work.services
    told: dict[str, Any] = {
        "work": {
            "title": work.title,
            "source": work.source,
            "mean_s": statistics.fmean(services),
            "variation": statistics.pstdev(services) / statistics.fmean(services),
            "recording_share": work.recording_share,
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
    if day and run:
        told["as_in_the_load_test"] = _compared(run)
    return json.dumps(told, indent=2)


def print_text(planner: Planner, planned: Sequence[Stage], run: Run | None, day: Simulated | None) -> None:
    """The plan as people read it."""
    _print([*_assumed(planner), "", _stages(planner, planned), "", *_meaning(planner, planned)])
    if day:
        _print(["", _titled(day), "", _hours(day), "", *_of_the_day(planner, day), *_as_tested(run)])


def _print(parts: Sequence[str]) -> None:
    """Tables as they are, sentences as wide as fits."""
    for part in parts:
        print(part if part.startswith("|") else textwrap.fill(part, _width(), subsequent_indent="  "))


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH


def _assumed(planner: Planner) -> Iterator[str]:
    demand, work, machine = planner.demand, planner.work, planner.machine
    yield f"Work:    {statistics.fmean(work.texts_s):.2f} s a text: {work.title} ({work.source})."
    if work.recording_share:
        yield f"         {_percent(work.recording_share)} are recordings: {work.recording_s:.2f} s each ({RECORDINGS})."
    yield (
        f"Demand:  at the peak {_percent(demand.peak_share)} of all users are online, and each sends"
        f" {_counted(demand.each_per_minute, 'request')} a minute; the cache answers {_percent(demand.cached)}."
    )
    yield f"Promise: {_percent(PROMISED)} of the requests begin within {demand.wait_s:g} s."
    yield (
        f"Machine: {machine.machine} ({machine.what}), {machine.per_month:g} {machine.currency} a month"
        f" ({machine.date}; {machine.source})."
    )


def _stages(planner: Planner, planned: Sequence[Stage]) -> str:
    money = f"{planner.machine.currency}/month"
    columns: dict[str, Callable[[Stage], str]] = {**COLUMNS, money: lambda each: f"{each.per_month:,.0f}"}
    return _table(list(columns), [[cell(each) for cell in columns.values()] for each in planned])


def _meaning(planner: Planner, planned: Sequence[Stage]) -> Iterator[str]:
    most, held = planner.users_of_one(), planner.most_generators
    yield "Each machine is a front end with a line of its own; “in one line”: as many generators would do in one."
    alone = [f"{stage.users:,}" for stage in planned if stage.machines == 1]
    yield (
        f"A single machine serves up to {most:,} users with {_counted(held, 'generator')}; of these stages:"
        f" {', '.join(alone) or 'none'}."
    )
    yield from _changes(planned)
    yield theory.METHOD


def _changes(planned: Sequence[Stage]) -> Iterator[str]:
    """What each stage needs that the one before it didn't."""
    first = planned[0]
    yield f"{first.users:,} users: {_counted(first.machines, 'machine')}, {_set(_settings(first).items())}."
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
            " together, and VOXDEMO_DATABASE_URL for one queue of jobs of many texts"
        )


def _settings(stage: Stage) -> dict[str, int]:
    return {"VOXDEMO_GENERATORS": stage.generators_each, "VOXDEMO_QUEUE_SIZE": stage.queue_size}


def _set(settings: Collection[tuple[str, int]]) -> str:
    return " and ".join(f"{name}={value}" for name, value in sorted(settings))


def _titled(day: Simulated) -> str:
    elastic = day.elastic
    if elastic.most == elastic.least:
        lines = f"{_counted(day.lines, 'line')} with {_counted(elastic.most, 'generator')}{' each' * (day.lines > 1)}"
    else:
        lines = (
            f"one line with {elastic.least} to {elastic.most} generators: as many as work off in {elastic.target_s:g} s"
            f" what waits, {elastic.start_s:g} s to start one, stopped when idle for {elastic.idle_s:g} s"
        )
    return f"A day of {day.stage.users:,} users, played with the seed {day.seed}: {lines}."


def _hours(day: Simulated) -> str:
    rows = [
        [f"{hour}:00", f"{each.requests:,}", f"{each.refused:,}", f"{each.generators:.1f}",
         _seconds(each.median_wait_s), _seconds(each.p95_wait_s)]
        for hour, each in enumerate(day.hours)
    ]  # fmt: skip
    return _table(["hour", "requests", "refused", "generators", "median wait", "95 % wait"], rows)


def _of_the_day(planner: Planner, day: Simulated) -> Iterator[str]:
    whole, peak = day.whole, max(day.hours, key=lambda hour: hour.requests)
    planned = f" (planned, by the formula: {_seconds(day.stage.wait_s)})" if day.is_planned else ""
    yield (
        f"{whole.requests:,} requests reached a line, and {whole.refused:,} were refused. Half of the waits were at"
        f" most {_seconds(whole.median_wait_s)}, 95 % at most {_seconds(whole.p95_wait_s)}, and in the busiest hour at"
        f" most {_seconds(peak.p95_wait_s)}{planned}."
    )
    currency, fixed_s = planner.machine.currency, day.stage.generators * 3600 * HOURS
    yield f"{day.generator_s / 3600:,.0f} hours of generators cost {day.generators_cost:,.2f} {currency} that day."
    if not day.is_planned:
        fixed = fixed_s * planner.machine.per_generator_s
        all_of_them = _counted(day.stage.generators, "generator")
        yield f"The plan's {all_of_them}, all day long, would cost {fixed:,.2f} {currency}."
        yield NO_COMMON_LINE


def _as_tested(run: Run | None) -> Iterator[str]:
    if run:
        told = _compared(run)
        yield (
            f"The load test with {run.name}, played again: half of the waits at most {told['simulated_median_s']:.2f} s"
            f" ({told['measured_median_s']:.2f} s were measured), 95 % at most {told['simulated_p95_s']:.2f} s"
            f" ({told['measured_p95_s']:.2f} s)."
        )


def _compared(run: Run) -> dict[str, float]:
    """Waits in the load test's steady part, and what the simulation makes of the same requests."""
    first = run.users or 0
    measured = [each.wait_s for each in run.served][first:] or [0.0]
    simulated = _simulation().replay(run)[first:] or [0.0]
    return {
        "measured_median_s": theory.percentile(measured, 0.5),
        "simulated_median_s": theory.percentile(simulated, 0.5),
        "measured_p95_s": theory.percentile(measured, PROMISED),
        "simulated_p95_s": theory.percentile(simulated, PROMISED),
    }


def _simulation() -> Any:
    try:
        from voxdemo.planning import simulation
    except ModuleNotFoundError as error:
        if error.name != "simpy":
            raise
        raise SettingsError(NEEDS_SIMPY) from error
    return simulation


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


def _counted(count: float, one: str) -> str:
    """As in "1 generator" and "20 generators"."""
    return f"{count:,g} {one if count == 1 else one + 's'}"
