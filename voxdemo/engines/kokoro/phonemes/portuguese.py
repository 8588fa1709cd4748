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
    "e": "i", "é": "ˈɛ", "à": "aː", "às": "aːs", "o": "ʊ", "os": "ʊs", "a": "a", "as": "as", "que": "ky", "um": "ũŋ",
    "muito": "mwˈiŋtʊ", "muita": "mwˈiŋtæ", "muitos": "mwˈiŋtʊs", "muitas": "mwˈiŋtæs", "de": "ʤy", "se": "sy",
    "me": "my", "te": "ʧy", "não": "nˈɐ̃ʊ̃",
}  # fmt: skip
"""Those whose letters don't show how they sound."""

_LETTERS = "aeiouáéíóúâêôàãõü"
_VOWEL = f"[{_LETTERS}]"
_SOFT = "(?=[eiéíê])"
_NASAL = rf"[mn](?![{_LETTERS}h])"
"""An "m" or "n" that ends its syllable: it isn't said, but makes the vowel before it nasal."""
_DARK_L = rf"l(?![{_LETTERS}h])"
"""An "l" that ends its syllable is a glide."""
_GLIDE = rf"(?!{_NASAL}|nh)"
_I_GLIDE = rf"i{_GLIDE}(?![rlz]$|us?$)"
_U_GLIDE = rf"u{_GLIDE}"
_I_SOUND = "(?=[ií]|(?<=.)es?$)"

_CONSONANTS: list[Rule] = [
    ("[cs]h", "ʃ"), ("lh", "lj"), ("nh", "ɲ"), ("rr", "x"), ("ss|sç", "s"), (f"[sx]c{_SOFT}", "s"),
    ("(?:(?<=se)|(?<=fre)|(?<=elo)|(?<=delin)|(?<=cin))qu(?=[eê]n)|(?<=tran)qu(?=il)|(?<=^e)qu(?=in)", "kw"),
    (f"qu{_SOFT}", "k"), ("qu", "kw"),
    ("(?<=lin)gu(?=[eiíê])|(?<=^a)gu(?=ent)|(?:(?<=pin)|(?<=bi)|(?<=ti))gu(?=[ui])", "ɡw"), (f"gu{_SOFT}", "ɡ"),
    (f"gu(?={_VOWEL})", "ɡw"), (f"c{_SOFT}|ç", "s"), ("cc|ck?", "k"), (f"gg?{_SOFT}|j", "ʒ"), ("gg?", "ɡ"), ("h", ""),
    (f"(?<={_VOWEL})s(?={_VOWEL})|s(?=[bdgjlmnrvz])", "z"), ("z$", "s"),
    (f"(?:(?<=^e)|(?<=^ine)|(?<=^coe)|(?<=^ree)|(?<=^pree))x(?={_VOWEL})", "z"),
    ("(?<=.)x(?=[bcçdfgjklmnpqrstvz])|(?:(?<=m[aá])|(?<=pr[oó]))x(?=im)|(?<=trou)x|(?<=au)x(?=[ií])|(?<=nta)x", "s"),
    ("(?:(?<=s[eé])|(?<=n[eé])|(?<=[fp]l[eé])|(?<=^l[eé])|(?<=f[ií])|(?<=flu)|(?<=t[oó])|(?<=do)|(?<=nve)|(?<=^bo)"
     "|(?<=oli)|(?<=tá))x|(?:(?<=^[oó])|(?<=l[aá]))x(?=i)|(?<=ma)x(?=il)|(?<=..)x$", "ks"),
    ("x", "ʃ"),
    (f"tt?(?:{_I_SOUND}|(?<={_VOWEL}t)$)", "ʧ"), ("de(?=[ao]s?$)", "ʤj"),
    (f"dd?(?:{_I_SOUND}|(?<={_VOWEL}d)$)", "ʤ"),
    ("^r|(?<=[nls])r", "x"), (f"(?<={_VOWEL})r(?=.)", "ɾ"),
    *((f"{letter}{letter}", letter) for letter in "bdflmnpt"),
]  # fmt: skip
_NASAL_VOWELS = (("aáâã", "ɐ̃"), ("eéê", "A"), ("ií", "i"), ("oóôõ", "o"), ("uú", "ũ"))
_VOWELS: list[Rule] = [
    ("ão(?=s?$)|am$", "ɐ̃ʊ̃"), ("ãe", "ɐ̃y"), ("õe", "õj"),
    *((f"[{letters}]m(?=[pb])", f"{vowel}m") for letters, vowel in _NASAL_VOWELS),
    *((f"[{letters}]{_NASAL}", f"{vowel}ŋ") for letters, vowel in _NASAL_VOWELS),
    ("ã|[aâ](?=nh)", "ɐ̃"), ("õ", "õ"),
    ("(?:(?<=id)|(?<=bl)|(?<=op)|(?<=cor)|(?<=lat)|(?<=str))ei(?=as?$)", "ɛɪ"),
    (f"[aáâà]{_I_GLIDE}", "I"), (f"[aáâà]{_U_GLIDE}", "W"), (f"[eê]{_I_GLIDE}", "A"), (f"é{_I_GLIDE}", "ɛɪ"),
    (f"[oô]{_I_GLIDE}", "oɪ"), (f"ó{_I_GLIDE}", "ɔɪ"), (f"[oô]{_U_GLIDE}", "ow"), (f"[eê]{_U_GLIDE}", "eʊ"),
    (f"é{_U_GLIDE}", "ɛʊ"), (rf"ui{_GLIDE}(?!r|[lz]$)", "uɪ"), (f"iu{_GLIDE}", "iʊ"),
    (f"[aáâà]{_DARK_L}", "W"), (f"[eéê]{_DARK_L}", "ɛʊ"), (f"[ií]{_DARK_L}", "iʊ"),
    (f"[oô]{_DARK_L}", "oʊ"), (f"ó{_DARK_L}", "ɔʊ"), (f"[uú]{_DARK_L}", "uw"),
    (f"(?<=.)a(?=s?$)|a(?=[mn]{_VOWEL})", "æ"), ("(?<=.)e(?=s?$)", "y"), ("(?<=.)o(?=s?$)", "ʊ"),
    ("[aáâà]", "a"), ("é", "ɛ"), ("[eê]", "e"), ("[ií]", "i"), ("ó", "ɔ"), ("[oô]", "o"), ("[uú]", "u"), ("ü", "w"),
]  # fmt: skip
_SPELLING = Spelling(_CONSONANTS, _VOWELS)
_ACCENTED, _NASAL_SIGNED = frozenset("áéíóúâêô"), frozenset("ãõ")
_STRESSED_AT_END = re.compile("(?:[rlzx]|[iu]s?|[iou]m|[iou]ns)$")
_NASALS = ("m", "n", "ɲ")

