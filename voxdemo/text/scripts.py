"""Which letters a language is written with. Knows no voice: what is said of them is another's to know."""

import unicodedata
from collections.abc import Mapping

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

_LATIN = r"\p{Latin}"
WRITTEN_IN: Mapping[str, str] = {
    **dict.fromkeys(("es", "fr", "it", "pt"), _LATIN),
    "ja": rf"{_LATIN}\p{{Han}}\p{{Hiragana}}\p{{Katakana}}",
    "zh": rf"{_LATIN}\p{{Han}}",
}
"""The scripts of each language (ISO 639-1), as a set of `regex`. All of them have words in Latin letters."""
_ALWAYS = r"\p{Common}\p{Inherited}"
"""Figures and signs that no script has for itself, and marks that belong to the letter before."""

_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl", "No"})


def foreign(text: str, language: str) -> list[str]:
    """The letters in `text` of scripts that the language isn't written in, each once, in order.

    Digits of other scripts aren't among them: they are read as figures.
    """
    others = regex.findall(rf"[^{_ALWAYS}{WRITTEN_IN[language]}]", text)
    return [each for each in dict.fromkeys(others) if unicodedata.category(each) in _LETTERS]
