"""What became of the jobs of late, in memory: in plain numbers, and the last hour minute by minute.

It takes the same room whatever the traffic: the last jobs are kept, and of a minute that is over only a few numbers.
Knows how jobs end and what a machine uses, nothing of the line or the web.
"""

import os
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean

import numpy as np

from voxdemo.monitoring.machine import Usage
from voxdemo.monitoring.outcomes import Ended, Task

MINUTE_S = 60.0
MINUTES = 60
"""How many are told, with the one that runs."""
MOST = 10_000
"""How many jobs that have ended are remembered."""
LATENCIES = 100
"""Over how many results latency and the share that came from the cache are reckoned."""
FEW = 20
"""Over how many jobs the rate of failures is reckoned."""
USAGE_EVERY_S = 10.0
"""How often the machine is to be looked at."""


@dataclass(frozen=True, slots=True)
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


@dataclass(slots=True)
class _Seen:
    """What was seen in a minute beside the jobs that ended."""

    running: int | None = None
    waiting: int | None = None
    shares: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Of the machine, by the names that Minute has for them."""


class History:
    """Remembers endings, how long the line was and what the machine was used for.

    For the event loop's thread; `clock` tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun_at = clock()
        self._endings: deque[tuple[float, Ended]] = deque(maxlen=MOST)
        self._over: deque[tuple[int, Minute]] = deque(maxlen=MINUTES - 1)
        self._number, self._seen = self._this_minute, _Seen()
        self._used_at: float | None = None
        self._cpu_s = 0.0

    def add(self, ended: Ended) -> None:
        self._turn()
        self._endings.append((self._clock(), ended))

    def look(self, running: int, waiting: int) -> None:
        """So many jobs have a seat now, and so many wait; to be called about once a second."""
        self._turn()
        seen = self._seen
        seen.running, seen.waiting = max(seen.running or 0, running), max(seen.waiting or 0, waiting)

    @property
    def wants_usage(self) -> bool:
        """Whether it is time to look at the machine again."""
        return self._used_at is None or self._clock() - self._used_at >= USAGE_EVERY_S

    def use(self, usage: Usage) -> None:
        self._turn()
        now, before, gpus = self._clock(), self._used_at, usage.accelerators
        worked_s, self._cpu_s, self._used_at = usage.cpu_s - self._cpu_s, usage.cpu_s, now
        shares = {
            "cpu": None if before is None else worked_s / (now - before) / (os.cpu_count() or 1),
            "memory": 1 - usage.available_bytes / usage.memory_bytes,
            "gpu": max((gpu.use for gpu in gpus), default=None),
            "gpu_memory": max((gpu.used_bytes / gpu.total_bytes for gpu in gpus), default=None),
        }
        for name, share in shares.items():
            if share is not None:
                self._seen.shares[name].append(min(1.0, max(0.0, share)))

    def minutes(self) -> Sequence[Minute]:
        """The last MINUTES of them, the oldest first, the one that runs last; without a gap."""
        last = self._this_minute
        known = {**dict(self._over), self._number: self._minute()}
        return [known.get(number, Minute()) for number in range(last - MINUTES + 1, last + 1)]

    @property
    def failure_rate(self) -> float:
        """How many of the last FEW jobs the server failed at, as a share, 0..1; fewer count as that many, too."""
        last = self._last(FEW, lambda ended: ended.ending in ("done", "stopped", "failed"))
        return sum(ended.ending != "done" for ended in last) / FEW

    def told(self) -> dict[str, object]:
        """For JSON; what there is nothing to reckon from is null.

        `latency_s`: "average" and "p95" (nearest rank) from request to result, of the last `of` results (at most
        LATENCIES); `requests_per_minute`: that ended in the last minute, however they did, or on average since the
        start where that is less ago; `failure_rate` of the last FEW jobs; `cache_hit_rate` of the same results;
        `uptime_s`.
        """
        results = self._last(LATENCIES, _is_result)
        times = [ended.total_s for ended in results]
        return {
            "latency_s": {
                "average": round(fmean(times), 3) if times else None,
                "p95": round(p95, 3) if (p95 := _nearest_rank(times, 0.95)) is not None else None,
                "of": len(times),
            },
            "requests_per_minute": round(self._per_minute(), 2),
            "failure_rate": round(self.failure_rate, 3),
            "cache_hit_rate": round(fmean(ended.cached for ended in results), 3) if results else None,
            "uptime_s": round(self._clock() - self._begun_at, 1),
        }

    def _last(self, count: int, is_meant: Callable[[Ended], bool]) -> list[Ended]:
        return list(islice((ended for _, ended in reversed(self._endings) if is_meant(ended)), count))

    def _per_minute(self) -> float:
        now = self._clock()
        span_s = min(MINUTE_S, max(1.0, now - self._begun_at))
        return sum(now - at <= span_s for at, _ in self._endings) * MINUTE_S / span_s

    @property
    def _this_minute(self) -> int:
        return int(self._clock() // MINUTE_S)

    def _turn(self) -> None:
        """Keep the minute that was, where another one runs by now."""
        if self._this_minute != self._number:
            self._over.append((self._number, self._minute()))
            self._number, self._seen = self._this_minute, _Seen()

    def _minute(self) -> Minute:
        """What the minute that began last comes to."""
        endings = [ended for at, ended in self._endings if at // MINUTE_S == self._number]
        results = [ended for ended in endings if _is_result(ended)]
        times = [ended.total_s for ended in results]
        running = self._seen.running
        if any(ended.work_s for ended in endings):  # even one that was over between two looks
            running = max(running or 0, 1)
        return Minute(
            p50_s=_nearest_rank(times, 0.5),
            p95_s=_nearest_rank(times, 0.95),
            running=running,
            waiting=self._seen.waiting,
            speech_rtf=_rtf(endings, "generation"),
            recognition_rtf=_rtf(endings, "recognition"),
            jobs=len(endings),
            failed=sum(ended.ending in ("failed", "stopped") for ended in endings),
            refused=sum(ended.ending == "refused" for ended in endings),
            cache_hits=fmean(ended.cached for ended in results) if results else None,
            **{name: fmean(shares) for name, shares in self._seen.shares.items()},
        )


def _is_result(ended: Ended) -> bool:
    return ended.ending in ("done", "stopped")


def _rtf(endings: Iterable[Ended], task: Task) -> float | None:
    worked = [ended for ended in endings if ended.task == task and ended.work_s]
    work_s, audio_s = sum(ended.work_s for ended in worked), sum(ended.audio_s for ended in worked)
    return work_s / audio_s if work_s and audio_s else None


def _nearest_rank(values: Sequence[float], share: float) -> float | None:
    """The smallest of these values that this share of them, 0..1, doesn't exceed; None of none."""
    return float(np.quantile(values, share, method="inverted_cdf")) if values else None
