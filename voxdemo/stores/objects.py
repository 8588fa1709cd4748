"""Files that several servers share through S3: written here and sent there, or fetched when they aren't here yet.

Each server has them in a folder of its own, as one that is alone has; everything above works on that. Blocks; any
thread. Nothing is known here of what the files hold.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from voxdemo.errors import A_MINUTE_S, SettingsError, UnavailableError
from voxdemo.files import HIDDEN, remove, replacing
from voxdemo.stores.databases import INSTALL

log = logging.getLogger(__name__)

CONNECTING_S = 3
IDLE_S = 10
"""How long one request may take; a large file goes in pieces of 5 MB."""
TRYING_S = 5
"""How long a request is tried again that failed on the way."""
MOST_LEFT = 10_000
"""Files that a server sends which one before it couldn't."""
AWAY = "The store of sounds can't be reached: start it again, or look at its address and its credentials."
LATE_S = 15.0
"""For how long after it was away the store may lack what servers couldn't send meanwhile."""
_PROBE = "voxdemo"


class Objects:
    """Files below one folder of this server, where others find them, too.

    As it is, it's for a server that is alone, or for those that share the folder. Where others find them otherwise,
    these raise UnavailableError while that can't be.
    """

    def push(self, *files: Path, to: Path | None = None) -> None:
        """Returns once other servers find them; those of a folder that is being made, as they will be in `to`."""

    def push_sometime(self, *files: Path) -> None:
        """As `push`; what can't be sent now is sent later, and nothing is raised."""

    def left(self) -> Sequence[Path]:
        """Files that are here alone, as a server left them that ended before."""
        return ()

    def push_left(self) -> None:
        """Have those sent later."""

    def pull(self, file: Path) -> bool:
        """Whether there is such a file; then it is here."""
        return file.is_file()

    def match(self, folder: Path) -> None:
        """Have what others find below a folder here, and nothing else; or all stays.

        What is pushed before it comes to be here stays, at any moment.
        """

    def drop(self, folder: Path) -> None:
        """Delete what others find below a folder; what is here goes apart from that."""

    def drop_old(self, older_than_s: float) -> None:
        """Delete what others find and came longer ago than this, as `drop`."""


