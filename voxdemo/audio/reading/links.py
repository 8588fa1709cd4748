"""Files of several recordings one after another, as radio streams and `cat` leave them: Ogg and FLAC allow that.

Readers stop after the first of them, or where the next has another rate. RFC 3533 (Ogg) calls each a link.
"""

import mmap
import re
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

_MOST = 1_000
"""Links that are looked for: a second each is more than is ever read."""

_OGG_PAGE = re.compile(rb"OggS\0[\2\3\6\7]", re.DOTALL)
"""A page with the flag "beginning of stream" (RFC 3533, section 6)."""

_FLAC = re.compile(rb"fLaC[\0\x80]\0\0\x22")
"""The marker, and the block that must follow it (RFC 9639, section 8)."""


def links(path: Path) -> list[tuple[int, int]]:
    """Where the recordings in the file at `path` begin and end, in bytes; one for what isn't chained.

    The end of the last one is 0, which means that of the file.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        starts = [0, *islice(_later_starts(data), _MOST)]
    return list(pairwise([*starts, 0]))


def _later_starts(data: mmap.mmap) -> Iterator[int]:
    if data[:4] == b"OggS":
        yield from _ogg_starts(data)
    else:
        first = _after_id3(data)
        if data[first : first + 4] == b"fLaC":
            yield from (found.start() for found in _FLAC.finditer(data, first + 4))


def _ogg_starts(data: mmap.mmap) -> Iterator[int]:
    """Pages that begin streams and follow each other at once are of one link: the sound and the picture of a video."""
    end = 0
    for found in _OGG_PAGE.finditer(data):
        start = found.start()
        if start > end:
            yield start
        segments = data[start + 26] if start + 26 < len(data) else 0
        end = start + 27 + segments + sum(data[start + 27 : start + 27 + segments])


def _after_id3(data: mmap.mmap) -> int:
    """Where the file's own format begins, behind an ID3v2 tag (id3.org, "ID3 tag version 2.4.0", section 3.1)."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 127
    return 10 + size