_OPEN = {"e": "ɛ", "o": "ɔ", "oʊ": "ɔʊ"}
"""How a vowel sounds where it is stressed, unless the word has one of the ends below: no letter shows it."""
_CLOSED = re.compile(
    "(?:er(?:es|em|mos|am)?|esse[sm]?|ez(?:es|as?)?|es(?:es|[ao]s?)|ej[ao][sm]?|es?ç[ao][sm]?|elh[ao]s?|edos?|eb[ao]m?"
    "|(?:^|^d|^n)estes?|(?:^|^d|^n|qu)eles?|(?:^p|mod|cab|^g|^s|pesad|tornoz|cotov|^cam|^ap|atrop)elos?|^pelas?"
    "|(?:pr|m|bol|panfl|folh|quel|quart|du|barr|cor)etos?|governos?|(?:desesp|exag|temp)eros?|(?:^r|par)edes?"
    "|(?:plan|pr|can|camis|borbol|gav|^car|tr|gorj|etiqu|rol|silhu|viol|chup|corn|marr|sarj|mal|mul)etas?"
    "|(?:gabin|sorv|bilh|tap|cac|capac|fogu|col|banqu|sabon|caval|alfin|bracel|lembr|jogu|ramalh|estil|caniv)etes?"
    "|(?:empr|^gr|morc|gal|di)egos?|^gregas?|cheg(?:[ao]m?|uem?)|negr[oa]s?|cercas?|terças?|esquerdas?|perdas?|verdes?"
    "|termos?|^erros?|(?:cons|conc|ac)ertos?|^cest[ao]s?|bestas?|esm[ao]s?|desde|ext[ao]s?|(?:^d|scr)ev[ao]m?"
    "|(?:^t|^est|mant|obt|cont|det)eve|^sec[ao]s?|^becos?|^pedro|zebras?|letras?|^sedas?|(?:tr|desf|boch)ech[ao]s?"
    "|fech(?:[ao]|am|em?)|estrelas?|^[pc]eras?"
    "|or(?:es)?|[dts]oras?|(?:ost|os|ov|og|ort|orp|orç|oss|orv|orc)o|^[rg]ostos?|^tod[ao]s?|lodo|ornos?|orr[ao]s?"
    "|^(?:lob|bob)[ao]s?|globos?|(?:gar|esg|peix|escr|pil)otos?|^garotas?|gotas?|(?:^b|^t|tij)olos?|cebolas?|^[cs]ocos?"
    "|^[cs]oros?|oços?|^moças?|o[aeo]s?|hoje|doze|torze|porque|^foram|fosse[sm]?|^foste|^forças?|olhas?|^m?olho"
    "|(?:esp|rap)osas?|^bocas?|^[sp]opas?|^topo|escopo|osc[ao]s?|ols[ao]s?|oltos?|^soltas?|olfos?|polv[ao]s?|acordos?|^gord[ao]s?|^doces?"
    "|^sobre|^sob|dobro|gol|arroz|^torres?|lagostas?)$"
)
"""Ends of words, or words, with a closed "e" or "o". It is open again in the plural of many nouns: ovo, ovos."""
_OPEN_WORDS = re.compile(
    "(?:(?:tiv|quis|fiz|pud|soub|troux|houv|diss|pus|^d|^vi)(?:er(?:em|mos|es|am?)?|esse[sm]?)"
    "|(?:^|esp|consid|^g|op|lib|sup|alt|recup|tol|acel)eram|quer(?:em|es)?|s?equer|(?:mulh|colh|talh)er(?:es)?|^dez"
    "|(?:confess|acess|atravess|estress)e[sm]?|^velh[ao]s?|evangelhos?|grelhas?|^(?:p|r|pr)ezam?|^pesam?|invejam?|brejos?"
    "|^(?:pe|me|come|impe)ç[ao]m?|credos?|teses?|fezes|quedas?|moedas?|(?:melh|mai|men|pi|su|(?:ar)?red)or(?:es)?"
    "|^adoram?|^olham?|^[nv]ossos?|^posso|^logo|^volto|troços?)$"
)
"""Words with such an end whose vowel is open all the same."""
_VOICED = tuple("bdgjlmnrvz")
_GLIDES_ON = re.compile(f"{_VOWEL}[^{_LETTERS}]+[eo]$")
_HUSHING = ("ʃy", "ʒy", "ʧy", "ʤy")
"""After these a glide wouldn't be heard."""


