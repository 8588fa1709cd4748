"""Spanish by its spelling, as it is spoken in Spain.

After J. I. Hualde, The Sounds of Spanish (2005): "b", "d" and "g" are stops only behind a pause, a nasal and, a "d", an
"l", in the next word, too; and from the first on every second syllable has a lighter stress, but for the one beside the
stress. Which words have none is as in the grammar of the RAE.
"""

import re
from functools import reduce

from voxdemo.engines.kokoro.phonemes import spelling
from voxdemo.engines.kokoro.phonemes.spelling import RHYTHM, STRESS, Spelling

_WEAK = spelling.words(
    "el la los las de del a al en y e o u que por con se lo le les me te nos os su sus mi mis tu tus si ni quien"
)
"""Words without stress."""
_LIGHT = spelling.words(
    "para como hasta desde sobre entre cuando donde pero porque sino aunque nuestro nuestra nuestros nuestras vuestro"
    " vuestra vuestros vuestras"
)
"""Longer ones: what would be their stress is the rhythm's."""
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
_BETWEEN_WORDS = ((r"(?<=[^\Wmn] )b", "β"), (r"(?<=[^\Wlmn] )d", "ð"), (r"(?<=[^\Wmn] )ɡ", "ɣ"))
"""What the last sound of a word makes of the next one's first where no sign is between."""


def phonemes(text: str) -> str:
    """How a text whose figures are written out is pronounced."""
    said = spelling.text_by_words(text, lambda word, _: _word(word))
    return reduce(lambda said, rule: re.sub(rule[0], rule[1], said), _BETWEEN_WORDS, said)


def _word(word: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    sounds = _SPELLING.sounds(word.replace("'", ""))
    nuclei = [n for n, sound in enumerate(sounds) if sound.is_nucleus]
    if nuclei and word not in _WEAK:
        last = nuclei[-2] if len(nuclei) > 1 and _STRESSED_BEFORE_LAST.search(word) else nuclei[-1]
        at = next((n for n in nuclei if sounds[n].written in _ACCENTED), last)
        sounds = spelling.stressed(sounds, at, RHYTHM if word in _LIGHT else STRESS)
        for before in nuclei[: max(0, nuclei.index(at) - 1) : 2]:
            sounds = spelling.stressed(sounds, before, RHYTHM)
    said = spelling.joined(sounds)
    for two, one in _AS_ONE:
        said = said.replace(two, one)
    return said
