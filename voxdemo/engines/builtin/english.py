"""English text made safe and readable for a voice that knows English letters, digits and everyday symbols.

People paste e-mail addresses, markdown, card numbers, emoji and kings. `readable` rewrites what a reader would trip
over. Its rule is that no letter and no digit is lost: accents are folded to the letters they sit on, symbols get their
names, and letters of another script are reported by `unsayable`, never skipped. Two things are silent on purpose, as
when a person reads aloud: pictures (emoji), and the address behind a markdown link. Knows nothing of models or sound.
"""

import re
import unicodedata
from functools import lru_cache

from voxdemo.engines.builtin import amounts
from voxdemo.engines.builtin.figures import spoken
from voxdemo.engines.builtin.measures import with_plain_units
from voxdemo.text.spoken import numbers

LONGEST_WORD = 24
"""Letters. Readers of unknown words take no more at once (hibari's net cuts off after 24); longer ones are halved."""

LONGEST_NUMBER = 12
"""Digits. Without commas, anything longer is a card or serial number and is read digit by digit."""

LARGEST_GROUPS = 11
"""Comma groups that still have a name ("decillion" is 1 and eleven times 000)."""


def readable(text: str) -> str:
    """`text` in English letters, digits and everyday punctuation, ready to be read aloud; "" if nothing is left.

    Letters of other scripts are left out: refuse them first, with `unsayable`. Never raises.
    """
    text = with_plain_units(_without_link_targets(text))
    text = _GREEK_SYMBOL.sub(lambda m: f" {_letter_name(m[0])} ", text)
    text = _SUPERSCRIPT.sub(lambda m: "^" + unicodedata.normalize("NFKC", m[1]).replace("−", "-"), text)
    text = _AFTER_DIGIT_FRACTION.sub(" ", text)
    text = "".join(_plain(char) or "" for char in text)
    text = _PATH.sub(_spoken_address, _ADDRESS.sub(_spoken_address, _PLACEHOLDER.sub(r"\1", text)))
    text = _REPEATED.sub(_calmed, text.translate(_ROUND_BRACKETS))
    text = _plain_romans(_plain_numbers(spoken(text)))
    text = _LONG_WORD.sub(_halved, _LONG_CHUNK.sub(r"\g<0> ", text))
    return _SPACES.sub(" ", text).strip()


@lru_cache(maxsize=8)  # a whole text is looked at again for each of its parts
def unsayable(text: str) -> list[str]:
    """The letters in `text` that English has no sound for, each once, in order; empty if all can be read."""
    text = _GREEK_SYMBOL.sub("", with_plain_units(_without_link_targets(text)))
    return [char for char in dict.fromkeys(text) if _plain(char) is None]


def is_spelt(symbol: str) -> bool:
    """Whether a sign is said by letters or words: "kilogram" for ㎏, but nothing for ™."""
    said = with_plain_units(symbol) if with_plain_units(symbol) != symbol else _plain(symbol)
    return any(map(str.isalnum, said or ""))


# Characters

_GREEK = r"[Ͱ-Ͽἀ-῿]"
_GREEK_SYMBOL = re.compile(rf"(?<!{_GREEK})[Α-Ωα-ω](?!{_GREEK})")
_KEPT = amounts.SIGNS | frozenset("“”—…°±×÷§¶©®™•→←²³µàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ\n")
_SAID = {
    **dict.fromkeys("‘’‚‛′ʻʼʹ", "'"), **dict.fromkeys("«»„‟″", '"'), **dict.fromkeys("–‒‐‑−", "-"), "―": "—",
    **dict.fromkeys("。｡", ". "), **dict.fromkeys("、،", ", "), "？": "? ", "؟": "? ", "！": "! ", "؛": "; ",
    **dict.fromkeys("〜～∼", "~"), "♯": " sharp", "♭": " flat", "‰": " per thousand", "⁄": "/", "№": " number ",
    "≤": " less than or equal to ", "≥": " greater than or equal to ", "≠": " not equal to ",
    "≈": " about ", "∞": " infinity ", "√": " square root of ", "ß": "ss", "ẞ": "SS", "þ": "th", "Þ": "Th",
    "ð": "th", "Ð": "Th", "\r": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n",
}  # fmt: skip
_SILENT = ("M", "Cf", "Cs", "Co", "Cn", "Sk", "So")  # marks, formatting, no characters at all, pictures
_LATIN = re.compile(r"LATIN (CAPITAL|SMALL)(?: LETTER| LIGATURE)?(?: DOTLESS)? ([A-Z]{1,2})(?: WITH .*)?$")
_SUPERSCRIPT = re.compile(r"(?<=[\w)])([⁰¹²³⁴-⁹]{2,}|[⁻⁺][⁰¹²³⁴-⁹]+|[⁰⁴-⁹])")
_AFTER_DIGIT_FRACTION = re.compile(r"(?<=\w) ?(?=[½¼¾⅐-⅞])")
_ROUND_BRACKETS = str.maketrans("[]{}", "()()")


