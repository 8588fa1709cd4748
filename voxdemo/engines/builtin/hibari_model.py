"""What is inside hibari-tts, with all that is changed in its inner parts; pinned to 0.2.1 for their sake."""

import re
from importlib import import_module
from typing import Any

from voxdemo.model_support.process_wide import CHANGES

GUESSES = ("RE_ROMAN_C", "RE_ROMAN_O", "RE_TITLE", "RE_ABBREV", "RE_NO")
"""Rules of `hibari.g2p.normalize` for abbreviations and numerals, which `expanded` and `readable` have seen to.

They say "King the zeroth Charles", "I ate a figure" and "Her name is January", whatever stands beside them.
"""


def load() -> Any:
    """The voice "heart", which reads abbreviations as they stand. Takes about a second."""
    with CHANGES:
        from hibari import Hibari

        model: Any = Hibari(voice="heart")  # which imports more
    _without_guesses(model.g2p)
    return model


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
