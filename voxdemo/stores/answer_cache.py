"""Answers kept on disk, to be given again when the same is asked for: a folder for each, named by its key.

Several processes may share the folder, without locks: an answer is made beside its place and renamed into it, its
files are handed on as hard links, and one that goes is renamed away before it is deleted. So nobody ever meets half an
answer, also after the power failed. Where the disk fails, the answer is made again, and nothing else happens.
Servers with folders of their own send theirs to S3, and tell each other in Valkey. Knows nothing of speech.
"""

import asyncio
import hashlib
import json
import logging
import math
import os
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from voxdemo.errors import UnavailableError
from voxdemo.files import HIDDEN, fingerprint, folders, link_or_copy, remove, replacing, sweep
from voxdemo.stores.objects import Bucket
from voxdemo.stores.valkey import Valkey
from voxdemo.threads import SETTLING, SHARING, in_thread

log = logging.getLogger(__name__)

RECOUNT_S = 60.0
"""How often the room that all answers take is counted again: other processes add to it too."""

WAIT_FOR_FILES_S = 1.0
"""How long a request waits for files of another server's answer; those that come later are there for the next one."""
_UNKNOWN = ValueError, KeyError, TypeError
"""What facts raise that are damaged, or another release's."""
_FACTS = "answer.json"
"""A line about its files, then its facts."""


@dataclass(frozen=True, slots=True)
class _Entry:
    folder: Path
    used_at: float
    size: int
    is_fresh: bool


class Cache:
    """Answers below the folder `root`: facts as a text each, and files with them.

    They are given for `ttl_s` seconds after they were made, and take at most `size_bytes`; the one that was asked for
    longest ago goes first. With either 0 none is kept. Safe to use from any thread, but for what is async.
    """

    def __init__(self, root: Path, ttl_s: float, size_bytes: int) -> None:
        self.root = root
        self.is_on = bool(ttl_s and size_bytes)
        self._ttl_s = ttl_s
        self._size_bytes = size_bytes
        self.used_bytes = 0
        """The room that all answers take, as far as was counted last."""
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
        except _UNKNOWN as damage:
            log.warning("an answer in the cache was damaged and is dropped: %s", damage)
            facts = None
        if facts is None:
            self.drop(key)
        return facts

    def keep(self, key: str, facts: str, files: Sequence[Path] = (), made_at: float | None = None) -> None:
        """Keep an answer: these facts, and these files by their names. Where the disk is full it's logged, once.

        It is as old as one that was `made_at` these seconds since 1970; None: now.
        """
        try:
            size = sum(file.stat().st_size for file in files) + len(facts)
            if not self.is_on or size > self._size_bytes:
                return
            with replacing(self.root / key) as beside:
                _make(beside, facts, files, made_at)
                if not self.has(key):
                    self.drop(key)  # what is left of a damaged one
            self.used_bytes += size
            self._is_failing = False
        except OSError:
            if all(file.exists() for file in files):  # else the client has left
                self._log_once("answers can't be kept")

    async def bring(self, key: str) -> None:
        """Have an answer here that another server has, where that takes but a moment."""

    def share(self, key: str) -> None:
        """Have other servers find an answer that is kept here, soon."""

    async def close(self) -> None:
        """Leave what is on its way."""

    def delete_shared(self) -> None:
        """Delete what is too old of the files that servers share. Raises UnavailableError."""

    def clean(self, stand_aside: Callable[[], None] = lambda: None) -> None:
        """Make room where it's needed, and drop what is too old or was left behind. Takes up to a second.

        `stand_aside` is called between two answers, and may take its time.
        """
        if self.used_bytes <= self._size_bytes and time.monotonic() - self._counted_at < RECOUNT_S:
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
        head, _, facts = (entry / _FACTS).read_bytes().partition(b"\n")
        answer = json.loads(head)
        if not facts:  # an earlier release kept all in one line
            return None
        files = dict(answer["files"])
        if answer["check"] != _check(facts, files):
            raise ValueError("its facts have changed")
        if into:
            _put(entry, files, into)
        with suppress(OSError):  # it went meanwhile, but what is there is there
            os.utime(entry)
        return facts.decode()

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


