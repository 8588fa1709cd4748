"""Where to cut a text so that a voice can say it part by part.

Knows where sentences end and nothing of voices: how long a part may be is the caller's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

import sentencex

_STOPPED = re.compile(r"[^。！？｡।؟۔]*[。！？｡।؟۔]+[”’」』）】》〉]*\s*|[^。！？｡।؟۔]+")
"""Runs up to a stop that isn't Latin. sentencex knows these stops, but takes quadratic time over many of them."""

_CUTS = (
    (re.compile(r"(?<=[.!?…]) |(?<=[.!?…][\"”’)\]]) "), 0.5),
    (re.compile(r"[,;:—–] |[，；：、—](?: |(?=[^ ]))"), 0.5),
    (re.compile(r" "), 0.0),
)
"""Where a sentence that is too long is cut, the best place first, and from what share of the length on."""


def sentence_groups(text: str, max_chars: int) -> list[str]:
    """The parts of `text` to be spoken one after another, none blank, none longer than `max_chars`.

    A part holds whole sentences; a line break ends a sentence, a blank line ends a part. The first part is the first
    sentence alone, so that sound starts early. Sentences that are too long are cut, at a clause where there is one.
    No character is lost or moved but white space, which becomes single spaces and line breaks. Time is linear in
    practice (50,000 characters in well under a second). Raises ValueError for `max_chars` < 1, and
    UnicodeEncodeError for lone surrogates.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars is above 0, not {max_chars}")
    parts: list[str] = []
    for paragraph in _paragraphs(text):
        pieces = [piece for sentence in _sentences(paragraph) for piece in _cut(sentence, max_chars)]
        if not parts:
            parts.append(pieces.pop(0).strip())
        parts += _grouped(pieces, max_chars)
    return parts


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Runs of lines that aren't blank, with single spaces: sentencex panics on some wider ones (U+3000)."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    for filled, paragraph in groupby(lines, key=bool):
        if filled:
            yield list(paragraph)


def _sentences(lines: list[str]) -> Iterator[str]:
    """Each sentence with the white space that follows it."""
    for line in lines:
        for run in _STOPPED.findall(line + "\n"):
            yield from sentencex.segment("en", run)


def _cut(sentence: str, max_chars: int) -> Iterator[str]:
    """`sentence` in pieces of at most `max_chars`, not counting the white space that follows each."""
    start, length = 0, len(sentence.rstrip())
    while length - start > max_chars:
        end = _cut_place(sentence, start, max_chars)
        yield sentence[start:end]
        start = end
    yield sentence[start:]


def _cut_place(sentence: str, start: int, max_chars: int) -> int:
    for pattern, share in _CUTS:
        window = (start + int(max_chars * share), start + max_chars + 1)
        places = [match.end() for match in pattern.finditer(sentence, *window)]
        if places:
            return places[-1]
    return start + max_chars


def _grouped(pieces: list[str], max_chars: int) -> Iterator[str]:
    """`pieces` joined up to `max_chars`."""
    group = ""
    for piece in pieces:
        if group and len(group) + len(piece.rstrip()) > max_chars:
            yield group.strip()
            group = ""
        group += piece
    if group:
        yield group.strip()
