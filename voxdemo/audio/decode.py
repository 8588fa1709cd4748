"""Recordings that people send, as mono samples at the rate a model wants.

A file is whatever somebody uploaded: it may be no audio at all, or small and ten hours long. So decoding goes block
by block and stops at a limit; memory and time depend on the limit, not on the file. What to do with a recording
that is too long is the caller's business, as is everything about models and the web.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from av.container import InputContainer
from numpy.typing import NDArray

from voxdemo.audio.resample import resample_blocks
from voxdemo.errors import InputError
from voxdemo.speech import Samples

MIN_SECONDS = 0.1
"""Anything shorter holds no syllable, and SenseVoice crashes under 400 samples (0.025 s at 16 kHz)."""

_RATES = range(2_000, 384_001)
"""Hz. Below telephone speech nothing is understood; 384 kHz is the highest that sound cards record."""

_MAX_CHANNELS = 64
"""As many as the largest mixing desks record; libsndfile would take 1024."""

_BLOCK_FRAMES = 16_384

_CONTAINERS = "aac,ac3,amr,amrnb,amrwb,asf,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,wav"
"""What FFmpeg may open. Playlists (hls, concat, dash) stay out: they make it read other files and fetch addresses."""

_BOUNDS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file", "max_streams": "8"}
_LENIENT: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Song titles in Latin-1 are no reason to refuse a song; PyAV 19 sees to it by itself."""

_MOST_AT_ONCE = 16 << 20
"""Bytes that FFmpeg may take at once. Its tables are as long as a file says it is, up to three for each of 8 streams:
those of an m4a of four hours fit, while without a limit 6 kB that lie take 3 GB."""

_UNREADABLE = "That file is not audio we can read: send a wav, mp3, flac, m4a, ogg or webm recording."
_MISSING = "That recording is no longer here: send it again."
_EMPTY = "That recording is empty or damaged: record it again or choose another one."
_SILENT_VIDEO = "That video has no sound: send a recording, or a video with sound."
_ODD = "That recording has an unusual sample rate or number of channels: save it as a 16 kHz mono wav and send that."
_SHORT = f"That recording is too short: record at least {MIN_SECONDS} s."


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded recording, or its beginning."""

    samples: Samples
    """Mono float32, shape [n], within [-1, 1]."""
    sample_rate: int
    duration_s: float
    """Length of `samples`."""
    truncated: bool
    """There was more in the file than the limit."""


def read(path: Path, max_seconds: float, *, rate: int) -> Recording:
    """The first `max_seconds` of the recording at `path`, mixed to mono, at `rate` Hz.

    Reads what libsndfile can (wav, flac, ogg, opus, aiff …) and what FFmpeg can (mp3, m4a, webm, sound of videos).
    Samples that are not numbers become silence; damaged stretches are left out where the format allows it. Raises
    InputError for a file that is missing, not audio, empty or shorter than `MIN_SECONDS`.
    """
    check_there(path)
    samples, truncated = _decode(path, max_seconds, rate)
    duration_s = len(samples) / rate
    if duration_s < min(MIN_SECONDS, max_seconds):
        raise InputError(_SHORT)
    return Recording(samples, rate, duration_s, truncated)


def stream(path: Path) -> tuple[int, Iterator[Samples]]:
    """The rate in Hz of a sound of ours, and all of it block by block, mono. Raises OSError where it isn't there."""
    if not path.is_file():
        raise FileNotFoundError(path)
    blocks = _ffmpeg_blocks(path) if path.suffix in (".mp3", ".aac") else _libsndfile_blocks(path)
    first = next(blocks)
    return first.sample_rate, (_mono(block, first.sample_rate) for block in chain([first], blocks))


def check_there(path: Path) -> None:
    """Raise InputError where there is no file at `path`, or an empty one."""
    if not path.is_file():
        raise InputError(_UNREADABLE if path.exists() else _MISSING)
    if not path.stat().st_size:
        raise InputError(_EMPTY)


