"""What every recogniser demands of a recording before a model sees it."""

from __future__ import annotations

import numpy as np

from voxdemo.speech import Samples

MIN_SAMPLES = 400
"""25 ms at 16 kHz, one window of the spectrum: with less there is nothing to listen to."""


def check(samples: Samples, sample_rate: int, wanted_rate: int) -> None:
    """See that `samples` are finite mono float32, at least MIN_SAMPLES of them, at `wanted_rate` Hz, else ValueError.

    Models don't look: they crash, or answer with rubbish.
    """
    if sample_rate != wanted_rate:
        raise ValueError(f"want {wanted_rate} Hz, got {sample_rate}")
    if samples.dtype != np.float32 or samples.ndim != 1:
        raise ValueError(f"want mono float32, got {samples.dtype} of shape {samples.shape}")
    if len(samples) < MIN_SAMPLES:
        raise ValueError(f"want at least {MIN_SAMPLES} samples, got {len(samples)}")
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinity")
