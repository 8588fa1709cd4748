"""How loud a sound is, by ITU-R BS.1770-4, while it comes in. Knows frames of samples and nothing of what they say."""

import numpy as np
from numpy.typing import NDArray

from voxdemo.model_support.process_wide import CHANGES

BLOCK = 40
"""Frames of 10 ms: the blocks of BS.1770 are 0.4 s long …"""
_HOP = 10  # … and begin every 0.1 s


class Meter:
    """K-weighted power while the sound comes in, by pyloudnorm's filters: its own meter wants the whole at once."""

    def __init__(self, rate: int) -> None:
        with CHANGES:
            import pyloudnorm  # here: scipy takes a second
            from scipy.signal import lfilter

        self._filter = lfilter
        self._stages = [(stage.b, stage.a) for stage in pyloudnorm.Meter(rate)._filters.values()]
        self._states = [np.zeros(2) for _ in self._stages]
        self.powers: NDArray[np.float64] = np.zeros(0)
        """K-weighted, by frame."""

    def add(self, frames: NDArray[np.float32]) -> NDArray[np.float64]:
        """The level of each frame in dB."""
        weighted = frames.ravel().astype(np.float64)
        for index, (b, a) in enumerate(self._stages):
            weighted, self._states[index] = self._filter(b, a, weighted, zi=self._states[index])
        powers = np.mean(weighted.reshape(frames.shape) ** 2, axis=1)
        self.powers = np.concatenate([self.powers, powers])
        return _lufs(powers)

    def forget(self, frames: int) -> None:
        self.powers = self.powers[frames:]


def integrated(powers: NDArray[np.float64]) -> float | None:
    """Integrated loudness in LUFS by K-weighted power of frames; fewer than a block count as one."""
    blocks = _blocks(powers)
    blocks = blocks[_lufs(blocks) > -70.0]
    if not len(blocks):
        return None
    gate = float(_lufs(np.mean(blocks))) - 10.0
    return float(_lufs(np.mean(blocks[_lufs(blocks) > gate])))


def _blocks(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(powers) <= BLOCK:
        return np.mean(powers, keepdims=True) if len(powers) else powers
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    starts = _HOP * np.arange(round((len(powers) - BLOCK) / _HOP) + 1)  # rounded: the last may be half a hop short
    blocks: NDArray[np.float64] = (sums[np.minimum(starts + BLOCK, len(powers))] - sums[starts]) / BLOCK
    return blocks


def _lufs(powers: NDArray[np.float64] | np.floating) -> NDArray[np.float64]:
    levels: NDArray[np.float64] = -0.691 + 10.0 * np.log10(np.maximum(powers, 1e-15))
    return levels
