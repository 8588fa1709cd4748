"""Figures, signs and handles written so that an English reader of words says them as people do.

The built-in voice knows plain numbers, years, ordinals, clock times, American and ISO dates by itself. The rules of
this room and of its neighbours (dates, labels, amounts, measures, fractions) rewrite what it doesn't know into what it
does. (wetext's English rules were tried: they drop the "one" of "1,234", fail on "€" and read "the 1990s" as seconds.)
Knows no sound and no letters' readings.
"""

import re

from voxdemo.engines.builtin import amounts, dates, fractions, labels, measures
from voxdemo.text.rules import NUMBER, rules


def spoken(text: str) -> str:
    """`text` with its phone numbers, prices, units, dates, ranges, sums and handles as a reader of words takes them.

    No digit is lost. `text` is in plain characters. Linear in practice.
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _with_commas(match: re.Match[str]) -> str:
    """Thousands parted by points, spaces or apostrophes; the group that is named "cents" is what follows a comma."""
    cents = match["cents"] if "cents" in match.re.groupindex else None
    return re.sub(r"[.' ]", ",", match["whole"]) + (f".{cents}" if cents else "")


def _address_or_thousands(match: re.Match[str]) -> str:
    """An IP address as it is, "1.000.000" as a number."""
    groups = match[0].split(".")
    is_address = len(groups) == 4 and all(int(group) < 256 for group in groups) and groups[1:] != ["000"] * 3
    return match[0] if is_address else match[0].replace(".", ",")


def _amount(match: re.Match[str]) -> str:
    return f"{match[1]} {amounts.SCALES[match[2].lower()]}"


_VERSIONED = re.compile(
    r"\b(?:version|release|build|section|chapter|figure|table|python|ubuntu|ios|ipados|macos|android|windows|linux|"
    r"npm|java|dotnet|\.net|tensorflow|pytorch|numpy|pandas|cuda|kubernetes|docker|angular|react|next\.js|wordpress|"
    r"laravel|rails|typescript|gradio|blender|minecraft|safari|gcc|clang|cmake|kernel|node(?:\.js)?|php|ruby|go|rust|swift|kotlin|django|debian|fedora|firefox|chrome|postgres|postgresql|mysql|fig|sec|"
    r"ver)(?:s|\.)? ",
    re.IGNORECASE,
)
"""What is counted in versions, whose second number isn't a decimal."""


def _trailing_zero(match: re.Match[str]) -> str:
    """A last zero of a decimal, which the voice would drop: "3 point 5 0"; "Python 3 point 10"."""
    before = match.string[max(0, match.start() - 40) : match.start()]
    after = match.string[match.end() : match.end() + 8]
    is_version = re.fullmatch("[1-9]0", match[2]) and _VERSIONED.search(before) and not re.match(" ?%| percent", after)
    return f"{match[1]} point {match[2] if is_version else ' '.join(match[2])}"


def _spelt_decimals(match: re.Match[str]) -> str:
    """A decimal whose point the voice would drop, because letters or a quote are joined to it."""
    return f"{match[1]} point {' '.join(match[2])}"


_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
"""Between the words of a hashtag."""
_FILES = "pdf|txt|csv|json|html|css|js|py|jpg|jpeg|png|gif|md|xml|zip|mp3|mp4|wav|exe|docx|xlsx"
_GROUPED = rules(
    (r"(?<![\w.,])\d{1,3}(?:\.\d{3}){2,8}(?![\w,.]\w|\w)", _address_or_thousands),
    (r"(?<![\w.,])(?P<whole>\d{1,3}(?:\.\d{3}){1,8}),(?P<cents>\d{1,2})(?![\w.,]\w|\w)", _with_commas),
    (r"(?<!\d )(?<![\w.,+])(?P<whole>\d{1,3}(?:(?: \d{3}){2,8}|(?: 000){1,8}))(?! ?\d)", _with_commas),
    (r"(?<![\w.,])(?P<whole>\d{1,3}(?:'\d{3}){1,8})(?!\w)", _with_commas),
    (r"(?<![\w.])(\d(?:\.\d{1,12})?)[eE]([+-]?)(\d{1,3})(?!\w)", r"\1 times 10^\2\3"),
    (r"\b(\d{1,6})(ST|ND|RD|TH)\b", lambda match: match[1] + match[2].lower()),
)
"""Numbers as they are written elsewhere."""

