"""Two numbers and a slash: a fraction, a score, a date, a ratio or a page, by the words around them.

The built-in voice takes "10/10" and "1/16 inch" for dates and drops the slash before a full stop. Where nothing around
helps, a day of the year is a date, as in America. Knows no other figures.
"""

import re

from voxdemo.engines.builtin.dates import is_date
from voxdemo.text.abbreviations import MONTHS
from voxdemo.text.rules import rules
from voxdemo.text.spoken import numbers

_ORDINALS = (3, *range(5, 17), 18, 20, 25, 30, 32, 40, 50, 60, 64, 100, 125, 128, 250, 500, 1000)
_PARTS = {2: "half", 4: "quarter"} | {
    number: numbers.ordinal(number, "en", "verbose").removeprefix("one ").replace(" ", "-") for number in _ORDINALS
}
_PAIRS = {"24/7", "50/50", "20/20", "9/11", "60/40", "80/20", "70/30"}
_OF_A_SERIES = re.compile(r"(?i:\b(?:page|part|step|slide|chapter|episode|chunk|lesson|day|week|level|question)) $")
_OF_A_DATE = re.compile(
    r"(?:\b(?i:on|until|till|since|dated?|due|starting|ending|starts|ends|born|expires|thru|through)[:,]?"
    r"|\b(?:Mon|Tues?|Wed|Thu|Thurs|Fri|Sat|Sun)[.,]?|day,?) $"
)
_PERHAPS_OF_A_DATE = re.compile(r"\b(?i:by|from|to|before|after|between|and|or) $")
_MEASURE_AFTER = re.compile(
    r"(?:[ -]?(?:inch|foot|feet|yard|mile|cup|teaspoon|tablespoon|pound|ounce|pint|quart|gallon|hour|acre|ton|meter|"
    r"kilo|liter|gram|stick|scale|size|wrench|socket|bolt|screw|drill|bit|nail|plywood|drive)|\"|”|''| of\b|ths?\b"
    r"|[ -]?(?:in|ft|mi|lb|oz|yd|tsp|tbsp|km|cm|mm|kg|ml|hr|gal|L|m|g)\b(?! the| a\b))"
)
_SCORED_AFTER = re.compile(
    r" (?:stars?|points?|marks?|correct|games|questions|tests|votes|seats|students|doctors|dentists|patients|wins)\b"
)
_DATED_AFTER = re.compile(r",? (?:at \d|\d{1,2}(?::\d\d| ?[ap]m)|from \d)")


def _slashed(match: re.Match[str]) -> str:
    """Two numbers and a slash: a fraction, a score, a date or a ratio, by the words around it."""
    whole, first, second = match["whole"], int(match["first"]), int(match["second"])
    before = match.string[max(0, match.start("first") - 16) : match.start("first")]
    after = match.string[match.end() : match.end() + 16]
    measured = _MEASURE_AFTER.match(after) or before.rstrip().endswith("=")
    scored = _SCORED_AFTER.match(after)
    is_part = second in _PARTS and first > 0 and (first < second or bool(measured))
    if whole:
        return f"{whole} and {_part(first, second, mixed=True)}" if is_part else match[0]
    if f"{first}/{second}" in _PAIRS or after.startswith(" time"):
        return f"{first} {second}"
    if _OF_A_SERIES.search(before) and first <= second:
        return f"{first} of {second}"
    if not measured and _is_dated(first, second, before, after, is_part):
        month, day = (first, second) if is_date(first, second) else (second, first)
        return f"{MONTHS[month - 1]} {day}"
    if is_part and (measured or (not scored and (second < 10 or _is_small_part(first, second)))):
        return _part(first, second)
    if first <= second and (scored or second in (first, 10) or not is_date(first, second)):
        return f"{first} out of {second}"
    return f"{MONTHS[first - 1]} {second}" if is_date(first, second) else f"{first} over {second}"


def _is_small_part(first: int, second: int) -> bool:
    return not is_date(first, second) and (second in (16, 32, 64, 128) or (first == 1 and second > 31))


def _is_dated(first: int, second: int, before: str, after: str, is_part: bool) -> bool:
    sure = _OF_A_DATE.search(before) or _DATED_AFTER.match(after)
    perhaps = _PERHAPS_OF_A_DATE.search(before) and not (is_part and second <= 10) and second % 10 and first != second
    return bool(sure or perhaps) and (is_date(first, second) or is_date(second, first))


def _part(first: int, second: int, mixed: bool = False) -> str:
    part = _PARTS[second]
    if first == 1:
        return f"{'an' if mixed and second in (8, 11, 18) else 'a' if mixed else '1'} {part}"
    return f"{first} {'halves' if second == 2 else part + 's'}"


def _scored(match: re.Match[str]) -> str:
    """A score with decimals: "3.8/4.0"."""
    return f"{match[1]} {'out of' if float(match[1]) <= float(match[2]) else 'over'} {match[2]}"


RULES = rules(
    (r"(?<![\w.,/$£€:-])(\d{1,3}\.\d{1,3})/(\d{1,4}(?:\.0{1,2})?)(?![\w/]|[.,:]\d)", _scored),
    (r"(?<![\w.,/$£€:-])(?:(?P<whole>\d{1,3})[ -])?(?P<first>\d{1,4})/(?P<second>\d{1,4})(?![\w/]|[.,:]\d| ?=)",
     _slashed),
)  # fmt: skip
"""What is found and how it is said, in this order."""