class SharedCache(Cache):
    """The same for several servers: what each of them keeps is found by the others, for as long as by itself.

    Facts are in Valkey by their keys, files in S3, each answer's below a name of its own: it is told when all of it is
    there. On the way they lie below `passing`. Where a store is away or slow, each server has its own answers.
    """

    def __init__(
        self, root: Path, ttl_s: float, size_bytes: int, passing: Path, valkey: Valkey, bucket: Bucket
    ) -> None:
        super().__init__(root, ttl_s, size_bytes)
        self._passing = passing
        self._valkey = valkey
        self._bucket = bucket
        self._files = bucket.below(passing, "answers")
        self._coming: dict[str, asyncio.Future[None]] = {}
        self._late: asyncio.Future[None] | None = None
        """What nobody waits for any more: until it ends, nothing else is fetched."""
        self._going: set[asyncio.Task[None]] = set()

    async def bring(self, key: str) -> None:
        """As there. Nobody waits for longer than WAIT_FOR_FILES_S, and while S3 hangs, nobody after the first ones."""
        if not self.is_on or self.has(key) or self._is_held_up:
            return
        if key not in self._coming:
            told = await self._valkey.ask(lambda: self._valkey.client.get(_name(key)))
            if told is None:
                return
            if key not in self._coming:  # by now
                begun = asyncio.ensure_future(in_thread(self._fetch_files, key, told, pool=SHARING))
                begun.add_done_callback(lambda _: self._coming.pop(key))
                self._coming[key] = begun
        coming = self._coming[key]
        await asyncio.wait({coming}, timeout=WAIT_FOR_FILES_S)
        if not coming.done():
            self._late = coming

    def share(self, key: str) -> None:
        going = asyncio.ensure_future(self._share(key))
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    async def close(self) -> None:
        left = (*self._going, *self._coming.values())
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def delete_shared(self) -> None:
        self._files.drop_old(self._ttl_s)  # also those of a time when answers were kept

    def clean(self, stand_aside: Callable[[], None] = lambda: None) -> None:
        super().clean(stand_aside)
        sweep(self._passing, lambda folder: True)

    @property
    def _is_held_up(self) -> bool:
        return bool(self._bucket.notice) or (self._late is not None and not self._late.done())

    async def _share(self, key: str) -> None:
        if not self.is_on or self._bucket.notice or self._valkey.is_gone:
            return
        if told := await in_thread(self._send_files, key, pool=SETTLING):
            await self._valkey.ask(lambda: self._valkey.client.set(_name(key), told, px=round(self._ttl_s * 1000)))

    def _send_files(self, key: str) -> str:
        """What is to be told of an answer whose files are in S3 now; empty where they aren't."""
        with suppress(OSError, UnavailableError), self._passage(secrets.token_hex(8)) as folder:
            made_at = (self.root / key / _FACTS).stat().st_mtime
            if (facts := self.fetch(key, folder)) is not None:
                files = list(folder.iterdir())
                self._files.push(*files)
                names = [file.name for file in files]
                return json.dumps({"facts": facts, "files": names, "place": folder.name, "made_at": made_at})
        return ""

    def _fetch_files(self, key: str, told: bytes) -> None:
        """Keep an answer here of which this was told, if its files are still there."""
        if self._is_held_up:  # by now
            return
        with suppress(OSError, UnavailableError, *_UNKNOWN):
            answer = json.loads(told)
            with self._passage(answer["place"]) as folder:
                files = [folder / name for name in answer["files"]]
                if all(map(self._files.pull, files)):
                    self.keep(key, answer["facts"], files, answer["made_at"])

    @contextmanager
    def _passage(self, place: str) -> Generator[Path, None, None]:
        folder = self._passing / place
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield folder
        finally:
            remove(folder)


def _name(key: str) -> str:
    """What an answer is called in Valkey."""
    return f"voxdemo:answer:{key}"


def _make(folder: Path, facts: str, files: Sequence[Path], made_at: float | None) -> None:
    folder.mkdir(parents=True)
    for file in files:
        link_or_copy(file, folder / file.name)
    marks = {file.name: _mark(folder / file.name) for file in files}
    text = facts.encode()
    head = json.dumps({"files": marks, "check": _check(text, marks)}).encode()
    (folder / _FACTS).write_bytes(head + b"\n" + text)  # as it is: long texts have megabytes
    if made_at is not None:
        os.utime(folder / _FACTS, (made_at, made_at))


def _check(facts: bytes, marks: dict[str, list[object]]) -> str:
    return hashlib.sha256(json.dumps(marks).encode() + facts).hexdigest()


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
