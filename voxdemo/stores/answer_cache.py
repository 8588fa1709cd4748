"""Answers kept on disk, to be given again when the same is asked for: a folder for each, named by its key.

Several processes may share the folder, without locks: an answer is made beside its place and renamed into it, its
files are handed on as hard links, and one that goes is renamed away before it is deleted. So nobody ever meets half an
answer, also after the power failed. Where the disk fails, the answer is made again, and nothing else happens.
Knows nothing of speech. Safe to use from any thread.
"""

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from voxdemo.files import HIDDEN, fingerprint, folders, link_or_copy, remove, replacing, sweep

log = logging.getLogger(__name__)

RECOUNT_S = 60.0
"""How often the room that all answers take is counted again: other processes add to it too."""

_FACTS = "answer.json"


@dataclass(frozen=True, slots=True)
class _Entry:
    folder: Path
    used_at: float
    size: int
    is_fresh: bool


class Cache:
    """Answers below the folder `root`: facts as a text each, and files with them.

    They are given for `ttl_s` seconds after they were made, and take at most `size_bytes`; the one that was asked for
    longest ago goes first. With either 0 none is kept.
    """

    def __init__(self, root: Path, ttl_s: float, size_bytes: int, recount_s: float = RECOUNT_S) -> None:
        self.root = root
        self.is_on = bool(ttl_s and size_bytes)
        self._ttl_s = ttl_s
        self._size_bytes = size_bytes
        self.used_bytes = 0
        """The room that all answers take, as far as was counted last."""
        self._recount_s = recount_s
        self._counted_at = -math.inf
        self._is_failing = False

    def has(self, key: str) -> bool:
        """Whether there seems to be an answer; only `fetch` knows whether it can be given."""
        with suppress(OSError):
            return self.is_on and self._is_fresh(self.root / key)
        return False

    def drop(self, key: str) -> None:
        remove(self.root / key)

    def fetch(self, key: str, into: Path | None = None) -> str | None:
        """The facts of an answer; None where there is none that is whole. Its files are put into the folder `into`."""
        entry = self.root / key
        if not self.is_on or not entry.is_dir():
            return None
        try:
            facts = self._given(entry, into)
        except FileNotFoundError:  # it went meanwhile, or part of it, or the client has left and its folder is gone
            if into and not into.is_dir():
                return None
            facts = None
        except OSError:
            self._log_once("an answer can't be read from the cache")
            return None
        except (ValueError, KeyError, TypeError) as damage:
            log.warning("an answer in the cache was damaged and is dropped: %s", damage)
            facts = None
        if facts is None:
            self.drop(key)
        return facts

    def keep(self, key: str, facts: str, files: Sequence[Path] = ()) -> None:
        """Keep an answer: these facts, and these files by their names. Where the disk is full it's logged, once."""
        try:
            size = sum(file.stat().st_size for file in files) + len(facts)
            if not self.is_on or size > self._size_bytes:
                return
            with replacing(self.root / key) as beside:
                _make(beside, facts, files)
                if not self.has(key):
                    self.drop(key)  # what is left of a damaged one
            self.used_bytes += size
            self._is_failing = False
        except OSError:
            if all(file.exists() for file in files):  # else the client has left
                self._log_once("answers can't be kept")

    def clean(self, stand_aside: Callable[[], None] = lambda: None) -> None:
        """Make room where it's needed, and drop what is too old or was left behind. Takes up to a second.

        `stand_aside` is called between two answers, and may take its time.
        """
        if self.used_bytes <= self._size_bytes and time.monotonic() - self._counted_at < self._recount_s:
            return
        self._counted_at = time.monotonic()
        entries = sorted(self._entries(stand_aside), key=lambda entry: entry.used_at)
        self.used_bytes = sum(entry.size for entry in entries)
        for entry in entries:
            stand_aside()
            if not entry.is_fresh or self.used_bytes > self._size_bytes:
                remove(entry.folder)
                self.used_bytes -= entry.size
        sweep(self.root)

    def _given(self, entry: Path, into: Path | None) -> str | None:
        if not self._is_fresh(entry):
            return None
        answer = json.loads((entry / _FACTS).read_text(encoding="utf-8"))
        facts, files = str(answer["facts"]), dict(answer["files"])
        if answer["check"] != _check(facts, files):
            raise ValueError("its facts have changed")
        if into:
            _put(entry, files, into)
        with suppress(OSError):  # it went meanwhile, but what is there is there
            os.utime(entry)
        return facts

    def _is_fresh(self, entry: Path) -> bool:
        made_at = (entry / _FACTS).stat().st_mtime
        return abs(time.time() - made_at) <= self._ttl_s  # one from the future is of a clock that was wrong

    def _entries(self, stand_aside: Callable[[], None]) -> list[_Entry]:
        entries = []
        for folder in folders(self.root):
            stand_aside()
            with suppress(OSError):  # gone
                if not folder.name.startswith(HIDDEN):
                    with os.scandir(folder) as files:
                        size = sum(file.stat().st_size for file in files)
                    entries.append(_Entry(folder, folder.stat().st_mtime, size, self._is_fresh(folder)))
        return entries

    def _log_once(self, what: str) -> None:
        if not self._is_failing:
            self._is_failing = True
            log.warning("%s; the server goes on without", what, exc_info=True)


def _make(folder: Path, facts: str, files: Sequence[Path]) -> None:
    folder.mkdir(parents=True)
    for file in files:
        link_or_copy(file, folder / file.name)
    marks = {file.name: _mark(folder / file.name) for file in files}
    answer = {"facts": facts, "files": marks, "check": _check(facts, marks)}
    (folder / _FACTS).write_text(json.dumps(answer), encoding="utf-8")


def _check(facts: str, marks: dict[str, list[object]]) -> str:
    return hashlib.sha256(json.dumps([facts, marks]).encode()).hexdigest()


def _mark(file: Path) -> list[object]:
    """By which a file is known again: when it was last written, and a sample of what is in it."""
    return [file.stat().st_mtime_ns, fingerprint(file)]


def _put(entry: Path, marks: dict[str, list[object]], into: Path) -> None:
    given: list[Path] = []
    try:
        for name, mark in marks.items():
            given.append(into / Path(name).name)
            link_or_copy(entry / Path(name).name, given[-1])
            if _mark(given[-1]) != mark:
                raise ValueError(f"{name} has changed")
    except BaseException:
        for file in given:
            file.unlink(missing_ok=True)
        raise
