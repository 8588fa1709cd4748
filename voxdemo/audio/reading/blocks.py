"""Stretches of sound as they lie in a file, and how many channels become one. Knows no files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from voxdemo.audio.resample import resample_blocks
from voxdemo.audio.wav import clean
from voxdemo.errors import InputError
from voxdemo.speech import Samples

_RATES = range(2_000, 384_001)
"""Hz. Below telephone speech nothing is understood; 384 kHz is the highest that sound cards record."""

_MAX_CHANNELS = 64
"""As many as the largest mixing desks record; libsndfile would take 1024."""

_OPPOSED = -0.5
"""Correlation below which a channel cancels another one out, instead of adding to it."""

_EVERY = 8
"""Frame of which channels are compared: enough for their signs, and many channels take no time."""

_ODD = "That recording has an unusual sample rate or number of channels: save it as a 16 kHz mono wav and send that."


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of sound as it is in the file: shape [frames, channels]. Raises InputError for what no sound has."""

    frames: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        if self.sample_rate not in _RATES or not 1 <= self.frames.shape[1] <= _MAX_CHANNELS:
            raise InputError(_ODD, code="odd_recording")


def mono(blocks: Iterable[Block], rate: int) -> Iterator[Samples]:
    """All of `blocks` one after another as one channel at `rate` Hz, whatever their own rates and channels are."""
    for own_rate, of_a_rate in groupby(blocks, key=lambda block: block.sample_rate):
        yield from resample_blocks(mixed(of_a_rate), own_rate, rate)


def mixed(blocks: Iterable[Block]) -> Iterator[Samples]:
    """Each of `blocks` as one channel, at its own rate; both may change in the middle of a file."""
    for (rate, channels), of_a_shape in groupby(blocks, key=lambda block: (block.sample_rate, block.frames.shape[1])):
        yield from map(_Mix(channels).of, _halves_of_a_second(of_a_shape, rate))


class _Mix:
    """The mean of the channels. One that runs against the loudest is turned over first: else both would be silence.

    That happens to balanced lines taken for stereo and to headsets with a swapped wire. What is turned stays so until
    the channels speak otherwise, so that quiet stretches don't switch it to and fro.
    """

    def __init__(self, channels: int) -> None:
        self._signs = np.ones(channels, np.float32)

    def of(self, frames: NDArray[np.float32]) -> Samples:
        frames = clean(frames)
        if len(self._signs) > 1:
            self._turn(frames)
        if self._signs.min() < 0:
            frames *= self._signs
        mean: Samples = frames.mean(axis=1, dtype=np.float32)
        return mean

    def _turn(self, frames: NDArray[np.float32]) -> None:
        some = frames[::_EVERY]
        energies = np.einsum("fc,fc->c", some, some)
        loudest = int(energies.argmax())
        products = some.T @ some[:, loudest]
        correlation = products / np.maximum(np.sqrt(energies * energies[loudest]), np.float32(1e-12))
        own = self._signs[loudest]
        self._signs[correlation < _OPPOSED] = -own
        self._signs[correlation > -_OPPOSED] = own


def _halves_of_a_second(blocks: Iterable[Block], rate: int) -> Iterator[NDArray[np.float32]]:
    """Their frames in longer stretches: what channels have to do with each other shows in no fiftieth of a second."""
    held: list[NDArray[np.float32]] = []
    for block in blocks:
        held.append(block.frames)
        if sum(map(len, held)) >= rate // 2:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)
