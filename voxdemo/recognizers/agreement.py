"""Which words of a text that is read again and again have settled: local agreement.

A word has settled once two readings in a row agree on it and on all before it (Macháček, Dabre and Bojar, "Turning
Whisper into Real-Time Transcription System", IJCNLP-AACL 2023). Words agree if their letters do; the signs between them
are those of the newer reading. Knows text and times, and neither samples nor models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from voxdemo.speech import Segment, Transcript, Word

_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that are written without spaces: each letter counts as a word."""
_LETTER = rf"[\p{{L}}\p{{N}}\p{{M}}\p{{S}}--[{_ALONE}]]"
_WORD = regex.compile(rf"[{_ALONE}]\p{{M}}*|{_LETTER}+(?:['’.,-]{_LETTER}+)*", regex.V1)
_BETWEEN = regex.compile(r"(\S*)(\s*)(.*)", regex.DOTALL)
"""Signs that close a word, a space, signs that open the next one."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a reading, with the signs and spaces before it, when it is heard, and in which segment."""

    gap: str
    word: str
    start_s: float
    end_s: float
    segment: Segment

    @property
    def letters(self) -> str:
        return self.word.casefold()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read once: its words, and the signs behind the last of them."""

    tokens: Sequence[Token]
    tail: str = ""

    @classmethod
    def of(cls, transcript: Transcript) -> Reading:
        """Its words have the times that the transcript knows: their own, else those of their segment."""
        tokens, at, timed = list[Token](), 0, list(_timed(transcript))
        for found in _WORD.finditer(transcript.text):
            mine = [each for each in timed if each[0] < found.end() and each[1] > found.start()]
            if mine:
                (_, _, first, segment), (_, _, last, _) = mine[0], mine[-1]
                gap = transcript.text[at : found.start()]
                tokens.append(Token(gap, found.group(), first.start_s, last.end_s, segment))
                at = found.end()
        return cls(tokens, transcript.text[at:])


class Agreement:
    """The text of one stretch of sound as its readings come, each of all the sound that there was by then.

    `before` is the text that it follows.
    """

    def __init__(self, before: str = "") -> None:
        self.settled: list[Token] = []
        self._before = before
        self._open: Sequence[Token] = ()

    def read(self, reading: Reading) -> tuple[str, str]:
        """The text that settles by this reading, and the text behind it that stays open."""
        rest = self._beyond(reading)
        pairs = zip(self._open, rest, strict=False)
        agreed = sum(1 for _ in takewhile(lambda pair: pair[0].letters == pair[1].letters, pairs))
        self.settled += rest[:agreed]
        self._open = rest[agreed:]
        return _joined(rest[:agreed]), _joined(self._open) + (reading.tail if self._open else "")

    def finish(self, reading: Reading) -> str:
        """The text that settles by the last reading, which is all that is left; what had settled gets its times."""
        rest, pairs = self._beyond(reading), dict(_aligned(self.settled, reading.tokens))
        heard = next(iter(reading.tokens), None)
        for here, token in enumerate(self.settled):
            heard = reading.tokens[pairs[here]] if here in pairs else heard
            if heard:
                self.settled[here] = replace(heard, gap=token.gap, word=token.word)
        self.settled += rest
        tail = reading.tail.rstrip() if reading.tokens and self.settled else ""
        if tail:
            self.settled[-1] = replace(self.settled[-1], word=self.settled[-1].word + tail)
        return _joined(rest) + tail

    def _beyond(self, reading: Reading) -> list[Token]:
        """The words of the reading behind those that have settled."""
        pairs = _aligned(self.settled, reading.tokens)
        rest = list(reading.tokens[1 + max((there for _, there in pairs), default=-1) :])
        if rest and self._before and not self.settled:
            apart = not regex.fullmatch(rf"[{_ALONE}]{{2}}", self._before[-1] + rest[0].word[0], regex.V1)
            rest[0] = replace(rest[0], gap=(" " if apart else "") + rest[0].gap.lstrip())
        return rest


def segments(tokens: Sequence[Token]) -> Iterator[Segment]:
    """The tokens as they are written, in the segments in which they were heard, which keep what else they know."""
    words = list(_written(tokens))
    for segment, group in groupby(words, lambda each: each[2].segment):
        mine = list(group)
        text = "".join(text + space for text, space, _ in mine).strip()
        said = tuple(Word(text, token.start_s, token.end_s) for text, _, token in mine)
        yield replace(
            segment,
            text=text,
            start_s=said[0].start_s if segment.words else segment.start_s,
            end_s=said[-1].end_s if segment.words else segment.end_s,
            words=said if segment.words else (),
        )


def _written(tokens: Sequence[Token]) -> Iterator[tuple[str, str, Token]]:
    """Each with its word as it is written, signs included, and the space behind it."""
    opening = tokens[0].gap.lstrip() if tokens else ""
    for nth, token in enumerate(tokens, 1):
        following = tokens[nth].gap if nth < len(tokens) else ""
        closing, space, next_opening = _BETWEEN.fullmatch(following).groups()
        yield opening + token.word + closing, space, token
        opening = next_opening


def _joined(tokens: Sequence[Token]) -> str:
    return "".join(token.gap + token.word for token in tokens)


def _timed(transcript: Transcript) -> Iterator[tuple[int, int, Segment | Word, Segment]]:
    """Where in the text its words are, or segments without words: from one letter to before another."""
    at = 0
    for segment in transcript.segments:
        for each in segment.words or (segment,):
            start = max(at, transcript.text.find(each.text, at))
            at = start + len(each.text)
            yield start, at, each, segment


def _aligned(settled: Sequence[Token], heard: Sequence[Token]) -> list[tuple[int, int]]:
    """Pairs of a settled word and the word of a new reading that stands in its place, by the fewest changes.

    The reading may go on behind them; of ways that are as good the one counts that is about as long.
    """
    costs = [list(range(len(heard) + 1))]
    for here, token in enumerate(settled):
        row = [here + 1]
        for there, other in enumerate(heard):
            change = costs[-1][there] + (token.letters != other.letters)
            row.append(min(change, costs[-1][there + 1] + 1, row[-1] + 1))
        costs.append(row)
    here = len(settled)
    there = min(range(len(heard) + 1), key=lambda end: (costs[-1][end], abs(end - here)))
    pairs = []
    while here and there:
        if costs[here][there] == costs[here - 1][there - 1] + (settled[here - 1].letters != heard[there - 1].letters):
            here, there = here - 1, there - 1
            pairs.append((here, there))
        elif costs[here][there] == costs[here - 1][there] + 1:
            here -= 1
        else:
            there -= 1
    return pairs[::-1]
