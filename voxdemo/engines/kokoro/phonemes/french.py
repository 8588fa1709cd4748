"""French from a dictionary, with liaison, and by its spelling where that has no word."""

import re
from collections.abc import Mapping

from voxdemo.engines.kokoro.phonemes import lexicon, spelling
from voxdemo.engines.kokoro.phonemes.spelling import STRESS, Spelling

_WEAK = spelling.words(
    "le la les un une des du de au aux et ou où en y je tu il elle on nous vous ils elles ce se me te ne que qui lui "
    "leur leurs son sa ses mon ma mes ton ta tes nos vos notre votre est a ont pour par sur avec dans à cet cette "
    "ces ses chez sans"
)
"""Words without stress."""
_WORDS = {
    "ce": "sə", "six": "sis", "dix": "dis", "plus": "ply", "tous": "tus", "et": "e", "les": "le", "des": "de",
    "ces": "se", "mes": "me", "tes": "te", "ses": "se", "est": "ɛ", "euros": "øʁo", "fils": "fis",
    "aujourd'hui": "oʒuʁdɥi", "gens": "ʒɑ̃",
}  # fmt: skip
"""Those that the dictionary has wrong."""
_ELIDED = {
    "l": "l", "d": "d", "qu": "k", "s": "s", "n": "n", "j": "ʒ", "m": "m", "t": "t", "c": "s", "jusqu": "ʒysk",
    "lorsqu": "lɔʁsk", "puisqu": "pɥisk", "quelqu": "kɛlk",
}  # fmt: skip
"""What has lost its end before an apostrophe."""
_LIAISON = {
    **dict.fromkeys(spelling.words("les des aux ces ses mes tes nos vos leurs ils elles nous vous quelques"), "z"),
    **dict.fromkeys(["deux", "trois", "six", "dix", "très", "sans", "chez", "dans", "plusieurs"], "z"),
    **dict.fromkeys(["un", "mon", "ton", "son", "en", "on", "aucun", "bien"], "n"),
    **dict.fromkeys(["est", "petit", "grand", "quand", "tout", "ont", "sont"], "t"),
}
"""What is heard between these words and a vowel."""
_ASPIRATED = re.compile(
    "h(?:a(?:ut|che|ie|ine|ll|nche|ricot|sard|te|z)|é(?:ros$|risson)|i(?:bou|bernie)|o(?:llande|ngrie|nte|rs|usse|mard)"
    "|u(?:it|rle))|on(?:ze|zième)|oui|yaourt"
)
"""Before these there is no liaison."""
_BEGINS_WITH_VOWEL = re.compile("[aeiouyéèêàâîôûœh]")
_VOWELS = "aeiouɛɔɑəɪʊæøœy"
_SCHWA = "ə"

_V = "[aeiouyàâéèêëîïôûùüœ]"
_NASAL = r"[mn](?![aeiouyàâéèêëîïôöûùüœmnh])"
_SPELLING = Spelling(
    [
        ("(?<=[^m])ent$", ""), ("(?<=..)es?$", ""), ("(?<=[eé])r$|(?<=e)z$", ""), ("sch|ch", "ʃ"), ("ph", "f"),
        ("gn", "ɲ"), ("qu?", "k"), ("gu(?=[eiéèêy])", "ɡ"), ("ge(?=[aoâô])|g(?=[eiéèêëîïy])|j", "ʒ"), ("gg?", "ɡ"),
        ("cc(?=[eiéèêy])", "ks"), ("s?c(?=[eiéèêëîïy])|ç", "s"), ("ck|cc?", "k"),
        ("(?<=.)(?:[dtpsxz]|ts|ds|ps|cs)$", ""),
        ("ss", "s"), (f"(?<={_V})s(?={_V})", "z"), ("x", "ks"), ("(?<![s^])t(?=i(?:on|el|eu))", "s"),
        ("ll", "l"), ("mm", "m"), ("nn", "n"), ("pp", "p"), ("rr?", "ʁ"), ("tt?h?", "t"), ("ff", "f"), ("bb", "b"),
        ("dd", "d"), ("h", ""), (f"y(?={_V})", "j"), ("i(?=[aeoéèêâôœ])", "j"), ("ou(?=[aeiéèê])|w", "w"),
        ("u(?=i)", "ɥ"),
    ],
    [
        ("aill?(?=[eéoa]|$|s$)", "aj"), ("eill?(?=[eéoa]|$|s$)", "ɛj"), ("(?:eu|ue|œ)ill?(?=[eéoa]|$|s$)", "œj"),
        ("ouill?(?=[eéoa]|$|s$)", "uj"), ("ill(?=[eéoa])", "ij"),
        ("(?<=[iéy])en(?=s?$)", "ɛ̃"), (f"oi{_NASAL}", "wɛ̃"), (f"(?:ai|ei|i|y){_NASAL}", "ɛ̃"), (f"[aeâê]{_NASAL}", "ɑ̃"),
        (f"o{_NASAL}", "ɔ̃"), (f"u{_NASAL}", "œ̃"), ("eau|au|ô|o(?=s?$|se)", "o"), ("oi|oî", "wa"), (f"oy(?={_V})", "wa"),
        (f"ay(?={_V})", "ɛ"), ("o[uùû]", "u"), ("(?:œ|e)u(?=[rlfvnbp])|œ", "œ"), ("œu|eu", "ø"),
        ("ai|aî|ei|[èêë]|e(?=t$)", "ɛ"), ("é|e(?=[rz]$)", "e"),
        ("e(?=ll|tt|rr|ss|nn|ff|pp|cc|x|[rlscfpt][bcdfgklmnpqstvz]|[^aeiouyéèêtdsxzrn]$)", "ɛ"), ("e", "ə"),
        ("[aàâ]", "a"), ("[iîïy]", "i"), ("o", "ɔ"), ("[uûùü]", "y"),
    ],
)  # fmt: skip


class French:
    """Pronounces French. Loads its dictionary in half a second. Raises WeightsError where there is none."""

    def __init__(self) -> None:
        self._known: Mapping[str, str] = lexicon.load("gruut_lang_fr")

    def __call__(self, text: str) -> str:
        """How a text whose figures are written out is pronounced."""
        return spelling.text_by_words(text.replace("-", " ").replace("\u2011", " "), self._linked)

    def _linked(self, word: str, following: str) -> str:
        """A word as it sounds before `following`."""
        *elided, last = [word] if word in _WORDS else word.split("'")
        before = "".join(_ELIDED.get(each) or self._plain(each) for each in elided)
        if not last:
            return before
        phonemes = self._plain(last)
        if last not in _WEAK:
            phonemes = _stressed(phonemes)
        return before + (_with_liaison(last, phonemes) if _links(last, following) else phonemes)

    def _plain(self, word: str) -> str:
        known = _WORDS.get(word) or self._known.get(word) or self._known.get(word.removesuffix("s"))
        return known or spelling.joined(_SPELLING.sounds(word))


def _stressed(phonemes: str) -> str:
    vowels = [at for at, each in enumerate(phonemes) if each in _VOWELS and each != _SCHWA]
    return phonemes[: vowels[-1]] + STRESS + phonemes[vowels[-1] :] if vowels else phonemes


def _links(word: str, following: str) -> bool:
    return word in _LIAISON and bool(_BEGINS_WITH_VOWEL.match(following)) and not _ASPIRATED.match(following)


def _with_liaison(word: str, phonemes: str) -> str:
    if word in ("six", "dix"):
        return f"{phonemes[:-1]}z"
    return phonemes if phonemes.endswith(_LIAISON[word]) else phonemes + _LIAISON[word]
