from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import checkpoints
import numpy as np
import pytest
from speaking_voxcpm import RATES, Build, built

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.voxcpm.checkpoint import Classes
from voxdemo.engines.voxcpm.engine import VoxCPMEngine
from voxdemo.lanes.local.memory import keep_for_good


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a tiny checkpoint; each is made once."""
    root = tmp_path_factory.mktemp("checkpoints")
    Classes.of("voxcpm2")  # what is imported for it stays, and whenever an engine is closed, it would be searched
    keep_for_good()

    def folder_of(generation: checkpoints.Generation, stops: bool = True) -> Path:
        place = root / f"{generation}-{stops}"
        return place if place.exists() else checkpoints.voxcpm(place, generation, stops=stops)

    return folder_of


@pytest.fixture(scope="module")
def build(folder_of: Callable[..., Path]) -> Iterator[Build]:
    """Builds engines, which are closed in the end."""
    engines: list[VoxCPMEngine] = []

    def build(generation: checkpoints.Generation, stops: bool = True, kv_cache: int = 512) -> VoxCPMEngine:
        engines.append(built(folder_of(generation, stops), kv_cache))
        return engines[-1]

    yield build
    for engine in engines:
        engine.close()


@pytest.fixture(scope="module")
def kept(build: Build) -> Callable[..., VoxCPMEngine]:
    """The same, but one engine for all tests, as a server has it."""
    engines: dict[tuple[str, bool], VoxCPMEngine] = {}

    def kept(generation: checkpoints.Generation, stops: bool = True) -> VoxCPMEngine:
        if (generation, stops) not in engines:
            engines[generation, stops] = build(generation, stops)
        return engines[generation, stops]

    return kept


@pytest.fixture
def recording() -> Callable[..., PromptAudio]:
    """Recordings of noise, one voice per number."""

    def record(generation: str, voice: int = 1, seconds: float = 1.0) -> PromptAudio:
        rate = RATES[generation][2]
        noise = np.random.default_rng(voice).normal(0, 0.1, round(seconds * rate))
        return PromptAudio(noise.astype(np.float32), rate)

    return record
