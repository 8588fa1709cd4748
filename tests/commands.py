"""The command line as people run it: a process of its own, in a folder of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from serving import ROOT, environment

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def settings_of(folder: Path, **settings: object) -> dict[str, str]:
    (folder / "tmp").mkdir(exist_ok=True)
    builtin = {
        "TMPDIR": str(folder / "tmp"),
        "VOXDEMO_ENGINE": "builtin",
        "VOXDEMO_RECOGNIZER": "builtin",
        "PYTHONPATH": str(ROOT),
    }
    return dict(environment(folder, **{**builtin, **settings}))
