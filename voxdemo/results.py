"""Results on disk: a folder for each, named by a token nobody can guess, gone after a day. Knows no web, no sound."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

SPEECH_FILE = "speech.wav"
KEEP_S = 24 * 3600.0
"""How long a result can be fetched."""

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

    def delete_old(self, older_than_s: float = KEEP_S) -> None:
        """Delete results made longer ago than this, whichever run of the server made them."""
        limit = time.time() - older_than_s
        for folder in self.root.glob("*"):
            if _TOKEN.fullmatch(folder.name) and folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)
