"""French from a dictionary, with liaison, and by its spelling where that has no word."""

import re
import unicodedata
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
    "ce": "sə", "ne": "nə", "six": "sis", "dix": "dis", "plus": "ply", "tous": "tus", "et": "e", "les": "le",
    "des": "de", "ces": "se", "mes": "me", "tes": "te", "ses": "se", "est": "ɛ", "euros": "øʁo", "fils": "fis",
    "aujourd'hui": "oʒuʁdɥi", "gens": "ʒɑ̃", "quant": "kɑ̃", "vingt": "vɛ̃", "quatrevingt": "katʁəvɛ̃",
    "quatrevingts": "katʁəvɛ̃", "bus": "bys", "autobus": "otobys", "hélas": "elas", "palmarès": "palmaʁɛs",
    "opus": "ɔpys", "focus": "fɔkys", "utérus": "yteʁys", "excellent": "ɛksɛlɑ̃", "intelligent": "ɛ̃teliʒɑ̃",
    "résident": "ʁezidɑ̃", "influent": "ɛ̃flyɑ̃", "historien": "istɔʁjɛ̃", "séminaire": "seminɛʁ", "équation": "ekwasjɔ̃",
    "supporters": "sypɔʁtɛʁ", "étroitement": "etʁwatmɑ̃", "première": "pʁəmjɛʁ",
}  # fmt: skip
"""Those that the dictionary has wrong."""
_RETROUVER = re.compile("^ʁet(?=ʁuv)")
_ENDS_IN_IE = re.compile("[^aeiouyéèê]ies?$")
_ELIDED = {
    "l": "l", "d": "d", "qu": "k", "s": "s", "n": "n", "j": "ʒ", "m": "m", "t": "t", "z": "z", "c": "s",
    "jusqu": "ʒysk", "lorsqu": "lɔʁsk", "puisqu": "pɥisk", "quelqu": "kɛlk",
}  # fmt: skip
"""What has lost its end before an apostrophe, and the "t" and "z" of "a-t-il" and "allez-y"."""
_LIAISON = {
    **dict.fromkeys(
        spelling.words(
            "les des aux ces ses mes tes nos vos leurs ils elles nous vous quelques plusieurs deux trois six dix cents "
            "quatrevingts très plus moins sans chez dans sous dès grands grandes petits petites bons bonnes beaux "
            "belles nouveaux nouvelles vieux vieilles gros grosses jeunes premiers premières derniers dernières mêmes "
            "autres certains certaines différents différentes nombreux nombreuses anciens anciennes quels quelles "
            "mauvais"
        ),
        "z",
    ),
    **dict.fromkeys(["un", "mon", "ton", "son", "en", "on", "aucun", "bien", "rien"], "n"),
    **dict.fromkeys(
        spelling.words(
            "est sont ont était étaient avait avaient seront auront font vont peut doit petit grand second quand dont "
            "tout cent vingt"
        ),
        "t",
    ),
    "neuf": "v",
}
"""What is heard between these words and a vowel, as a newsreader says it."""
_CHANGED = {
    "bon": "bɔn", "certain": "sɛʁtɛn", "ancien": "ɑ̃sjɛn", "prochain": "pʁɔʃɛn", "plein": "plɛn", "moyen": "mwajɛn",
    "premier": "pʁəmjɛʁ", "dernier": "dɛʁnjɛʁ",
}  # fmt: skip
"""Adjectives that have another vowel there, too."""
_UNITS = spelling.words("un une deux trois quatre cinq six sept huit neuf et")
_NUMERALS = _UNITS | spelling.words(
    "dix onze douze treize quatorze quinze seize vingt trente quarante cinquante soixante quatrevingt quatrevingts "
    "cent cents mille million millions"
)
"""A number is said as one word, with its stress at the end."""
_DETERMINERS = spelling.words("les ces mes tes ses nos vos leurs deux trois quatre cinq")
_ASPIRATED = re.compile(
    "h(?:â|a(?!b|l(?:eine|luc|tèr|og)|meç|rmon|giog)|é(?:ros$|riss|ron|rault)|ê|e(?:urt|nni|rse)"
    "|i(?:bou|d|érarch|ss|t)|o(?:b|ch|ckey|ll|mard|ngr|nt|rde|rs|tte|u|quet)|u(?:it|rl|ée|bl|ss|tt|n))"
    "|on(?:ze|zième)|oui|yaourt"
)
"""Before these there is no liaison."""
_BEGINS_WITH_VOWEL = re.compile("[aeiouéèêàâîïôûœæh]|y(?:eux|$)")
_VOWELS = "aeiouɛɔɑəɪʊæøœy"
_SCHWA = "ə"
_MUTE = re.compile(f"(?<=[{_VOWELS}\u0303][^{_VOWELS}\u0303ˈ])ə(?=[^{_VOWELS}\u0303jwɥ][{_VOWELS}])")
"""A weak vowel between two single consonants, behind the first syllable."""
_OPEN_SYLLABLE = re.compile(f"ɔ(?=(?:[^{_VOWELS}\u0303jwɥ]|[bdfkpvtɡ][lʁ])[{_VOWELS}jwɥ])")
"""Where an "o" isn't the last vowel and ends its syllable, as in "moment": the voice knows it closed."""
_DOUBLE = re.compile(r"([bdfklmnpstɡʁ])\1")
_LIGATURE = re.compile("oe(?=u|il)")
"""How people without that key write "œ"."""
_TOGETHER = [
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        ("quatre[ -]vingt", "quatrevingt"),
        (r"-t-(?=(?:il|elle|on)s?\b)|(?<=[td])-(?=(?:il|elle|on)s?\b)", " t'"),
        (r"(?<=[sz])-(?=(?:y|en)\b)", " z'"),
        (r"\best[ -]ce qu", "est c'qu"),
    )
]
"""Words that are said as one."""

