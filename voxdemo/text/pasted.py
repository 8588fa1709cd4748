"""What people paste, made plain prose before anything else looks at it, for whichever engine.

It knows how web pages, Markdown, PDFs and chats write things down, and nothing of what a voice can say: numbers and
addresses stay as they are, and so do emoji, about which people are told.
"""

import re
import unicodedata
from itertools import pairwise

from voxdemo.text import capitals, markdown, markup, wrapping


def plain(text: str) -> str:
    """`text` as plain prose: paragraphs behind blank lines, headings, list items and verses in lines of their own.

    Markdown and HTML go, but for their words; lines broken in mid-sentence are joined; rows of "!!!" and sentences in
    capitals are calmed; invisible characters go. Text that is plain stays as it is, but for white space. Linear in
    practice (50,000 characters in well under a second). Never raises; control characters stay, for others to refuse.
    """
    blocks = markdown.blocks(markup.markdown(_clean(text)))
    habits = wrapping.habits([line for block in blocks for line in block.lines])
    paragraphs: list[list[str]] = []
    for before, block in pairwise([markdown.TextBlock(), *blocks]):
        lines = [joined for line in block.lines for joined in wrapping.joined(line, habits)]
        if before.is_prose and block.is_prose and wrapping.goes_on_after_a_page(paragraphs[-1][-1], lines[0]):
            paragraphs[-1][-1:] = wrapping.joined([paragraphs[-1][-1], lines.pop(0)], habits)
        if before.is_heading or not lines:
            paragraphs[-1] += lines
        else:
            paragraphs.append(lines)
    return _calm(_clean("\n\n".join("\n".join(lines) for lines in paragraphs)))


# Characters

_LINE_ENDS = {"\r": "\n", "\v": "\n", "\f": "\n\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n\n"}
_SPACES = dict.fromkeys("\t\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " ")
_INVISIBLE = dict.fromkeys("\xad\u061c\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u180e\ufeff\ufffc", "")
_DIRECTIONS = dict.fromkeys(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x2070))), "")
"""They turn the letters around for the eye; a voice reads them in their order."""
_WINDOWS = {chr(code): bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0) if code != 0x85}
"""Quotes and dashes of Windows that were taken for control characters of ISO 8859-1 ("C1")."""
_CHARACTERS = str.maketrans(_WINDOWS | _LINE_ENDS | _SPACES | _INVISIBLE | _DIRECTIONS)
_BROKEN_AT_SOFT_HYPHEN = re.compile(r"\xad ?\n *")
_STYLED = re.compile(r"[\ufb00-\ufb06\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]+")
"""Ligatures, wide letters, and the mathematical ones that pass for bold and italics in chats."""

_APOSTROPHE = re.compile(r"(?<=[^\W_])[’ʼ´](?=[^\W_])")


def _clean(text: str) -> str:
    """`text` with plain spaces, line ends and letters, and without what can't be seen."""
    text = _BROKEN_AT_SOFT_HYPHEN.sub("", text.replace("\r\n", "\n")).translate(_CHARACTERS)
    text = _STYLED.sub(lambda styled: unicodedata.normalize("NFKC", styled[0]), text)
    return "\n".join(map(_spaced, _APOSTROPHE.sub("'", text).split("\n")))


def _spaced(line: str) -> str:
    """`line` with single spaces, but its indent, and the two at its end that are a line break in Markdown."""
    words = " ".join(filter(None, line.split(" ")))
    indent = line[: len(line) - len(line.lstrip(" "))]
    is_break = bool(words) and line.endswith("  ") and not line.endswith("   ")
    return indent + words + "  " * is_break if words else ""


# Rows of signs

_RULE = re.compile(r"^[-=_*~#+|—–⁂ ]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_ROWS = re.compile(r"[!?！？]{2,}|([,，、。])\1+|(\.)\.{3,}| ?([-=_~#+*])\3{3,} ?|(…)…{2,}|(?<=\w) [•▪◦●](?= )")


def _calm(text: str) -> str:
    """`text` without rules and rows of signs, and in normal case."""
    text = _BLANK_LINES.sub("\n\n", _RULE.sub("\n", text))
    return capitals.calm(_ROWS.sub(_calmed, text)).strip()


def _calmed(row: re.Match[str]) -> str:
    """What a row says: "!" for "!!!", "?!" for "?!?!", a dash for "------", a comma for a bullet within a line."""
    if row[0][-1] in "!?！？":
        return "".join(dict.fromkeys(row[0]))
    if row[3]:
        return " — "
    return row[1] or (row[2] and "...") or (row[4] and "……") or ","
