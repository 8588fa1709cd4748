"""Recordings that people send, as mono samples at the rate a model wants.

A file is whatever somebody uploaded: it may be no audio at all, or small and ten hours long, and what it says of itself
may be wrong. So decoding goes block by block and stops at a limit; memory and time depend on the limit, not on the
file. What to do with a recording that is too long is the caller's business, as is everything about models and the web.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from voxdemo.audio.reading import by_ffmpeg, by_libsndfile
from voxdemo.audio.reading.blocks import Block, mixed, mono
from voxdemo.audio.reading.by_ffmpeg import Source
from voxdemo.audio.reading.links import links
from voxdemo.errors import InputError
from voxdemo.speech import Samples

MIN_SECONDS = 0.1
"""Anything shorter holds no syllable, and SenseVoice crashes under 400 samples (0.025 s at 16 kHz)."""

_SILENT = 0.003
"""RMS of the loudest tenth of a second (-50 dB) under which nobody speaks, where a file has several tracks."""

_LISTENED_TO = 4
"""Tracks that are listened to from beginning to end for sound, one after the other."""
_GLANCE_S = 60.0
"""How much of each further one: thirty silent tracks would take a minute, in which others wait."""

_FEWEST_BYTES = 250
"""A second of sound takes so many at least (Speex at 2 kbit/s): a file that says it is longer doesn't know."""

_CLOSE_S = 0.1
"""Seconds that a file may be shorter than it says, as encoders round."""

