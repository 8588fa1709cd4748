"""Portuguese by its spelling, as it is spoken in Brazil."""

import re
from dataclasses import replace

from voxdemo.engines.kokoro.phonemes import spelling
from voxdemo.engines.kokoro.phonemes.spelling import Rule, Sound, Spelling

_WEAK = spelling.words(
    "o a os as um uma de da do das dos e em no na nos nas ao à aos às por que se me te lhe para com mas"
)
"""Words without stress."""
_WORDS = {
    "e": "i", "é": "ˈɛ", "à": "a", "às": "as", "o": "ʊ", "os": "ʊs", "a": "a", "as": "as", "que": "ky", "um": "ũŋ",
    "muito": "mwˈiŋtʊ", "muita": "mwˈiŋtæ", "muitos": "mwˈiŋtʊs", "muitas": "mwˈiŋtæs", "ela": "ˈɛlæ", "ele": "ˈely",
    "elas": "ˈɛlæs", "eles": "ˈelys", "deles": "dˈelys", "delas": "dˈɛlæs", "para": "pɾa", "próximo": "prˈɔsimʊ",
    "próxima": "prˈɔsimæ", "cinquenta": "siŋkwˈAŋtæ", "velha": "vˈɛljæ", "velho": "vˈɛljʊ", "de": "ʤy", "se": "sy",
    "me": "my", "te": "ʧy", "não": "nˈɐ̃ʊ̃", "hoje": "ˈoʒy", "agora": "aɡˈɔræ", "seis": "sˈAs", "sete": "sˈɛʧy",
    "nove": "nˈɔvy", "dez": "dˈɛs", "três": "tɾˈes",
}  # fmt: skip
"""Those whose letters don't show how they sound."""

_VOWEL = "[aeiouáéíóúâêôàãõü]"
_SOFT = "(?=[eiéíê])"
_NASAL = r"[mn](?![aeiouáéíóúâêôàãõüh])"
"""An "m" or "n" that ends its syllable: it isn't said, but makes the vowel before it nasal."""
_DARK_L = r"l(?![aeiouáéíóúâêôàãõüh])"
"""An "l" that ends its syllable is a glide."""
_GLIDE = rf"(?!{_NASAL}|nh)"
_I_GLIDE = rf"i{_GLIDE}(?![rlz]$)"
_U_GLIDE = rf"u{_GLIDE}"
_I_SOUND = "(?=[ií]|(?<=.)es?$)"

