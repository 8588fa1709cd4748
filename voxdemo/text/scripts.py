"""Which letters a language is written with, and which language letters are of. Knows no voice.

What is said of the letters is another's to know.
"""

import unicodedata
from collections.abc import Iterator, Mapping

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


# Stretches of another script inside a text

OF_SCRIPT: Mapping[str, str] = {
    "zh": r"\p{Han}\p{Hiragana}\p{Katakana}ー",
    "ko": r"\p{Hangul}",
    "ru": r"\p{Cyrillic}",
    "el": r"\p{Greek}",
    "he": r"\p{Hebrew}",
    "ar": r"\p{Arabic}",
    "hi": r"\p{Devanagari}",
    "th": r"\p{Thai}",
}
"""The language (ISO 639-1) that letters are taken to be of, where nothing else is known; Han beside kana is "ja"."""
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_WORD = regex.compile(r"[\p{L}\p{N}]")
_NAMED = "|".join(rf"(?P<{name}>[{letters}][{letters}\p{{M}}\p{{Nd}}・]*)" for name, letters in OF_SCRIPT.items())
_STRETCH = regex.compile(
    rf"[\p{{Ps}}\p{{Pi}}]{{0,2}}(?:(?<![\p{{Nd}}.,:/])\p{{Nd}}[\p{{Nd}}.,:/]*)?(?:{_NAMED})[\p{{Pe}}\p{{Pf}}\p{{Po}}]*"
)
"""Letters of one script, with the figures, the brackets and the stops that touch them."""


def languages_in(text: str) -> frozenset[str]:
    """The languages that a text's letters of other scripts than Latin are taken to be of."""
    found = {language for language, letters in OF_SCRIPT.items() if regex.search(f"[{letters}]", text)}
    return frozenset({*found, "ja"} if _KANA.search(text) else found)


def stretches(text: str, foreign: str) -> list[tuple[str | None, str]]:
    """All of `text`, cut where its language changes, each with the language that its letters are taken to be of.

    None is the text's own: only a stretch with one of the `foreign` letters has another one. There is something to say
    in each, but where there isn't in the text. Linear.
    """
    pieces: list[tuple[str | None, str]] = []
    for line in text.splitlines(keepends=True):
        for language, stretch in _cut(line, frozenset(foreign)):
            before, said = pieces[-1] if pieces else (language, "")
            if before != language and _WORD.search(stretch) and _WORD.search(said):
                pieces.append((language, stretch))
            else:
                pieces[-1:] = [(before if _WORD.search(said) else language, said + stretch)]
    return pieces


def _cut(line: str, foreign: frozenset[str]) -> Iterator[tuple[str | None, str]]:
    is_japanese, at = bool(_KANA.search(line)), 0
    for found in _STRETCH.finditer(line):
        if not foreign.isdisjoint(found[0]):
            language = next(name for name, letters in found.groupdict().items() if letters)
            yield None, line[at : found.start()]
            yield "ja" if language == "zh" and is_japanese else language, found[0]
            at = found.end()
    yield None, line[at:]
