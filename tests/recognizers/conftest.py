"""What no recogniser takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture(
    params=[
        np.zeros(0, np.float32),
        np.zeros(399, np.float32),
        np.zeros(16_000, np.int16),
        np.zeros((2, 16_000), np.float32),
        np.full(16_000, np.nan, np.float32),
    ],
    ids=["empty", "too short", "int16", "stereo", "nan"],
)
def odd_samples(request: pytest.FixtureRequest) -> Any:
    return request.param