_V = "[aeiouyàâéèêëîïôûùüœ]"
_NASAL = r"[mn](?![aeiouyàâéèêëîïôöûùüœmnh])"
_SPELLING = Spelling(
    [
        ("(?<=[^m])ent$", ""), ("(?<=..)es?$", ""), ("(?<=[eé])r$|(?<=e)z$", ""), ("ch(?=[rl])", "k"), ("sch|ch", "ʃ"),
        ("ph", "f"),
        ("gn", "ɲ"), ("qu?", "k"), ("gu(?=[eiéèêy])", "ɡ"), ("ge(?=[aoâô])|g(?=[eiéèêëîïy])|j", "ʒ"), ("gg?", "ɡ"),
        ("cc(?=[eiéèêy])", "ks"), ("s?c(?=[eiéèêëîïy])|ç", "s"), ("ck|cc?", "k"),
        ("(?<=.)(?:[dtpsxzg]|[tdpcg]s)$", ""),
        ("ss", "s"), (f"(?<={_V})s(?={_V})", "z"), ("(?<=^e)x(?=[aeiouéèêh])", "ɡz"),
        ("x", "ks"), ("(?<![s^])t(?=i(?:on|el|eu))", "s"),
        ("ll", "l"), ("mm", "m"), ("nn", "n"), ("pp", "p"), ("rr?", "ʁ"), ("tt?h?", "t"), ("ff", "f"), ("bb", "b"),
        ("dd", "d"), ("h", ""), (f"y(?={_V})", "j"), ("i(?=[aeoéèêâôœ])", "j"), ("ou(?=[aeiéèê])|w", "w"),
        ("u(?=i)", "ɥ"),
    ],
    [
        ("aill?(?=[eéoa]|$|s$)", "aj"), ("eill?(?=[eéoa]|$|s$)", "ɛj"), ("(?:eu|ue|œ)ill?(?=[eéoa]|$|s$)", "œj"),
        ("ouill?(?=[eéoa]|$|s$)", "uj"), ("ill(?=[eéoa])", "ij"),
        ("(?<=[iéy])en(?=s?$)", "ɛ̃"), (f"oi{_NASAL}", "wɛ̃"), (f"(?:ai|ei|i|y){_NASAL}", "ɛ̃"), (f"[aeâê]{_NASAL}", "ɑ̃"),
        (f"o{_NASAL}", "ɔ̃"), (f"u{_NASAL}", "œ̃"), ("eau|au|ô|o(?=s?$|se)", "o"), ("oi|oî", "wa"),
        (f"oy(?={_V})", "waj"),
        (f"[ae]y(?={_V})", "ɛj"), ("o[uùû]", "u"), ("(?:œ|e)u(?=[rlfvnbp])|œ", "œ"), ("œu|eu", "ø"),
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
        text = unicodedata.normalize("NFC", text).replace("’", "'").replace("\u2011", "-")
        for pattern, written in _TOGETHER:
            text = pattern.sub(written, text)
        return spelling.text_by_words(text.replace("-", " "), self._linked)

    def _linked(self, word: str, following: str) -> str:
        """A word as it sounds before `following`."""
        *elided, last = [word] if word in _WORDS else word.split("'")
        before = "".join(_ELIDED.get(each) or self._plain(each) for each in elided)
        if not last:
            return before
        is_before_vowel = bool(_BEGINS_WITH_VOWEL.match(following)) and not _ASPIRATED.match(following)
        links = is_before_vowel and elided != ["t"] and not (last == "cent" and following in _UNITS)
        phonemes = self._counting(last, following) or (_CHANGED.get(last, "") if links else "") or self._plain(last)
        if last not in _WEAK and not (last in _NUMERALS and following in _NUMERALS):
            phonemes = _stressed(phonemes)
        return before + (_with_liaison(last, phonemes) if links and last in _LIAISON else phonemes)

    def _counting(self, word: str, following: str) -> str:
        """Numbers, and "tous", whose end depends on what they count: "six jours", "vingt-cinq", "tous les jours"."""
        if word == "tous" and following in _DETERMINERS:
            return "tu"
        if word == "vingt" and following in _UNITS:
            return "vɛ̃t"
        if word == "dix" and following in ("huit", "neuf"):
            return "diz"
        is_counting = following and following != "virgule" and following not in _WEAK | _UNITS
        if word in ("six", "dix", "huit") and is_counting and not _BEGINS_WITH_VOWEL.match(following):
            return {"six": "si", "dix": "di", "huit": "ɥi"}[word]
        return ""

    def _plain(self, word: str) -> str:
        word = _LIGATURE.sub("œ", word)
        if word in _WORDS:
            return _WORDS[word]
        known = self._known.get(word) or self._known.get(word.removesuffix("s"))
        return _mended(word, known) if known else spelling.joined(_SPELLING.sounds(word))


def _mended(word: str, known: str) -> str:
    """What the dictionary has, without its usual faults: it says weak vowels and double consonants that nobody says."""
    said = _RETROUVER.sub("ʁət", _DOUBLE.sub(r"\1", known))
    if _ENDS_IN_IE.search(word) and said.endswith("j"):
        said = f"{said[:-1]}i"
    return _MUTE.sub("", _OPEN_SYLLABLE.sub("o", said))


def _stressed(phonemes: str) -> str:
    vowels = [at for at, each in enumerate(phonemes) if each in _VOWELS and each != _SCHWA]
    return phonemes[: vowels[-1]] + STRESS + phonemes[vowels[-1] :] if vowels else phonemes


def _with_liaison(word: str, phonemes: str) -> str:
    if word in ("six", "dix", "neuf"):
        return phonemes[:-1] + _LIAISON[word]
    return phonemes if phonemes.endswith(_LIAISON[word]) else phonemes + _LIAISON[word]
