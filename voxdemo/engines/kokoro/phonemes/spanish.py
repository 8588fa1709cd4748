"""Spanish by its spelling, as it is spoken in Spain."""

import re

from voxdemo.engines.kokoro.phonemes import spelling
from voxdemo.engines.kokoro.phonemes.spelling import Spelling

_WEAK = spelling.words(
    "el la los las un de del a al en y e o u que por con se lo le les me te nos su sus mi mis tu tus si para como"
)
"""Words without stress."""
_WORDS = {"y": "i", "muy": "mˈuj"}

_SPELLING = Spelling(
    [
        ("ch", "ʧ"), ("ll", "ʎ"), ("rr", "r"), ("qu", "k"),
        ("(?<=[^nm])gu(?=[eiéí])", "ɣ"), ("gu(?=[eiéí])", "ɡ"), ("g(?=[eiéí])", "x"), ("(?<=[^nm])g", "ɣ"), ("g", "ɡ"),
        ("c(?=[eiéí])", "θ"), ("c", "k"), ("z", "θ"), ("j", "x"), ("ñ", "ɲ"), ("h", ""),
        ("(?<=[^nm])[bv]", "β"), ("[bv]", "b"), ("(?<=[^nml])d(?=.)", "ð"), ("^x", "s"),
        ("(?<=^m[eé])x(?=ic)|(?<=^te)x(?=a)|(?<=^oa)x", "x"), ("x", "ks"),
        ("^r|(?<=[nls])r", "r"), ("r", "ɾ"),
        ("n(?=[gkq]|c(?![eiéíh]))", "ŋ"), ("n(?=[vbpfm])", "m"),
        ("y(?=[aeiouáéíóúü])", "ʝ"), ("y", "ɪ"), ("i(?=[aeouáéó])", "j"), ("u(?=[aeioáéó])|ü", "w"),
        ("(?<=[aeoáéó])i", "ɪ"), ("(?<=[aeoáéó])u", "ʊ"),
    ],
    [("[aá]", "a"), ("[eé]", "e"), ("[ií]", "i"), ("[oó]", "o"), ("[uú]", "u")],
)  # fmt: skip
_ACCENTED = frozenset("áéíóú")
_STRESSED_BEFORE_LAST = re.compile("[aeiouns]$")
_AS_ONE = (("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"))
"""Diphthongs that Kokoro knows as one symbol."""


def phonemes(text: str) -> str:
    """How a text whose figures are written out is pronounced."""
    return spelling.text_by_words(text, lambda word, _: _word(word))


def _word(word: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    sounds = _SPELLING.sounds(word.replace("'", ""))
    nuclei = [n for n, sound in enumerate(sounds) if sound.is_nucleus]
    if nuclei and word not in _WEAK:
        last = nuclei[-2] if len(nuclei) > 1 and _STRESSED_BEFORE_LAST.search(word) else nuclei[-1]
        sounds = spelling.stressed(sounds, next((n for n in nuclei if sounds[n].written in _ACCENTED), last))
    said = spelling.joined(sounds)
    for two, one in _AS_ONE:
        said = said.replace(two, one)
    return said
