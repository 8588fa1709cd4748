"""What a cluster on one machine says that can't start."""

from __future__ import annotations

from typing import Any

import pytest

from voxdemo.cluster import box
from voxdemo.errors import SettingsError
from voxdemo.settings import Settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"line_url": "http://127.0.0.1:7870"}, "leave VOXDEMO_LINE_URL out"),
        ({"remote_engines": "[]"}, "leave VOXDEMO_REMOTE_ENGINES out"),
    ],
)
def test_what_a_cluster_cant_do_is_said_before_it_starts(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        box.check(Settings(_env_file=None, **settings))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("package", "program", "said"),
    [
        ("no_such_package", "sleep", "run ./launch.sh cluster, or pip install"),
        ("json", "no-such-program", "Caddy is missing"),
    ],
)
def test_what_is_missing_is_named(package: str, program: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        box.check(Settings(_env_file=None), package, program)  # type: ignore[call-arg]
