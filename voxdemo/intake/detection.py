"""Which language a text is in, where that can be said with confidence. Knows no voice.

Letters decide first, then py3langid: of the detectors in wheels it is the surest of three to five words (measured on
messages of coreutils in 20 languages, and English ones beside them), and takes 0.2 ms for a text.
"""

import logging
from functools import lru_cache
from tempfile import TemporaryFile
from threading import Lock
from typing import Any

import numpy as np
import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from voxdemo.text import scripts

log = logging.getLogger(__name__)

HEAD_CHARS = 1_000
"""So much of a text is looked at."""
SURE = 0.6
"""How likely a language must be, among those that are told apart."""
MORE_THAN_ENGLISH, OF_FIVE_WORDS = 100.0, 20.0
"""How much likelier than English another language must be in a few words, and in five or more: names and loanwords in
English texts look like others."""
FEWEST_WORDS, FEWEST_SMALL = 3, 2
"""Different words that a text must have, and those among them that don't begin with a capital, as names do."""

_NEVER_SAID = ("la", "eo", "af")
"""What texts in no language (filler in Latin, names) look like."""
IN_LATIN_LETTERS = (
    "en", "es", "pt", "fr", "it", "de", "nl", "sv", "da", "no", "fi", "cs", "pl", "ro", "hu", "tr", "vi", "id", "ca",
    "hr", "sk",
)  # fmt: skip
_OF_SCRIPT = {
    "ru": ("ru", "uk", "bg", "be", "sr", "mk"),
    "ar": ("ar", "fa", "ur"),
    "hi": ("hi", "mr", "ne"),
}
"""The languages that share a script, by the one that stands for it in `scripts.OF_SCRIPT`."""
_TOLD_APART = (*IN_LATIN_LETTERS, *_NEVER_SAID, *(each for several in _OF_SCRIPT.values() for each in several))
_SCRIPTS = {
    "en": regex.compile(r"\p{Latin}"),
    "ja": regex.compile(r"[\p{Hiragana}\p{Katakana}]"),
    **{language: regex.compile(f"[{letters}]") for language, letters in scripts.OF_SCRIPT.items() if language != "zh"},
    "zh": regex.compile(r"\p{Han}"),
}
_WEIGHTS = {"zh": 2.0, "ja": 1.5, "ko": 1.5}
"""How many Latin letters a letter counts for: names in Latin letters are long beside it."""
_KANA_SHARE = 0.1
"""Japanese has so much kana beside its Han at least; a Chinese text may have a word."""
_NO_PROSE = regex.compile(r"https?://\S+|\S*[@\d_/\\=<>{}()#]\S*")
"""Addresses, figures and code."""
_WORDS = regex.compile(r"[\p{L}\p{M}'’-]+")
_SPANISH_SIGNS = regex.compile(r"[¿¡]\s*\p{L}")


def detected(text: str) -> str | None:
    """The ISO 639-1 code of the language that a text is in; None where it is too short, mixed or unclear.

    The first one that needs the detector loads it, in half a second; it keeps 18 MB. It is unpacked in the temporary
    folder: as long as there is no room nothing is detected. For any thread.
    """
    try:
        return _detected(text[:HEAD_CHARS])
    except OSError as error:
        log.warning("languages can't be detected: %s", error.strerror or type(error).__name__)
        return None


@lru_cache(maxsize=256)
def _detected(text: str) -> str | None:
    script = _script(text)
    if script == "en":
        return _of_latin(text)
    if script in _OF_SCRIPT:
        language, share = _likeliest(text, _OF_SCRIPT[script])
        return language if share >= SURE else None
    return script


def _script(text: str) -> str | None:
    """Whose letters most of a text is written in."""
    lengths = {name: len(letters.findall(text)) * _WEIGHTS.get(name, 1.0) for name, letters in _SCRIPTS.items()}
    kana, han = lengths.pop("ja"), lengths.pop("zh")
    lengths["ja" if kana > _KANA_SHARE * han else "zh"] = kana + han
    name = max(lengths, key=lambda each: lengths[each])
    return name if lengths[name] > sum(lengths.values()) / 2 else None


def _of_latin(text: str) -> str | None:
    if _SPANISH_SIGNS.search(text):
        return "es"
    prose = _NO_PROSE.sub(" ", text)
    words = _WORDS.findall(prose)
    small = [word for word in words if prose.isupper() or word[0].islower()]
    if len({*words}) < FEWEST_WORDS or len(small) < FEWEST_SMALL:
        return None
    shares = _shares(" ".join(words))
    language = max(shares, key=lambda each: shares[each])
    more = MORE_THAN_ENGLISH if len(words) < 5 else OF_FIVE_WORDS
    least = SURE if language == "en" else max(SURE, more * shares["en"])
    return language if shares[language] >= least and language not in _NEVER_SAID else None


def _likeliest(text: str, languages: tuple[str, ...]) -> tuple[str, float]:
    shares = _shares(text)
    among = {language: shares[language] for language in languages}
    language = max(among, key=lambda each: among[each])
    return language, among[language] / sum(among.values())


def _shares(text: str) -> dict[str, float]:
    """How likely each language of _TOLD_APART is; all of them 1 together."""
    with _LOADING:  # or two that come at once load it twice
        identifier = _loaded()
    return {language: float(share) for language, share in identifier.rank(text)}


def load() -> None:
    """Load the detector before a first text needs it, as far as there is room. For any thread but the event loop's."""
    detected("This is a text whose letters don't say which language it is in.")


_LOADING = Lock()


@lru_cache(maxsize=1)
def _loaded() -> Any:
    """py3langid's identifier for _TOLD_APART: its largest table, of 39 MB, is left on the disk."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]  # it has no types

    whole = LanguageIdentifier.from_model_file(MODEL_FILE)
    columns = [whole.nb_classes.index(language) for language in _TOLD_APART]
    with TemporaryFile() as file:
        whole.tk_nextmove.tofile(file)
        file.flush()
        moves = np.memmap(file, whole.tk_nextmove.typecode, "r")
    of_languages = whole.nb_ptc[:, columns], whole.nb_pc[columns], _TOLD_APART
    return LanguageIdentifier(*of_languages, moves, whole.tk_output, norm_probs=True, tk_row=whole.tk_row)
