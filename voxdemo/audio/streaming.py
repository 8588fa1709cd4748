"""Sound in the formats that people ask for while it is still being made: samples go in, bytes of a file come out.

Knows neither where samples come from nor where the bytes go. An encoder is for one thread at a time.
"""

from typing import Any, Literal, Protocol, cast

import av
import numpy as np
import soxr
from av.audio.stream import AudioStream

from voxdemo.audio.wav import header

StreamFormat = Literal["wav", "mp3", "opus", "aac", "pcm"]
"""No flac: its header has the length, and libsndfile reads none without it."""
PCM_RATE = 24_000
"""Hz of bare samples, which don't say theirs: what OpenAI's API gives."""
_UNKNOWN_FRAMES = (0xFFFFFFFF - 36) // 2
"""What a wav says whose length isn't known yet: as much as it can; players go on to the end of what comes."""
_KINDS = {"mp3": ("mp3", "libmp3lame"), "opus": ("ogg", "libopus"), "aac": ("adts", "aac")}
"""FFmpeg's container and codec."""
_OPTIONS = {
    "mp3": {"flush_packets": "1", "write_xing": "0", "id3v2_version": "0"},
    "opus": {"flush_packets": "1", "page_duration": "100000"},
    "aac": {"flush_packets": "1"},
}
"""So that nothing is held back: mp3 has no tags with its length, and a page of Ogg lasts 0.1 s, instead of a second."""
_RATES = {
    "mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "opus": (8_000, 12_000, 16_000, 24_000, 48_000),
    "aac": (24_000, 44_100, 48_000),
    "pcm": (PCM_RATE,),
}
"""Hz that a format knows; the encoders refuse others. A format that isn't here knows all."""
_BIT_RATE = 96_000
"""Of mp3, Opus and AAC, in bits a second: speech in one channel, with room to spare."""


class Encoder(Protocol):
    """Makes a file of mono samples while they come."""

    takes_time: bool
    """Whether encoding takes time: then it isn't for the event loop's thread."""

    def encode(self, pcm: bytes) -> bytes:
        """The bytes that are ready after these samples (16-bit little-endian, mono), perhaps none yet."""
        ...

    def finish(self) -> bytes:
        """The last bytes of the file; it takes no more samples."""
        ...


def encoder(format: StreamFormat, sample_rate: int, frames: int | None = None) -> Encoder:
    """An encoder for sound at this rate; `frames` is how many samples will come, where that is known."""
    rate = known_rate(sample_rate, format)
    inner = _Plain(format, rate, frames) if format in ("wav", "pcm") else _CompressedEncoder(format, rate)
    return inner if rate == sample_rate else _Resampled(inner, sample_rate, rate)


def known_rate(sample_rate: int, format: str) -> int:
    """The rate in Hz for sound of this one in a format: the same or, where that isn't known, the next higher."""
    known = _RATES.get(format, (sample_rate,))
    return next((higher for higher in known if higher >= sample_rate), known[-1])


class _Plain:
    """The samples as they are, with or without a header."""

    takes_time = False

    def __init__(self, format: StreamFormat, rate: int, frames: int | None) -> None:
        self._head = header(rate, _UNKNOWN_FRAMES if frames is None else frames) if format == "wav" else b""

    def encode(self, pcm: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + pcm

    def finish(self) -> bytes:
        return self._head


class _CompressedEncoder:
    takes_time = True

    def __init__(self, format: StreamFormat, rate: int) -> None:
        container, codec = _KINDS[format]
        self._file = _Drain()
        self._output = av.open(self._file, "w", format=container, options=_OPTIONS[format])
        options: dict[str, Any] = {"layout": "mono", "bit_rate": _BIT_RATE}
        self._stream = cast(AudioStream, self._output.add_stream(codec, rate, options=None, **options))
        self._rate = rate
        self._frames = 0

    def encode(self, pcm: bytes) -> bytes:
        samples = np.frombuffer(pcm, "<i2")
        if len(samples):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._frames
            self._frames += len(samples)
            self._output.mux(self._stream.encode(frame))
        return self._file.taken()

    def finish(self) -> bytes:
        self._output.mux(self._stream.encode(None))
        self._output.close()
        return self._file.taken()


class _Resampled:
    takes_time = True

    def __init__(self, inner: Encoder, source_rate: int, target_rate: int) -> None:
        self._inner = inner
        self._stream = soxr.ResampleStream(source_rate, target_rate, 1, dtype="int16", quality="HQ")

    def encode(self, pcm: bytes) -> bytes:
        return self._inner.encode(self._stream.resample_chunk(np.frombuffer(pcm, "<i2")).tobytes())

    def finish(self) -> bytes:
        rest = self._stream.resample_chunk(np.zeros(0, np.int16), last=True)
        return self._inner.encode(rest.tobytes()) + self._inner.finish()


class _Drain:
    """A file that can't be gone back in, as far as it hasn't been taken yet."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        self._data += data

    def taken(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data