_CONSONANTS: list[Rule] = [
    ("ch", "ʃ"), ("lh", "lj"), ("nh", "ɲ"), ("rr", "x"), ("ss|sç", "s"), (f"[sx]c{_SOFT}", "s"),
    (f"qu{_SOFT}", "k"), ("qu", "kw"), (f"gu{_SOFT}", "ɡ"), (f"gu(?={_VOWEL})", "ɡw"),
    (f"c{_SOFT}|ç", "s"), ("c", "k"), (f"g{_SOFT}|j", "ʒ"), ("g", "ɡ"), ("h", ""),
    (f"(?<={_VOWEL})s(?={_VOWEL})", "z"), ("z$", "s"), (f"(?<=^e)x(?={_VOWEL})", "z"), ("(?<=^e)x", "s"), ("x", "ʃ"),
    (f"t{_I_SOUND}", "ʧ"), (f"d{_I_SOUND}", "ʤ"), ("^r|(?<=[nls])r", "x"), (f"(?<={_VOWEL})r", "ɾ"),
]  # fmt: skip
_VOWELS: list[Rule] = [
    ("ão(?=s?$)|am$", "ɐ̃ʊ̃"), ("ãe", "ɐ̃y"), ("õe", "õj"),
    (f"[aáâã]{_NASAL}", "ɐ̃ŋ"), (f"[eéê]{_NASAL}", "Aŋ"), (f"[ií]{_NASAL}", "iŋ"), (f"[oóôõ]{_NASAL}", "oŋ"),
    (f"[uú]{_NASAL}", "ũŋ"), ("ã", "ɐ̃"), ("õ", "õ"),
    (f"[aáâà]{_I_GLIDE}", "I"), (f"[aáâà]{_U_GLIDE}", "W"), (f"[eê]{_I_GLIDE}", "A"), (f"é{_I_GLIDE}", "ɛɪ"),
    (f"[oô]{_I_GLIDE}", "oɪ"), (f"ó{_I_GLIDE}", "ɔɪ"), (f"[oô]{_U_GLIDE}", "ow"), (f"[eê]{_U_GLIDE}", "eʊ"),
    (f"é{_U_GLIDE}", "ɛʊ"), ("ui", "uɪ"), ("iu", "iʊ"),
    (f"[aáâà]{_DARK_L}", "W"), (f"[eéê]{_DARK_L}", "ɛʊ"), (f"[ií]{_DARK_L}", "iʊ"), (f"[oô]{_DARK_L}(?=.)", "oʊ"),
    (f"[oóô]{_DARK_L}", "ɔʊ"), (f"[uú]{_DARK_L}", "uʊ"),
    ("(?<=.)a(?=s?$)", "æ"), ("(?<=.)e(?=s?$)", "y"), ("(?<=.)o(?=s?$)", "ʊ"),
    ("[aáâà]", "a"), ("é", "ɛ"), ("[eê]", "e"), ("[ií]", "i"), ("ó", "ɔ"), ("[oô]", "o"), ("[uú]", "u"), ("ü", "w"),
]  # fmt: skip
_SPELLING = Spelling(_CONSONANTS, _VOWELS)
_ACCENTED, _NASAL_SIGNED = frozenset("áéíóúâêô"), frozenset("ãõ")
_STRESSED_AT_END = re.compile("([rlzxiu]|im|um|om|ins|uns)$")


def phonemes(text: str) -> str:
    """How a text whose figures are written out is pronounced."""
    return spelling.text_by_words(text, lambda word, _: _word(word))


def _word(word: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    sounds = _SPELLING.sounds(word.replace("'", ""))
    nuclei = [at for at, sound in enumerate(sounds) if sound.is_nucleus]
    if nuclei and word not in _WEAK:
        at = _stress(word, sounds, nuclei)
        if len(nuclei) > 1 and sounds[at].written not in _ACCENTED:
            sounds[at] = replace(sounds[at], phonemes=_opened(sounds, at))
        if sounds[at].phonemes == "a" and at + 1 < len(sounds) and sounds[at + 1].phonemes in ("n", "m", "ɲ"):
            sounds[at] = replace(sounds[at], phonemes="ɐ̃")
        sounds = spelling.stressed(sounds, at)
    return spelling.joined(sounds)


def _stress(word: str, sounds: list[Sound], nuclei: list[int]) -> int:
    """Where the stress is: on an accent, else on the last "ã" or "õ", else by how the word ends."""
    for at in nuclei:
        if sounds[at].written in _ACCENTED:
            return at
    for at in reversed(nuclei):
        if sounds[at].written in _NASAL_SIGNED:
            return at
    return nuclei[-1] if len(nuclei) == 1 or _STRESSED_AT_END.search(word) else nuclei[-2]


def _opened(sounds: list[Sound], at: int) -> str:
    """A stressed "e" or "o" is often open before "l" and "r", which no letter shows."""
    said, following = sounds[at].phonemes, [sound.phonemes for sound in sounds[at + 1 : at + 3]]
    if said == "e" and following:
        before_r = following[0] == "ɾ" and len(following) > 1 and not sounds[at + 2].is_nucleus
        return "ɛ" if following[0] in ("l", "ʃ") or before_r else said
    if said == "o" and following[:1] == ["ɾ"] and len(following) > 1:
        return "ɔ"
    return said
