"""Samples as files and as drawings. Knows nothing of where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from voxdemo.files import replacing
from voxdemo.speech import Samples

_FULL_BAR_RMS = 0.12
"""The RMS that fills a bar: what the loudest tenths of a second of the built-in voice reach."""


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


def clean(samples: Samples) -> Samples:
    """`samples` without anything that is no number (silence instead) or beyond ±1."""
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
