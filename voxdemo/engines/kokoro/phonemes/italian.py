"""Italian from a dictionary, and by its spelling where that has no word."""

import re
from collections.abc import Mapping

from voxdemo.engines.kokoro.phonemes import lexicon, spelling
from voxdemo.engines.kokoro.phonemes.spelling import STRESS, Spelling

_WEAK = spelling.words(
    "il lo la i gli le l un uno una di d a da in con su per tra fra e ed o del dello della dei degli delle al allo "
    "alla ai agli alle dal dallo dalla dai dagli dalle nel nello nella nei negli nelle sul sullo sulla sui sugli sulle "
    "che si mi ti ci vi ma non ha ho"
)
"""Words without stress."""
_WORDS = {
    "amici": "amˈiʧi", "amiche": "amˈike", "è": "ˈɛ", "sono": "sˈono", "ancora": "ankˈora", "basta": "bˈasta",
    "erano": "ˈɛrano", "siano": "sˈiano", "stiano": "stˈiano", "uomini": "wˈɔmini", "fossero": "fˈɔSero",
    "maria": "marˈia", "autobus": "ˈautobus",
    "video": "vˈideo", "linea": "lˈinea", "linee": "lˈinee", "area": "ˈarea", "aree": "ˈaree",
}  # fmt: skip
"""Those that the dictionary has wrong, or not at all though they are everywhere."""

_SPELLING = Spelling(
    [
        ("sci(?=[aouàòù])", "ʃ"), ("sc(?=[eièéì])", "ʃ"), ("gli(?=[aeou])", "ʎ"), ("gl(?=i)", "ʎ"), ("gn", "ɲ"),
        ("cch", "kk"), ("ggh", "ɡɡ"), ("ch", "k"), ("gh", "ɡ"), ("cci(?=[aouàòù])", "tʧ"), ("ggi(?=[aouàòù])", "dʤ"),
        ("cc(?=[eièéì])", "tʧ"), ("gg(?=[eièéì])", "dʤ"), ("ci(?=[aouàòù])", "ʧ"), ("gi(?=[aouàòù])", "ʤ"),
        ("c(?=[eièéì])", "ʧ"), ("g(?=[eièéì])", "ʤ"), ("c", "k"), ("g", "ɡ"), ("q", "k"), ("h", ""),
        ("(?<=[aeiouàèéìòù])s(?=[aeiouàèéìòù])", "z"),
        ("(?<=i)zz(?=a[rtzn])|(?<=me)zz|(?<=a)zz(?=urr)", "dʣ"), ("^z(?=[aeou])", "ʣ"), ("zz", "tʦ"), ("z", "ʦ"),
        ("x", "ks"), ("y", "i"), ("w", "v"),
        ("(?<=[qg])u(?=[aeioàèéìò])", "w"), ("i(?=[aeouàèéòù])", "j"), ("u(?=[oò])", "w"),
        ("(?<=..[^aeiou])u(?=[ae]$)", "w"),
    ],
    [("[aà]", "a"), ("è", "ɛ"), ("[eé]", "e"), ("[iì]", "i"), ("ò", "ɔ"), ("o", "o"), ("[uù]", "u")],
)  # fmt: skip
_ACCENTED = frozenset("àèéìòù")
_VOWELS = "aeiouɛɔ"
_DOUBLED = re.compile(rf"([^{_VOWELS}{STRESS}])({STRESS}?)\1")
_LONG = {"s": "S", "r": "rɾ", "ʃ": "ʃ", "ɲ": "ɲ", "ʎ": "ʎ", **{each: each * 2 for each in "lmnfv"}}
"""How some consonants are written where they are long; the others with "ː"."""
_LONG_AFFRICATES = (
    ("tˈʦ", "ˈʦː"), ("tʦ", "ʦː"), ("dˈʣ", "ˈʣː"), ("dʣ", "ʣː"), ("tˈʧ", "ˈʧː"), ("tʧ", "ʧː"), ("dˈʤ", "ˈʤː"),
    ("dʤ", "ʤː"),
)  # fmt: skip

