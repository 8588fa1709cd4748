"""What is inside hibari-tts, with all that is changed in its inner parts; pinned to 0.2.1 for their sake."""

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from voxdemo.engines.word_times import Frames
from voxdemo.model_support.onnx_outputs import with_output
from voxdemo.model_support.process_wide import CHANGES
from voxdemo.speech import Samples

GUESSES = ("RE_ROMAN_C", "RE_ROMAN_O", "RE_TITLE", "RE_ABBREV", "RE_NO")
"""Rules of `hibari.g2p.normalize` for abbreviations and numerals, which `expanded` and `readable` have seen to.

They say "King the zeroth Charles", "I ate a figure" and "Her name is January", whatever stands beside them.
"""


_FRAMES = "/Clip_output_0"
"""What its graph calls the time that each phoneme takes, in frames of 25 ms."""


class Heart:
    """The voice "heart", which reads abbreviations as they stand. It takes about a second to load."""

    def __init__(self) -> None:
        with CHANGES:
            from hibari import Hibari
            from hibari.voices import voice_path

            graph = with_output(Path(voice_path("heart")).read_bytes(), _FRAMES)
            self._model: Any = Hibari(voice="heart", model=graph)  # which imports more
        self.g2p: Any = self._model.g2p
        _without_guesses(self.g2p)
        self.said("wˈɔɹm ˈʌp.", 1.0, None)

    def said(self, phonemes: str, speed: float, seed: Sequence[int] | None) -> tuple[Samples, str, Frames]:
        """The sound of phonemes at 24 kHz, those of them that it knows, and how long each of these takes.

        The first and the last of these times are of the silence around them.
        """
        known = "".join(each for each in phonemes if each in self._model.vocab)
        if not known:
            return np.zeros(0, np.float32), "", (0.0, 0.0)
        given = {"ids": np.array([self._model.ids(known)], np.int64), "speed": np.array([speed], np.float32)}
        *spectra, frames = self._model.sess.run(None, given)
        random = np.random.default_rng(seed)
        sound = import_module("hibari.dsp").synth(*(each[0] for each in spectra), random)
        return np.nan_to_num(sound).astype(np.float32).clip(-1.0, 1.0), known, frames


def g2p(british: bool) -> Any:
    """What pronounces English, British or American, for other voices; it reads abbreviations as they stand, too."""
    with CHANGES:
        from hibari.g2p import G2P

        made: Any = G2P(british=british)
    _without_guesses(made)
    return made


def _without_guesses(g2p: Any) -> None:
    rules = import_module("hibari.g2p.normalize")
    for name in GUESSES:
        setattr(rules, name, re.compile(r"(?!)"))
    words = g2p.tokenizer.special
    for word in [word for word in words if re.fullmatch(r"[A-Za-z]{2,}\.", word)]:
        del words[word]
