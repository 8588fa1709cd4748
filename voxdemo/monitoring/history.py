"""What became of the jobs of late, in memory, and what that comes to: for people and front ends, as plain numbers.

Knows how jobs end, nothing of the line or the web.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import fmean

from voxdemo.monitoring.outcomes import Ended

MINUTE_S = 60.0
MOST = 10_000
"""How many jobs that have ended are remembered."""
LATENCIES = 100
"""Over how many results latency and the share that came from the cache are reckoned."""
FEW = 20
"""Over how many jobs the rate of failures is reckoned."""


class History:
    """Remembers endings. For the event loop's thread; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun_at = clock()
        self._endings: deque[tuple[float, Ended]] = deque(maxlen=MOST)

    def add(self, ended: Ended) -> None:
        self._endings.append((self._clock(), ended))

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
        results = self._last(LATENCIES, lambda ended: ended.ending in ("done", "stopped"))
        times = sorted(ended.total_s for ended in results)
        return {
            "latency_s": {
                "average": round(fmean(times), 3) if times else None,
                "p95": round(p95, 3) if (p95 := nearest_rank(times, 0.95)) is not None else None,
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


def nearest_rank(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of these values, given in order, that this share of them, 0..1, doesn't exceed; None of none."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