_EARLY = re.compile(
    "(?:metr[oi]|olog[oi]|ologhi|graf[oi]|[ai]bil[ei]|evol[ei]|issim[oaei]|esim[oaei]|.ic[oai]|ich[ei]|.id[oaei]|udin[ei]"
    "|aggin[ei]|(?:ult|pross|ott|min|mass|pess|int|leg)im[oaei]|[aei]vano|[aeiu]rono|[aei]ssero|ebbero|(?:[gcdstv]|[gc]i|li)ono)$"
)
"""Words with such an end are stressed on the last vowel but two: "chilometri"; others on the last but one."""
_FOREIGN = re.compile("[jkwxy]|[^aeiouàèéìòùlnr]$")
"""Words whose spelling isn't Italian."""
_HABITS = [
    (re.compile(pattern), said)
    for pattern, said in (
        (f"(?<=[{_VOWELS}])(ˈ?)s(?=[ˈ{_VOWELS}jw])", r"\1z"),
        (r"(?<=[ʦs])ˈi(?=on[ei]$)", "jˈ"),
        ("(?<![kw])ˈe(?=bb|nd[ioae]$|nʦ[ae]$)", "ˈɛ"),
        ("(?<!m)ˈe(?=nt[ei]$)", "ˈɛ"),
        ("(?:ˈ[ij]|[ij]ˈ)[eɛ](?=.)", "jˈɛ"),
        ("(?:ˈu|[uw]ˈ)[oɔ](?=.)", "wˈɔ"),
    )
]
"""What is heard whatever a dictionary has."""
_HEARD = re.compile(f"[{_VOWELS}]")
_HELD = re.compile(r"(.)\1")
_SOFTENING = re.compile("(?<=[ʧʤʃ])i(?=[aeou])")
_ROUGH = (
    ("ʦ", "s"), ("ʣ", "s"), ("z", "s"), ("tʧ", "ʧ"), ("dʤ", "ʤ"), ("ʃʃ", "ʃ"), ("ɛ", "e"), ("ɔ", "o"), ("j", "i"),
    ("w", "u"),
)  # fmt: skip
"""What two readings of a word may differ in."""


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
        phonemes = self._with_stress(word)
        for pattern, said in _HABITS:
            phonemes = pattern.sub(said, phonemes)
        phonemes = _with_long_ones(phonemes)
        return phonemes.replace(STRESS, "") if word in _WEAK else phonemes

    def _with_stress(self, word: str) -> str:
        phonemes = self._looked_up(word) or _by_spelling(word)
        vowels = [at for at, each in enumerate(phonemes) if each in _VOWELS]
        if STRESS in phonemes:
            return _before_vowel(phonemes)
        if not vowels:
            return phonemes
        from_end = 1 if word[-1] in "lnr" else 3 if self._is_early(word) else 2
        at = vowels[-min(from_end, len(vowels))]
        if phonemes[at - 1 : at + 1] in ("au", "ao"):  # as in "auto", "Paolo"
            at -= 1
        return phonemes[:at] + STRESS + phonemes[at:]

    def _looked_up(self, word: str) -> str:
        """What the dictionary has for a word, or for one with another last vowel: "piedi" from "piede"; else ""."""
        known = self._known.get(word, "")
        if known and (_FOREIGN.search(word) or _is_read(word, known)):
            return known
        for ending in "oaei":
            base = word[:-1] + ending
            known = self._known.get(base, "") if len(word) > 3 and word[-1] in "aeio" else ""
            if STRESS in known and _is_read(base, known):
                return _stressed_as(word, known)
        return ""

    def _is_early(self, word: str) -> bool:
        is_verb = word.endswith("ano") and f"{word[:-3]}are" in self._known
        return bool(is_verb or _EARLY.search(word))


def _roughly(phonemes: str) -> str:
    """What two readings of an Italian word have in common; a dictionary that differs has that of another language."""
    rough = phonemes.replace(STRESS, "")
    for written, alike in _ROUGH:
        rough = rough.replace(written, alike)
    return _HELD.sub(r"\1", _SOFTENING.sub("", rough))


def _is_read(word: str, known: str) -> bool:
    """Whether Italians read a word so, who write an accent where the last vowel has the stress."""
    _, _, behind = known.partition(STRESS)
    is_last = behind and sum(each in _VOWELS for each in behind) == 1 and len(_HEARD.findall(known)) > 1
    return _roughly(known) == _roughly(_by_spelling(word)) and not (is_last and word[-1] in "aeiou")


def _stressed_as(word: str, known: str) -> str:
    """A word with the stress of `known`, which is one with another last vowel: "termini" as "termine"."""
    vowels = [each for each in known[known.index(STRESS) :] if each in _VOWELS]
    said = _by_spelling(word)
    places = [at for at, each in enumerate(said) if each in _VOWELS]
    if STRESS in said or len(vowels) > len(places):
        return said
    at = places[-len(vowels)]
    return said[:at] + STRESS + (vowels[0] if _roughly(vowels[0]) == said[at] else said[at]) + said[at + 1 :]


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
