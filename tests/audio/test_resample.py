from __future__ import annotations

import numpy as np
import pytest

from voxdemo.audio.resample import resample, resample_blocks

RATES = [(48_000, 16_000), (44_100, 16_000), (8_000, 24_000), (16_000, 16_000), (96_000, 44_100)]


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.5, 0.5, count).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("count", [1, 7, 48_001])
def test_the_length_changes_with_the_rate(source: int, target: int, count: int) -> None:
    resampled = resample(noise(count), source, target)
    assert len(resampled) == round(count * target / source)
    assert resampled.dtype == np.float32


def test_a_tone_keeps_its_pitch_and_what_is_too_high_disappears() -> None:
    seconds = np.arange(48_000) / 48_000
    low, high = (np.sin(2 * np.pi * hertz * seconds).astype(np.float32) for hertz in (1_000, 12_000))
    expected = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(resample(low, 48_000, 16_000)[500:-500], expected[500:-500], atol=1e-3)
    assert np.abs(resample(high, 48_000, 16_000)[500:-500]).max() < 1e-3


def test_the_same_rate_returns_the_input() -> None:
    samples = noise(100)
    assert resample(samples, 16_000, 16_000) is samples


@pytest.mark.parametrize(("source", "target"), RATES)
def test_blocks_give_the_same_samples_as_the_whole(source: int, target: int) -> None:
    samples = noise(20_011)
    blocks = resample_blocks(iter(np.array_split(samples, 7)), source, target)
    np.testing.assert_allclose(np.concatenate(list(blocks)), resample(samples, source, target), atol=1e-6)


@pytest.mark.parametrize(("source", "target"), [(0, 16_000), (16_000, 0), (-1, 16_000)])
def test_rates_of_nothing_are_errors(source: int, target: int) -> None:
    with pytest.raises(ValueError, match="over 0"):
        resample(noise(10), source, target)
    with pytest.raises(ValueError, match="over 0"):
        list(resample_blocks([noise(10)], source, target))
