"""Files as such: what tells one from another, and how one is handed on. Knows nothing of what is in them."""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import lru_cache
from pathlib import Path

_READ_BYTES = 1 << 20
_SAMPLES = 64
_SAMPLE_BYTES = 4096


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


def at_a_glance(*paths: Path) -> str:
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


def hand_on(source: Path, target: Path) -> None:
    """The same file under another name, without copying it where the file system can do that; raises OSError."""
    try:
        os.link(source, target)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:  # no links here, or no more of them
        shutil.copy2(source, target)
