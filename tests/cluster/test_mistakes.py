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
    ("missing", "said"), [("find_spec", "run ./launch.sh cluster, or pip install"), ("which", "Caddy is missing")]
)
def test_what_is_missing_is_named(missing: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(box.importlib.util, "find_spec", lambda name: None if missing == "find_spec" else object())
    monkeypatch.setattr(box.shutil, "which", lambda name, path="": None)
    with pytest.raises(SettingsError, match=said):
        box.run(Settings(_env_file=None, cache_dir=tmp_path))  # type: ignore[call-arg]
