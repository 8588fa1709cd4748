"""The bytes that a server answers become samples: bare ones, wav and mp3 as they come, other files when they are whole.

Nothing is believed of what they say of their length. Knows no HTTP.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from av.audio.codeccontext import AudioCodecContext

from voxdemo.audio.arriving import decoded, raw
from voxdemo.audio.reading import decode
from voxdemo.audio.reading.by_libsndfile import bare, frame_bytes, samples_start
from voxdemo.audio.resample import Resampler
from voxdemo.audio.wav import clean
from voxdemo.errors import InputError
from voxdemo.speech import Samples

SNIFFED_BYTES = 12
MAX_HEADER_BYTES = 65_536
MOST_BYTES_A_S = 400_000
"""Of a file: two channels of 48,000 samples in 32 bits. More isn't speech."""
_RIFFS = (b"RIFF", b"RF64", b"RIFX")
RATES = (4_000, 192_000)
"""Hz that sound can have."""
MOST_CHANNELS = 8


class UnreadableError(Exception):
    """These bytes aren't sound, or are damaged. The message may quote them, so no client may see it."""


class IncomingSound:
    """One answer, whose samples come out at `rate` Hz, mono, within [-1, 1].

    `bare_rate` is that of samples without a header, where these are expected; else None. What comes of more than
    `longest_s` is the caller's to cut; a file that is longer is read no further. Raises UnreadableError.
    """

    def __init__(self, rate: int, bare_rate: int | None, longest_s: float) -> None:
        self._rate = rate
        self._bare_rate = bare_rate
        self._longest_s = longest_s
        self._head = b""
        self._reader: Reader | None = None
        self._resampler: Resampler | None = None

    @property
    def own_rate(self) -> int:
        """Hz at which it came; 0: not known yet."""
        return self._reader.rate if self._reader else 0

    @property
    def is_whole(self) -> bool:
        """Whether `finish` takes long."""
        return bool(self._reader and self._reader.is_whole)

    def add(self, data: bytes) -> Samples:
        """The samples that are ready after these bytes, perhaps none."""
        if self._reader is None:
            self._head += data
            if len(self._head) < SNIFFED_BYTES:
                return _NOTHING
            self._reader, data = self._reader_of(self._head), self._head
        return self._at_rate(self._reader.add(data), last=False)

    def finish(self) -> Samples:
        """The rest."""
        if self._reader is None and self._head:
            self.add(b"\0" * (SNIFFED_BYTES - len(self._head)))
        if self._reader is None:
            return _NOTHING
        return self._at_rate(self._reader.finish(), last=True)

    def _reader_of(self, head: bytes) -> Reader:
        if head[:4] in _RIFFS and head[8:12] == b"WAVE":
            return _Wav()
        if self._bare_rate:
            return _Bare(self._bare_rate)
        if head[:3] == b"ID3" or (head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06):
            return _Mp3()
        if head[:4] in (b"fLaC", b"OggS") or (head[0] == 0xFF and head[1] & 0xF6 == 0xF0):
            return _WholeFile(self._longest_s)
        raise UnreadableError("no sound begins like this")

    def _at_rate(self, samples: Samples, last: bool) -> Samples:
        assert self._reader, "it has begun"
        if self._reader.rate != self._rate and (len(samples) or self._resampler):
            self._resampler = self._resampler or Resampler(self._reader.rate, self._rate)
            samples = self._resampler.more(samples, last)
        return clean(samples)


_NOTHING = np.zeros(0, np.float32)