@lru_cache(maxsize=4096)
def _plain(char: str) -> str | None:
    """What to read for one character; None for a letter or numeral without a reading."""
    if char in _SAID:
        return _SAID[char]
    category = unicodedata.category(char)
    if char in _KEPT or (char.isascii() and category != "Cc"):
        return char
    if category[0] == "Z" or category == "Cc":
        return " "
    if latin := _LATIN.match(unicodedata.name(char, "")):
        return latin[2] if latin[1] == "CAPITAL" else latin[2].lower()
    if (simpler := unicodedata.normalize("NFKC", char)) != char:
        parts = [_plain(part) for part in simpler]
        return None if None in parts else "".join(part for part in parts if part)
    return _plain_by_category(char, category)


def _plain_by_category(char: str, category: str) -> str | None:
    if category.startswith(_SILENT) or "\u02c2" <= char <= "\u02df":  # the latter are stress and tone marks
        return ""
    if category[0] == "P":
        return " "
    if category in ("Sm", "Sc"):
        return f" {unicodedata.name(char, '').lower()} "
    value = unicodedata.numeric(char, -1.0)
    return str(int(value)) if category[0] == "N" and value >= 0 and value.is_integer() else None


def _letter_name(char: str) -> str:
    """The name of a Greek letter: "alpha" for α."""
    return unicodedata.name(char).split("LETTER ")[1].replace("FINAL ", "").replace("LAMDA", "LAMBDA").lower()


# Addresses, markup, rows of signs

_LINK = re.compile(r"!?\[([^\[\]]+)\]\(([^()\s]*)\)")
_ADDRESS_LIKE = re.compile(r"://|^[/#.]|^mailto:|\.\w")
_ADDRESS = re.compile(
    r"(?:https?://|ftp://|www\.)[^\s<>\"“”]+[\w/]|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
    r"|\b(?:[\w-]{1,64}\.){1,8}(?:com|org|net|edu|gov|io|dev|app|ai|co\.uk|de|eu)\b(?:/[^\s<>\"“”]*\w)?",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"(?:(?<![\w/<.~)])(?<!\d )~?/[A-Za-z.][\w.-]{0,60}(?:/[\w.-]{1,60}){1,20}|"
    r"(?<=\b(?:in|to|at|of|on|ls|cd|rf|or) )/[A-Za-z][\w.-]{1,60})(?<![.-])"
)
"""Of a file: "/etc/hosts". A rate like "5 items /day" isn't one."""
_ADDRESS_SIGNS = {
    ".": " dot ", "/": " slash ", "@": " at ", "-": " dash ", "_": " underscore ", "?": " question mark ",
    "#": " hash ", "=": " equals ", "&": " and ", "%": " percent ", "+": " plus ", "~": " tilde ", ":": " colon ",
}  # fmt: skip
_PLACEHOLDER = re.compile(r"(?<![\w<])<([A-Za-z][A-Za-z _-]{1,40})>(?!\w)")  # "<your name>"
_REPEATED = re.compile(r"([!?])[!?]+|([^\w\s])\2{2,}")
_SPACES = re.compile(r" {2,}")
_LONG_WORD = re.compile(rf"[^\W\d_]{{{LONGEST_WORD + 1},}}")
_LONG_CHUNK = re.compile(r"\S{59}\W")  # without a space; readers of words look at each such stretch again and again