_SUMS = rules(
    (rf"(?<![\w.,$£€])({NUMBER}) ?(bn|mln|tn)\b", _amount),
    (rf"(?<![\w.,$£€])({NUMBER})(k|M)(?!\w)", _amount),
    (r"(?<![\w.,$£€])(\d{1,6}\.\d{1,3})(B)(?!\w)", _amount),
    (r"\b([A-Z])(\d{1,3})-(?=\1\d)", r"\1\2 to "),
    (r"(?<![\w.)\]])\.(\d{1,12})(?!\w|\.\d)", lambda match: f"point {' '.join(match[1])}"),
    (r"(?<=\d) ?- ?(?=\d[\d.,]{0,15} ?=)", " minus "),
    (r"(?<=\d)/(?=\d{1,4}\.\d)", " slash "),
    (r"(?<=\d) / (?=\d)|(?<=\d) ?/ ?(?=\d[\d.,]{0,15} ?=)", " divided by "),
    (r"(?<=\d) ?x ?(?=\d[\d.,]{0,15} ?=)", " times "),
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
    (r"(?<![\w./:-])(50-50|20-20|80-20|60-40|24-7)(?![\w/.-]\d|\w|-)", lambda match: match[1].replace("-", " ")),
    (
        r"(?<=[\d%])(?: ?°?[A-Za-z]{0,3}\b)? ?~ ?(?=[-$£€]?\d)",
        lambda match: match[0].replace("~", "").rstrip() + " to ",
    ),
    (
        r"(?<![\w.,/:-])(\d{1,4}(?:\.\d{1,3})?%?) ?- ?(?=\d{1,4}(?:\.\d{1,3})?x?(?![\w-]|[.,:/]\d))"
        r"|(?<![\w.,/:-])(\d{1,3}(?:,\d{3})+) ?- ?(?=\d{1,3}(?:,\d{3})+(?![\w-]|[.,:/]\d))",
        lambda match: f"{match[1] or match[2]} to ",
    ),
    (r"(?<![\w.,:/-])(\d{1,9}(?:,\d{3}){0,5})\.(\d{0,11}0)(?![\w]|[.,]\d)", _trailing_zero),
    (r"(?<![\w.,:/])(\d{1,9}(?:,\d{3}){0,5})\.(\d{1,12})(?=[\"”'/A-Za-z-])", _spelt_decimals),
    (r"(?<=[A-Za-z])(-?\d{1,9})\.(\d{1,12})(?!\.?\d)", _spelt_decimals),
    (r"(?<!\w)'0(\d)(?![\d'])", r"oh \1"),
    (r"(?<![\w.,:/)^%°-])-(?=\d)", "minus "),  # of "-12 degrees" the voice would say nothing
)
_HANDLES = rules(
    (r"(?<![\w&/])#([^\W\d]\w{0,60})", lambda match: "hashtag " + _JOINT.sub(" ", match[1])),
    (r"(?<![\w.])@(?=\w)", "at "),
    (rf"(?<=\w)\.({_FILES})\b", lambda match: f" dot {match[1].upper()}"),
    (r"(?<=[^\W\d_] )<3(?![\w.])", "heart"),
)
_RULES = (
    *rules((r"\b[vV](?=\d{1,4}\.\d)", "version ")), *dates.RULES, *labels.RULES, *_GROUPED, *amounts.RULES,
    *measures.RULES, *fractions.RULES, *_SUMS, *_HANDLES,
)  # fmt: skip
"""What is found and how it is said, in this order; each leaves the figures of the ones before it alone."""
