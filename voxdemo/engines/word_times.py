"""When each word of a text is heard, worked out from how long a model takes for each phoneme.

Knows strings and numbers, no model. A written word may be several spoken ones ("$5.20"), a language may write no
spaces, and a neighbour may change how a word is pronounced. So each is pronounced by itself as well, and these phonemes
are found again in those that were said.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from voxdemo.speech import Spans

Frames = Sequence[float] | NDArray[np.float32]

_EARLY_S = 0.025
"""How much earlier than its phonemes a word is heard, in hibari and in Kokoro: their first sound in 70 sentences."""


@dataclass(frozen=True, slots=True)
class Phoneme:
    """A symbol that a model was given, signs and spaces with them, and when its sound is heard, in seconds."""

    symbol: str
    start_s: float
    end_s: float


def phonemes(said: str, frames: Frames, start_s: float, end_s: float) -> list[Phoneme]:
    """The symbols of `said`, whose sound goes from `start_s` to `end_s`.

    `frames` has how long each takes, in any unit, and one number more at either end for the silence there.
    """
    shares = np.cumsum(frames, dtype=np.float64) / max(np.sum(frames), 1e-6)
    bounds = start_s + (end_s - start_s) * shares
    return [Phoneme(*each) for each in zip(said, bounds[:-2].tolist(), bounds[1:-1].tolist(), strict=True)]


def word_spans(words: Sequence[str], said: Sequence[Phoneme], pronounced: Callable[[str], str]) -> Spans:
    """Start and end of each of `words`, in order; none where nothing has a sound. `pronounced` gives its phonemes."""
    sounds = _sounds(said)
    if not sounds:
        return ()
    alone = ["".join(filter(_is_sound, pronounced(word))) for word in words]
    begins = _places(alone, "".join(sound.symbol for sound in sounds))
    starts = [max(0.0, sounds[min(at, len(sounds) - 1)].start_s - _EARLY_S) for at in begins]
    ends = [max(0.0, sounds[max(at, 1) - 1].end_s - _EARLY_S) for at in begins[1:]]
    following = [*starts[1:-1], *ends[-1:]]
    return tuple(
        (start, max(start, min(end, until))) for start, end, until in zip(starts[:-1], ends, following, strict=True)
    )


def _places(alone: Sequence[str], said: str) -> list[int]:
    """Where each of `alone` begins in `said`, in order, and where the last one ends.

    What was said and belongs to no word by itself belongs to the one before, or to one that isn't said by itself ("&").
    """
    blocks = Levenshtein.opcodes("".join(alone), said).as_matching_blocks()
    corners = [(0, 0), *((block.a + at, block.b + at) for block in blocks for at in (0, block.size))]
    bounds = list(accumulate(map(len, alone), initial=0))
    found = np.interp(bounds, *np.array(corners, np.float64).T).round().astype(int).tolist()
    before = {block.a + block.size: block.b + block.size for block in blocks}
    begins = [at if own else before.get(bound, at) for own, bound, at in zip(alone, bounds, found, strict=False)]
    return [0, *begins[1:], len(said)]


def _sounds(said: Sequence[Phoneme]) -> list[Phoneme]:
    """Those with a sound. The first of a word begins with the space before it, if that isn't a pause behind a sign."""
    sounds: list[Phoneme] = []
    for before, each in pairwise((Phoneme("", 0.0, 0.0), *said)):
        if _is_sound(each.symbol):
            is_next_word = before.symbol == " " and sounds and sounds[-1].end_s == before.start_s
            sounds.append(Phoneme(each.symbol, before.start_s if is_next_word else each.start_s, each.end_s))
    return sounds


def _is_sound(symbol: str) -> bool:
    return unicodedata.category(symbol)[0] not in "PZ"
