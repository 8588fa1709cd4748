"""How much of a job is left, and how a person sees it: it counts down. Arithmetic; the caller hands in the time."""

import math
from dataclasses import replace
from typing import TypeVar

from voxdemo.speech import Listening, Speaking, Waiting

Told = TypeVar("Told", bound=Waiting | Speaking | Listening)

FLOOR_S = 1.0
"""Shown for a job that should be over by now, instead of 0."""
STEP_UP = 0.15
"""By how much of itself the shown time may grow in one step. A fifth is promised; the rest covers a message's delay."""
STEP_EVERY_S = 1.0
"""Between two such steps. A time of more than 8 s is corrected faster than it counts down."""
HOPELESS_BELOW_S = STEP_EVERY_S / STEP_UP
"""Below this, the shown time counts down faster than it can be corrected."""
DOUBT = 2.0
"""Hide the countdown when the new estimate is more than this many times what it shows."""


class Countdown:
    """The seconds that one person sees of one job: they count down, and jump up only a little at a time.

    A better estimate is shown at once, a worse one in steps of at most STEP_UP of what remains, one every STEP_EVERY_S
    however often it's asked. Where little remains of what was shown and far more of the job, nothing is shown until
    that has changed. Below FLOOR_S it stands still until the job is done.
    """

    def __init__(self) -> None:
        self._ends_at: float | None = None
        self._stepped_at = -math.inf
        self._floor_s = FLOOR_S

    def tell(self, seconds: float | None, now: float) -> float | None:
        """What to show at the monotonic time `now`, when the job should take `seconds` from now.

        None is passed on and ends the countdown; after it any number may follow.
        """
        if seconds is None:
            self._ends_at = None
            return None
        if self._ends_at is None:
            told = max(0.0, seconds)
            self._floor_s = min(FLOOR_S, told)
        else:
            told = self._next(seconds, self._ends_at - now, now)
        self._ends_at = now + told
        is_hopeless = told < HOPELESS_BELOW_S and seconds > DOUBT * max(told, FLOOR_S)
        return None if is_hopeless else told

    def steady(self, event: Told, now: float) -> Told:
        """The event with the seconds that are to be shown at the monotonic time `now`."""
        match event:
            case Waiting(loading=title) | Speaking(loading=title) if title:  # it counts down by itself, to another end
                return event
            case Waiting():
                return replace(event, seconds=self.tell(event.seconds, now))
            case _:
                return replace(event, seconds_left=self.tell(event.seconds_left, now))

    def _next(self, seconds: float, remaining: float, now: float) -> float:
        if seconds > remaining and now - self._stepped_at >= STEP_EVERY_S:
            self._stepped_at = now
            remaining *= 1 + STEP_UP
        return max(self._floor_s, min(seconds, max(remaining, FLOOR_S)))


def remaining_s(expected_s: float | None, done: float, done_at_s: float, now_s: float) -> float | None:
    """Seconds left of a job that was expected to take `expected_s`, `now_s` after it began.

    At `done_at_s` the share `done` of the work was over. The more of it is done, the more its own pace counts against
    what was expected. None where nothing was expected and nothing is done.
    """
    if done <= 0:
        return None if expected_s is None else max(0.0, expected_s - now_s)
    by_own_pace = done_at_s / done
    total_s = by_own_pace if expected_s is None else done * by_own_pace + (1 - done) * expected_s
    return max(0.0, (1 - done) * total_s - (now_s - done_at_s))
