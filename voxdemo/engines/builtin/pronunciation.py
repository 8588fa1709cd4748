"""How English is pronounced: a sentence in pieces that hibari's dictionary reads well, and the phonemes of each."""

import logging
from collections.abc import Iterator
from typing import Any

from voxdemo.engines.builtin.english import readable
from voxdemo.text.abbreviations import expanded
from voxdemo.text.split import is_speakable, within

logger = logging.getLogger(__name__)

MAX_PIECE_CHARS = 300
"""Characters pronounced at once; as a rule a letter is a phoneme, so this rarely needs a second cut."""


def pieces(sentence: str) -> Iterator[str]:
    """What of a sentence is pronounced at once; hibari's own splitting would rest within "U.S. Army"."""
    yield from filter(is_speakable, within(readable(expanded(sentence)), MAX_PIECE_CHARS))


def phonemes(g2p: Any, piece: str) -> str:
    """How `piece` is pronounced. What the dictionary stumbles over is read word by word, then spelt."""
    try:
        found = str(g2p(piece))
    except Exception:  # the door to a library known to raise IndexError on odd text
        logger.warning("could not read a piece of %d characters: reading its parts", len(piece), exc_info=True)
    else:
        is_stop_lost = piece.endswith(".") and found[-1:].isalpha()  # as behind "5 p.m."
        return f"{found}." if is_stop_lost else found
    parts = piece.split() if " " in piece else list(piece)
    return " ".join(phonemes(g2p, part) for part in parts) if len(piece) > 1 else ""
