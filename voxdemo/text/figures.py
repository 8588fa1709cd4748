"""Figures, signs and handles written so that an English reader of words says them as people do.

The built-in voice knows plain numbers, years, ordinals, prices like "$5.50", clock times, American and ISO dates and
many units by itself. These rules rewrite what it doesn't know into what it does. (wetext's English rules were tried:
they drop the "one" of "1,234", fail on "€" and read "the 1990s" as seconds.) Knows no sound and no letters' readings.
"""

from __future__ import annotations

import re
from collections.abc import Callable


def spoken(text: str) -> str:
    """`text` with its phone numbers, prices, units, dates, ranges, sums and handles as a reader of words takes them.

    No digit is lost. `text` is in plain characters. Linear in practice.
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


_NUMBER = r"\d{1,15}(?:,\d{3}){0,5}(?:\.\d{1,12})?"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
_CURRENCIES = {
    "CHF": ("Swiss franc", "Swiss francs"), "CAD": ("Canadian dollar", "Canadian dollars"),
    "AUD": ("Australian dollar", "Australian dollars"), "JPY": ("yen", "yen"), "CNY": ("yuan", "yuan"),
    "RMB": ("yuan", "yuan"), "INR": ("rupee", "rupees"),
}  # fmt: skip
_AMOUNTS = {"k": "thousand", "m": "million", "mn": "million", "mln": "million", "bn": "billion", "b": "billion",
            "tn": "trillion"}  # fmt: skip
_UNITS = {
    "m": "meter", "m²": "square meter", "m2": "square meter", "m³": "cubic meter", "m3": "cubic meter",
    "km²": "square kilometer", "km2": "square kilometer", "cm²": "square centimeter", "cm2": "square centimeter",
    "cm³": "cubic centimeter", "mm²": "square millimeter", "ft²": "square foot", "ft2": "square foot", "ha": "hectare",
    "l": "liter", "L": "liter", "dl": "deciliter", "cl": "centiliter", "g": "gram", "W": "watt", "V": "volt",
    "kV": "kilovolt", "mV": "millivolt", "mA": "milliamp", "kJ": "kilojoule", "kcal": "kilocalorie", "Wh": "watt hour",
    "MWh": "megawatt hour", "GWh": "gigawatt hour", "dB": "decibel", "hPa": "hectopascal", "kPa": "kilopascal",
    "h": "hour", "µs": "microsecond", "ns": "nanosecond", "px": "pixel", "m/s": "meter per second",
    "km/s": "kilometer per second", "m/s²": "meter per second squared", "kbps": "kilobit per second",
    "rpm": "revolution per minute", "bpm": "beat per minute", "ppm": "part per million",
}  # fmt: skip


def _by_digits(match: re.Match[str]) -> str:
    """Digit by digit, with a breath between groups: "5 5 5, 0 1 9 9"."""
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(" ".join(group) for group in re.findall(r"\d+", match[0]))


def _date(match: re.Match[str]) -> str:
    return f"{int(match[1])} {_MONTHS[int(match[2]) - 1]} {match[3]}"


def _with_commas(match: re.Match[str]) -> str:
    """Thousands parted by points, spaces or apostrophes; the group that is named "cents" is what follows a comma."""
    cents = match["cents"] if "cents" in match.re.groupindex else None
    return re.sub(r"[.' ]", ",", match["whole"]) + (f".{cents}" if cents else "")


def _address_or_thousands(match: re.Match[str]) -> str:
    """An IP address as it is, "1.000.000" as a number."""
    groups = match[0].split(".")
    is_address = len(groups) == 4 and all(int(group) < 256 for group in groups) and groups[1:] != ["000"] * 3
    return match[0] if is_address else match[0].replace(".", ",")


def _currency(match: re.Match[str]) -> str:
    code, number = match["before"] or match["after"], match["number"] or match["figure"]
    if code in _SYMBOLS:
        return _SYMBOLS[code] + number
    one, many = _CURRENCIES[code]
    return f"{number} {one if number == '1' else many}"


def _amount(match: re.Match[str]) -> str:
    return f"{match[1]} {_AMOUNTS[match[2].lower()]}"


def _unit(match: re.Match[str]) -> str:
    """One meter, two meters, "a 5 meter rope"."""
    article, number, unit = match[1] or "", match[2], _UNITS[match[3]]
    return f"{article}{number} {unit if article or number in ('1', '-1') else _plural(unit)}"


def _plural(unit: str) -> str:
    if unit == "square foot":
        return "square feet"
    what, per, time = unit.partition(" per ")
    return f"{what}s{per}{time}"


def _hashtag(match: re.Match[str]) -> str:
    return "hashtag " + re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", match[1])


def _file(match: re.Match[str]) -> str:
    return f" dot {match[1].upper()}"


def _alternatives(words: dict[str, str] | dict[str, tuple[str, str]]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_CODES = f"{_alternatives(_SYMBOLS)}|{_alternatives(_CURRENCIES)}"
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Numbers that are names: of phones, cards, books. Dates like 2025-03-04 are none.
        (r"(?<![\w+])\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{1,5}(?:[ -]\d{2,5}){1,4}(?![\w-])", _by_digits),
        (r"(?<!\w)\(\d{3}\) ?\d{3}[- ]\d{4}(?![\w-])", _by_digits),
        (r"(?<![\w.,/+-])(?:\d{1,2}-)?\d{3}([-. ])\d{3}\1\d{4}(?![\w-])", _by_digits),
        (r"(?<![\w.,/+-])\d{3}-\d{4}(?![\w-])", _by_digits),
        (r"(?<![\w.,/+-])(?!\d{4}-\d\d-\d\d(?!\d))\d{1,5}(?:-\d{1,7}){2,5}(?![\w-])", _by_digits),
        (r"(?<![\w.,/+-])\d{4}(?:[ -]\d{4}){2,4}(?![\w-])", _by_digits),
        (r"(?<=[Cc]all )(?:911|999|112|411)\b|(?<=[Dd]ial )(?:911|999|112|411)\b", _by_digits),
        # Dates and times
        (r"(?<![\w.])(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.((?:19|20)\d\d)(?!\w|\.\d)", _date),
        (r"(?<=\d\d-\d\d)T(?=\d\d:\d\d)", " "),
        (r"(?<![\w.:])(\d{1,2})h([0-5]\d)(?!\w)", r"\1:\2"),
        (r"(?<![\w.:])(\d{1,2})\.([0-5]\d) ?(?=[ap]\.?m\b)", r"\1:\2 "),
        (
            r"(?<![\w.:-])(\d{1,2}(?::\d\d)?(?: ?[ap]m)?) ?- ?(?=\d{1,2}:\d\d(?!\w|:)|\d{1,2}(?::\d\d)? ?[ap]m\b)",
            r"\1 to ",
        ),
        # Numbers as they are written elsewhere
        (r"(?<![\w.,])\d{1,3}(?:\.\d{3}){2,8}(?![\w,.]\w|\w)", _address_or_thousands),
        (r"(?<![\w.,])(?P<whole>\d{1,3}(?:\.\d{3}){1,8}),(?P<cents>\d{1,2})(?![\w.,]\w|\w)", _with_commas),
        (r"(?<!\d )(?<![\w.,+])(?P<whole>\d{1,3}(?:(?: \d{3}){2,8}|(?: 000){1,8}))(?! ?\d)", _with_commas),
        (r"(?<![\w.,])(?P<whole>\d{1,3}(?:'\d{3}){1,8})(?!\w)", _with_commas),
        (r"(?<![\w.])(\d(?:\.\d{1,12})?)[eE]([+-]?)(\d{1,3})(?!\w)", r"\1 times 10^\2\3"),
        (r"(?<![\w.)\]])\.(\d{1,12})(?!\w|\.\d)", lambda match: f"point {' '.join(match[1])}"),
        # Money
        (r"(?<![A-Za-z])U\.?S\.?\$(?=\d)", "$"),
        (r"(?<![\w.,])(\d{1,6}),(\d\d) ?€(?!\w)", r"€\1.\2"),
        (r"(?<=€)(\d{1,6}),(\d\d)(?!\w|[.,]\d)", r"\1.\2"),
        (rf"(?<![\w.,$£€])({_NUMBER}) ?([$£€])(?!\w| ?\d)", r"\2\1"),
        (
            rf"(?<!\w)(?:(?P<before>{_CODES}) ?(?P<number>{_NUMBER})"
            rf"|(?<![.,$£€])(?P<figure>{_NUMBER}) ?(?P<after>{_CODES}))(?!\w)",
            _currency,
        ),
        (r"(?<!\w)-(?=[$£€]\d)", "minus "),
        (rf"([$£€])({_NUMBER}) ?- ?[$£€]?(?={_NUMBER})", r"\2 to \1"),
        (rf"(?<=[$£€])({_NUMBER}) ?(bn|mn|mln|tn)\b", _amount),
        (rf"(?<![\w.,$£€])({_NUMBER}) ?(bn|mln|tn)\b", _amount),
        (rf"(?<![\w.,$£€])({_NUMBER})(k|M)(?!\w)", _amount),
        (r"(?<![\w.,$£€])(\d{1,6}\.\d{1,3})(B)(?!\w)", _amount),
        # Measures
        (rf"(?<![\w.,$£€])(\b[Aa]n? )?(-?{_NUMBER}) ?({_alternatives(_UNITS)})(?![\w²³/^'])", _unit),
        (r"(?<![\w'.])(\d)'(\d|1[01])(?:\"|''|(?![\w']))", r"\1 feet \2 inches "),
        (r"(?<=\d)(?<!\b0) ?x ?(?=\d)", " by "),
        # Sums, ratios, fractions, ranges
        (r"(?<=\d) - (?=\d[\d.,]{0,15} ?=)", " minus "),
        (r"(?<=\d) / (?=\d)", " divided by "),
        (r"(?<=\d) ?\*\*? ?(?=\d)", lambda match: "^" if "**" in match[0] else " times "),
        (r"!=", " is not equal to "),
        (r"<=", " is less than or equal to "),
        (r"[-=]>", " to "),
        (r">=", " is greater than or equal to "),
        (r"(?<![=<>])==(?!=)", " equals "),
        (
            r"(?<![\w:.])(\d{1,3}):(\d)(?![\w:])|(?<![\w:.])(\d{1,2}):(\d\d)(?= (?:ratio|aspect))",
            lambda match: f"{match[1] or match[3]} to {match[2] or match[4]}",
        ),
        (r"(?<![\w/.,])(\d{1,3}) (?=[1-9]/(?:[2-9]|1[0-6])(?![\w/]))", r"\1 and "),
        (r"(?<![\w/])(24/7|50/50)(?![\w/])", lambda match: match[1].replace("/", " ")),
        (r"(?<![\w.,/:-])(\d{1,4}(?:\.\d{1,3})?%?) ?- ?(?=\d{1,4}(?:\.\d{1,3})?(?![\w-]|[.,:/]\d))", r"\1 to "),
        # Handles, files and hearts
        (r"(?<![\w&/])#([^\W\d]\w{0,60})", _hashtag),
        (r"(?<![\w.])@(?=\w)", "at "),
        (r"\b[vV](?=\d{1,4}\.\d)", "version "),
        (r"(?<=\w)\.(pdf|txt|csv|json|html|css|js|py|jpg|jpeg|png|gif|md|xml|zip|mp3|mp4|wav|exe|docx|xlsx)\b", _file),
        (r"(?<=[^\W\d_] )<3(?![\w.])", "heart"),
    )
)
"""What is found and how it is said, in this order; each leaves the figures of the ones before it alone."""
