"""Where the samples of an uncompressed file begin, whatever its header says of their number.

A recorder writes the length when it stops: one that was killed leaves 0, or what it had written last. Knows the layout
of files, not what the samples are.
"""

import string
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a kind of file is made of chunks: an id, a size, and so many bytes."""

    first: int
    """Where the first chunk begins."""
    id_bytes: int
    size: str
    """As `struct` reads it."""
    size_counts_head: bool
    align: int
    samples: bytes
    """How the id of the chunk with the samples begins."""
    skip: int = 0
    """Bytes in that chunk before them."""


_RIFF = _Layout(12, 4, "<I", False, 2, b"data")
_LAYOUTS = {
    b"RIFF": _RIFF,
    b"RF64": _RIFF,
    b"BW64": _RIFF,
    b"RIFX": _Layout(12, 4, ">I", False, 2, b"data"),
    b"FORM": _Layout(12, 4, ">I", False, 2, b"SSND", 8),
    b"caff": _Layout(8, 4, ">Q", False, 1, b"data", 4),
    b"riff": _Layout(40, 16, "<Q", True, 8, b"data"),
}
"""By the first four bytes: wav (and its kinds of 64 bits), aiff, Apple's caf, Sony's w64."""
_AU = {b".snd": ">I", b"dns.": "<I"}
"""Sun's au has no chunks: its second word says where the samples begin."""

_ID_LETTERS = f"{string.ascii_letters}{string.digits} ".encode()
_MOST_CHUNKS = 1_000


def samples_start(path: Path) -> int | None:
    """The first byte of the samples in the file at `path`; None where it isn't of a kind known here."""
    with path.open("rb") as file:
        magic = file.read(4)
        if order := _AU.get(magic):
            word = file.read(4)
            return int(struct.unpack(order, word)[0]) if len(word) == 4 else None
        layout = _LAYOUTS.get(magic)
        return _chunk_start(file, layout, path.stat().st_size) if layout else None


def a_chunk_follows(path: Path, at: int) -> bool:
    """Whether there is an id of four letters at this byte, or behind one of padding: the samples really end there."""
    with path.open("rb") as file:
        file.seek(at)
        follows = file.read(5)
    return any(_is_id(follows[start : start + 4]) for start in (0, 1))


def _chunk_start(file: BinaryIO, layout: _Layout, size_bytes: int) -> int | None:
    at = layout.first
    head_bytes = layout.id_bytes + struct.calcsize(layout.size)
    for _ in range(_MOST_CHUNKS):
        if at + head_bytes > size_bytes:
            break
        file.seek(at)
        head = file.read(head_bytes)
        if head.startswith(layout.samples):
            return at + head_bytes + layout.skip
        (size,) = struct.unpack(layout.size, head[layout.id_bytes :])
        size = max(head_bytes, size if layout.size_counts_head else size + head_bytes)
        at += size + -size % layout.align
    return None


def _is_id(four: bytes) -> bool:
    return len(four) == 4 and all(byte in _ID_LETTERS for byte in four)
