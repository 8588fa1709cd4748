"""Markdown read as text: what it marks up without the marks.

Plain text goes through it too, so it leaves alone what only looks like Markdown: products, code, a year at the
beginning of a line. It knows no HTML and nothing of voices.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclass(slots=True)
class TextBlock:
    """What stands between blank lines: lines that stay lines, each as its author's editor may have wrapped it."""

    lines: list[list[str]] = field(default_factory=list)
    is_prose: bool = False
    """A paragraph, not a list, table, heading or code."""
    is_heading: bool = False


def blocks(text: str) -> list[TextBlock]:
    """The blocks of `text`, without its marks and none empty. Linear in practice; never raises.

    List items and the rows of tables are lines; numbers of items stay, bullets go. Links and pictures are their words.
    """
    collector = _Collector()
    for token in _READER.parse(_guarded(text)):
        collector.take(token)
    return [block for block in collector.blocks if block.lines]


class _Collector:
    """Makes blocks of the reader's tokens, which come in the order of the text."""

    def __init__(self) -> None:
        self.blocks: list[TextBlock] = []
        self._lists = 0
        self._number = ""
        self._row: list[str] | None = None

    def take(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._begin(TextBlock())
                self._lists += 1
            case "bullet_list_close" | "ordered_list_close":
                self._lists -= 1
            case "list_item_open":
                self._number += f"{token.info}{token.markup} " if token.info else ""
            case "list_item_close" if self._number:  # the item is nothing but its number: "42." or a year
                self._take_words([[""]])
            case "paragraph_open":
                self._begin(TextBlock(is_prose=True))
            case "heading_open":
                self._begin(TextBlock(is_heading=True))
            case "table_open":
                self._begin(TextBlock())
            case "tr_open":
                self._row = []
            case "tr_close":
                self._add([[", ".join(filter(None, self._row or ()))]])
                self._row = None
            case "fence":
                self._begin(TextBlock())
                self._add([[line] for line in token.content.splitlines()])
            case "inline":
                self._take_words(_lines(token.children or ()))

    def _take_words(self, lines: list[list[str]]) -> None:
        if self._row is not None:
            self._row.append(" ".join(chain.from_iterable(lines)))
            return
        if self._lists:
            lines[0][0] = self._number + _TASK.sub("", lines[0][0])
            self._number = ""
        self._add(lines)

    def _begin(self, block: TextBlock) -> None:
        if not self._lists:
            self.blocks.append(block)

    def _add(self, lines: list[list[str]]) -> None:
        filled = ([part for part in map(str.strip, line) if part] for line in lines)
        self.blocks[-1].lines += filter(None, filled)


def _reader() -> MarkdownIt:
    # "default" has tables and strikethrough. Plain text is indented, has "<" and underlines sentences: none of these.
    reader = MarkdownIt("default", {"linkify": False, "typographer": False, "maxNesting": 20})
    reader.disable(["code", "html_block", "html_inline", "lheading", "normalize"])
    reader.validateLink = lambda url: True  # type: ignore[method-assign]  # nothing is fetched
    reader.normalizeLink = lambda url: url  # type: ignore[method-assign]  # and lone surrogates can't be encoded
    reader.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    reader.parse(".")  # with its first text it lists its rules, and another thread would read by half of the list
    return reader


_READER = _reader()
_TASK = re.compile(r"^\[[ xX]\] ")
_FOOTNOTE = re.compile(r" ?\[\^\d{1,3}\](?:: ?)?|(?<=[.,;!?)”])(?:\[(?:\d{1,3}|[a-z])\])+")
_BULLET = re.compile(r"^[ \t]*[•◦▪▫‣●○■□▸►➢➤✓✔·∙⁃][ \t]*(?=\S)", re.MULTILINE)
_NO_MARK = re.compile(
    r"(?<=[A-Za-z0-9)\]])\*(?=[A-Za-z0-9(\[])|(?<=\d)\*\*(?=\d)"  # 2*3, a*(b+c), 2**8
    r"|^[ \t]*\[(?=[^\[\]\n]*\]:(?![ \t]*\S*[/.#@]))"  # "[John]: hello"
    r"|(?<=\w)\[(?=[^\[\]\n]*\]\((?![^()\s]*[/.:#@]))"  # row[i](x)
    r"|(?<=\.)__(?=[a-z])|(?<!\w)__(?=[a-z_]{1,30}__(?:\.\w|\())"  # self.__dict__, __init__.py
    r"|\\(?=\\)",  # \\server
    re.MULTILINE,
)
_SIGNED = re.compile(r"^([ \t]*)([+-](?= \d)|>(?=[ \t]*[\d=])(?![ \t]*\d+[.)!?]?(?<!\d)(?:\s|$)|[ \t]*\d+$))")
"""Lines like "- 5 degrees" and "> 5 people", but not the quotation of a year or of a numbered line."""
_MARKED = re.compile(r"[ \t]*\\?[+>-]")
_LEFT_OVER = re.compile(r"\*\*([^*\n]*[\u2e80-\u9fff\uac00-\ud7af][^*\n]*)\*\*")
"""Strong words that CommonMark misses between Chinese letters and stops."""


def _guarded(text: str) -> str:
    """`text` with a backslash before what is no mark, however much it looks like one."""
    text = _with_lone_signs(_BULLET.sub("- ", _FOOTNOTE.sub("", text)))
    return _NO_MARK.sub(lambda match: match[0][: -len(match[0].lstrip())] + _backslashed(match[0].lstrip()), text)


def _with_lone_signs(text: str) -> str:
    """`text` with a backslash before a sign at the beginning of a line that is no item of a list and no quotation."""
    lines = ["", *text.split("\n"), ""]
    for at in range(1, len(lines) - 1):
        if _SIGNED.match(lines[at]) and not _MARKED.match(lines[at - 1]) and not _MARKED.match(lines[at + 1]):
            lines[at] = _SIGNED.sub(r"\1\\\2", lines[at])
    return "\n".join(lines[1:-1])


def _backslashed(signs: str) -> str:
    return "".join(f"\\{sign}" for sign in signs)


def _lines(tokens: Sequence[Token]) -> list[list[str]]:
    """The text of a paragraph: its lines, each as it is wrapped."""
    lines = [[""]]
    for token in tokens:
        if token.type == "softbreak":
            lines[-1].append("")
        elif token.type == "hardbreak":
            lines.append([""])
        else:
            lines[-1][-1] += _picture(token) if token.type == "image" else token.content
    return [[_LEFT_OVER.sub(r"\1", part) for part in line] for line in lines]


def _picture(token: Token) -> str:
    return " ".join(chain.from_iterable(_lines(token.children or ())))
