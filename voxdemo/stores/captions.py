"""Captions as files: SubRip (.srt) and WebVTT (.vtt). Knows neither sound nor where the text comes from."""

import html
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from voxdemo.speech import Segment, Word

LINE_CHARS = 42
"""Characters in a line (Netflix, "English Timed Text Style Guide"). What has no spaces, as Chinese, players wrap."""

_NO_TAGS = str.maketrans("<>", "‹›")


def by_word(segments: Iterable[Segment]) -> list[Segment]:
    """A segment for each word of `segments`."""
    return [Segment(word.text, word.start_s, word.end_s) for segment in segments for word in segment.words]


def srt(segments: Iterable[Segment]) -> str:
    """`segments` as a SubRip file, in the order in which they begin; those without text are left out.

    The format knows no escapes, and players take "<" for the beginning of a tag and leave out what follows. So angle
    brackets become the single quotation marks ‹ › that look like them.
    """
    cues = (
        f"{number}\n{_time(start, ',')} --> {_time(end, ',')}\n{_lines(text).translate(_NO_TAGS)}\n"
        for number, (start, end, text) in enumerate(_cues(segments), 1)
    )
    return "\n".join(cues)


def webvtt(segments: Iterable[Segment]) -> str:
    """`segments` as a WebVTT file (W3C), in the order in which they begin; those without text are left out."""
    cues = (
        f"{_time(start, '.')} --> {_time(end, '.')}\n{html.escape(_lines(text), quote=False)}\n"
        for start, end, text in _cues(segments)
    )
    return "\n".join(chain(["WEBVTT\n"], cues))


def as_row(segment: Segment) -> tuple[Any, ...]:
    """A caption as scripts read it: start and end in seconds, the text and, where known, its words in the same way."""
    words = [(round(word.start_s, 2), round(word.end_s, 2), word.text) for word in segment.words]
    row = round(segment.start_s, 2), round(segment.end_s, 2), segment.text
    return (*row, words) if words else row


def of_row(row: Sequence[Any]) -> Segment:
    """The caption of which `as_row` has made this, to a hundredth of a second."""
    start, end, text, *words = row
    return Segment(text, start, end, words=tuple(Word(word, *times) for *times, word in (words[0] if words else ())))


def _cues(segments: Iterable[Segment]) -> Iterable[tuple[int, int, str]]:
    """Start and end in milliseconds and the text in one line; WebVTT wants every end behind its start."""
    for segment in sorted(segments, key=lambda segment: segment.start_s):
        text = " ".join("".join(map(_printable, segment.text)).split())
        start = max(0, round(segment.start_s * 1000))
        if text:
            yield start, max(start + 1, round(segment.end_s * 1000)), text


def _printable(character: str) -> str:
    return " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character


def _lines(text: str) -> str:
    return "\n".join(textwrap.wrap(text, LINE_CHARS, break_long_words=False, break_on_hyphens=False))


def _time(milliseconds: int, decimal: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{decimal}{thousandths:03}"