def phonemes(text: str) -> str:
    """How a text whose figures are written out is pronounced."""
    return spelling.text_by_words(text, _linked)


def _linked(word: str, following: str) -> str:
    """A word as it sounds before `following`: "os amigos" has a "z", "mercado hoje" a "w"."""
    said, after = _word(word), following.removeprefix("h")
    if after.startswith(tuple(_LETTERS)):
        if _GLIDES_ON.search(word) and not said.endswith(_HUSHING):
            return said[:-1] + {"ʊ": "w", "y": "j"}.get(said[-1], said[-1])
        return said[:-1] + {"s": "z", "r": "ɾ"}.get(said[-1:], said[-1:])
    return said[:-1] + "z" if said.endswith("s") and after.startswith(_VOICED) else said


def _word(word: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    sounds = _SPELLING.sounds(word.replace("'", ""))
    nuclei = [at for at, sound in enumerate(sounds) if sound.is_nucleus]
    if not nuclei:
        return spelling.joined(sounds)
    if len(nuclei) == 1:
        sounds[nuclei[0]] = _of_one_syllable(sounds[nuclei[0]])
    elif len(nuclei) > 2:
        sounds[nuclei[-2]] = _gliding(word, sounds, nuclei)
    return spelling.joined(sounds if word in _WEAK else _stressed(word, sounds, nuclei))


def _of_one_syllable(vowel: Sound) -> Sound:
    """An "a" that isn't weakened, though it is the last one: "da", "mas"."""
    return replace(vowel, phonemes="a") if vowel.phonemes == "æ" else vowel


def _gliding(word: str, sounds: list[Sound], nuclei: list[int]) -> Sound:
    """The last vowel but one, where that is an "i" between the stressed syllable and the last one: "história"."""
    at = nuclei[-2]
    is_glide = sounds[at].written == "i" and at == nuclei[-1] - 1 and _stress(word, sounds, nuclei) < at
    return replace(sounds[at], phonemes="j") if is_glide and sounds[at].phonemes == "i" else sounds[at]


def _stressed(word: str, sounds: list[Sound], nuclei: list[int]) -> list[Sound]:
    at = _stress(word, sounds, nuclei)
    said, following = sounds[at].phonemes, sounds[at + 1].phonemes if at + 1 < len(sounds) else ""
    if sounds[at].written in _OPEN and following not in _NASALS and _is_open(word):
        said = _OPEN.get(said, said)
    if said in ("a", "æ") and following in _NASALS:
        said = "ɐ̃"
    weakened = [replace(each, phonemes="æ") if each.phonemes == "a" else each for each in sounds[at + 1 :]]
    return spelling.stressed([*sounds[:at], replace(sounds[at], phonemes=said), *weakened], at)


def _is_open(word: str) -> bool:
    return bool(_OPEN_WORDS.search(word)) or not _CLOSED.search(word)


def _stress(word: str, sounds: list[Sound], nuclei: list[int]) -> int:
    """Where the stress is: on an accent, else on the last "ã" or "õ", else by how the word ends."""
    for at in nuclei:
        if sounds[at].written in _ACCENTED:
            return at
    for at in reversed(nuclei):
        if sounds[at].written in _NASAL_SIGNED:
            return at
    return nuclei[-1] if len(nuclei) == 1 or _STRESSED_AT_END.search(word) else nuclei[-2]
