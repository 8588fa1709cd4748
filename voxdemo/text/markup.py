"""HTML made Markdown, so that one reader of Markdown sees to both.

The parser is Python's own: it comes with nothing to install, decodes entities and keeps no tree that deep nesting could
break. It takes "x<y and z>w" for a tag, though, so what is no tag is marked as text before. Knows nothing of voices.
"""

import re
from html.parser import HTMLParser

_INLINE = re.compile(
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|q|ruby|rt|rp|s|samp|"
    "small|span|strike|strong|sub|sup|time|tt|u|var|wbr|img|picture|source"
)
_BLOCKS = re.compile(
    "address|article|aside|blockquote|body|br|button|caption|center|dd|details|dialog|div|dl|dt|fieldset|"
    "figcaption|figure|footer|form|h1|h2|h3|h4|h5|h6|header|hr|html|legend|li|main|menu|nav|ol|option|p|pre|"
    "section|summary|table|tbody|td|tfoot|th|thead|tr|ul|link|meta|input"
)
_UNSEEN = ("script", "style", "head", "template", "svg", "math", "noscript", "iframe", "object", "canvas", "select")
TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,40})"
    r"(?P<attributes>(?:\s+[\w:@.-]+(?:\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=`][^\s\"'<>`]*))?)*)\s*(?P<empty>/?)>"
)
_DECLARATION = re.compile(r"<(?:!doctype|\?xml)[^<>]*>", re.IGNORECASE)
_DOCUMENT = re.compile(
    r"</(?:p|div|li|h[1-6]|t[dhr]|[uo]l|table|section|article|body|html|pre)\s*>|<p[\s>]", re.IGNORECASE
)
_MARKDOWN = re.compile(r"^ {0,3}(?:#{1,6} |[*-] |```|\|.*\|$)|\]\([^()\s]+\)|\*\*\w", re.MULTILINE)
_SPECIAL = re.compile(r"[`*_\[\]~|#>]|(?<!\S)[+-](?=\s)")
_SPACES = re.compile(r"[ \t\r\n\f]+")


def markdown(text: str) -> str:
    """`text` with its HTML as Markdown; text without HTML, and signs like "<" in it, as they are. Never raises.

    Scripts, styles, comments and heads are dropped. Blocks become paragraphs, list items and headings theirs, the cells
    of a table a line. Where there is Markdown besides, the line breaks of the source stay; else they are spaces.
    """
    if "<" not in text:
        return text
    text = _DECLARATION.sub("", _without_comments(text))
    for name in _UNSEEN:
        text = without_element(text, name)
    closed = {match["name"].lower() for match in TAG.finditer(text) if match["close"]}
    names = [match["name"].lower() for match in TAG.finditer(text) if _is_tag(match, closed)]
    if not names:
        return text
    is_document = bool(_DOCUMENT.search(text)) and not _MARKDOWN.search(text)
    reader = _Reader(is_document)
    reader.feed(_marked(text, closed, is_document))
    reader.close()
    return reader.markdown()


def is_html(name: str) -> bool:
    """Whether HTML has elements of this name (in small letters)."""
    return bool(_BLOCKS.fullmatch(name) or _INLINE.fullmatch(name)) or name in _UNSEEN


def _is_tag(match: re.Match[str], closed: set[str]) -> bool:
    """Whether this is HTML and not, say, "a <b and c> d"."""
    name, attributes = match["name"].lower(), match["attributes"]
    if attributes.strip():
        return "=" in attributes
    return bool(_BLOCKS.fullmatch(name)) or name in closed or (len(name) > 1 and bool(_INLINE.fullmatch(name)))


def _marked(text: str, closed: set[str], is_document: bool) -> str:
    """`text` in which "<" and, where entities aren't the reader's, "&" are themselves unless they begin a tag."""
    pieces: list[str] = []
    end = 0
    for match in TAG.finditer(text):
        if _is_tag(match, closed):
            pieces += (_escaped(text[end : match.start()], is_document), match[0])
            end = match.end()
    return "".join([*pieces, _escaped(text[end:], is_document)])


def _escaped(text: str, is_document: bool) -> str:
    return (text if is_document else text.replace("&", "&amp;")).replace("<", "&lt;")


def _without_comments(text: str) -> str:
    kept: list[str] = []
    end = 0
    while (start := text.find("<!--", end)) >= 0 and (stop := text.find("-->", start + 4)) >= 0:
        kept.append(text[end:start])
        end = stop + 3
    return "".join([*kept, text[end:]])


def without_element(text: str, name: str) -> str:
    """`text` less all from an opening tag of this name to the next closing one; tags without the other go alone."""
    if f"<{name}" not in (lower := text.lower()):
        return text
    opening = re.compile(rf"<{name}(?=[\s/>])[^<>]*>", re.IGNORECASE)
    kept: list[str] = []
    end = 0
    while match := opening.search(text, end):
        kept.append(text[end : match.start()])
        closing = lower.find(f"</{name}", match.end()) if len(lower) == len(text) else -1
        if closing < 0:
            return "".join(kept) + opening.sub("", text[match.end() :])
        end = (lower.find(">", closing) + 1) or len(text)
    return "".join([*kept, text[end:]])


class _Reader(HTMLParser):
    """Collects Markdown. One reader reads one text."""

    def __init__(self, is_document: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._is_document = is_document
        self._written: list[str] = []
        self._lists: list[int | None] = []
        self._in_cell = False
        self._at_item = False
        self._verbatim = 0

    def markdown(self) -> str:
        return "".join(self._written)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        match tag:
            case "ul" | "menu":
                self._lists.append(None)
            case "ol":
                self._lists.append(_start(dict(attrs)))
            case "li":
                self._item()
            case "td" | "th":
                self._cell()
            case "img":
                self._written.append(dict(attrs).get("alt") or "")
            case _:
                self._verbatim += tag == "pre"
                self._in_cell = self._in_cell and tag != "tr"
                self._break(_BREAKS.get(tag, "\n\n" if _BLOCKS.fullmatch(tag) else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("ul", "ol", "menu"):
            self._lists = self._lists[:-1]
        if tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        if _BLOCKS.fullmatch(tag) and tag not in _LEFT_OPEN:
            self._break("\n\n")

    def handle_data(self, data: str) -> None:
        if self._at_item and not data.strip():
            return
        self._at_item = False
        if self._verbatim:
            data = data.replace("\n", "  \n")
        elif self._is_document:
            data = _SPACES.sub(lambda spaces: "\n\n" if spaces[0].count("\n") > 1 else " ", data)
        self._written.append(_SPECIAL.sub(r"\\\g<0>", data) if self._is_document else data)

    def _break(self, line_ends: str) -> None:
        if not self._at_item:
            self._written.append(line_ends)

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else None
        self._written.append("\n\n- " if number is None else f"\n\n{number}. ")
        self._at_item = True
        if number is not None:
            self._lists[-1] = number + 1

    def _cell(self) -> None:
        if self._in_cell:
            self._written.append(", ")
        self._in_cell = True


def _start(attributes: dict[str, str | None]) -> int:
    start = attributes.get("start") or ""
    return int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 1


_BREAKS = {
    **{f"h{level}": f"\n\n{'#' * level} " for level in range(1, 7)},
    **dict.fromkeys(("br", "dt", "tr"), "  \n"),
    **dict.fromkeys(("thead", "tbody"), ""),
}
"""What these begin with; other blocks begin a paragraph."""

_LEFT_OPEN = ("li", "td", "th", "tr", "br", "thead", "tbody", "dt")
"""Elements whose end breaks nothing: the next one does, and many authors leave it out."""