class Bucket:
    """A bucket of S3, or part of one: `url` is s3://bucket/prefix; the rest is in AWS's usual variables.

    Raises SettingsError without its package, or where the address or a variable can't be understood.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore  # here: it isn't needed without S3, and isn't installed then
            import obstore.exceptions
            import obstore.store
        except ImportError:
            raise SettingsError(f"VOXDEMO_STORAGE_URL needs the package obstore: {INSTALL}.") from None
        self._obstore: Any = obstore
        self._failures = obstore.exceptions.BaseError, OSError
        self._missing = obstore.exceptions.NotFoundError, FileNotFoundError
        self._late: dict[str, Path] = {}
        self._lock = threading.Lock()
        self.notice = ""
        """What the operator of the server should know; empty while all is well."""
        self._away_at = -math.inf
        within = {"connect_timeout": f"{CONNECTING_S}s", "timeout": f"{IDLE_S}s", "allow_http": True}
        again = {"max_retries": 2, "retry_timeout": timedelta(seconds=TRYING_S)}
        try:
            self._store = obstore.store.S3Store.from_url(url, client_options=within, retry_config=again)  # type: ignore[arg-type]
        except (obstore.exceptions.BaseError, ValueError):
            sentence = "VOXDEMO_STORAGE_URL can't be used: write it such as s3://bucket/voxdemo, and look at AWS_…."
            raise SettingsError(sentence) from None  # the cause may quote a secret

    def below(self, folder: Path, name: str) -> Objects:
        """The files below a folder of this server, under `name` in the bucket."""
        return _Shared(self, folder, name)

    def settle(self) -> None:
        """Send what couldn't be sent before, and look whether the store is there where it wasn't."""
        with self._lock:
            late, self._late = self._late, {}
        if self.notice:
            with suppress(UnavailableError):
                self._look()
        self.put_sometime(late)

    def put_sometime(self, files: Mapping[str, Path]) -> None:
        """Send these by their keys, or have `settle` send what is left of them, where the store is away."""
        left = dict(files)
        with suppress(UnavailableError):
            while left:
                key, file = next(iter(left.items()))
                try:
                    self.put(key, file)
                except FileNotFoundError:
                    if file.is_file():  # then it is the bucket that isn't there; else it was deleted meanwhile
                        break
                del left[key]
        self.put_later(left)

    def put(self, key: str, file: Path) -> None:
        self._ask(lambda: self._obstore.put(self._store, key, file))

    def put_later(self, files: Mapping[str, Path]) -> None:
        with self._lock:
            self._late = {**files, **self._late}

    @property
    def may_lack(self) -> bool:
        """Whether it was away a moment ago, so that a server may have yet to send what others look for."""
        return time.monotonic() - self._away_at < LATE_S

    def get(self, key: str, file: Path) -> None:
        """Raises FileNotFoundError. A file keeps the time at which it came to be in the store."""
        found = self._ask(lambda: self._obstore.get(self._store, key))
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as beside:
            with beside.open("wb") as written:
                self._ask(lambda: [written.write(block) for block in found])
            came = found.meta["last_modified"].timestamp()
            os.utime(beside, (came, came))

    def keys(self, name: str) -> Iterator[tuple[str, datetime]]:
        """What there is under a name, and when it came."""
        listed = self._ask(lambda: [each for block in self._obstore.list(self._store, f"{name}/") for each in block])
        return ((each["path"], each["last_modified"]) for each in listed)

    def delete(self, keys: Sequence[str]) -> None:
        if keys:
            self._ask(lambda: self._obstore.delete(self._store, keys))

    def _ask(self, question: Any) -> Any:
        """Its answer. Raises FileNotFoundError, and UnavailableError: at once, while the store is known to be away."""
        if self.notice:
            raise _unreachable()
        return self._tried(question)

    def _look(self) -> None:
        """See whether it is back. Raises UnavailableError."""
        with suppress(FileNotFoundError):
            self._tried(lambda: self._obstore.head(self._store, _PROBE))
        self._away_at = time.monotonic()

    def _tried(self, question: Any) -> Any:
        try:
            answer = question()
        except self._missing as error:
            self.notice = ""
            raise FileNotFoundError from error
        except self._failures as error:
            if not self.notice:
                # Not what the error says: that may contain an address with its signature.
                log.warning("the store of sounds can't be reached (%s); it is tried again", type(error).__name__)
            self.notice, self._away_at = AWAY, time.monotonic()
            raise _unreachable() from error
        self.notice = ""
        return answer


class _Shared(Objects):
    """The files below `root`, under `name` in a bucket."""

    def __init__(self, bucket: Bucket, root: Path, name: str) -> None:
        self._bucket = bucket
        self._root = root
        self._name = name

    def push(self, *files: Path, to: Path | None = None) -> None:
        for file in files:
            self._bucket.put(self._key(to / file.name if to else file), file)

    def push_sometime(self, *files: Path) -> None:
        self._bucket.put_sometime({self._key(file): file for file in files})

    def left(self) -> Sequence[Path]:
        there = {key for key, _ in self._bucket.keys(self._name)}
        return sorted(file for file in _whole(self._root) if self._key(file) not in there)

    def push_left(self) -> None:
        self._bucket.put_later({self._key(file): file for file in self.left()[:MOST_LEFT]})

    def pull(self, file: Path) -> bool:
        if file.is_file():
            return True
        try:
            self._bucket.get(self._key(file), file)
        except FileNotFoundError as error:
            if self._bucket.may_lack:
                raise _unreachable() from error
            return False
        return True

    def match(self, folder: Path) -> None:
        here = set(_whole(folder))  # before it is asked what is there, which may take a while
        there = {self._root / key.removeprefix(f"{self._name}/") for key, _ in self._bucket.keys(self._key(folder))}
        for file in there - here:
            self.pull(file)
        for file in here - there:
            remove(file)

    def drop(self, folder: Path) -> None:
        self._bucket.delete([key for key, _ in self._bucket.keys(self._key(folder))])

    def drop_old(self, older_than_s: float) -> None:
        limit = datetime.now(timezone.utc) - timedelta(seconds=older_than_s)
        self._bucket.delete([key for key, came in self._bucket.keys(self._name) if came < limit])

    def _key(self, file: Path) -> str:
        return f"{self._name}/{file.relative_to(self._root).as_posix()}"


def _unreachable() -> UnavailableError:
    sentence = "What is kept for all servers can't be reached just now: try again in a minute."
    return UnavailableError(sentence, A_MINUTE_S, reason="storage_away")


def _whole(folder: Path) -> Iterator[Path]:
    """The files below a folder that aren't being made or deleted; what goes meanwhile does no harm."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        yield from (Path(place, name) for name in names if not name.startswith(HIDDEN))
