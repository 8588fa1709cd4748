"""The phonemes that Kokoro knows, and which numbers they are to it. Knows no language."""

import unicodedata

_SYMBOLS = (
    '_;:,.!?__—…"()“” \u0303ʣʥʦʨᵝꭧAI_____O_Q_ST__W_Yᵊabcdef_hijklmnopqrstuvwxyzɑɐɒæ__βɔɕç_ɖðʤə_ɚɛɜ__ɟ_ɡ'
    "______ɥ_ɨɪʝ______ɯɰŋɳɲɴø_ɸθœ__ɹ_ɾɻ_ʁɽʂʃʈʧ_ʊʋ_ʌɣɤ_χʎ___ʒʔ_______ˈˌː___ʰ_ʲ____↓_→↗↘___ᵻ"
)
"""Each at its number (the "vocab" in config.json of hexgrad/Kokoro-82M); "_" stands where there is none."""
_NUMBERS = {symbol: number for number, symbol in enumerate(_SYMBOLS) if symbol != "_"}
_MARKS = frozenset(_SYMBOLS[:17])
"""Punctuation and the space: no sounds."""


def known(phonemes: str) -> str:
    """`phonemes` as the model takes them: with single spaces, nasal vowels in two symbols, and nothing unknown."""
    apart = unicodedata.normalize("NFD", phonemes).replace("c\u0327", "ç")  # which it knows as one
    return " ".join("".join(each for each in apart if each in _NUMBERS).split())


def has_sound(phonemes: str) -> bool:
    return any(each not in _MARKS for each in phonemes)


def tokens(phonemes: str) -> list[int]:
    """The numbers of `known` phonemes."""
    return [_NUMBERS[each] for each in phonemes]
