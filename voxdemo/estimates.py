"""How long things take, learned from how long they took. Plain arithmetic; knows no models, lines or clocks."""

from __future__ import annotations

from collections import deque

import numpy as np

REMEMBERED_JOBS = 50
"""How many finished jobs a pace remembers: enough to average out noise, few enough to follow a machine that slows."""
SPREAD = 1.5
"""How far apart the sizes of the remembered jobs must lie before a fixed part can be told from a part per unit."""


class Pace:
    """Seconds that a job of so many units takes: a fixed part and a part per unit.

    Least squares over the last jobs; where their sizes are too alike for that, simple proportion.
    """

    def __init__(self) -> None:
        self._jobs: deque[tuple[float, float]] = deque(maxlen=REMEMBERED_JOBS)
        self._line: tuple[float, float] | None = None

    def learn(self, units: float, seconds: float) -> None:
        """A job of `units` took `seconds`."""
        if units > 0 and seconds > 0:
            self._jobs.append((units, seconds))
            self._line = self._fit()

    def seconds(self, units: float) -> float | None:
        """What a job of `units` will take; None before the first was learned."""
        if self._line is None:
            return None
        fixed, per_unit = self._line
        return fixed + per_unit * units

    def _fit(self) -> tuple[float, float]:
        units, seconds = np.array(self._jobs, dtype=np.float64).T
        if units.max() >= SPREAD * units.min():
            per_unit, fixed = np.polyfit(units, seconds, 1)
            if fixed >= 0 and per_unit >= 0:
                return float(fixed), float(per_unit)
        return 0.0, float(seconds.sum() / units.sum())
