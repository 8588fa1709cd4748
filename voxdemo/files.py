"""Files and folders as such: written whole or not at all, told apart, linked, deleted. Knows nothing of what they hold.

What is being made, or deleted, has a name that begins with HIDDEN, beside its place: nobody ever meets half of it, and
what a process that died has left is found by that name.
"""

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

HIDDEN = "."
LEFT_BEHIND_S = 3600.0
"""What is being made or deleted and hasn't changed for so long will never be finished: its process is gone."""
_READ_BYTES = 1 << 20
_SAMPLES = 64
_SAMPLE_BYTES = 4096


@contextmanager
def replacing(path: Path) -> Generator[Path, None, None]:
    """A name for a new file or folder, which takes the place of `path` at the end, or goes if anything is raised.

    A folder that is at `path` already stays: another process was first.
    """
    made = beside(path)
    try:
        yield made
        try:
            made.replace(path)
        except OSError:
            if not (made.is_dir() and path.is_dir()):
                raise
    finally:
        remove(made)


def remove(path: Path) -> None:
    """Delete a file or a folder; a folder is renamed first, so that nobody sees part of it. Never raises OSError."""
    with suppress(OSError):  # it's gone, or another process was first
        if path.is_dir():
            path = path if path.name.startswith(HIDDEN) else path.rename(beside(path))
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def folders(root: Path) -> list[Path]:
    """The folders right in `root`; none where that can't be read."""
    with suppress(OSError), os.scandir(root) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def sweep(root: Path, is_unfinished: Callable[[Path], bool] = lambda folder: folder.name.startswith(HIDDEN)) -> None:
    """Delete the folders in `root` that a process which is gone didn't finish, as old as LEFT_BEHIND_S."""
    for folder in folders(root):
        with suppress(OSError):  # another process was first
            if is_unfinished(folder) and abs(time.time() - folder.stat().st_mtime) > LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)


def beside(path: Path) -> Path:
    """A new name for what is on its way to `path`, or away from there."""
    return path.with_name(f"{HIDDEN}{path.name}.{secrets.token_hex(4)}")


def content(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal; raises OSError.

    Takes about a second for 500 MB, and nothing for a file that was asked for before and hasn't changed since.
    """
    told = path.stat()
    return _content(path, told.st_ino, told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=1024)
def _content(path: Path, *_: int) -> str:
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_READ_BYTES):
            found.update(block)
    return found.hexdigest()


def fingerprint(*paths: Path) -> str:
    """A SHA-256 over the length of each file and a sample of its content, in hexadecimal; raises OSError.

    Takes a millisecond for a file of any length. It tells files apart that were cut short, filled up or overwritten;
    it doesn't find a single wrong byte.
    """
    found = hashlib.sha256()
    for path in paths:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            found.update(size.to_bytes(8, "little"))
            last = max(0, size - _SAMPLE_BYTES)
            for index in range(_SAMPLES):
                found.update(os.pread(file.fileno(), _SAMPLE_BYTES, last * index // (_SAMPLES - 1)))
    return found.hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name, without copying it where the file system can do that; raises OSError."""
    try:
        os.link(source, target)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:  # no links here, or no more of them
        shutil.copy2(source, target)
