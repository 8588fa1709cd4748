"""How many voices a line is to have, by one rule for lines that run and days that are played."""

from __future__ import annotations

import pytest

from voxdemo.errors import InputError
from voxdemo.lanes.elastic import Elastic, Load

RULES = Elastic(1, 4, target_s=10.0)


@pytest.mark.parametrize(
    ("load", "wanted"),
    [
        (Load(0, 0.0, voices=1, rested=0), 1),
        (Load(1, 500.0, voices=1, rested=0), 1),  # one voice does it
        (Load(2, 9.0, voices=1, rested=0), 1),  # the second one begins soon enough
        (Load(2, 12.0, voices=1, rested=0), 2),
        (Load(30, 25.0, voices=1, rested=0), 3),
        (Load(30, 600.0, voices=1, rested=0), 4),  # no more than that
        (Load(30, 12.0, voices=3, rested=0), 3),  # those that are starting stay
        (Load(0, 0.0, voices=4, rested=0), 4),  # nobody waits, but they have just worked
        (Load(0, 0.0, voices=4, rested=1), 3),
        (Load(0, 0.0, voices=4, rested=4), 1),
        (Load(30, 600.0, voices=4, rested=2), 4),  # rested ones are needed again
        (Load(1, 0.0, voices=0, rested=0), 1),
        (Load(0, -1e-13, voices=1, rested=0), 1),
    ],
)
def test_there_are_as_many_as_have_the_last_in_line_begin_in_time(load: Load, wanted: int) -> None:
    assert RULES.wanted(load) == wanted


@pytest.mark.parametrize(("jobs", "wanted"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_with_none_at_least_there_is_one_where_somebody_comes(jobs: int, wanted: int) -> None:
    assert Elastic(0, 2).wanted(Load(jobs, 8.0 * (jobs - 1), voices=0, rested=0)) == wanted


def test_more_at_least_than_at_most_is_refused() -> None:
    with pytest.raises(InputError, match="the least can't exceed the most"):
        Elastic(3, 2)
