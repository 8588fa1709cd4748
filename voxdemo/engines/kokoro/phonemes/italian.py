"""Italian from a dictionary, and by its spelling where that has no word."""

import re
from collections.abc import Mapping

from voxdemo.engines.kokoro.phonemes import lexicon, spelling
from voxdemo.engines.kokoro.phonemes.spelling import STRESS, Spelling

_WEAK = spelling.words(
    "il lo la i gli le l un uno una di d a da in con su per tra fra e ed o del dello della dei degli delle al allo "
    "alla ai agli alle dal dallo dalla dai dagli dalle nel nello nella nei negli nelle sul sullo sulla sui sugli sulle "
    "che si mi ti ci vi ma non"
)
"""Words without stress."""
_WORDS = {"amici": "amˈiʧi", "amiche": "amˈike", "è": "ˈɛ", "sono": "sˈono"}
"""Those that the dictionary has wrong, or not at all though they are everywhere."""

_SPELLING = Spelling(
    [
        ("sci(?=[aouàòù])", "ʃ"), ("sc(?=[eièéì])", "ʃ"), ("gli(?=[aeou])", "ʎ"), ("gl(?=i)", "ʎ"), ("gn", "ɲ"),
        ("cch", "kk"), ("ggh", "ɡɡ"), ("ch", "k"), ("gh", "ɡ"), ("cci(?=[aouàòù])", "tʧ"), ("ggi(?=[aouàòù])", "dʤ"),
        ("cc(?=[eièéì])", "tʧ"), ("gg(?=[eièéì])", "dʤ"), ("ci(?=[aouàòù])", "ʧ"), ("gi(?=[aouàòù])", "ʤ"),
        ("c(?=[eièéì])", "ʧ"), ("g(?=[eièéì])", "ʤ"), ("c", "k"), ("g", "ɡ"), ("q", "k"), ("h", ""),
        ("(?<=[aeiouàèéìòù])s(?=[aeiouàèéìòù])", "z"), ("zz", "tʦ"), ("z", "ʦ"), ("x", "ks"), ("y", "i"), ("w", "v"),
        ("(?<=[qg])u(?=[aeioàèéìò])", "w"), ("i(?=[aeouàèéòù])", "j"), ("u(?=[oò])", "w"),
    ],
    [("[aà]", "a"), ("è", "ɛ"), ("[eé]", "e"), ("[iì]", "i"), ("ò", "ɔ"), ("o", "o"), ("[uù]", "u")],
)  # fmt: skip
_ACCENTED = frozenset("àèéìòù")
_VOWELS = "aeiouɛɔ"
_DOUBLED = re.compile(rf"([^{_VOWELS}{STRESS}])({STRESS}?)\1")
_LONG = {"s": "S", "r": "rɾ", "ʃ": "ʃ", "ɲ": "ɲ", "ʎ": "ʎ"}
"""How some consonants are written where they are long; the others with "ː"."""
_LONG_AFFRICATES = (
    ("tˈʦ", "ˈʦː"), ("tʦ", "ʦː"), ("dˈʣ", "ˈʣː"), ("dʣ", "ʣː"), ("tˈʧ", "ˈʧː"), ("tʧ", "ʧː"), ("dˈʤ", "ˈʤː"),
    ("dʤ", "ʤː"),
)  # fmt: skip

_EARLY = re.compile("(?:metr[oi]|olog[oi]|ologhi|[ai]bil[ei]|evol[ei]|issim[oaei]|ic[oai]|iche)$")
"""Words with such an end are stressed on the last vowel but two: "chilometri"; others on the last but one."""


class Italian:
    """Pronounces Italian. Loads its dictionary in a quarter of a second. Raises WeightsError where there is none."""

    def __init__(self) -> None:
        self._known: Mapping[str, str] = lexicon.load("gruut_lang_it")

    def __call__(self, text: str) -> str:
        """How a text whose figures are written out is pronounced."""
        return spelling.text_by_words(text, lambda word, _: self._elided(word))

    def _elided(self, word: str) -> str:
        """A word with those that have lost their ends before it: "dell'acqua"."""
        *before, last = word.split("'")
        return "".join(spelling.joined(_SPELLING.sounds(each)) for each in before) + self._word(last)

    def _word(self, word: str) -> str:
        if word in _WORDS:
            return _WORDS[word]
        phonemes = _with_long_ones(self._known.get(word) or _by_spelling(word))
        if word in _WEAK:
            return phonemes.replace(STRESS, "")
        vowels = [at for at, each in enumerate(phonemes) if each in _VOWELS]
        if STRESS in phonemes:
            return _before_vowel(phonemes)
        if not vowels:
            return phonemes
        from_end = 3 if _EARLY.search(word) else 2
        at = vowels[-min(from_end, len(vowels))]
        return phonemes[:at] + STRESS + phonemes[at:]


def _by_spelling(word: str) -> str:
    """As it is spelt, with the stress where there is an accent."""
    sounds = _SPELLING.sounds(word)
    accented = [at for at, sound in enumerate(sounds) if sound.is_nucleus and sound.written in _ACCENTED]
    return spelling.joined(spelling.stressed(sounds, accented[-1]) if accented else sounds)


def _with_long_ones(phonemes: str) -> str:
    said = _DOUBLED.sub(lambda match: match[2] + _LONG.get(match[1], f"{match[1]}ː"), phonemes)
    for two, one in _LONG_AFFRICATES:
        said = said.replace(two, one)
    return said


def _before_vowel(phonemes: str) -> str:
    """The mark of stress moved from the syllable to its vowel."""
    at = phonemes.index(STRESS)
    plain = phonemes.replace(STRESS, "")
    while at < len(plain) and plain[at] not in _VOWELS:
        at += 1
    return plain[:at] + STRESS + plain[at:]
