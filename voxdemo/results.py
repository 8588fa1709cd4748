"""Results on disk: a folder for each, named by a token nobody can guess, gone after a day. Knows no web."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast, get_args

from voxdemo import captions
from voxdemo.audio import formats
from voxdemo.speech import Segment

ENDINGS = ("wav", *get_args(formats.Compressed), "srt", "vtt", "json")
"""What a result can be fetched as."""
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
            if not speech_file(folder).exists():
                shutil.rmtree(folder, ignore_errors=True)

    def find(self, token: str, ending: str) -> Path | None:
        """The result behind a token as a file with one of ENDINGS; None for what isn't there, or not yet."""
        path = speech_file(self.root / token).with_suffix(f".{ending}") if ending in ENDINGS else None
        return path if path and _TOKEN.fullmatch(token) and path.is_file() else None

    def convert(self, token: str, ending: str) -> Path | None:
        """The same in a compressed format, made if need be, which takes up to a minute; kept beside the sound."""
        speech, made = self.find(token, "wav"), self.find(token, ending)
        if made or speech is None or ending not in get_args(formats.Compressed):
            return made
        formats.convert(speech, speech.with_suffix(f".{ending}"), cast(formats.Compressed, ending))
        return self.find(token, ending)


def speech_file(folder: Path) -> Path:
    """Where the sound of the result in `folder` is."""
    return folder / "speech.wav"


def prompt_file(folder: Path) -> Path:
    """Where its prompt audio is while it's made."""
    return folder / "prompt.wav"


def write_captions(folder: Path, segments: Sequence[Segment]) -> None:
    """Put captions beside the sound in `folder`, in both formats."""
    for ending, written in (("srt", captions.srt), ("vtt", captions.webvtt)):
        speech_file(folder).with_suffix(f".{ending}").write_text(written(segments), encoding="utf-8")


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Put what a player needs to know of the sound in `folder` beside it."""
    speech_file(folder).with_suffix(".json").write_text(json.dumps(summary), encoding="utf-8")


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
