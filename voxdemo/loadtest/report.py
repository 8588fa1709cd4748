"""What a load test says in the end: Markdown for people, JSON for programs. Knows what was measured, and the theory."""

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voxdemo.cli.results import counted
from voxdemo.loadtest.measured import Request, Run
from voxdemo.planning import theory

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
WAITS_S = (10.0, 30.0, 60.0)
"""Waits that people may be promised."""
TIMES: dict[str, Callable[[Request], float | None]] = {
    "latency": lambda request: request.latency_s,
    "wait": lambda request: request.wait_s,
    "service": lambda request: request.service_s,
    "first audio": lambda request: request.first_audio_s,
}
"""What is told of each run, in seconds."""
NOT_OFFERED = "not available"
CLOSED = (
    "Users who ask again at once form a closed queue, whose waits are sums of measured service times, resampled"
    " (bootstrap)."
)


@dataclass(frozen=True, slots=True)
class LoadTest:
    """A load test: what was asked of whom, and its runs."""

    url: str
    door: str
    seed: int
    each_per_minute: float
    was_stopped: bool
    runs: Sequence[Run]


def times(run: Run) -> dict[str, dict[str, float]]:
    """Average, percentiles (nearest rank) and maximum of each of TIMES over the requests that were done."""
    told = {}
    for name, of in TIMES.items():
        values = [value for request in run.done if (value := of(request)) is not None]
        if values:
            ranks = {rank: theory.percentile(values, share) for rank, share in SHARES.items()}
            told[name] = {"average": statistics.fmean(values), **ranks, "max": max(values)}
    return told


def prediction(run: Run, seed: int) -> tuple[float, float] | None:
    """The p95 wait that theory says of this run, and the one measured in its steady part; None: can't be told."""
    waits = [request.wait_s for request in run.steady if request.wait_s is not None]
    services = run.services
    if not services or not waits:
        return None
    if run.users:
        played = theory.closed_waits(services, run.users, run.generators, run.think_s, random.Random(seed))
        return theory.percentile(played, 0.95), theory.percentile(waits, 0.95)
    assert run.per_minute
    return theory.open_wait(services, run.per_minute / 60, run.generators, 0.95), theory.percentile(waits, 0.95)


def agreement(run: Run, door: str) -> bool | None:
    """Whether the server counted the same requests, by outcome; None if it doesn't say."""
    by_server = run.counted(door)
    if by_server is None:
        return None
    seen = Counter[str](request.outcome for request in run.requests)
    return all(seen[outcome] == number for outcome, number in by_server.items())


def as_json(test: LoadTest) -> dict[str, Any]:
    return {
        "url": test.url,
        "door": test.door,
        "seed": test.seed,
        "was_stopped": test.was_stopped,
        "runs": [_run(test, run) for run in test.runs],
        "recommendation": recommendation(test),
    }


def as_markdown(test: LoadTest, plots: Sequence[str]) -> str:
    """The report; `plots` are names of files beside it."""
    parts = [
        f"# Load test of {test.url} ({test.door})",
        *(["Stopped early: this report covers the requests that had ended by then."] if test.was_stopped else []),
        *(_of_run(test, run) for run in test.runs),
        "## What it means",
        "\n".join(f"- {sentence}" for sentence in recommendation(test)),
        *(f"![{name}]({name})" for name in plots),
    ]
    return "\n\n".join(parts) + "\n"


def recommendation(test: LoadTest) -> list[str]:
    """What to do, in sentences."""
    runs = [run for run in test.runs if any(run.services)]
    if not runs:
        return ["No recommendation: no request was measured from start to end."]
    run = runs[-1]
    services, seats = run.services, run.generators
    service_s, each_per_s = statistics.fmean(services), test.each_per_minute / 60
    sentences = [
        f"A request occupies a generator for {service_s:.1f} s on average; {counted(seats, 'generator')} can serve"
        f" {60 * seats / service_s:.0f} a minute.",
        *filter(None, (_compared(each, test.seed) for each in test.runs)),
    ]
    if run.address_seats:
        sentences.append(
            f"The server takes up to {counted(run.address_seats, 'request')} at once at addresses, too, which aren't"
            " counted here: if these requests were spoken there, it can serve more."
        )
    for servers in sorted({seats, seats + 1}):
        people = [theory.most_people(services, each_per_s, servers, wait_s) for wait_s in WAITS_S]
        each = counted(test.each_per_minute, "request")
        promised = ", ".join(f"{count} for {wait_s:.0f} s" for count, wait_s in zip(people, WAITS_S, strict=True))
        sentences.append(
            f"With {counted(servers, 'generator')}, this many people can be online if 95 % of waits must stay within"
            f" a time: {promised} (each sends {each} a minute; generators at most 90 % busy)."
        )
        if people[-1]:
            size = min(theory.queue_size(services, people[-1] * each_per_s, servers), people[-1])
            who = counted(people[-1], "person", "people")
            sentences.append(f"For {who}, VOXDEMO_QUEUE_SIZE={size} refuses fewer than 1 request in 1000.")
    return [*sentences, f"{theory.METHOD} {CLOSED}"]


