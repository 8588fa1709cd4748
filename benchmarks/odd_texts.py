"""What texts cost that were made to be slow: one piece, over and over, through everything that reads what people write.

    .venv/bin/python benchmarks/odd_texts.py

A pattern that looks at a text again and again takes the square of its length: seconds where others take a tenth. Prints
the slowest piece of each function, and what the joining of sound costs; ends with 1 if a limit is passed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.audio.join import Joiner
from voxdemo.engines.builtin.english import readable
from voxdemo.intake.validate import MAX_TEXT_CHARS
from voxdemo.text.abbreviations import expanded
from voxdemo.text.leftovers import taken_out
from voxdemo.text.pasted import plain
from voxdemo.text.split import parts

RATE = 24_000
MOST_S = 2.0
"""Of processor time, for the longest text of a piece; what takes the square of the length takes more."""
ABBREVIATIONS = (
    "Dr. ", "St. ", "A-", "12 Main St. ", "Jan. 5 ", "No. 5 ", "A, ", "in Salem, OR ", "1 N. A", ".", "p.m. ", "Gen. ",
)  # fmt: skip
FIGURES = (
    "1", "1-", "1 000 ", "1.000", "1,000", "1'000", "+1 ", "(555) ", "5 - ", "1:1", "1/2 ", "$5", "5 m", "5€ ",
    "#a", "@", "1e1", "1.", "3x", "3*",
    "v1.", "5 USD ", "-1", "1h30", "a.pdf", "1-1-1-", "4111 ",
    "1/", "1/1 ", "$5/a", "$1-", "2h 3m ", "5\" ", "5'", "5~", "1,00,", "call 1", "+1(", "5kg/", "a 5 kg ", "12/1/",
)  # fmt: skip
SIGNS = ("a.", "[", "![a](", "1,", "I, ", "9", "a@", "-", "é\u0301", "x/", "IV and ", "()")
LEFTOVERS = (
    "\\", "\\n", "x", "[1]",
    "a [1]", "<a ", "<break/>", "<think>", "</think><think>", "&amp;", "&lt;", "&lt;a ", "(", "((^",
    "¯\\_(", "¹", "a¹", "^_", "<|", "【", "\n", "turn0", "Assistant: \n", "°", "(°", "~-_",
)  # fmt: skip
SENTENCES = (
    "This is a sentence. ", "word ", "x", "a.", "你好。", "你好", "१।", "...", "\n", "a\n", "1. ", "vol. 1 ", "a, ",
    "? a\n", "e\u0301", "a" + "\u0301" * 400, "(", "“a.” ", "Dr. ", "* ", "a) ", " and", "— ", "I.", "a\n\n",
)  # fmt: skip
MARKUP = (
    "[", "![", "[[](", "<", "<b>", "<p a ", '<p a="', "<!--", "<script>", "*", "**a", "_", "*a _b ", "a**\"b",
    "`", "``a", "> ", "- ", "  - a\n", "1. ", "|a|b|\n|-|-|\n", "# a\n", "a\n", "a-\n", "&", "&amp;", "\\",
    "[a]: b\n", "<p>", " ", "<div><ul><li>", "A ", "HELLO THERE. ", "\ud800", "e\u0301", "你好，", "(", "!?",
    "...", "word ", "x\xad\n", "@a.b ",
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What is done with a text, and pieces that were made to be slow for it."""

    read: Callable[[str], object]
    pieces: tuple[str, ...]
    before: str = ""


READINGS = {
    "abbreviations.expanded": Reading(expanded, ABBREVIATIONS),
    "english.readable, figures": Reading(readable, FIGURES),
    "english.readable, signs": Reading(readable, SIGNS),
    "leftovers.taken_out": Reading(taken_out, LEFTOVERS, before="</think>"),
    "pasted.plain": Reading(plain, MARKUP),
    "split.parts": Reading(lambda text: parts(text, 300), SENTENCES),
    "split.parts, sentences apart": Reading(lambda text: parts(text, 300, sentences_apart=True), SENTENCES),
}


def main() -> None:
    """Run everything and print a table."""
    _arguments()
    print(f"processor seconds for {MAX_TEXT_CHARS:,} characters: the slowest piece")
    spent = [_slowest(name, reading) for name, reading in READINGS.items()]
    spent.append(_told("joining a second of sound", _joined_s(), 0.02))
    sys.exit(0 if all(spent) else 1)


def _slowest(name: str, reading: Reading) -> bool:
    """Whether all pieces keep to the limit."""
    reading.read("a")  # what is loaded lazily
    cost = {piece: _spent_s(reading, piece) for piece in reading.pieces}
    slowest = max(cost, key=cost.__getitem__)
    return _told(f"{name}: {slowest[:20]!r}", cost[slowest], MOST_S)


def _spent_s(reading: Reading, piece: str) -> float:
    text, begun = (reading.before + piece * MAX_TEXT_CHARS)[:MAX_TEXT_CHARS], time.process_time()
    reading.read(text)
    return time.process_time() - begun


def _joined_s() -> float:
    """For each second that is heard of parts that are as loud and as long as sentences."""
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE).astype(np.float32)
    joiner, heard, begun = Joiner(RATE), 0, time.process_time()
    for _ in range(20):
        pieces = np.array_split(tone, 20)
        heard += sum(len(joiner.add(piece)) for piece in pieces) + len(joiner.end_part(0.5))
    return (time.process_time() - begun) / (heard / RATE)


def _told(what: str, seconds: float, most_s: float) -> bool:
    print(f"  {what}: {seconds:.3f} (want <= {most_s:g})")
    return seconds <= most_s


def _arguments() -> argparse.Namespace:
    return argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()


if __name__ == "__main__":
    main()
