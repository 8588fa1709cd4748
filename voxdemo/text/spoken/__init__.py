"""Figures and signs of a text in the words of its language, as a newsreader says them."""

import re
from functools import cache

from voxdemo.text.rules import CompiledRules, rules
from voxdemo.text.spoken import cjk, latin
from voxdemo.text.spoken.numbers import plain_digits
from voxdemo.text.spoken.tables.chinese import CHINESE
from voxdemo.text.spoken.tables.french import FRENCH
from voxdemo.text.spoken.tables.italian import ITALIAN
from voxdemo.text.spoken.tables.japanese import JAPANESE
from voxdemo.text.spoken.tables.portuguese import PORTUGUESE
from voxdemo.text.spoken.tables.spanish import SPANISH

_LATIN = {table.code: table for table in (SPANISH, FRENCH, ITALIAN, PORTUGUESE)}
_CJK = {table.code: table for table in (JAPANESE, CHINESE)}


def spoken(text: str, language: str) -> str:
    """`text` with no figure left in it; as it is, where it has neither figures nor signs to say.

    `language` is one of "es", "fr", "it", "pt", "ja" and "zh"; raises KeyError for others. Linear in practice.
    """
    said = plain_digits(text)
    for pattern, replacement in _rules(language):
        said = pattern.sub(replacement, said)
    return text if said == text else _tidied(said)


@cache
def _rules(language: str) -> CompiledRules:
    return rules(*(cjk.rules_of(_CJK[language]) if language in _CJK else latin.rules_of(_LATIN[language])))


def _tidied(text: str) -> str:
    """`text` without the spaces that words bring along where a sign was."""
    text = re.sub(r"(?<=[^\s])[ \u00a0\u202f\u2009]{2,}", " ", text)
    return re.sub(r"^ +| +$|(?<=[(\[«“¿¡]) +| +(?=[.,;:!?)\]»”])", "", text, flags=re.MULTILINE)
