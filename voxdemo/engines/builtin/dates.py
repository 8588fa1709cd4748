"""Dates, days and times of day as the built-in voice reads them: numeric dates in the ISO order, "6 am" as "6:00 am".

The voice reads ISO and American dates and clock times by itself; "6 am flight" it takes for the verb. Of dates that can
be read in two ways the American reading is chosen. Knows no amounts and no phone numbers.
"""

import re

from voxdemo.text.abbreviations import MONTHS, SHORT_DAYS, SHORT_MONTHS
from voxdemo.text.rules import alternatives, rules

_MONTH_NAMES = SHORT_MONTHS | {month: month for month in MONTHS}
_DAY_NAMES = SHORT_DAYS | {day: day for day in SHORT_DAYS.values()}
_NAMES = _MONTH_NAMES | _DAY_NAMES
_LONG_MONTHS = {1, 3, 5, 7, 8, 10, 12}


def is_date(month: int, day: int) -> bool:
    """Whether there is such a day in any year."""
    return 1 <= month <= 12 and 1 <= day <= (31 if month in _LONG_MONTHS else 30 if month != 2 else 29)


def _iso(match: re.Match[str]) -> str:
    """Year first as it is, "25.12.2024" day first, "12/25/2024" month first where that is a date."""
    groups = match.groupdict()
    year, first, second = groups["year"], int(groups["first"]), int(groups["second"])
    day_first = groups.get("sign") == "." and is_date(second, first) and groups["year_last"]
    orders = [(second, first), (first, second)] if day_first else [(first, second), (second, first)]
    for month, day in orders:
        if is_date(month, day):
            return f"{year}-{month:02}-{day:02}"
    return match[0]


def _span(match: re.Match[str]) -> str:
    """Two days or months in full: "Monday to Friday" for "Mon.-Fri."."""
    return f"{_NAMES[match[1]]} to {_NAMES[match[2]]}"


def _days_of_month(match: re.Match[str]) -> str:
    """Two days of a month: "January 5 to 7th"."""
    first, last = int(match[2]), int(match[3])
    if not first < last <= 31:
        return match[0]
    ending = "th" if 10 < last < 14 else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th")
    return f"{_NAMES[match[1]]} {first} to {last}{ending}"


def _hours(match: re.Match[str]) -> str:
    """A time as soldiers say it: "oh 8 hundred hours"."""
    hour, minute = (f"oh {part[1]}" if part[0] == "0" else part for part in match.groups())
    return f"{hour} {'hundred' if minute == 'oh 0' else minute} hours"


def _hour_sign(match: re.Match[str]) -> str:
    """A time for "14h30", but how long something takes for "1h05", unless the word before says otherwise."""
    before, hour, minute = match[1] or "", match[2], match[3]
    lasts = re.fullmatch(_LASTING, before.strip().lower())
    at = re.fullmatch(_AT, before.strip().lower())
    if lasts or (len(hour) == 1 and not at):
        return f"{before}{hour} h {int(minute)} min"
    return f"{before}{hour}:{minute}"


_LASTING = "took|takes?|taking|lasts?|lasted|lasting|for|in|within|under|over"
_AT = "at|by|until|till|from|to|before|after|since|around"
_INNER_STOP = (
    r"\.(?=\W*\w)(?![\"”’')\]]* (?:The|An?|He|She|It|They|We|I|You|But|And|Then|This|That|There|In|On|At|His|Her)\b)"
)
"""The stop of "5 p.m." within a sentence, where the voice would take it for its end."""

