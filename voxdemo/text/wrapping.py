"""Lines that an editor, an e-mail or a PDF broke in mid-sentence, put together again.

It goes by what the lines look like, and where it can't tell, a line stays a line: that costs a pause, while a poem, an
address or a list run together can't be followed. For models that want one line with the signs of a keyboard there are
`one_line` and `typed`. Knows no markup and nothing of voices.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from voxdemo.text import abbreviations

_TYPED = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʼ′", "'"),
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‐‑‒–−", "-"),
        "…": "...",
    }
)
_LONG_DASH = re.compile(" ?[—―]+ ?")
_WIDE = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"


@dataclass(frozen=True, slots=True)
class Habits:
    """What the line ends of a whole text say about each of them."""

    is_wrapped: bool = False
    """Most lines go on in the next one."""
    is_hyphenated: bool = False
    """Words were broken at line ends, so even a narrow column isn't a poem."""
    is_cased: bool = True
    """A small letter means that a line isn't a beginning. It means nothing in a chat without capitals."""

    @property
    def shortest_line(self) -> int:
        """Characters. Shorter lines are items, verses or parts of an address."""
        return 12 if self.is_hyphenated else 25

    @property
    def shortest_width(self) -> int:
        """Characters. Nobody sets prose narrower, while verses and addresses are."""
        return 16 if self.is_hyphenated else 40


def habits(paragraphs: Sequence[Sequence[str]]) -> Habits:
    """Those of a text, given as paragraphs of lines."""
    pairs = [
        pair for lines in paragraphs for pair in pairwise(lines) if not (_ENDS.search(pair[0]) or _is_shouted(pair))
    ]
    found = Habits(
        is_hyphenated=any(_is_broken_word(*pair) for pair in pairs),
        is_cased=any(map(str.isupper, "".join(map(_first, chain.from_iterable(paragraphs))))),
    )
    return replace(found, is_wrapped=sum(_is_continued(*pair, found) for pair in pairs) > len(pairs) / 2)


def joined(lines: Sequence[str], habits: Habits) -> list[str]:
    """The lines of a paragraph, those that go on joined with what follows, in a text with these habits.

    A word hyphenated at the end of a line is mended.
    """
    width = max(map(len, lines), default=0)
    kept: list[list[str]] = []
    for before, line in pairwise(["", *lines]):
        if kept and _goes_on(before, line, width, habits):
            kept[-1][-1], glue = _glued(kept[-1][-1], line)
            kept[-1] += (glue, line)
        else:
            kept.append([line])
    return ["".join(parts) for parts in kept]


def goes_on_after_a_page(before: str, after: str) -> bool:
    """Whether a sentence goes on behind a blank line, as between the pages of a PDF."""
    return (
        len(before) >= Habits().shortest_width
        and len(after) >= Habits().shortest_line
        and (before[-1].islower() or before[-1] in ",-")
        and after[0].islower()
        and not (_CODE.search(before) or _CODE.search(after))
    )


_SHORTEST_WIDTH_CJK = 16
_FIRST = re.compile(r"[\"'“‘«(\[]*(.)")
_ENDS = re.compile(r"[.!?…:;。！？：；][\"'”’»)\]」』）]*$")
_OWN_LINE = re.compile(r"[-–—•*] |[–—]|[(]?(?:\d{1,3}|[a-zA-Z])[.)] |[\"“«„][A-ZÀ-ÖØ-Þ]|[A-ZÀ-ÖØ-Þ]\w{0,20}: ")
_CODE = re.compile(r"[{}=<>]|;$|\w\(|^(?:import|from|def|class|return|print) |//|^#")
_AT_HYPHEN = re.compile(r"[^\W\d_][-\u2010]$")
_HYPHENATED = re.compile(r"(?:^|[^\w-])([^\W\d_]{2,})[-\u2010]$")
_COMPOUND = re.compile(
    "self|well|non|ex|half|all|cross|high|low|long|short|part|full|post|pre|two|three|four|five|six|old|new|"
    "ill|so|best|better|hard|soft|first|second|third|much|ever|over|under|out|in|on|off|up|down|semi|quasi|"
    "multi|real|open|free|large|small"
)
"""Words that keep the hyphen behind them."""
_COMPOUND_END = re.compile(
    r"(?:oriented|based|driven|like|free|related|specific|made|known|sized|shaped|wide|old|term|level|minded|friendly|"
    r"proof|looking|dependent|aware|rich|intensive)\b"
)
"""Words that keep the hyphen before them."""

_SUSPENDED = re.compile(r"(?:and|or|to|und|oder)\b")


def _goes_on(before: str, after: str, width: int, habits: Habits) -> bool:
    if _OWN_LINE.match(after) or before.endswith((":", "：")) or _CODE.search(before) or _CODE.search(after):
        return False
    if re.match(_WIDE, after):
        return (
            bool(re.search(_WIDE + r"$", before))
            and width >= _SHORTEST_WIDTH_CJK
            and _is_full(before, after[:2], width)
        )
    if _is_continued(before, after, habits) or abbreviations.goes_on(before, after):
        return True
    wrapped = habits.is_wrapped or _is_shouted((before, after))
    return wrapped and width >= habits.shortest_width and _is_full(before, after.split(maxsplit=1)[0], width)


def _is_continued(before: str, after: str, habits: Habits) -> bool:
    is_long = (habits.is_cased or habits.is_hyphenated) and len(before) >= habits.shortest_line
    return _first(after).islower() and (is_long or _is_broken_word(before, after))


def _is_broken_word(before: str, after: str) -> bool:
    return _first(after).islower() and bool(_AT_HYPHEN.search(before[-3:]))


def _is_shouted(pair: tuple[str, str]) -> bool:
    return pair[0].isupper() and pair[1].isupper()


def _is_full(line: str, next_word: str, width: int) -> bool:
    """Whether the next word had no room in this line."""
    return len(line) + len(next_word) >= width * 0.9


def _first(line: str) -> str:
    match = _FIRST.match(line)
    return match[1] if match else ""


def _glued(before: str, after: str) -> tuple[str, str]:
    """`before` and what comes between it and `after`."""
    if re.match(_WIDE, after):
        return before, ""
    hyphenated = _HYPHENATED.search(before[-60:])
    if hyphenated and after[0].islower() and not _SUSPENDED.match(after):
        is_compound = _COMPOUND.fullmatch(hyphenated[1].lower()) or _COMPOUND_END.match(after)
        return (before if is_compound else before[:-1]), ""
    if re.search(r"\w-\w+-$|\w-\w+-\w+-$", before[-60:]) and not _SUSPENDED.match(after):
        return before, ""
    return before, " "


def typed(text: str) -> str:
    """`text` with the quotes, dashes and dots of a keyboard for those of print, unless it is Chinese or the like."""
    return text if re.search(_WIDE, text) else _LONG_DASH.sub(" - ", text).translate(_TYPED).strip()


def one_line(text: str) -> str:
    """`text` in one line with single spaces; headings and list items, which end without a stop, get one."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    return " ".join([*(line + _missing_stop(line) for line in lines[:-1]), *lines[-1:]])


def _missing_stop(line: str) -> str:
    last = line.rstrip("\"'”’»)]")[-1:]
    if not last.isalnum():
        return ""
    return "。" if unicodedata.east_asian_width(last) in "WF" and not "가" <= last <= "힣" else "."
