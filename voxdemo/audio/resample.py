"""Sound at another rate. Knows nothing of files."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from voxdemo.speech import Samples


def resample(samples: Samples, source_rate: int, target_rate: int) -> Samples:
    """Mono float32 `samples` (shape [n], range [-1, 1]) at `target_rate` Hz.

    Band-limited (soxr "HQ"); the length is round(n * target_rate / source_rate). The same rate returns the input
    itself. Peaks between samples may come out slightly beyond ±1. Raises ValueError for a rate <= 0, if they differ.
    """
    if source_rate == target_rate:
        return samples
    resampled: Samples = soxr.resample(samples, source_rate, target_rate, quality="HQ")
    return resampled


def resample_blocks(blocks: Iterable[Samples], source_rate: int, target_rate: int) -> Iterator[Samples]:
    """The same as `resample`, block by block, for recordings too long to hold at their own rate."""
    if source_rate == target_rate:
        yield from blocks
        return
    stream = Resampler(source_rate, target_rate)
    for block in blocks:
        yield stream.more(block)
    yield stream.rest()


class Resampler:
    """The same for a sound that comes in pieces, and then for others. What it gives of a piece may be empty."""

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._rates = source_rate, target_rate
        self._stream: soxr.ResampleStream | None = None

    def more(self, samples: Samples, last: bool = False) -> Samples:
        self._stream = self._stream or soxr.ResampleStream(*self._rates, 1, dtype="float32", quality="HQ")
        resampled: Samples = self._stream.resample_chunk(samples, last=last)
        return resampled

    def rest(self) -> Samples:
        """What is left of it; the next piece begins another sound."""
        rest, self._stream = self.more(np.zeros(0, np.float32), last=True), None
        return rest
