"""Results on disk: a folder for each, named by a token nobody can guess, gone after a day. Knows no web, no sound."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

SPEECH_FILE = "speech.wav"
KEEP_S = 24 * 3600.0
"""How long results and uploads are kept."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")  # what token_urlsafe(16) makes


class Results:
    """The folder below which every result has one of its own. Safe to use from any thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def new(self) -> Generator[Path, None, None]:
        """A new folder; it goes again unless a speech file is in it at the end. Its name is the result's only key."""
        folder = self.root / secrets.token_urlsafe(16)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            if not (folder / SPEECH_FILE).exists():
                shutil.rmtree(folder, ignore_errors=True)

    def speech(self, token: str) -> Path | None:
        """The speech file behind a token, or None for a token that isn't or is no more."""
        path = self.root / token / SPEECH_FILE
        return path if _TOKEN.fullmatch(token) and path.is_file() else None


def delete_old(folder: Path, older_than_s: float = KEEP_S) -> None:
    """Delete the files below `folder` that were made longer ago than this, and folders that are empty then."""
    limit = time.time() - older_than_s
    for parent, _, names in os.walk(folder, topdown=False):
        for path in (Path(parent, name) for name in names):
            with suppress(OSError):  # gone already: a cancelled job takes its files with it
                if path.stat().st_mtime < limit:
                    path.unlink()
        if Path(parent) != folder:
            with suppress(OSError):  # not empty, or gone
                if Path(parent).stat().st_mtime < limit:
                    Path(parent).rmdir()
