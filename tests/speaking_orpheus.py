"""Orpheus engines on tiny random checkpoints, and what tests ask of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rings import long

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.orpheus import checkpoint
from voxdemo.engines.orpheus.engine import OrpheusEngine
from voxdemo.model_support.devices import Device
from voxdemo.speech import Samples, Utterance

CPU = Device("cpu", "Processor", 2**34)
MARKS = [
    long,
    pytest.mark.skipif(find_spec("snac") is None, reason="needs snac, from requirements-orpheus.txt"),
]


def built(folder: Path, codec: Path) -> OrpheusEngine:
    """An engine of these checkpoints on the processor."""
    found = checkpoint.read(folder, codec)
    checkpoint.check(found)
    return OrpheusEngine(found, CPU, "float32")


def items(engine: OrpheusEngine, text: str, part: str = "", **how: Any) -> Iterator[Any]:
    """What it yields for a text, or a part of it."""
    return engine.speak(SpeechPart(Utterance(text, **{"seed": 7, **how}), part or text))


def sound(engine: OrpheusEngine, text: str = "Hello.", **how: Any) -> Samples:
    return np.concatenate([item for item in items(engine, text, **how) if isinstance(item, np.ndarray)])


@contextmanager
def asked(engine: OrpheusEngine) -> Iterator[list[list[int]]]:
    """The tokens that its language model is given, call by call."""
    given: list[list[int]] = []
    hook = engine._model.register_forward_pre_hook(
        lambda module, arguments, named: given.append(named["input_ids"][0].tolist()), with_kwargs=True
    )
    yield given
    hook.remove()
