"""What a cluster on one machine says that can't start."""

from __future__ import annotations

from pathlib import Path
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
        box.run(Settings(_env_file=None, **settings))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (box.Parts(ray="no_such_package"), "run ./launch.sh cluster, or pip install"),
        (box.Parts(ray="json", balancer="no-such-program"), "Caddy is missing"),
    ],
)
def test_what_is_missing_is_named(parts: box.Parts, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        box.run(Settings(_env_file=None, cache_dir=tmp_path), parts)  # type: ignore[call-arg]
