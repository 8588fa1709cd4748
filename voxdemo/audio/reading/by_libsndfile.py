"""Files as libsndfile reads them: wav, aiff, flac, ogg, opus and their like."""

import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import soundfile

from voxdemo.audio.reading.blocks import Block
from voxdemo.audio.reading.wav_like import a_chunk_follows, samples_start

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
        kind = _bare(sound)
    with _Rest(path, start) as samples, soundfile.SoundFile(samples, **kind) as bare:
        yield bare


def _unfinished(path: Path, sound: soundfile.SoundFile) -> int | None:
    """Where its samples begin if its header was never finished: behind those that it counts come more."""
    frame_bytes = _SAMPLE_BYTES.get(sound.subtype, 0) * sound.channels
    start = samples_start(path) if frame_bytes else None
    if start is None:
        return None
    end = start + sound.frames * frame_bytes
    rest = path.stat().st_size - end  # below 0 where it was truncated
    return start if rest >= frame_bytes and not a_chunk_follows(path, end) else None


def _bare(sound: soundfile.SoundFile) -> dict[str, Any]:
    """Its samples as they are, for a file without a header."""
    order = "BIG" if sound.format in _BIG_ENDIAN else "LITTLE"
    return {
        "samplerate": sound.samplerate,
        "channels": sound.channels,
        "format": "RAW",
        "subtype": sound.subtype,
        "endian": order if sound.endian == "FILE" else sound.endian,
    }


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