def told_duration_s(path: Path) -> float | None:
    """How long the recording at `path` says it is, in seconds, without decoding it; None where it says nothing."""
    if not path.is_file():
        return None
    try:
        return float(soundfile.info(path).duration) or None
    except (soundfile.SoundFileRuntimeError, TypeError):
        pass  # as in `_decode`
    try:
        with av.open(path.absolute(), "r", container_options=_BOUNDS, **_LENIENT) as container:
            return container.duration / av.time_base if container.duration else None
    except (av.FFmpegError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class _Block:
    """A stretch of sound as it is in the file: shape [frames, channels]."""

    frames: NDArray[np.float32]
    sample_rate: int


def _decode(path: Path, max_seconds: float, rate: int) -> tuple[Samples, bool]:
    try:
        return _beginning(_libsndfile_blocks(path), max_seconds, rate)
    except (soundfile.SoundFileRuntimeError, TypeError):
        pass  # TypeError: soundfile takes "voice.raw" for headerless, by its name
    try:
        return _beginning(_ffmpeg_blocks(path), max_seconds, rate)
    except (av.FFmpegError, ValueError) as error:  # ValueError: the sound changes its layout halfway
        raise InputError(_UNREADABLE) from error


def _beginning(blocks: Iterator[_Block], max_seconds: float, rate: int) -> tuple[Samples, bool]:
    """The first `max_seconds` of `blocks`, and whether there is more."""
    first = next(blocks, None)
    if first is None:
        raise InputError(_EMPTY)
    limit = _Limit(round(max_seconds * first.sample_rate))
    mono = limit.cut(_mono(block, first.sample_rate) for block in chain([first], blocks))
    samples = np.concatenate(list(resample_blocks(mono, first.sample_rate, rate)))
    return np.clip(samples, -1.0, 1.0), limit.reached


class _Limit:
    """Lets `frames` samples through and remembers whether there were more. For one use."""

    def __init__(self, frames: int) -> None:
        self._left = frames
        self.reached = False

    def cut(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        for block in blocks:
            if len(block) > self._left:
                self.reached = True
                yield block[: self._left]
                return
            self._left -= len(block)
            yield block


def _mono(block: _Block, sample_rate: int) -> Samples:
    if block.sample_rate != sample_rate:
        raise InputError(_ODD)
    finite = np.nan_to_num(block.frames, nan=0.0, posinf=0.0, neginf=0.0)
    mixed: Samples = np.clip(finite, -1.0, 1.0).mean(axis=1, dtype=np.float32)
    return mixed


def _libsndfile_blocks(path: Path) -> Iterator[_Block]:
    with soundfile.SoundFile(path) as sound:
        if sound.format == "MP3":
            raise soundfile.SoundFileRuntimeError("libsndfile's mpg123 prints a line for every damaged frame")
        _check(sound.samplerate, sound.channels)
        while len(frames := sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield _Block(frames, sound.samplerate)


def _ffmpeg_blocks(path: Path) -> Iterator[_Block]:
    # Absolute, because FFmpeg takes the beginning of a relative "http:x" for a protocol.
    with av.open(path.absolute(), "r", container_options=_BOUNDS, **_LENIENT) as container:
        if not container.streams.audio:
            raise InputError(_SILENT_VIDEO)
        if container.streams.audio[0].codec_context is None:  # an unknown codec; PyAV 17 crashes when it decodes one
            raise InputError(_UNREADABLE)
        to_float = av.AudioResampler(format="fltp")
        for frame in _decodable(container):
            _check(frame.sample_rate, frame.layout.nb_channels)
            for part in to_float.resample(frame):
                yield _Block(part.to_ndarray().T, part.sample_rate)


def _decodable(container: InputContainer) -> Iterator[av.AudioFrame]:
    """The frames of the first audio stream; damaged ones are left out, as players do."""
    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _check(sample_rate: int, channels: int) -> None:
    if sample_rate not in _RATES or not 1 <= channels <= _MAX_CHANNELS:
        raise InputError(_ODD)


def _limit_ffmpeg() -> None:
    """Hold FFmpeg to `_MOST_AT_ONCE`, for which PyAV has no door; where FFmpeg isn't PyAV's own it can't be."""
    package = Path(av.__file__).parent
    for library in (*package.with_name("av.libs").glob("*avutil-*"), *(package / ".dylibs").glob("libavutil.*")):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(str(library)).av_max_alloc(ctypes.c_size_t(_MOST_AT_ONCE))


_limit_ffmpeg()