_TIME = r"\d{1,2}(?::\d\d)?(?: ?[AaPp]\.?[Mm]\b\.?)?"
_DAY, _MONTH = (rf"(?:{alternatives(names)})" for names in (_DAY_NAMES, _MONTH_NAMES))
RULES = rules(
    (r"(?<![\w.,/-])(?P<year>(?:1[5-9]|20)\d\d)(?:(?P<sign>[-/])|\.(?=\d\d\.\d\d))(?P<first>\d{1,2})"
     r"(?(sign)(?P=sign)|\.)(?P<second>\d{1,2})"
     r"(?P<year_last>)(?![\w/-]|\.\d)", _iso),
    (r"(?<![\w.,/-])(?P<first>\d{1,2})(?P<sign>[-./])(?P<second>\d{1,2})(?P=sign)(?P<year>(?P<year_last>1[5-9]|20)\d\d)"
     r"(?![\w/-]|\.\d)", _iso),
    (r"(?<![\w.,/-])(?P<first>\d\d)(?P<sign>-)(?P<second>\d\d)-(?P<year>(?P<year_last>\d\d))(?![\w/-]|\.\d)", _iso),
    (rf"\b({_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?),? '(\d\d)(?![\d'])",
     lambda match: f"{match[1]}, {'19' if int(match[2]) > 30 else '20'}{match[2]}"),
    (r"(?<![\w.,/-])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/-]|\.\d)",
     lambda match: f"{MONTHS[int(match[1]) - 1]} {match[2]}"),
    (r"(?<![\w/.-])((?:19|20)\d\d)/(?=\d\d(?![\w/-]|\.\d))", r"\1 "),
    (rf"\b({_DAY})\.? ?- ?({_DAY})\b(?:\.(?= ?[\d:a-z]))?", _span),
    (rf"\b({_MONTH})\.? ?- ?({_MONTH})\b(?:\.(?= ?[\d:a-z]))?", _span),
    (r"\bM-F(?=[,:]? \d)", "Monday to Friday"),
    (rf"\b({_MONTH})\.? (\d{{1,2}}) ?- ?(\d{{1,2}})"
     r"(?=[,.;:)!?](?!\d)|$| (?:and|in|at|for|from|the|is|are|was|were|by)\b)",
     _days_of_month),
    (rf"\b({_DAY})\.?(?=:? (?:closed|open)\b)", lambda match: _NAMES[match[1]]),
    (
        rf"\b({alternatives(SHORT_DAYS)})\.?(?=:? \d{{1,2}}(?::\d\d| ?[ap]\.?m\b|-\d))",
        lambda match: SHORT_DAYS[match[1]],
    ),
    (r"(?<=\d\d-\d\d)T(?=\d\d:\d\d)", " "),
    (r"(?<![\w.:,])(0\d)([0-5]\d)(?: hours\b| ?hrs\b|h\b)", _hours),
    (r"(?<=\b[Aa]t )(1\d|2[0-3])([0-5]\d)(?: hours\b| ?hrs\b|h\b)", _hours),
    (r"(?<![\w.:])((?:\b[A-Za-z]{2,7} )?)(\d{1,2})h([0-5]\d)(?!\w)", _hour_sign),
    (r"(?<![\w.:])(\d{1,2})\.([0-5]\d) ?(?=[AaPp]\.?[Mm]\b)", r"\1:\2 "),
    (
        rf"(?<![\w.:-])({_TIME}) ?[-~] ?(?=\d{{1,2}}:\d\d(?!\w|:)|\d{{1,2}}(?::\d\d)? ?[AaPp]\.?[Mm]\b)",
        r"\1 to ",
    ),
    (rf"(?<![\w.:/,-])(0?[1-9]|1[0-2]) ?([AaPp])(?:[Mm]\b|\.[Mm]\b(?:{_INNER_STOP})?)", r"\1:00 \2m"),
    (rf"(?<=\d:\d\d) ?([AaPp])\.[Mm]{_INNER_STOP}", r" \1m"),
    (r"((?:\b[Aa]t|\b[Bb]y|[Uu]ntil|[Ff]rom|[Tt]o|[Bb]efore|[Aa]fter) )00:00(?![\w:])", r"\1midnight"),
)  # fmt: skip
"""What is found and how it is said, in this order."""
