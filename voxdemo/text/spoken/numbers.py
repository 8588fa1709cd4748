"""Numbers in words: what a written figure means, and how it is said by itself.

The words are those of Unicode's CLDR (unicode-rbnf), with what it gets wrong put right. Knows no text around a figure.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from unicode_rbnf import RbnfEngine

MOST_DIGITS = 15
"""A whole number of more digits is read digit by digit; rules for words end at 10^18."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it was written."""

    whole: str
    decimals: str = ""
    point: str = ""
    """The sign before the decimals."""
    sign: str = ""
    is_code: bool = False
    """Whether it is a row of digits rather than an amount: with a zero before it, or long and not grouped."""

    @property
    def is_one(self) -> bool:
        return self.whole == "1" and not self.decimals

    @property
    def is_millions(self) -> bool:
        """Whether the last word is "millions" or greater."""
        return len(self.whole) > 6 and self.whole.endswith("000000") and not self.decimals


def parsed(written: str, decimal: str) -> Figure:
    """The figure in `written`, where `decimal` ("," or ".") is what the language has before decimals.

    A separator that stands once and before three digits parts thousands, unless it is `decimal` or follows a zero.
    """
    sign = written[0] if not written[0].isdigit() else ""
    plain = re.sub(r"[^\d.,]", "", written)
    separators = re.findall("[.,]", plain)
    if not separators:
        is_code = len(plain) > MOST_DIGITS or (plain in written and len(plain) > 9) or plain[0] == "0" < plain[1:]
        return Figure(plain, sign=sign, is_code=is_code)
    last = separators[-1]
    head, _, tail = plain.rpartition(last)
    is_alone = len(separators) == 1
    grouped = separators.count(last) > 1 or (
        is_alone and len(tail) == 3 and len(head) <= 3 and last != decimal and head.strip("0") and head[0] != "0"
    )
    if grouped:
        return Figure(re.sub("[.,]", "", plain), sign=sign)
    return Figure(re.sub("[.,]", "", head), tail, last, sign)


@cache
def _engine(language: str) -> RbnfEngine:
    return RbnfEngine.for_language(language)


@cache
def _words(number: str, language: str, ruleset: str) -> str:
    found = _engine(language).format_number(int(number), ruleset_names=[f"spellout-{ruleset}"]).text
    if language == "es" and ruleset == "cardinal-feminine":
        millions, scale, rest = re.fullmatch(r"(?:(.*)(mill(?:ón|ones)))?(.*)", found).groups("")  # type: ignore[union-attr]
        found = millions + scale + re.sub(r"(?<=ient)os", "as", rest)
    return found.replace("-et-", " et ")


def cardinal(digits: str, language: str, ruleset: str = "numbering") -> str:
    """A whole number of up to MOST_DIGITS digits; `ruleset` is CLDR's, such as "cardinal-feminine"."""
    return _words(digits.lstrip("0") or "0", language, ruleset)


def ordinal(number: int, language: str, ruleset: str) -> str:
    return _words(str(number), language, f"ordinal-{ruleset}")


def digit_by_digit(digits: str, language: str) -> str:
    return " ".join(cardinal(digit, language) for digit in digits)


def decimals(digits: str, language: str) -> str:
    """What follows the point: up to three as a number, zeros before it one by one, longer ones digit by digit."""
    zeros = len(digits) - len(digits.lstrip("0"))
    rest = digits[zeros:]
    if not rest or len(digits) > 3:
        return digit_by_digit(digits, language)
    return " ".join([*[cardinal("0", language)] * zeros, cardinal(rest, language)])


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
ROMAN = r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?<=[IVXLCDM])"
"""A pattern of well-formed Roman numerals up to 3999."""


def roman(numeral: str) -> int:
    values = [_ROMAN[letter] for letter in numeral]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def plain_digits(text: str) -> str:
    """`text` with digits of every script and style as ASCII's, fractions of one character as "1/2"."""
    return _ODD_DIGIT.sub(_plain_digit, _POWER.sub(_plain_power, text))


_POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWER = re.compile(rf"(?<=[0-9])(⁻?)([{_POWERS}]{{2,15}}|(?<=⁻)[²³]|[⁰¹⁴-⁹])")
_FRACTIONS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_ROUND = "¹⁰⁴-⁹₀-₉①-⑳⑴-⒛⓪⓵-⓿❶-➓፩-፱🄀-🄊\u19da\U00010a40-\U00010a43\U00010e60-\U00010e68\U00011052-\U0001105a"
_ODD_DIGIT = re.compile(rf"(\d ?)?([{_FRACTIONS}])|(?![0-9²³])[\d{_ROUND}]")


def _plain_power(match: re.Match[str]) -> str:
    """Such as 10⁶, as 10^6; ² and ³ have words of their own."""
    return f"^{'-' if match[1] else ''}{''.join(str(_POWERS.index(sign)) for sign in match[2])}"


def _plain_digit(match: re.Match[str]) -> str:
    if match[2]:
        before = f"{match[1].strip()} " if match[1] else ""
        over = unicodedata.normalize("NFKC", match[2]).replace("⁄", "/")
        return f"{before}{over}"
    return str(int(unicodedata.numeric(match[0])))
