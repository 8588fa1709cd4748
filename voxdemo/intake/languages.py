"""Languages as people and programs call them, and the codes that recognisers know. The names are Unicode's."""

from collections.abc import Mapping
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from voxdemo.errors import InputError
from voxdemo.speech import RecognizerInfo

UNSAID = frozenset({"", "auto", "automatic", "detect", "mul", "none", "null", "und", "undefined", "unknown"})
"""How programs spell that the language is to be found out; the words for nothing come from forms made by hand."""
_OF_PLACES = ("en", "pt")
"""Languages that people call by their place, too."""
_MORE_NAMES = {"mandarin": "zh", "mandarin chinese": "zh"}
_MORE_CODES = {"nb": "no"}
"""What Unicode keeps apart, and recognisers don't."""


def code_of(asked: str | None, recognizer: RecognizerInfo) -> str | None:
    """The recogniser's own code for a language that is asked for as "EN", "en-US", "en_GB.UTF-8", "eng" or "English".

    None: to be found out. Raises InputError for a language that it doesn't know.
    """
    known = recognizer.languages
    wanted = (asked or "").strip().casefold()
    if wanted in UNSAID:
        return None
    by_tag = {_current(code): code for code in known} | {code: code for code in known}
    tag = wanted.replace("_", "-").partition("-")[0]
    for name in (tag, _current(tag), _current(_codes_by_name().get(wanted, tag))):
        if name in by_tag:
            return by_tag[name]
    for code in known:
        if wanted == own_name(code).casefold():
            return code
    raise InputError(
        "{title} doesn't know the language {language!r}: leave it out and it is found out, or send one of {these}.",
        code="unknown_language",
        reason="named",
        title=recognizer.title,
        language=wanted[:40],
        these=", ".join(known),
    )


def plain_code(asked: str) -> str | None:
    """The ISO 639-1 code of a language by a code or a tag, "es" for "es-ES"; None: it is to be found out."""
    code = asked.strip().casefold().replace("_", "-").partition("-")[0]
    return None if code in UNSAID else _current(code)


def title_of(tag: str) -> str:
    """A language in English, by its BCP 47 tag: "American English" for "en-US", "Spanish" for "es-ES"; else the tag."""
    named, code = Locale("en").languages, tag.partition("-")[0]
    return (code in _OF_PLACES and named.get(tag.replace("-", "_"))) or named.get(code) or tag


def accent_of(tag: str) -> str:
    """How a language sounds where it's spoken in several ways, in English: "American" for "en-US"; else ""."""
    title, plain = title_of(tag), title_of(tag.partition("-")[0])
    return title.removesuffix(plain).strip() if title not in (plain, tag) else ""


def _current(code: str) -> str:
    """The code that Unicode uses today for one of ISO 639 or an outdated one: "de" for "ger", "he" for "iw"."""
    aliases: Mapping[str, str] = get_global("language_aliases")
    return _MORE_CODES.get(code) or aliases.get(code, code)


@cache
def _codes_by_name() -> Mapping[str, str]:
    """By its English name, in lower case; "American English" is a language, too."""
    named = Locale("en").languages.items()
    return {name.casefold(): code.partition("_")[0] for code, name in named} | _MORE_NAMES


@cache
def own_name(code: str) -> str:
    """What a language calls itself, such as "español"; "" where Unicode doesn't know."""
    try:
        return Locale.parse(_current(code)).get_language_name() or ""
    except (UnknownLocaleError, ValueError):
        return ""