def _compared(run: Run, seed: int) -> str:
    known = prediction(run, seed)
    if known is None or not math.isfinite(known[0]) or not known[1]:
        return ""
    predicted, seen = known
    ratio = f"measured/predicted {seen / predicted:.2f}; " if predicted else ""
    return (
        f"At {run.name}, theory predicts that 95 % of waits are at most {predicted:.2f} s; {seen:.2f} s were measured"
        f" ({ratio}{counted(len(run.steady), 'request')})."
    )


def _of_run(test: LoadTest, run: Run) -> str:
    rows = [
        f"| {name} | " + " | ".join(f"{value:.2f}" for value in row.values()) + " |" for name, row in times(run).items()
    ]
    table = ["| seconds | average | p50 | p95 | p99 | max |", "|---|---|---|---|---|---|", *rows]
    return "\n".join([f"## {run.name}", "", *(table if rows else ["No request completed."]), "", *_facts(test, run)])


def _facts(test: LoadTest, run: Run) -> list[str]:
    told = _server(run)
    failures = ", ".join(f"{count} × {what}" for what, count in run.failures.items())
    return [
        f"- {len(run.done)} of {counted(len(run.requests), 'request')} completed in {run.span_s:.1f} s:"
        f" {told['requests_per_minute']:.1f} a minute; audio: {_or_not(told['audio_s_per_s'], '{:.1f} s a second')}",
        f"- Failures: {failures or 'none'}",
        f"- Generators busy while requests waited: {_or_not(told['busy'], '{:.1%}')}",
        f"- Processor: {_or_not(told['cores'], '{:.2f} cores')}; memory: {_or_not(told['memory_gb'], '{:.2f} GB')};"
        f" GPU: {_or_not(told['gpu'], '{:.0%}')}",
        f"- {_agreed(test, run)}",
    ]


def _agreed(test: LoadTest, run: Run) -> str:
    if test.was_stopped:
        return "The server's counts weren't compared, because the test was stopped early."
    agrees = agreement(run, test.door)
    if agrees is None:
        return f"The server's counts: {NOT_OFFERED}."
    if agrees:
        return "The server's own counts match, outcome by outcome."
    return f"The server counted differently: {run.counted(test.door)}; did others use it during the test?"


def _server(run: Run) -> dict[str, float | None]:
    """What the server told of the run."""
    gpu = [use for moment in run.moments if (use := moment.most("accelerator_use_ratio")) is not None]
    audio_s = run.gained("audio_seconds_total") if run.moments else None
    resident = max((moment.sum("process_resident_bytes") for moment in run.moments), default=None)
    span_s = run.span_s or math.inf
    return {
        "requests_per_minute": 60 * len(run.done) / span_s,
        "audio_s_per_s": None if audio_s is None else audio_s / span_s,
        "busy": run.busy,
        "cores": run.cores,
        "memory_gb": None if resident is None else resident / 1e9,
        "gpu": statistics.fmean(gpu) if gpu else None,
    }


def _run(test: LoadTest, run: Run) -> dict[str, Any]:
    known = prediction(run, test.seed)
    return {
        "name": run.name,
        "users": run.users,
        "per_minute": run.per_minute,
        "think_s": run.think_s,
        "generators": run.generators,
        "worked": run.worked,
        "times_s": times(run),
        "failures": run.failures,
        "server": _server(run),
        "server_counts": run.counted(test.door),
        "counts_agree": None if test.was_stopped else agreement(run, test.door),
        "p95_wait_s": None if known is None else {"predicted": known[0], "measured": known[1]},
        "requests": [asdict(request) for request in run.requests],
    }


def _or_not(value: float | None, form: str) -> str:
    return NOT_OFFERED if value is None else form.format(value)
