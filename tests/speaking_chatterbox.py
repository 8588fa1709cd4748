"""Chatterbox engines on tiny random checkpoints, and what tests ask of them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rings import long

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.base import SpeechPart
from voxdemo.engines.chatterbox import checkpoint
from voxdemo.engines.chatterbox.engine import ChatterboxEngine
from voxdemo.model_support.devices import Device
from voxdemo.speech import Samples, Utterance

CPU = Device("cpu", "Processor", 2**34)
MARKS = [
    long,
    pytest.mark.skipif(
        not all(map(find_spec, ("chatterbox", "perth"))),
        reason="needs chatterbox-light and resemble-perth, from requirements-chatterbox.txt",
    ),
]


def built(folder: Path) -> ChatterboxEngine:
    """An engine of this checkpoint on the processor."""
    found = checkpoint.read(folder)
    checkpoint.check(found)
    return ChatterboxEngine(found, CPU, "float32")


def items(
    engine: ChatterboxEngine, text: str, part: str = "", prompt: PromptAudio | None = None, **how: Any
) -> Iterator[Any]:
    """What it yields for a text, or a part of it."""
    return engine.speak(SpeechPart(Utterance(text, **{"seed": 7, **how}), part or text, prompt=prompt))


def sound(engine: ChatterboxEngine, text: str = "Hello.", prompt: PromptAudio | None = None, **how: Any) -> Samples:
    said = items(engine, text, prompt=prompt, **how)
    return np.concatenate([item for item in said if isinstance(item, np.ndarray)])


def recording(pitch: float = 120.0, seconds: float = 1.0, loud: float = 0.3) -> PromptAudio:
    """A hum, for the voice of somebody."""
    times = np.arange(round(24_000 * seconds)) / 24_000
    hum = sum(np.sin(2 * np.pi * pitch * harmonic * times) / harmonic for harmonic in range(1, 6))
    return PromptAudio((loud * hum / 2).astype(np.float32), 24_000)
