"""The sounds of a batch as one: one after the other with a pause, or each at its time, as it is laid under a film.

Reads file by file and hands on at once what can be written: memory grows neither with their number nor with their
length. It knows files and samples, nothing of requests.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from voxdemo.audio import formats
from voxdemo.audio.join import LEAD_S, Joiner
from voxdemo.audio.reading import decode
from voxdemo.audio.resample import resample_blocks
from voxdemo.speech import Samples

PAUSE_S = 0.5
"""From the last sound of a text to the first of the next."""
SHORTEST_PAUSE_S = 0.2
"""Where a text begins late, because the one before it is longer than its time."""
MOST_S = 10 * 3600.0
"""What is joined lasts at most as long: at 48 kHz a wav of 4 GiB, the largest there is, ends behind 12 hours."""

_FRAMES = 1 << 18
"""That are handed on at once: the joiner hears how loud a sound is from seconds of it."""


@dataclass(frozen=True, slots=True)
class TimedSound:
    """A sound, and the second at which it is to begin; None: after the one before."""

    path: Path
    start_s: float | None = None


def join(pieces: Sequence[TimedSound], to: Path) -> None:
    """All of them, in their order, at `to` in the format of its ending: there whole or not at all.

    They come out as loud as the first. One that is longer than its time delays those behind it. Takes about a second
    for each minute of sound. Raises OSError where a file can't be read or written.
    """
    rate, _ = decode.stream(pieces[0].path)
    format = cast(formats.Format, to.suffix.removeprefix("."))
    formats.write(_JoinedSound(rate).of(pieces), rate, to, format)


class _JoinedSound:
    """The joined sound, for one use."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._joiner = Joiner(rate)
        self._frames = 0

    def of(self, pieces: Sequence[TimedSound]) -> Iterator[Samples]:
        for samples in self._parts(pieces):
            self._frames += len(samples)
            yield samples

    def _parts(self, pieces: Sequence[TimedSound]) -> Iterator[Samples]:
        for index, piece in enumerate(pieces):
            if index:
                yield self._joiner.end_part(PAUSE_S if piece.start_s is None else SHORTEST_PAUSE_S)
            yield from self._silence_until(piece.start_s or 0.0)
            for block in _read(piece.path, self._rate):
                yield self._joiner.add(block)
        yield self._joiner.finish()

    def _silence_until(self, start_s: float) -> Iterator[Samples]:
        left = round((start_s - LEAD_S) * self._rate) - self._frames  # the joiner begins each sound with that lead
        while left > 0:
            yield np.zeros(min(left, _FRAMES), np.float32)
            left -= _FRAMES


def _read(path: Path, rate: int) -> Iterator[Samples]:
    """At `rate`, which another one may differ from: the voice can have changed meanwhile."""
    own_rate, blocks = decode.stream(path)
    held: list[Samples] = []
    for block in resample_blocks(blocks, own_rate, rate):
        held.append(block)
        if sum(map(len, held)) >= _FRAMES:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)
