"""Which tests are for every run, which are left to the long one (`./launch.sh test --all`), and what nights add."""

from __future__ import annotations

import os
from typing import Any

import pytest

long = pytest.mark.long
AT_NIGHT = bool(os.environ.get("LONG_TESTS"))
"""Whether the tests take hours for nights, not minutes for every change."""


def first_of(*values: Any) -> list[Any]:
    """The values of a parameter, of which all but the first are left to the long run."""
    return [values[0], *(_left(*value) if isinstance(value, tuple) else _left(value) for value in values[1:])]


def _left(*values: Any) -> Any:
    return pytest.param(*values, marks=long)