_UNREADABLE = "This file isn't audio, or is damaged. Use wav, mp3, flac, m4a, ogg or webm."
_MISSING = "That recording is no longer here: send it again."
_EMPTY = "That recording is empty or damaged: record it again or choose another one."
_SHORT = "That recording is too short: record at least {seconds} s."


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded recording, or its beginning."""

    samples: Samples
    """Mono float32, shape [n], within [-1, 1]."""
    sample_rate: int
    truncated: bool
    """There was more in the file than the limit."""

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate


def read(path: Path, max_seconds: float, *, rate: int) -> Recording:
    """The first `max_seconds` of the recording at `path`, mixed to mono, at `rate` Hz.

    Reads what libsndfile can (wav, flac, ogg, opus, aiff …) and what FFmpeg can (mp3, m4a, webm, sound of videos).
    Of several tracks it is the first with sound; recordings chained in one file follow each other. Samples that are
    not numbers become silence; damaged stretches are left out where the format allows it. Raises InputError for a file
    that is missing, not audio, empty or shorter than `MIN_SECONDS`.
    """
    try:
        check_there(path)
        recording = _Reading(path, max_seconds, rate).best()
    except FileNotFoundError:  # deleted since it was found
        raise _gone() from None
    if recording.duration_s < min(MIN_SECONDS, max_seconds):
        raise InputError(_SHORT, code="recording_too_short", seconds=MIN_SECONDS)
    return recording


def stream(path: Path) -> tuple[int, Iterator[Samples]]:
    """The rate in Hz of a sound of ours, and all of it block by block, mono. Raises OSError where there is none."""
    if not path.is_file():
        raise FileNotFoundError(path)
    source = by_ffmpeg.blocks(Source(path), 0) if path.suffix in (".mp3", ".aac") else by_libsndfile.blocks(path)
    first = next(source, None)
    assert first, "sounds of ours aren't empty"  # StopIteration would be lost on its way out of a thread
    return first.sample_rate, mixed(chain([first], source))


def check_there(path: Path) -> None:
    """Raise InputError where there is no file at `path`, or an empty one."""
    if not path.is_file():
        raise _not_audio() if path.exists() else _gone()
    if not path.stat().st_size:
        raise InputError(_EMPTY, code="recording_empty")


def _gone() -> InputError:
    return InputError(_MISSING, code="recording_gone")


def _not_audio() -> InputError:
    return InputError(_UNREADABLE, code="not_audio")


def told_duration_s(path: Path) -> float | None:
    """How long the recording at `path` says it is, in seconds, without decoding it.

    None where it says nothing, or more than its bytes can hold.
    """
    if not path.is_file() or not (size := path.stat().st_size):
        return None
    told = _told_s(path)
    return told if told and 0 < told <= size / _FEWEST_BYTES else None


def _told_s(path: Path) -> float | None:
    parts = links(path)
    with suppress(*by_libsndfile.UNREADABLE):
        if len(parts) == 1:
            return by_libsndfile.told_s(path)
    try:
        return sum(by_ffmpeg.told_s(Source(path, *part)) or 0.0 for part in parts)
    except (InputError, *by_ffmpeg.UNREADABLE):
        return None


@dataclass(frozen=True, slots=True)
class _Reading:
    """One file on its way to samples."""

    path: Path
    max_seconds: float
    rate: int

    def best(self) -> Recording:
        """By libsndfile, or by FFmpeg where that finds it empty, odd or short. Raises InputError where neither can."""
        refusal = _not_audio()
        short: Recording | None = None
        for attempt in self._attempts():
            try:
                recording = attempt()
            except InputError as error:
                refusal = error
            except (*by_libsndfile.UNREADABLE, *by_ffmpeg.UNREADABLE):
                continue
            else:
                if self._is_whole(recording):
                    return recording
                short = max(short or recording, recording, key=lambda each: len(each.samples))
        if short is None:
            raise refusal if self.path.exists() else _gone()
        return short

    def _attempts(self) -> list[Callable[[], Recording]]:
        parts = links(self.path)
        if len(parts) > 1:
            return [lambda: self._beginning(self._linked(parts))]
        return [lambda: self._beginning(by_libsndfile.blocks(self.path)), self._with_sound]

    def _linked(self, parts: list[tuple[int, int]]) -> Iterator[Block]:
        for part in parts:
            source = Source(self.path, *part)
            with suppress(InputError, *by_ffmpeg.UNREADABLE):  # a damaged one is left out
                yield from by_ffmpeg.blocks(source, by_ffmpeg.tracks(source)[0])

    def _with_sound(self) -> Recording:
        """The first track with sound, or the loudest."""
        heard: list[tuple[float, Recording]] = []
        for place, track in enumerate(by_ffmpeg.tracks(Source(self.path))):
            with suppress(*by_ffmpeg.UNREADABLE):
                recording = self._glanced_at(track) if place >= _LISTENED_TO else self._track(track)
                heard.append((_loudest_rms(recording), recording))
                if heard[-1][0] > _SILENT:
                    return recording if place < _LISTENED_TO else self._track(track)
                heard = [max(heard, key=lambda each: each[0])]
        if not heard:
            raise InputError(_EMPTY, code="recording_empty")
        return heard[-1][1]

    def _glanced_at(self, track: int) -> Recording:
        return replace(self, max_seconds=min(_GLANCE_S, self.max_seconds))._track(track)

    def _track(self, track: int) -> Recording:
        return self._beginning(by_ffmpeg.blocks(Source(self.path), track))

    def _beginning(self, blocks: Iterator[Block]) -> Recording:
        """The first `max_seconds` of `blocks`, and whether there is more. Raises InputError where there are none."""
        wanted, samples, count = round(self.max_seconds * self.rate), list[Samples](), 0
        for part in mono(blocks, self.rate):
            samples.append(part)
            count += len(part)
            if count > wanted:
                break
        if not count:
            raise InputError(_EMPTY, code="recording_empty")
        return Recording(np.clip(np.concatenate(samples)[:wanted], -1.0, 1.0), self.rate, count > wanted)

    def _is_whole(self, recording: Recording) -> bool:
        return recording.truncated or recording.duration_s > (told_duration_s(self.path) or 0.0) - _CLOSE_S


def _loudest_rms(recording: Recording) -> float:
    step = recording.sample_rate // 10
    tenths = recording.samples[: len(recording.samples) // step * step].reshape(-1, step)
    return float(np.sqrt((tenths**2).mean(axis=1)).max(initial=0.0))
