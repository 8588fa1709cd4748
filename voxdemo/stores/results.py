"""Results on disk: a folder for each, named by a token nobody can guess, gone after a day. Knows no web."""

import json
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import cast, get_args

from voxdemo.audio import formats
from voxdemo.audio.wav import fewer_bars
from voxdemo.errors import StorageError, UnavailableError
from voxdemo.speech import Segment
from voxdemo.stores import captions
from voxdemo.stores.objects import Objects

log = logging.getLogger(__name__)

MOST_BARS = 1200
"""Bars that draw the wave of a finished sound; a screen has no room for more."""
CONVERTED = get_args(formats.Compressed)
"""What a sound is converted to when it is asked for."""
CAPTIONS = MappingProxyType({"srt": captions.srt, "vtt": captions.webvtt})
"""What writes captions, by the ending of their file."""
ENDINGS = ("wav", *CONVERTED, *CAPTIONS, "json")
"""What a result can be fetched as."""

_STARTED_AT = time.time() - time.monotonic()
"""What makes seconds since 1970 of the monotonic clock."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")  # what token_urlsafe(16) makes


class Results:
    """The folder below which every result has one of its own. Safe to use from any thread.

    Servers that share `objects` have each other's.
    """

    def __init__(self, root: Path, objects: Objects | None = None) -> None:
        self.root = root
        self._objects = objects or Objects()
        self.in_use: set[Path] = set()
        """The folders of results that are still being made."""

    @contextmanager
    def new(self, is_kept: bool = True) -> Generator[Path, None, None]:
        """A new folder, whose name is the result's only key. It goes again unless it `is_kept` and has a speech file.

        Raises StorageError where the disk is full.
        """
        folder = self.root / secrets.token_urlsafe(16)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise StorageError from error
        self.in_use.add(folder)
        try:
            yield folder
        finally:
            self.in_use.discard(folder)
            if not (is_kept and speech_file(folder).exists()):
                shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path) -> None:
        """Have other servers find what is in the folder of a result; where that can't be now, it's done later."""
        self._objects.push_sometime(*made_in(folder))

    def send_left(self) -> None:
        """Have other servers find, soon, what a server left here that ended before. Raises UnavailableError."""
        self._objects.push_left()

    def delete_shared(self, older_than_s: float) -> None:
        """Delete what servers share and came longer ago than this. Raises UnavailableError."""
        self._objects.drop_old(older_than_s)

    def has(self, token: str) -> bool:
        """Whether the sound behind a token is on this server."""
        return speech_file(self.root / token).is_file() if _TOKEN.fullmatch(token) else False

    def open(self, token: str, ending: str) -> Path | None:
        """The result behind a token as a file with one of ENDINGS; None for what isn't there, or not yet.

        One of CONVERTED is made the first time that it's asked for, which takes up to a minute, and kept beside the
        sound. Raises OSError where it can't be, and UnavailableError where others may have it and can't be asked.
        """
        if ending not in CONVERTED:
            return self._found(token, ending)
        if (speech := self._found(token, "wav")) is None:
            return None
        with suppress(UnavailableError):  # then it is made here
            if made := self._found(token, ending):
                return made
        formats.convert(speech, speech.with_suffix(f".{ending}"), cast(formats.Compressed, ending))
        return self._found(token, ending)

    def by_word(self, token: str, ending: str) -> str | None:
        """Captions with a cue for each word, as a file with one of CAPTIONS; None where they aren't known.

        Raises UnavailableError as `open`.
        """
        if (summary := self._found(token, "json")) is None:
            return None
        told = json.loads(summary.read_text(encoding="utf-8"))["captions"]
        words = captions.by_word(map(captions.of_row, told))
        return CAPTIONS[ending](words) if words else None

    def _found(self, token: str, ending: str) -> Path | None:
        path = speech_file(self.root / token).with_suffix(f".{ending}") if ending in ENDINGS else None
        return path if path and _TOKEN.fullmatch(token) and self._objects.pull(path) else None


def speech_file(folder: Path) -> Path:
    """Where the sound of the result in `folder` is."""
    return folder / "speech.wav"


def made_in(folder: Path) -> list[Path]:
    """The files of the result in `folder`, without those that are still being written."""
    return [file for file in folder.iterdir() if not file.name.startswith(".")]


def write_captions(folder: Path, segments: Sequence[Segment]) -> None:
    """Put captions beside the sound in `folder`, in both formats."""
    for ending, written in CAPTIONS.items():
        speech_file(folder).with_suffix(f".{ending}").write_text(written(segments), encoding="utf-8")


def write_beside(
    folder: Path, seed: int | None, total_s: float, spoken: Sequence[Segment], peaks: Sequence[int]
) -> None:
    """Put beside a sound of `total_s` seconds what players need: its captions and a summary.

    `spoken` may run on behind the end. Where the disk is full, that is logged, and the sound is there all the same.
    """
    heard = [_until(total_s, each) for each in spoken if each.start_s < total_s]
    summary = {
        "total": round(total_s, 2),
        "seed": seed,
        "format": speech_file(folder).suffix.removeprefix(".").upper(),
        "peaks": fewer_bars(peaks, MOST_BARS),
        "captions": list(map(captions.as_row, heard)),
    }
    try:
        write_captions(folder, heard)
        speech_file(folder).with_suffix(".json").write_text(json.dumps(summary), encoding="utf-8")
    except OSError:
        log.exception("captions can't be written")


def _until(end_s: float, caption: Segment) -> Segment:
    words = [replace(word, end_s=min(word.end_s, end_s)) for word in caption.words if word.start_s < end_s]
    return replace(caption, end_s=min(caption.end_s, end_s), words=tuple(words))


def delete_old(
    folder: Path,
    older_than_s: float,
    in_use: Collection[Path] = (),
    stand_aside: Callable[[], None] = lambda: None,
) -> None:
    """Delete the files below `folder` that came there longer ago than this, and folders that are empty then.

    What is in one of the folders that are `in_use` stays, and so do they. `stand_aside` is called between two folders,
    and may take its time.

    A file that is handed on as a link keeps the time at which it was made, so it counts as no older than the folder it
    is in; right in `folder`, where everybody's come and go, its own time counts alone. A time in the future is of a
    clock that was wrong: what has it counts as new once.
    """
    now = _STARTED_AT + time.monotonic()  # a jump of the clock makes nothing old
    for parent, _, names in os.walk(folder, topdown=False):
        stand_aside()
        if Path(parent) in in_use:
            continue
        with suppress(OSError):  # gone already: a cancelled job takes its files with it
            _delete_old_in(Path(parent), names, now, now - older_than_s, is_top=Path(parent) == folder)


def _delete_old_in(folder: Path, names: Sequence[str], now: float, limit: float, is_top: bool) -> None:
    if not is_top and _since(folder, now) >= limit:
        return
    for path in (folder / name for name in names):
        with suppress(OSError):  # gone, as above
            if _since(path, now) < limit:
                path.unlink()
    if not is_top:
        folder.rmdir()


def _since(path: Path, now: float) -> float:
    """When it came to be, or was last written; where that is in the future, it is put right."""
    told = path.stat()
    written = told.st_mtime
    if written > now and (told.st_nlink == 1 or path.is_dir()):  # a file with links is somebody else's too
        os.utime(path, (now, now))
    return min(written, now)