def _without_link_targets(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    return _LINK.sub(lambda m: m[1] if _ADDRESS_LIKE.search(m[2]) else m[0], text)


def _spoken_address(match: re.Match[str]) -> str:
    address = re.sub(r"\bwww\b", "W W W", match[0].replace("://", ", "), flags=re.IGNORECASE)
    return " ".join("".join(_ADDRESS_SIGNS.get(char, char) for char in address).split())


def _calmed(match: re.Match[str]) -> str:
    """One sign for a row of them: "!!!" shouts once, "-----" is a line."""
    return match[1] or {".": "…", "-": "—", "…": "…", "—": "—"}.get(match[2], " ")


def _halved(match: re.Match[str]) -> str:
    word = match[0]
    parts = -(-len(word) // LONGEST_WORD)
    size = -(-len(word) // parts)
    return " ".join(word[start : start + size] for start in range(0, len(word), size))


# Numbers

_DOTTED = re.compile(r"(?<!\d)\d+(?:\.\d+){2,}")
_TOO_LARGE = re.compile(rf"\d{{1,3}}(?:,\d{{3}}){{{LARGEST_GROUPS + 1},}}(?!\d)")
_LISTED = re.compile(r"(?<=\d),(?=\d)(?!\d{3}(?!\d))|(?<=\d{4}),(?=\d)")
_LONG_FRACTION = re.compile(rf"(?<=\d)\.(?=\d{{{LONGEST_NUMBER + 1},}})")
_LONG_RUN = re.compile(rf"\d{{{LONGEST_NUMBER + 1},}}")
_LEADING_ZERO = re.compile(r"(?<![\d.,:/-])0\d+(?![\d:/]|[-.,]\d)")


def _plain_numbers(text: str) -> str:
    text = _DOTTED.sub(lambda m: m[0].replace(".", " point "), text)
    text = _TOO_LARGE.sub(lambda m: m[0].replace(",", ""), text)
    text = _LISTED.sub(", ", text)
    text = _LONG_FRACTION.sub(" point ", text)
    return _LEADING_ZERO.sub(_digit_by_digit, _LONG_RUN.sub(_digit_by_digit, text))


def _digit_by_digit(match: re.Match[str]) -> str:
    """Digits apart, in threes, and no last one alone: "1 2 3, 4 5 6 7" for 1234567."""
    groups = map(" ".join, re.findall(r"\d{3}(?=\d\d)|\d+", match[0]))
    return f" {', '.join(groups)} "


# Roman numerals. Only what can hardly be anything else is read as a number; I, C, D, MIX, CD and XL stay as they are.

_SMALL = r"(?=[XVI])X{0,3}(?:IX|IV|V?I{0,3})(?!\w)"  # 1 to 39
_NUMERAL = r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?!\w)"
_HEADINGS = (
    "chapter|part|act|scene|section|volume|vol|book|phase|article|world war|mark|type|level|stage|class|grade|"
    "super bowl|apollo|gemini|final fantasy|episode|round|rocky|figure|fig|table|appendix|annex|title|canto|psalm|step|"
    "season|division|amendment|schedule|tier|category|numeral|vatican|mk|number"
)
_MONARCHS = (
    "Pope|King|Queen|Emperor|Tsar|Henry|Louis|Edward|George|William|Charles|James|Richard|Elizabeth|Napoleon|Pius|"
    "Benedict|Leo|John Paul|Ramses|Ramesses|Frederick|Philip|Alexander|Nicholas|Peter|Catherine|Ivan|Umberto|"
    "Victor Emmanuel|Gustav|Christian|Ferdinand|Francis|Innocent|Clement|Gregory|Urban|Margrethe|Haakon|Harald|Carlos|"
    "Alfonso|Leopold|Otto|Wilhelm|Franz Joseph|Darius|Xerxes|Ptolemy|Cleopatra|Thutmose|Amenhotep|Mary|Robert"
)
_CENTURY = re.compile(
    rf"(?<!\w)({_SMALL})(?=(?:(?:, | and | or | to |-|, and )(?:the )?{_SMALL}){{0,4}}[ -](?:[Cc]entur|CENTUR))"
)
_MONARCH = re.compile(rf"\b({_MONARCHS}) ({_SMALL})(?!\.\w)(\.(?= [A-Z]))?(?=( \w+)?)")
_HEADED = re.compile(rf"\b((?i:{_HEADINGS})\.?) ({_NUMERAL})(?![.']\w)(?= ?(\w*))")
_LOWER_HEADED = re.compile(
    r"\b((?i:act|scene|chapter|section|part|page|note|item|clause)) ((?:[ivx]{2,}|i(?! \w))(?!\w))"
)
_LISTED_NUMERALS = re.compile(rf"(?<![\w.'])(?:{_SMALL}(?:, and |, or |, | and | or | to |-))+{_SMALL}")
_ALONE = re.compile(
    r"(?<![\w.'])(?:([A-Z][a-z]+) )?(?=[XVI]{2})" + rf"({_SMALL})(?! (?:drip|fluid|line|bag|antibiotic))"
)
_YEAR = re.compile(rf"(?<![\w.'])(?=M[MDCLXVI]{{3}}){_NUMERAL}")
_ALSO_WORDS = frozenset({"IV", "XX", "XXX"})  # a drip, a chromosome, a rating
_DETERMINERS = re.compile("The|An?|This|That|His|Her|My|Your|Their|Our|Its|No|Some|Any|Give|Start")
_AFTER_CLASS_ONE = re.compile(
    r"errors?|cancers?|diabetes|diabetics?|felony|felonies|trauma|listed|hypersensitivity|supernovae?|superconductors?|"
    r"tumou?rs?|collagen|disease|railroads?|devices?|drugs?|lesions?|is|was|has|of|and|or|to|in|on|are|were|with"
)
_ALSO_COMMON = frozenset({"Emperor", "King", "Pope", "Queen", "Tsar", "Mary", "Peter", "Robert"})
_SENTENCE_STARTS = re.compile("The|An?|He|She|It|They|We|I|In|On|At|But|And|Then|When|His|Her|That|This|There")


def _plain_romans(text: str) -> str:
    text = _CENTURY.sub(lambda m: _ordinal(m[1]), text)
    text = _MONARCH.sub(_monarch, text)
    text = _LISTED_NUMERALS.sub(_enumerated, text)
    text = _HEADED.sub(_headed, text)
    text = _LOWER_HEADED.sub(lambda m: f"{m[1]} {_valid_value(m[2])}", text)
    text = _YEAR.sub(lambda m: str(numbers.roman(m[0])), text)
    return _ALONE.sub(_alone, text)


def _valid_value(numeral: str) -> str:
    return str(numbers.roman(numeral.upper())) if re.fullmatch(_SMALL, numeral.upper()) else numeral


def _ordinal(numeral: str) -> str:
    """A place in a row, in words: "twenty-first" for XXI."""
    return numbers.ordinal(numbers.roman(numeral), "en", "verbose")


def _monarch(match: re.Match[str]) -> str:
    """A ruler's number, "Henry the eighth"; the initial in "George V. Higgins" and the pronoun stay letters."""
    name, numeral, stop, following = match[1], match[2], match[3] or "", (match[4] or "").strip()
    initial = len(numeral) == 1 and stop and not _SENTENCE_STARTS.fullmatch(following)
    pronoun = numeral == "I" and name in _ALSO_COMMON and following.islower()
    return match[0] if initial or pronoun else f"{name} the {_ordinal(numeral)}{stop}"


def _headed(match: re.Match[str]) -> str:
    """A heading's number, "Chapter 4"; "Type C" keeps its letter and "the class I took" its pronoun."""
    heading, numeral, following = match[1], match[2], match[3]
    letter = numeral in ("C", "L", "D", "M", "CD", "CM")
    not_a_class = following.islower() and not _AFTER_CLASS_ONE.fullmatch(following)
    pronoun = numeral == "I" and heading.islower() and not_a_class
    return match[0] if letter or pronoun else f"{heading.rstrip('.')} {numbers.roman(numeral)}"


def _enumerated(match: re.Match[str]) -> str:
    if not re.search(r"[IVX]{2}", match[0]):
        return match[0]
    return re.sub(r"[IVX]+", lambda numeral: str(numbers.roman(numeral[0])), match[0])


def _alone(match: re.Match[str]) -> str:
    name, numeral = match[1], match[2]
    if numeral in _ALSO_WORDS and (name is None or _DETERMINERS.fullmatch(name)):
        return match[0]
    return f"{name} {numbers.roman(numeral)}" if name else str(numbers.roman(numeral))