class _Bare:
    """16-bit little-endian samples, mono; half a sample at the end is dropped."""

    is_whole = False
    """Whether a reader does its work at the end, which takes a thread."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._kind = raw(rate, "PCM_16")
        self._rest = b""

    def add(self, data: bytes) -> Samples:
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        return decoded(data[:whole], self._kind)

    def finish(self) -> Samples:
        return _NOTHING


_BEGINNING = re.compile(rb"(?:RIFF|RIFX|RF64).{4}WAVE", re.DOTALL)
_BEGINNING_BYTES = 12


class _Wav:
    """A wav whose header may say anything of its length, or several behind each other, as some send one a sentence.

    A size that can't be a length yet (0, or about 4 GB) is passed over. Sound ends where its size says, or earlier
    where another wav begins. What stands between two wavs is passed over, too.
    """

    is_whole = False

    def __init__(self) -> None:
        self.rate = 0
        """Hz; known when the first samples are there."""
        self._rest = b""
        self._kind: dict[str, Any] | None = None
        """What the samples are, as `decoded` has it; None outside of sound."""
        self._frame_bytes = 0
        self._left = 0.0
        """Bytes of sound still to come."""

    def add(self, data: bytes) -> Samples:
        self._rest += data
        heard = [_NOTHING]
        while self._is_at_sound():
            heard.append(self._taken())
            if self._kind:
                break
        return np.concatenate(heard)

    def finish(self) -> Samples:
        begun = self._rest.lstrip(b"\0")  # the padding
        if b"RIFF" in begun or (not self._kind and begun and b"RIFF".startswith(begun)):
            raise UnreadableError("a wav that ends in its header")
        return self._frames(len(self._rest)) if self._kind else _NOTHING

    def _is_at_sound(self) -> bool:
        """Whether `_rest` begins with sound, when what stands before that is read or passed over."""
        if self._kind:
            return True
        begins = _BEGINNING.search(self._rest)
        if begins is None:
            self._rest = self._rest[1 - _BEGINNING_BYTES :]
            return False
        self._rest = self._rest[begins.start() :]
        start = samples_start(io.BytesIO(self._rest))
        if (start or len(self._rest)) > MAX_HEADER_BYTES:
            raise UnreadableError("a wav without sound")
        if start is not None:
            self._begin_sound(start)
        return start is not None

    def _begin_sound(self, start: int) -> None:
        header, self._rest = self._rest[:start], self._rest[start:]
        try:
            with soundfile.SoundFile(io.BytesIO(header)) as sound:
                self._kind, self._frame_bytes = bare(sound), frame_bytes(sound)
        except soundfile.SoundFileRuntimeError as error:
            raise UnreadableError("a wav with a damaged header") from error
        rate = self._kind["samplerate"]
        if self.rate not in (0, rate):
            raise UnreadableError("a wav that changes its rate")
        if not self._frame_bytes or self._kind["channels"] > MOST_CHANNELS or not RATES[0] <= rate <= RATES[1]:
            raise UnreadableError("a wav with samples in an unknown format")
        self.rate = rate
        size = int.from_bytes(header[-4:], "big" if header.startswith(b"RIFX") else "little")
        self._left = float(size) if 0 < size < 0x7FFFFF00 else np.inf

    def _taken(self) -> Samples:
        """The sound that is here, but for what may be the beginning of another wav; at its end `_kind` is None."""
        begins = _BEGINNING.search(self._rest)
        end = min(self._left, begins.start() if begins else np.inf)
        if end <= len(self._rest):
            samples, self._rest, self._kind = self._frames(int(end)), self._rest[int(end) :], None
            return samples
        here = max(0, len(self._rest) - _BEGINNING_BYTES + 1) // self._frame_bytes * self._frame_bytes
        samples, self._rest = self._frames(here), self._rest[here:]
        self._left -= here
        return samples

    def _frames(self, count: int) -> Samples:
        """The samples in the first `count` bytes of `_rest`; part of a frame is dropped."""
        assert self._kind, "its header is read"
        return decoded(self._rest[: count // self._frame_bytes * self._frame_bytes], self._kind)


class _Mp3:
    """Frames of mp3, decoded one by one."""

    is_whole = False

    def __init__(self) -> None:
        self.rate = 0
        self._codec: AudioCodecContext = av.CodecContext.create("mp3", "r")
        self._mono = av.AudioResampler(format="flt", layout="mono")
        self._came = 0

    def add(self, data: bytes) -> Samples:
        self._came += len(data)
        if not self.rate and self._came > MAX_HEADER_BYTES * 16:
            raise UnreadableError("an mp3 without sound")
        return self._decoded(data)

    def finish(self) -> Samples:
        samples = np.concatenate([self._decoded(None), *self._frames(None)])
        if not self.rate:
            raise UnreadableError("an mp3 without sound")
        return samples

    def _decoded(self, data: bytes | None) -> Samples:
        packets = self._codec.parse(data)
        return np.concatenate([_NOTHING, *(samples for packet in packets for samples in self._frames(packet))])

    def _frames(self, packet: av.Packet[Any] | None) -> Iterator[Samples]:
        try:
            frames = self._codec.decode(packet)
        except av.error.FFmpegError:
            return  # a damaged frame is left out
        for frame in frames:
            if self.rate and frame.sample_rate != self.rate:
                raise UnreadableError("an mp3 that changes its rate")
            self.rate = frame.sample_rate
            for mixed in self._mono.resample(frame):
                yield mixed.to_ndarray()[0].astype(np.float32)


class _WholeFile:
    """Any other file: read when all of it is there, by what reads people's recordings."""

    is_whole = True
    READ_AT = 48_000
    """Hz."""

    def __init__(self, longest_s: float) -> None:
        self.rate = self.READ_AT
        self._longest_s = longest_s
        self._data = bytearray()

    def add(self, data: bytes) -> Samples:
        self._data += data
        if len(self._data) > self._longest_s * MOST_BYTES_A_S:
            raise UnreadableError("a file too large for speech")
        return _NOTHING

    def finish(self) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sound"
            path.write_bytes(self._data)
            try:
                return decode.read(path, self._longest_s, rate=self.rate).samples
            except InputError as error:
                raise UnreadableError("a file that can't be read") from error


Reader = _Bare | _Wav | _Mp3 | _WholeFile
"""What makes samples of the bytes of one format."""
