"""Spanish by its spelling, as it is spoken in Spain.

After J. I. Hualde, The Sounds of Spanish (2005): "b", "d" and "g" are stops only after a pause or a nasal, "d" also
after an "l", and that holds across words; every second syllable from the first on has a light stress, except the one
just before the main stress. Words without stress, and adverbs in "-mente", which have two, are as in the grammar of the
RAE.
"""

import re

from voxdemo.engines.kokoro.phonemes import spelling
from voxdemo.engines.kokoro.phonemes.spelling import RHYTHM, STRESS, Spelling

_WEAK = spelling.words(
    "el la los las de del a al en y e o u que por con se lo le les me te nos os su sus mi mis tu tus si ni quien"
    " sin tras pues don san aun"
)
"""Words without stress."""
_LIGHT = spelling.words(
    "para como hasta desde sobre entre cuando donde pero porque sino aunque nuestro nuestra nuestros nuestras vuestro"
    " vuestra vuestros vuestras contra hacia ante bajo mientras quienes cuyo cuya cuyos cuyas doña"
)
"""Words whose stressed syllable has only the light stress, unless they end a phrase."""
_ADVERB = re.compile("(.{4,})(mente)")
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
"""The first sound of a word is softened by the last of the word before, unless a sign stands between."""


def phonemes(text: str) -> str:
    """How a text whose figures are written out is pronounced."""
    said = spelling.text_by_words(text, _word)
    for stop, soft in _BETWEEN_WORDS:
        said = re.sub(stop, soft, said)
    return said


def _word(word: str, following: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    if adverb := _ADVERB.fullmatch(word):
        adjective, ending = (_word(part, "") for part in adverb.groups())
        return adjective.replace(STRESS, RHYTHM) + ending
    sounds = _SPELLING.sounds(word.replace("'", ""))
    nuclei = [n for n, sound in enumerate(sounds) if sound.is_nucleus]
    if nuclei and word not in _WEAK:
        last = nuclei[-2] if len(nuclei) > 1 and _STRESSED_BEFORE_LAST.search(word) else nuclei[-1]
        at = next((n for n in nuclei if sounds[n].written in _ACCENTED), last)
        sounds = spelling.stressed(sounds, at, RHYTHM if word in _LIGHT and following else STRESS)
        for before in nuclei[: max(0, nuclei.index(at) - 1) : 2]:
            sounds = spelling.stressed(sounds, before, RHYTHM)
    said = spelling.joined(sounds)
    for two, one in _AS_ONE:
        said = said.replace(two, one)
    return said
