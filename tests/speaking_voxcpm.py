"""VoxCPM engines on tiny random checkpoints, and what tests ask of them and of the models inside."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import checkpoints
import numpy as np
import pytest
from fakes import CLONER
from rings import first_of

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.voxcpm import checkpoint, loading
from voxdemo.engines.voxcpm.engine import VoxCPMEngine
from voxdemo.lanes.jobs import SpeakJob
from voxdemo.model_support.devices import Device
from voxdemo.speech import Samples, Utterance

RATES = {"0.5B": (16_000, 0.08, 16_000), "1.5": (44_100, 0.16, 44_100), "2": (48_000, 0.16, 16_000)}
"""What it speaks at, seconds of a patch, what it listens at."""
HELLO = Utterance("Hello.", seed=7, inference_timesteps=2)
FIRST_TWO = pytest.mark.parametrize("generation", first_of("0.5B", "1.5"))
ALL = pytest.mark.parametrize("generation", first_of(*checkpoints.GENERATIONS))
EITHER = pytest.mark.parametrize("generation", first_of("0.5B", "2"))
"""One of each of the package's two models: VoxCPM1.5 is the first one with other figures."""

Build = Callable[..., VoxCPMEngine]

_models: WeakValueDictionary[int, Any] = WeakValueDictionary()


def built(folder: Path, kv_cache: int = 512) -> VoxCPMEngine:
    """An engine of this checkpoint on the processor."""
    found = checkpoint.read(folder)
    plan = loading.plan(found, Device("cpu", "Processor", 2**34), "none", kv_cache)
    model = loading.load(found, plan)
    engine = VoxCPMEngine(found, plan, model)
    _models[id(engine)] = model
    return engine


def model_of(engine: VoxCPMEngine) -> Any:
    """The package's model that it speaks with; nothing here keeps it in memory."""
    return _models[id(engine)]


def patches(engine: VoxCPMEngine, utterance: Utterance, text: str = "", **of: Any) -> list[Samples]:
    """What it says for a part; `of` are the part's other fields."""
    part = SpeechPart(utterance, text or utterance.text, **of)
    return [item for item in engine.speak(part) if isinstance(item, np.ndarray)]


def sound(engine: VoxCPMEngine, utterance: Utterance, text: str = "", **of: Any) -> Samples:
    return np.concatenate(patches(engine, utterance, text, **of))


def beginning(engine: VoxCPMEngine, utterance: Utterance, count: int, text: str = "", **of: Any) -> list[Any]:
    """The first items of a voice that may not stop."""
    with closing(engine.speak(SpeechPart(utterance, text or utterance.text, **of))) as items:
        return list(itertools.islice(items, count))


def job(*texts: str, **utterance: Any) -> list[SpeechPart]:
    """The parts of a job, each as it arrives from another process."""
    whole = replace(HELLO, text=" ".join(texts), **utterance)
    asked = SpeakJob(CLONER, whole, texts, None)
    return [pickle.loads(pickle.dumps(asked.part(index))) for index in range(len(texts))]


def said(engine: VoxCPMEngine, part: SpeechPart) -> Samples:
    return np.concatenate([item for item in engine.speak(part) if isinstance(item, np.ndarray)])


def tokens(engine: VoxCPMEngine, text: str) -> int:
    return len(model_of(engine).text_tokenizer(text))


@contextmanager
def calls(module: Any) -> Iterator[list[int]]:
    """Counts how often a part of the model is used."""
    count = [0]

    def add(*_: Any) -> None:
        count[0] += 1

    hook = module.register_forward_hook(add)
    yield count
    hook.remove()


@contextmanager
def hooked(module: Any, hook: Callable[..., Any]) -> Iterator[None]:
    """Lets something happen after a part of the model was used."""
    handle = module.register_forward_hook(hook)
    yield
    handle.remove()


@contextmanager
def failing(module: Any, error: Exception) -> Iterator[None]:
    def fail(*_: Any) -> None:
        raise error

    with hooked(module, fail):
        yield
