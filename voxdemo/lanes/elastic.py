"""How many voices a line is to have: one rule, for lines that run and for days that are played.

Arithmetic; knows no voices and no clock. The planner calls them generators.
"""

import math
from dataclasses import dataclass

from voxdemo.errors import InputError
from voxdemo.settings import VOICES_IDLE_S, VOICES_TARGET_S

LOOK_S = 1.0
"""How often a day that is played looks at its line."""
START_S = 60.0
"""How long a voice takes to start where nothing is said."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a line has to do, and how many there are to do it."""

    jobs: int
    """How many run and wait."""
    before_s: float
    """How much is left to do before the last of them."""
    voices: int
    """How many there are, with those that are starting."""
    rested: int
    """How many of these have been idle for `Elastic.idle_s`."""


@dataclass(frozen=True, slots=True)
class Elastic:
    """How many voices a line has, and by what they come and go. Raises InputError for more at least than at most.

    There are to be as many as have the last in line begin within `target_s`, but no more than there are jobs: a job is
    done by one voice. So more are started, up to `most`, each of which takes `start_s`; one that was idle for `idle_s`
    is stopped, down to `least`.
    """

    least: int
    most: int
    target_s: float = VOICES_TARGET_S
    start_s: float = START_S
    idle_s: float = VOICES_IDLE_S

    def __post_init__(self) -> None:
        if self.least > self.most:
            sentence = "--least {least} is more than --most {most}: the least can't exceed the most."
            raise InputError(sentence, code="least_over_most", least=self.least, most=self.most)

    def wanted(self, load: Load) -> int:
        """How many voices there are to be, with those that are starting."""
        needed = min(load.jobs, max(1, math.ceil(load.before_s / self.target_s)))
        return max(self.least, min(self.most, max(needed, load.voices - load.rested)))
