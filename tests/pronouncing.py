"""The built-in voice without its sound: the phonemes that its model would be given."""

from __future__ import annotations

from typing import Any

import numpy as np

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.speech import Samples, Utterance


class Mute:
    """A model that pronounces as hibari's does, or by another `g2p`, and whose sound is one sample of silence."""

    def __init__(self, g2p: Any) -> None:
        self.g2p = g2p
        self.given: list[str] = []

    def said(self, phonemes: str, *_: object) -> tuple[Samples, str, list[float]]:
        self.given.append(phonemes)
        return np.zeros(1, np.float32), phonemes, [1.0] * (len(phonemes) + 2)


def pronounced(text: str, g2p: Any) -> list[str]:
    """The phonemes of each stretch that the model is given at once."""
    mute = Mute(g2p)
    list(BuiltinEngine(mute).speak(SpeechPart(Utterance(text, seed=1), text)))
    return mute.given
