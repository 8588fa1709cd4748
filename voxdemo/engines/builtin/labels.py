"""Figures that are names: phone, card and serial numbers by their digits, models, forms, languages as people say them.

Knows no amounts: what is a name here ("3M", "401k") is kept from being taken for one.
"""

import re

from voxdemo.text.rules import alternatives, rules

_COUNTRY = re.compile(r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")
"""Calling codes (ITU-T E.164): those of one and two digits; all others have three."""


def by_digits(match: re.Match[str]) -> str:
    """Digit by digit, with a breath between groups: "5 5 5, 0 1 9 9"."""
    return ("plus " if match[0].startswith("+") else "") + _spelt(re.findall(r"\d+", match[0]))


def _spelt(groups: list[str]) -> str:
    return ", ".join(" ".join(group) for group in groups)


def _phone(match: re.Match[str]) -> str:
    """A phone number in groups of any size, if it has as many digits as one."""
    return by_digits(match) if 7 <= sum(map(str.isdigit, match[0])) <= 15 else match[0]


def _international(match: re.Match[str]) -> str:
    country = _COUNTRY.match(match[0], 1)
    code = country[0] if country else ""
    return "plus " + _spelt([code, *_groups(match[0][1 + len(code) :])])


def _run(match: re.Match[str]) -> str:
    return _spelt(_groups(re.sub(r"\D", "", match[0])))


def _called(match: re.Match[str]) -> str:
    """The number behind "call" or "tel.": a run of digits is put into groups."""
    groups = re.findall(r"\d+", match[2])
    if not 7 <= sum(map(len, groups)) <= 15:
        return match[0]
    return match[1] + _spelt(_groups(groups[0]) if len(groups) == 1 else groups)


def _groups(digits: str) -> list[str]:
    """American numbers in 3-3-4, Chinese mobile ones in 3-4-4, others in threes."""
    if shape := re.fullmatch(r"(1?)([2-9]\d\d)(\d{3})(\d{4})|(1[3-9]\d)(\d{4})(\d{4})|(\d{3})(\d{4})", digits):
        return [group for group in shape.groups() if group]
    return re.findall(r"\d{3}(?=\d\d)|\d+", digits)


def _order(match: re.Match[str]) -> str:
    """The number of an order or a case, whose parts are no range: "88, 1 2 0 4"."""
    first, second = match[0].split("-")
    return f"{first if len(first) < 3 else ' '.join(first)}, {' '.join(second)}"


def _vanity(match: re.Match[str]) -> str:
    area = f"{match[2][0]} hundred" if match[2].endswith("00") else " ".join(match[2])
    words = match[3].replace("-", " ")
    return f"{'1, ' if match[1] else ''}{area}, {words.title()}"


def _model(match: re.Match[str]) -> str:
    """A number of three digits as a name, in pairs: "Room 4 oh 4", "Boeing 7 47"; hundreds stay."""
    first, rest = match[2][0], match[2][1:]
    if rest == "00":
        return match[0]
    return f"{match[1]}{first} {rest.replace('0', 'oh ', 1) if rest[0] == '0' else rest}"


_NAMES = {
    "7UP": "7 Up", "7up": "7 Up", "Y2K": "Y two K", "H2O": "H two O", "CO2": "C O 2", "CO₂": "C O 2", "N2O": "N two O",
    "2FA": "2 F A", "U2": "U 2", "4X4": "4 by 4", "501c3": "5 oh 1 C 3", "501(c)(3)": "5 oh 1 C 3",
    "49er": "forty niner", "49ers": "forty niners",
    "501(c)3": "5 oh 1 C 3", "AK-47": "A K 47", "C++": "C plus plus", "S&P 500": "S and P 500",
}  # fmt: skip
_RETIREMENT = {"401": "4 oh 1", "403": "4 oh 3", "457": "4 57"}
_PEOPLE = (
    "people|users|views|followers|subscribers|downloads|copies|customers|members|jobs|homes|units|records|rows|tokens|"
    "parameters|visitors|votes|dollars|euros|readers|players|items|streams|likes|years|tons"
)
_MORE = r"(?:[Oo]ver|[Aa]bout|[Nn]early|[Aa]lmost|than|reached|hit|[Aa]round|only|just|sold|ha[sd]|have|got|gained)"
_NUMBERED = (
    "[Rr]oom|[Ff]light|[Hh]ighway|[Rr]oute|[Ii]nterstate|[Ss]uite|[Aa]partment|Apt\\.|Unit|Gate|Channel|Bus|Bldg\\.|Error|HTTP|Exit|"
    "Area|Airbus A|I-|US-|Hwy\\.?"
)
_CALL = (
    r"(?i:\b(?:call|ring|dial|phone|tel|text|fax|mobile|cell|hotline|whatsapp)\b[.:]? ?"
    r"(?:(?:us|me|is|at|on|now|him|her) ){0,2})"
)
RULES = rules(
    # Phones, cards, books
    (r"(?<![\w+])\+\d{7,15}(?![\w-])", _international),
    (r"(?<![\w+])\+\d{1,3}(?:(?: ?\(\d{1,4}\) ?|[ ./-])\d{1,6}){1,6}(?![\w-])", _phone),
    (r"(?<![\w.,/+-])(?:1[-. ]?)?\(\d{3}\) ?\d{3}[-. ]\d{4}(?![\w-])", by_digits),
    (r"(?<![\w.,/+-])(?:\d{1,2}[- .])?\d{3}([-. ])\d{3}\1\d{4}(?![\w-])", by_digits),
    (r"(?<![\w.,/+-])[2-9]\d\d/\d{3}-\d{4}(?![\w-])", by_digits),
    (r"(?<![\w.,/+$£€-])1?[2-9]\d\d[ -]?[2-9]\d{6}(?![\w%]|[.,:/-]\d)", _run),
    (r"(?<![\w.,/+$£€-])1[3-9]\d([ -]?)\d{4}\1\d{4}(?![\w%]|[.,:/-]\d)",
     _run),
    (r"(?<![\w.,/+:-])(?:\(0\d{1,4}\)|0\d{1,4})(?:[ -]\d{2,8}){1,4}(?![\w-]|[.,:/]\d)", _phone),
    (r"(?<![\w.,/+-])\d{3}-\d{4}(?![\w-])", by_digits),
    (r"(?<![\w.,/+-])\d{3} \d{4} \d{4}(?![\w-]| \d)", by_digits),
    (r"(?<![\w.,/+-])([1-9]\d?)-([1-9]\d?|0)-([1-9]\d?|0)(?![\w-]|[.,/]\d)", r"\1, \2, \3"),
    (r"(?<=#)\d{1,6}-\d{1,7}(?![\w-])", _order),
    (r"(?<![\w.,/+-])(?!\d{4}-\d\d-\d\d(?!\d))\d{1,5}(?:-\d{1,7}){2,5}(?![\w-])", by_digits),
    (r"(?<![\w.,/+-])\d{4}(?:[ -]\d{4}){2,4}(?![\w-])", by_digits),
    (rf"({_CALL})(\d(?:[ -]?\d){{6,14}})(?![\w-]|[.,:/]\d)", _called),
    (r"(?<=[Cc]all )(?:911|999|112|411)\b|(?<=[Dd]ial )(?:911|999|112|411)\b", by_digits),
    (r"(?<![\w-])(1[- ])?(8\d\d|900)-([A-Z]{2,8}(?:-[A-Z]{2,8})?)(?![\w-])", _vanity),
    (r"(?<=\d \d \d \d),? (?:ext(?:ension)?\.?|x) ?(\d{1,6})(?!\w)", lambda match: f" extension {' '.join(match[1])}"),
    # Names
    (rf"(?<![\w-])(?:{alternatives(_NAMES)})(?![\w+-])", lambda match: _NAMES[match[0]]),
    (r"(?<![\w$£€.,])(401|403|457)(?:\(([kb])\)|([kb]))(?:'?s\b|(?!\w))",
     lambda match: f"{_RETIREMENT[match[1]]} {(match[2] or match[3]).upper()}{'s' if match[0].endswith('s') else ''}"),
    (rf"(?<![\w$£€.,-])(\b{_MORE} )?3M(?!\w| (?:{_PEOPLE})\b)", lambda match: match[0] if match[1] else "3 M"),
    (r"\b(?<=[Aa] )(\d{1,2})k(?!\w)|(?<![\w.,])(\d{1,2})k(?= (?:run|race|walk|marathon|today|yesterday)\b)",
     lambda match: f"{match[1] or match[2]} K"),
    (r"(?<![\w.,])(360|480|720)p\b", lambda match: f"{match[1][0]} {match[1][1:]} p"),
    (rf"\b((?:{_NUMBERED}) ?)([1-9]\d\d)(?![\w,%]|[.:/-]\d)", _model),
    (r"(\b(?:[Aa]|Boeing) )(7[0-8]7)(?:-(\d{1,3}))?(?=s?\b)(?![,.:/]\d|%| [a-z]+s\b)",
     lambda match: f"{match[1]}{match[2][0]} {match[2][1:]}" + (f" {match[3]}" if match[3] else "")),
    (r"(?<![\w.])p\. ?(?=\d)", "page "),
    (r"(?<![\w.,$-])(7)([0-8]7)-([1-9]00|8|9|10)(?![\w,.-]\w|\w)", r"\1 \2 \3"),
    (r"(?<![\w.,$-])(7)([0-8]7s)\b", r"\1 \2"),
    (r"(?<=[a-z]-)9/11(?![\w/])", "9 11"),
    # Languages and colors
    (r"(?<![\w#])([A-G])#(?!\w)", r"\1 sharp"),
    (r"(?<!\w)\.NET\b", "dot net"),
    (r"(?<![\w&/#])#(?=[A-Fa-f]*\d|[Ff]+\b)(?!\d+\b)([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})(?!\w)",
     lambda match: f"hash {' '.join(match[1].upper())}"),
)  # fmt: skip
"""What is found and how it is said, in this order."""
