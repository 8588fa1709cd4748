"""What of a text a voice can say, judged by the languages it reads.

Pure Unicode. Knows no voice and writes no sentences for people.
"""

import unicodedata

from voxdemo.engines.builtin import english

_UNSAYABLE = {"en": english.unsayable}
"""What each language (ISO 639-1) has no sound for. A language that isn't here is taken to read everything."""

_SAID = frozenset("°©®™℠¦№")
"""Pictures by their category that English voices say or pass over harmlessly."""

_PICTURES = ("So", "Co", "Cn")
"""Symbols and emoji; characters newer than this Python's Unicode tables count as unassigned (Cn)."""

_ATTACHED = ("Mn", "Mc", "Me", "Cf")
"""What belongs to the character before it: accents, vowel signs, variation selectors, joiners."""

_SKIN_TONES = range(0x1F3FB, 0x1F400)

_CLOSING = ",.;:!?…"


def unreadable(text: str, languages: tuple[str, ...]) -> str:
    """The distinct characters of `text`, as they first appear, that a voice for `languages` (ISO 639-1) can't say.

    Those are letters that none of the languages has a sound for, and emoji and other pictures. Typographic signs ("&",
    "§", "°", "→") are not among them, nor are accents, joiners and skin tones: `without` takes those out with the
    character they belong to.
    """
    if not languages or not _UNSAYABLE.keys() >= set(languages):
        return ""
    silent = set.intersection(*(set(_UNSAYABLE[language](text)) for language in languages))
    return "".join(character for character in dict.fromkeys(text) if character in silent or _is_picture(character))


def without(text: str, characters: str) -> str:
    """`text` less `characters` and what is attached to them, with single spaces and its paragraphs kept."""
    kept: list[str] = []
    dropping = False
    for character in text:
        if character in characters or (dropping and _is_attached(character)):
            dropping = True
            continue
        if dropping:
            _close_gap(kept, character)
            dropping = False
        kept.append(character)
    return _tidy("".join(kept))


def control_characters(text: str) -> str:
    """The distinct characters of `text` that no honest text holds.

    Those are control characters other than tab and line ends, and lone surrogates.
    """
    return "".join(character for character in dict.fromkeys(text) if _is_control(character))


def _is_picture(character: str) -> bool:
    if character in _SAID or ord(character) in _SKIN_TONES or unicodedata.category(character) not in _PICTURES:
        return False
    return not english.is_spelt(character)


def _is_attached(character: str) -> bool:
    return unicodedata.category(character) in _ATTACHED or ord(character) in _SKIN_TONES


def _is_control(character: str) -> bool:
    if character in "\t\n\r":
        return False
    return unicodedata.category(character) in ("Cc", "Cs")


def _close_gap(kept: list[str], following: str) -> None:
    """Part the words around something taken out, but leave no space before a comma or stop."""
    if following not in _CLOSING:
        kept.append(" ")
        return
    while kept and kept[-1] == " ":
        kept.pop()


def _tidy(text: str) -> str:
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines()).split("\n\n")
    return "\n\n".join(paragraph.strip() for paragraph in lines if paragraph.strip())
