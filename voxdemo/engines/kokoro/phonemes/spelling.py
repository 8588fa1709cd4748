"""Pronouncing words by rules on their letters, for languages that are spelt as they are spoken. Knows no language."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

Rule = tuple[str, str]
"""A pattern, which may look at the letters around it, and the phonemes of what it finds."""

STRESS = "ˈ"
RHYTHM = "ˌ"
"""A lighter stress."""
_PIECES = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?|[^\w\s]|\s+|\d")
_OTHERS = {"ß": "ss", "ł": "l", "ø": "o", "æ": "e", "œ": "e", "đ": "d", "ð": "d", "þ": "t", "ı": "i"}
_SPACED_SIGN = re.compile(r" (?=[,.!?;:…”)])")
_SIGNS = {"«": "“", "»": "”", "¿": "", "¡": "", "–": "—", "[": "(", "]": ")"}


@dataclass(frozen=True, slots=True)
class Sound:
    """What some letters of a word sound like; `written` is the first of them.

    A nucleus is a vowel that may be stressed.
    """

    phonemes: str
    written: str
    is_nucleus: bool


class Spelling:
    """How letters sound: at each place the first rule that fits, those of consonants before those of vowels."""

    def __init__(self, consonants: Sequence[Rule], vowels: Sequence[Rule]) -> None:
        rules = [*consonants, *vowels]
        self._pattern = re.compile("|".join(f"({pattern})" for pattern, _ in rules) + "|(.)")
        self._sounds = [sound for _, sound in rules]
        self._first_vowel = len(consonants)
        self._letters = frozenset("".join(pattern for pattern, _ in rules))

    def sounds(self, word: str) -> list[Sound]:
        """The sounds of a word in lower case.

        A letter without a rule sounds as it is written; one with a mark that the language doesn't have, as without it.
        """
        word = "".join(each if each.isascii() or each in self._letters else _without_mark(each) for each in word)
        return [self._sound(match) for match in self._pattern.finditer(word)]

    def _sound(self, match: re.Match[str]) -> Sound:
        rule = (match.lastindex or 0) - 1
        phonemes = self._sounds[rule] if rule < len(self._sounds) else match[0]
        return Sound(phonemes, match[0][0], self._first_vowel <= rule < len(self._sounds))


def _without_mark(letter: str) -> str:
    """The letters of English for one that has none of its own there: "o" for "ø", "ss" for "ß"."""
    return _OTHERS.get(letter) or unicodedata.normalize("NFD", letter)[0]


def words(listed: str) -> frozenset[str]:
    """What stands between the spaces."""
    return frozenset(listed.split())


def stressed(sounds: Sequence[Sound], at: int, mark: str = STRESS) -> list[Sound]:
    """The same with the mark of stress before the sound at this place."""
    return [replace(each, phonemes=mark + each.phonemes) if n == at else each for n, each in enumerate(sounds)]


def joined(sounds: Sequence[Sound]) -> str:
    return "".join(sound.phonemes for sound in sounds)


def text_by_words(text: str, pronounced: Callable[[str, str], str]) -> str:
    """`text` in phonemes: each word as it is `pronounced`, and the signs between them as they stand.

    That is given a word in lower case and the next one, "" where a sign is between.
    """
    pieces = _PIECES.findall(unicodedata.normalize("NFC", text).replace("’", "'").lower())
    said = []
    for piece, space, following in zip(pieces, [*pieces[1:], ""], [*pieces[2:], "", ""], strict=False):
        if piece[0].isalpha():
            said.append(pronounced(piece, following if space.isspace() and following[:1].isalpha() else ""))
        else:
            said.append(" " if piece.isspace() else _SIGNS.get(piece, piece))
    return _SPACED_SIGN.sub("", " ".join("".join(said).split()))
