"""By what rules the generators of a line come and go in a day that is played; in this version none do."""

from dataclasses import dataclass

from voxdemo.errors import InputError

LOOK_S = 1.0
"""How often the autoscaler looks at the line."""
TARGET_S, START_S, IDLE_S = 10.0, 60.0, 300.0
"""What an Elastic has where nothing is said."""


@dataclass(frozen=True, slots=True)
class Elastic:
    """How many generators a line has, and by what they come and go. Raises InputError for more at least than at most.

    Every LOOK_S there are to be as many as work off in `target_s` what waits: more are started, up to `most`, each of
    which takes `start_s`; one that was idle for `idle_s` is stopped, down to `least`.
    """

    least: int
    most: int
    target_s: float = TARGET_S
    start_s: float = START_S
    idle_s: float = IDLE_S

    def __post_init__(self) -> None:
        if self.least > self.most:
            sentence = "--least {least} is more than --most {most}: the least can't exceed the most."
            raise InputError(sentence, code="least_over_most", least=self.least, most=self.most)
