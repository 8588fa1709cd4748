"""What Prometheus is told: what has happened is counted here, what is now is read when it asks.

All names begin with voxdemo_; times are seconds, sizes bytes. Labels have few values, and no client can make up new
ones. Knows what became of jobs and how the line is doing, no web.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from voxdemo import __version__
from voxdemo.errors import BusyError, InputError, LimitError, NotReadyError
from voxdemo.lanes.line import LaneStats
from voxdemo.live import LiveStats
from voxdemo.monitoring.machine import Usage
from voxdemo.monitoring.outcomes import DoorName, Ended, Ending, Task
from voxdemo.speech import EngineInfo

PREFIX = "voxdemo"
REASONS = (InputError, BusyError, LimitError, NotReadyError)
"""Why requests are refused."""
WAITS_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
"""Upper bounds of waits and work: from an answer at hand to a long chapter on a slow machine."""
FIRST_AUDIO_S = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60)
RTFS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1, 1.25, 1.5, 2, 3, 5, 10)


class Metrics(Collector):
    """Counts what becomes of jobs. `registry` has it all; the rest of it is read by `state` at every scrape."""

    def __init__(self, state: Callable[[], Snapshot]) -> None:
        self._state = state
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests by door, task and outcome.", "task", "door", "outcome")
        self._refusals = self._counter("refusals", "Refused requests by door and reason.", "door", "reason")
        self._answers = self._counter(
            "cache_answers", "Answers by task and whether they came from the cache.", "task", "result"
        )
        self._audio = self._counter(
            "audio_seconds", "Seconds of audio spoken or recognised, without answers from the cache.", "task"
        )
        self._total = self._histogram("request_seconds", "Time from request to result.", WAITS_S)
        self._wait = self._histogram("wait_seconds", "Time from request until the model started.", WAITS_S)
        self._work = self._histogram("work_seconds", "Time that the model worked.", WAITS_S)
        self._rtf = self._histogram("real_time_factor", "Seconds of work per second of audio.", RTFS)
        self._first = self._histogram("first_audio_seconds", "Time from request to the first audio.", FIRST_AUDIO_S)
        self.registry.register(self)
        self._begin_at_zero()

    def collect(self) -> Iterator[Metric]:
        """What is read when Prometheus asks."""
        yield from _of_server(self._state())

    def ended(self, ended: Ended) -> None:
        self._requests.labels(ended.task, ended.door, ended.ending).inc()
        if ended.ending == "refused":
            self._refusals.labels(ended.door, ended.reason).inc()
        if ended.ending not in ("done", "stopped"):
            return
        self._answers.labels(ended.task, "hit" if ended.cached else "miss").inc()
        self._total.labels(ended.task).observe(ended.total_s)
        if not ended.cached:
            self._audio.labels(ended.task).inc(ended.audio_s)
            self._wait.labels(ended.task).observe(ended.waiting_s)
            self._work.labels(ended.task).observe(ended.work_s)
            if ended.rtf is not None:
                self._rtf.labels(ended.task).observe(ended.rtf)
        if ended.first_audio_s is not None:
            self._first.labels(ended.task).observe(ended.first_audio_s)

    def _begin_at_zero(self) -> None:
        """Show what hasn't happened yet as 0: Prometheus sees no rise where a series begins at 1."""
        for task, door in product(get_args(Task), get_args(DoorName)):
            for outcome in get_args(Ending):
                self._requests.labels(task, door, outcome)
        for door, reason in product(get_args(DoorName), REASONS):
            self._refusals.labels(door, reason.__name__)
        for task, result in product(get_args(Task), ("hit", "miss")):
            self._answers.labels(task, result)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(name, told, labels, namespace=PREFIX, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, told, ["task"], namespace=PREFIX, registry=self.registry, buckets=buckets)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The line and the models when metrics are asked for."""

    line: LaneStats
    waiting: int
    """In line and at its doors."""
    live: LiveStats
    cached_bytes: int
    usage: Usage


def _of_server(state: Snapshot) -> Iterator[Metric]:
    info = _gauge("build_info", "The release that is running.", labels=["version"])
    info.add_metric([__version__], 1)
    yield info
    yield from _of_line(state)
    yield from _of_live(state.live)
    yield _gauge("cache_bytes", "Disk used by cached answers.", state.cached_bytes)
    yield from _of_machine(state.usage)


def of_voice(stats: LaneStats, endings: Mapping[str, int]) -> Iterator[Metric]:
    """What a voice of a line elsewhere tells: its generator and models, and how its jobs ended."""
    jobs = _counter("voice_jobs", "Jobs of a voice by how they ended.", labels=["ending"])
    for ending, count in endings.items():
        jobs.add_metric([ending], count)
    yield jobs
    yield from _of_generators(stats)


def _of_line(state: Snapshot) -> Iterator[Metric]:
    line = state.line
    yield _gauge("jobs_running", "Jobs running now.", line.running)
    yield _gauge("jobs_waiting", "Jobs waiting now.", state.waiting)
    yield _gauge("jobs_waiting_limit", "Most jobs that may wait (VOXDEMO_QUEUE_SIZE).", line.queue_size)
    yield _gauge("generators_ready", "Generators whose models are ready.", line.ready_seats)
    yield from _of_addresses(line)
    yield from _of_generators(line)


def _of_generators(line: LaneStats) -> Iterator[Metric]:
    yield _gauge("generators", "Most jobs that can run at once on this machine (VOXDEMO_GENERATORS).", line.seats)
    yield _counter("generator_busy_seconds", "Total time that generators have worked.", line.busy_s)
    yield from _of_models(line)


def _of_addresses(line: LaneStats) -> Iterator[Metric]:
    """Without an address, none of these has a value."""
    seats = _gauge("address_seats", "Most jobs that a server at an address takes at once.", labels=["model"])
    running = _gauge("address_jobs_running", "Jobs running at an address now.", labels=["model"])
    waiting = _gauge("address_jobs_waiting", "Jobs waiting for an address now.", labels=["model"])
    for each in line.addresses:
        seats.add_metric([each.name], each.seats)
        running.add_metric([each.name], each.running)
        waiting.add_metric([each.name], each.waiting)
    yield from (seats, running, waiting)


def _of_live(live: LiveStats) -> Iterator[Metric]:
    yield _gauge("live_sessions", "Live sessions that are open.", live.sessions)
    yield _gauge("live_sessions_limit", "Most live sessions at once (VOXDEMO_LIVE_SESSIONS).", live.limit)
    yield _gauge("live_behind_seconds", "Most sound that a live session has had that isn't read yet.", live.behind_s)


def _of_models(line: LaneStats) -> Iterator[Metric]:
    labels = ["task", "model", "number"]
    up = _gauge("model_up", "Whether a model is ready or loads for its next job (1) or not (0).", labels=labels)
    serving = _gauge("model_serving", "Whether a model gets jobs (1) or stands by (0).", labels=labels)
    loads = _counter("model_loads", "How often a model was loaded.", labels=labels)
    unloads = _counter("model_unloads", "How often a model was unloaded, idle or to make room.", labels=labels)
    memory = _gauge("model_memory_bytes", "About how much memory a model takes when it is loaded.", labels=labels)
    deaths = _counter("model_deaths", "How often a model died or hung.", labels=labels)
    load_s = _gauge("model_load_seconds", "How long the last load of a model took.", labels=labels)
    seen: Tally[tuple[str, str]] = Tally()
    for model in line.models:
        name = "speech" if isinstance(model.info, EngineInfo) else "recognition", model.info.name
        values = (*name, str(seen[name]))
        seen[name] += 1
        up.add_metric(values, model.status.takes_jobs)
        serving.add_metric(values, model.serving)
        loads.add_metric(values, model.loads)
        unloads.add_metric(values, model.unloads)
        deaths.add_metric(values, model.deaths)
        if model.memory_bytes:
            memory.add_metric(values, model.memory_bytes)
        if model.status.load_s is not None:
            load_s.add_metric(values, model.status.load_s)
    yield from (up, serving, loads, unloads, deaths, load_s, memory)


def _of_machine(usage: Usage) -> Iterator[Metric]:
    yield _counter("process_cpu_seconds", "Processor time used by the server.", usage.cpu_s)
    yield _gauge("process_resident_bytes", "Memory used by the server.", usage.resident_bytes)
    yield _gauge("memory_available_bytes", "Memory still available on the machine.", usage.available_bytes)
    yield _gauge("disk_free_bytes", "Free space on the disk of VOXDEMO_CACHE_DIR.", usage.free_disk_bytes)
    used = _gauge("accelerator_used_bytes", "Used memory of a GPU.", labels=["number"])
    total = _gauge("accelerator_total_bytes", "Total memory of a GPU.", labels=["number"])
    use = _gauge("accelerator_use_ratio", "Share of time that a GPU is busy, 0 to 1.", labels=["number"])
    for each in usage.accelerators:
        used.add_metric([str(each.number)], each.used_bytes)
        total.add_metric([str(each.number)], each.total_bytes)
        use.add_metric([str(each.number)], each.use)
    yield from (used, total, use)


def _gauge(name: str, told: str, value: float | None = None, labels: list[str] | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", told, value, labels)


def _counter(name: str, told: str, value: float | None = None, labels: list[str] | None = None) -> CounterMetricFamily:
    return CounterMetricFamily(f"{PREFIX}_{name}", told, value, labels)
