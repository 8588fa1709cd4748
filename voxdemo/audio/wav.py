"""Samples as wav files, whole or growing, and as the bars that draw them.

A file that grows takes 16-bit mono samples at its end while readers follow; it is written beside its name and renamed
when it is whole.
"""

import os
import struct
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from voxdemo.files import replacing
from voxdemo.speech import Samples

PEAKS_PER_S = 10
_HEADER_BYTES = 44
_SAMPLE_BYTES = 2
_COPY_FRAMES = 1 << 18
_FULL_BAR_RMS = 0.12
"""The RMS that fills a bar: what the loudest tenths of a second of the built-in voice reach."""


class GrowingWav:
    """The file at `path`, once `finish` was called; not there at all where no sample was written.

    `frames` and `peaks` are of what was written. Safe to use from any thread: whoever gives up waiting for a write may
    finish at once.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path = path
        self.frames = 0
        self.peaks: list[int] = []
        self._rate = sample_rate
        self._beside = path.with_name(f".{path.name}")
        self._unpainted = np.zeros(0, np.float32)
        self._lock = threading.Lock()
        self._file = self._beside.open("x+b", buffering=0)
        try:
            self._file.write(header(sample_rate, 0))
        except OSError:
            self._file.close()
            raise

    def write(self, samples: Samples) -> None:
        """Add `samples` (mono, shape [n]); what isn't a number becomes silence, what is beyond ±1 is clipped.

        Raises OSError where the disk is full; then nothing was added.
        """
        data = memoryview(pcm(samples))
        with self._lock:
            if self._file.closed:
                return
            at = _HEADER_BYTES + self.frames * _SAMPLE_BYTES
            while data:
                written = os.pwrite(self._file.fileno(), data, at)
                data, at = data[written:], at + written
            self.frames += len(samples)
            self._paint(clean(samples))

    def truncate(self, frames: int) -> None:
        """Drop everything behind the first `frames` samples."""
        with self._lock:
            if self._file.closed:
                return
            self.frames = min(frames, self.frames)
            self._file.truncate(_HEADER_BYTES + self.frames * _SAMPLE_BYTES)
            del self.peaks[self.frames * PEAKS_PER_S // self._rate :]
            self._unpainted = np.zeros(0, np.float32)

    def finish(self) -> None:
        """Close it and give it its name; without a sample it goes."""
        with self._lock:
            if self._file.closed:
                return
            with self._file:
                os.pwrite(self._file.fileno(), header(self._rate, self.frames), 0)
                self._file.truncate(_HEADER_BYTES + self.frames * _SAMPLE_BYTES)  # a full disk may have let more in
        if self.frames:
            self._beside.replace(self.path)
        else:
            self._beside.unlink(missing_ok=True)

    def copy(self, path: Path) -> int:
        """Put what there is so far at `path`, whole and under its name at once; how many samples. Raises OSError."""
        frames = self.frames
        with replacing(path) as beside, self.reader() as file, beside.open("xb") as copy:
            copy.write(header(self._rate, 0))
            copied = 0
            while data := self.read(file, copied, frames, _COPY_FRAMES * _SAMPLE_BYTES):
                copy.write(data)
                copied += len(data) // _SAMPLE_BYTES
            copy.seek(0)
            copy.write(header(self._rate, copied))  # less than there was where some was taken back meanwhile
        return copied

    @contextmanager
    def reader(self) -> Generator[BinaryIO, None, None]:
        """The file as it grows, for `read`; it stays readable when it gets its name."""
        try:
            file = self._beside.open("rb", buffering=0)
        except FileNotFoundError:
            file = self.path.open("rb", buffering=0)
        with file:
            yield file

    @staticmethod
    def read(file: BinaryIO, start: int, end: int, most_bytes: int) -> bytes:
        """The samples from `start` on, before `end`, at most so many bytes of them."""
        return os.pread(
            file.fileno(), min((end - start) * _SAMPLE_BYTES, most_bytes), _HEADER_BYTES + start * _SAMPLE_BYTES
        )

    def _paint(self, samples: Samples) -> None:
        samples = np.concatenate([self._unpainted, samples])
        step = self._rate // PEAKS_PER_S
        whole = len(samples) // step * step
        self.peaks += [bar(part) for part in samples[:whole].reshape(-1, step)]
        self._unpainted = samples[whole:]


def header(sample_rate: int, frames: int) -> bytes:
    """The RIFF header of 16-bit mono PCM (Microsoft, "Multimedia Programming Interface 1.0", 1991)."""
    size = frames * _SAMPLE_BYTES
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, sample_rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 16)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + form + b"data" + struct.pack("<I", size)


def write_wav(path: Path, samples: Samples, sample_rate: int) -> None:
    """`samples` (mono, shape [n]) as a 16-bit PCM wav at `path`, there whole or not at all.

    Samples that are not numbers become silence, those beyond ±1 are clipped.
    Raises OSError where it can't be written.
    """
    with replacing(path) as beside, beside.open("xb") as file:
        soundfile.write(file, clean(samples), sample_rate, format="WAV", subtype="PCM_16")


def peaks(samples: Samples, count: int) -> list[int]:
    """`count` bars of 0 to 100 that draw the wave: the RMS of equal stretches; [] for fewer samples than bars."""
    if count < 1 or len(samples) < count:
        return []
    return [bar(stretch) for stretch in np.array_split(clean(samples), count)]


def fewer_bars(bars: Sequence[int], most: int) -> tuple[int, ...]:
    """At most `most` bars that draw the same wave: the highest of each equal stretch."""
    if len(bars) <= most:
        return tuple(bars)
    return tuple(int(stretch.max()) for stretch in np.array_split(np.array(bars), most))


def bar(stretch: Samples) -> int:
    """One bar of 0 to 100 that draws a stretch of the wave."""
    return round(100 * min(1.0, float(np.sqrt(np.mean(stretch**2))) / _FULL_BAR_RMS))


def pcm(samples: Samples) -> bytes:
    """`samples` as 16-bit little-endian integers; what isn't a number becomes silence, what is beyond ±1 is clipped."""
    return bytes((clean(samples) * 32767).round().astype("<i2"))


def clean(samples: Samples) -> Samples:
    """`samples` without anything that isn't a number (silence instead) or beyond ±1."""
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
