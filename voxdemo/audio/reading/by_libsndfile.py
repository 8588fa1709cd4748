"""Files as libsndfile reads them: wav, aiff, flac, ogg, opus and their like; uncompressed ones also unfinished.

A recorder writes the length when it stops: one that was killed leaves 0, or what it had written last. So where the
samples begin is found here, whatever the header says of their number.
"""

import io
import string
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import soundfile

from voxdemo.audio.arriving import raw
from voxdemo.audio.reading.blocks import Block

UNREADABLE = (soundfile.SoundFileRuntimeError, TypeError)
"""What it raises for other files. TypeError: soundfile takes "voice.raw" for headerless, by its name."""

_BLOCK_FRAMES = 16_384

_SAMPLE_BYTES = {
    "PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip
_BIG_ENDIAN = ("AIFF", "AU", "CAF")
"""Where the file doesn't say otherwise."""


def blocks(path: Path) -> Iterator[Block]:
    """The sound in the file at `path`. Raises one of UNREADABLE where it can't."""
    with _opened(path) as sound:
        while len(frames := sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield Block(frames, sound.samplerate)


def told_s(path: Path) -> float:
    """How long the file says it is, in seconds: perhaps millions of years. Raises as `blocks`."""
    with _opened(path) as sound:
        return float(sound.frames / max(1, sound.samplerate))


@contextmanager
def _opened(path: Path) -> Generator[soundfile.SoundFile, None, None]:
    with soundfile.SoundFile(path) as sound:
        if sound.format == "MP3":
            raise soundfile.SoundFileRuntimeError("mpg123 prints each damaged frame, and takes a picture for sound")
        start = _unfinished(path, sound)
        if start is None:
            yield sound
            return
        kind = bare(sound)
    with _Rest(path, start) as samples, soundfile.SoundFile(samples, **kind) as alone:
        yield alone


def _unfinished(path: Path, sound: soundfile.SoundFile) -> int | None:
    """Where its samples begin if its header was never finished: behind those that it counts come more."""
    if not frame_bytes(sound):
        return None
    with path.open("rb") as file:
        start = samples_start(file)
    if start is None:
        return None
    end = start + sound.frames * frame_bytes(sound)
    rest = path.stat().st_size - end  # below 0 where it was truncated
    return start if rest >= frame_bytes(sound) and not _a_chunk_follows(path, end) else None


def frame_bytes(sound: soundfile.SoundFile) -> int:
    """Of a sample in each channel; 0 where it is compressed."""
    return _SAMPLE_BYTES.get(sound.subtype, 0) * int(sound.channels)


def bare(sound: soundfile.SoundFile) -> dict[str, Any]:
    """Its samples as they are, for a file without a header."""
    order = "BIG" if sound.format in _BIG_ENDIAN else "LITTLE"
    return raw(sound.samplerate, sound.subtype, sound.channels, order if sound.endian == "FILE" else sound.endian)


class _Rest(io.FileIO):
    """A file without its first bytes."""

    def __init__(self, path: Path, start: int) -> None:
        super().__init__(path)
        self._start = start
        self.seek(0)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return super().seek(offset + self._start if whence == io.SEEK_SET else offset, whence) - self._start

    def tell(self) -> int:
        return super().tell() - self._start


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


def samples_start(file: BinaryIO) -> int | None:
    """The first byte of the samples in a file; None where it isn't of a kind known here, or doesn't reach as far."""
    magic = file.read(4)
    if order := _AU.get(magic):
        word = file.read(4)
        return int(struct.unpack(order, word)[0]) if len(word) == 4 else None
    layout = _LAYOUTS.get(magic)
    return _chunk_start(file, layout) if layout else None


def _a_chunk_follows(path: Path, at: int) -> bool:
    """Whether there is an id of four letters at this byte, or behind one of padding: the samples really end there."""
    with path.open("rb") as file:
        file.seek(at)
        follows = file.read(5)
    return any(_is_id(follows[start : start + 4]) for start in (0, 1))


def _chunk_start(file: BinaryIO, layout: _Layout) -> int | None:
    at, size_bytes = layout.first, file.seek(0, io.SEEK_END)
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
