"""Warnings to whoever runs the server: that the line is nearly full, that jobs fail. In the log, and to be shown.

Knows numbers only. For the event loop's thread.
"""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

NEARLY_FULL = 0.8
"""The share of the places in line from which on it is told."""
NEARLY_FULL_S = 10.0
"""For how long it must have been so."""
FAILING = 0.1
"""The share of the last jobs beyond which failures are told."""


class Alarms:
    """What is wrong now. `look` is to be called about once a second; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._roomy_at = clock()
        self._told: dict[str, str] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """In sentences, without anything private."""
        return tuple(self._told.values())

    def look(self, waiting: int, queue_size: int, failure_rate: float) -> None:
        """So many wait where so many may, and this share, 0..1, of the last jobs failed."""
        now = self._clock()
        if waiting < NEARLY_FULL * queue_size:
            self._roomy_at = now
        self._say(
            "line",
            f"The queue is nearly full: {waiting} of {queue_size} places are taken.",
            queue_size > 0 and now - self._roomy_at >= NEARLY_FULL_S,
        )
        self._say(
            "failures",
            f"{failure_rate:.0%} of the last jobs failed; the server's log says why.",
            failure_rate > FAILING,
        )

    def _say(self, about: str, sentence: str, holds: bool) -> None:
        """Log it when it begins to hold and when it no longer does."""
        if holds and about not in self._told:
            log.warning("%s", sentence)
        elif not holds and about in self._told:
            log.info("no longer: %s", self._told.pop(about))
        if holds:
            self._told[about] = sentence
