"""The last hour minute by minute, in memory: how jobs ended, how long the line was, what the machine was used for.

It takes the same room whatever the traffic: of a minute that is over only a few numbers stay. Knows how jobs end and
what a machine uses, nothing of the line or the web.
"""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from voxdemo.monitoring.history import nearest_rank
from voxdemo.monitoring.machine import Usage
from voxdemo.monitoring.outcomes import Ended, Task

MINUTE_S = 60.0
MINUTES = 60
"""How many are told, with the one that runs."""
SAMPLES = 500
"""From how many results of a minute, drawn by chance where there are more, its latency is reckoned."""
USAGE_EVERY_S = 10.0
"""How often the machine is to be looked at."""


@dataclass(slots=True)
class Minute:
    """What was in a minute. None is what there was nothing to reckon from; shares are 0..1."""

    p50_s: float | None = None
    """Seconds from request to result that half of the results took at most."""
    p95_s: float | None = None
    running: int | None = None
    """The most jobs at once that had a seat."""
    waiting: int | None = None
    """The most that waited at once."""
    speech_rtf: float | None = None
    """Seconds of work per second of sound that was spoken."""
    recognition_rtf: float | None = None
    jobs: int = 0
    """That came to an end of any kind."""
    failed: int = 0
    """Of those, the ones that the server failed at, if only in the middle."""
    refused: int = 0
    cache_hits: float | None = None
    """The share of the results that came from the cache."""
    cpu: float | None = None
    """The share of all processor time that this server took."""
    memory: float | None = None
    """The share of the machine's memory that is taken, by whomever."""
    gpu: float | None = None
    """The share of the time that the busiest GPU was at work."""
    gpu_memory: float | None = None
    """The share of its memory that is taken on the fullest GPU."""


class Timeline:
    """Gathers minutes. For the event loop's thread; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._over: deque[tuple[int, Minute]] = deque(maxlen=MINUTES - 1)
        self._number = self._this_minute
        self._running = _Running()
        self._used_at: float | None = None
        self._cpu_s = 0.0

    def add(self, ended: Ended) -> None:
        self._now().add(ended)

    def look(self, running: int, waiting: int) -> None:
        """So many jobs have a seat now, and so many wait; to be called about once a second."""
        self._now().look(running, waiting)

    @property
    def wants_usage(self) -> bool:
        """Whether it is time to look at the machine again."""
        return self._used_at is None or self._clock() - self._used_at >= USAGE_EVERY_S

    def use(self, usage: Usage) -> None:
        now, before = self._clock(), self._used_at
        worked_s, self._cpu_s, self._used_at = usage.cpu_s - self._cpu_s, usage.cpu_s, now
        cpu = None if before is None else worked_s / (now - before) / (os.cpu_count() or 1)
        self._now().use(cpu, usage)

    def minutes(self) -> Sequence[Minute]:
        """The last MINUTES of them, the oldest first, the one that runs last; without a gap."""
        last = self._this_minute
        known = {**dict(self._over), self._number: self._running.told()}
        return [known.get(number, Minute()) for number in range(last - MINUTES + 1, last + 1)]

    @property
    def _this_minute(self) -> int:
        return int(self._clock() // MINUTE_S)

    def _now(self) -> _Running:
        number = self._this_minute
        if number != self._number:
            self._over.append((self._number, self._running.told()))
            self._number, self._running = number, _Running()
        return self._running


@dataclass(slots=True)
class _Running:
    """The minute that runs."""

    counted: Minute = field(default_factory=Minute)
    times_s: list[float] = field(default_factory=list)
    results: int = 0
    cached: int = 0
    work_s: dict[Task, float] = field(default_factory=lambda: defaultdict(float))
    audio_s: dict[Task, float] = field(default_factory=lambda: defaultdict(float))
    usages: dict[str, list[float]] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def add(self, ended: Ended) -> None:
        self.counted.jobs += 1
        self.counted.failed += ended.ending in ("failed", "stopped")
        self.counted.refused += ended.ending == "refused"
        if ended.work_s:  # even one that was over between two looks
            self.counted.running = max(self.counted.running or 0, 1)
            self.work_s[ended.task] += ended.work_s
            self.audio_s[ended.task] += ended.audio_s
        if ended.ending in ("done", "stopped"):
            self.cached += ended.cached
            self._draw(ended.total_s)

    def look(self, running: int, waiting: int) -> None:
        self.counted.running = max(self.counted.running or 0, running)
        self.counted.waiting = max(self.counted.waiting or 0, waiting)

    def use(self, cpu: float | None, usage: Usage) -> None:
        gpus = usage.accelerators
        shares = {
            "cpu": cpu,
            "memory": 1 - usage.available_bytes / usage.memory_bytes,
            "gpu": max((gpu.use for gpu in gpus), default=None),
            "gpu_memory": max((gpu.used_bytes / gpu.total_bytes for gpu in gpus), default=None),
        }
        for name, share in shares.items():
            if share is not None:
                self.usages.setdefault(name, []).append(min(1.0, max(0.0, share)))

    def told(self) -> Minute:
        times = sorted(self.times_s)
        means: dict[str, Any] = {name: fmean(shares) for name, shares in self.usages.items()}
        return replace(
            self.counted,
            p50_s=nearest_rank(times, 0.5),
            p95_s=nearest_rank(times, 0.95),
            speech_rtf=self._rtf("generation"),
            recognition_rtf=self._rtf("recognition"),
            cache_hits=self.cached / self.results if self.results else None,
            **means,
        )

    def _rtf(self, task: Task) -> float | None:
        return self.work_s[task] / self.audio_s[task] if self.work_s[task] and self.audio_s[task] else None

    def _draw(self, time_s: float) -> None:
        """Keep it among SAMPLES of which every result so far is one with the same chance (Vitter's algorithm R)."""
        self.results += 1
        if len(self.times_s) < SAMPLES:
            self.times_s.append(time_s)
        elif (place := self.chance.randrange(self.results)) < SAMPLES:
            self.times_s[place] = time_s
