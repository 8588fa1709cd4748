"""What people write, kept out of what is told of their requests: the words, and the finding of them in a line.

The words are known by a context variable, which tasks and `in_thread` hand on. It knows nothing of loggers.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property
from typing import Any

LEFT_OUT = "[left out]"
RUN = 3
"""Words in a row that a line has in common with what somebody wrote are taken for theirs from here on."""

_private: ContextVar[tuple[_Private, ...]] = ContextVar("private", default=())


@contextmanager
def private(*words: object) -> Generator[None, None, None]:
    """While this runs, these words of people, where they are words, are kept out of the log."""
    token = _private.set(_also(words))
    try:
        yield
    finally:
        with suppress(ValueError):  # a generator that is closed by another task than ran it: there, nothing was set
            _private.reset(token)


def keep_private(*words: object) -> None:
    """From here on, to its end, they are kept out of what this task logs."""
    _private.set(_also(words))


def left_out_of(told: Any) -> Any:
    """The same without what is private: a text, or what JSON is made of, where other things become texts.

    Names in it are the program's own words.
    """
    match told:
        case str():
            for written in _private.get():
                told = written.left_out_of(told)
            return told
        case int() | float() | None:
            return told
        case dict():
            return {str(name): left_out_of(value) for name, value in told.items()}
        case list() | tuple():
            return [left_out_of(value) for value in told]
        case _:
            return left_out_of(str(told))


def _also(words: Sequence[object]) -> tuple[_Private, ...]:
    return (*_private.get(), *(_Private(written) for written in words if written and isinstance(written, str)))


class _Private:
    """What somebody wrote, and the finding of it in a line, whole or in pieces, escaped or not.

    Pieces are RUN words in a row, or fewer in quotes, as exceptions have them: no library tells sentences as they were
    cut by whoever wrote them. Letter case and punctuation don't count.
    """

    def __init__(self, written: str) -> None:
        self._written = written.strip()

    def left_out_of(self, line: str) -> str:
        plain, origins = _unescaped(line)
        if not self._words:  # such as emoji
            return line.replace(self._written, LEFT_OUT) if self._written else line
        for begin, end in reversed(_joined([*self._runs(plain), *self._quoted(plain)])):
            line = line[: origins[begin]] + LEFT_OUT + line[origins[end] :]
        return line

    @cached_property
    def _words(self) -> list[str]:
        return [word for word, _, _ in _words_of(self._written)]

    @cached_property
    def _all_words(self) -> str:
        return _in_a_row(self._words)

    def _runs(self, plain: str) -> Iterator[tuple[int, int]]:
        words = list(_words_of(plain))
        size = min(RUN, len(self._words))
        for at in range(len(words) - size + 1):
            run = words[at : at + size]
            if self._has(run):
                yield run[0][1], run[-1][2]

    def _quoted(self, plain: str) -> Iterator[tuple[int, int]]:
        for quoted in _QUOTED.finditer(plain):
            words = list(_words_of(quoted[2]))
            if words and self._has(words):
                yield quoted.span(2)

    def _has(self, words: list[_Word]) -> bool:
        return _in_a_row([word for word, _, _ in words]) in self._all_words


_Word = tuple[str, int, int]
"""A word, and where it begins and ends."""
_WORD = re.compile(r"[0-9A-Za-zÀ-ɏͰ-ӿ]+|[^\W_]")
"""In scripts that are written without spaces each letter counts as one."""
_QUOTED = re.compile(r"""(['"`])((?:(?!\1).){1,100})\1""")
_ESCAPED = re.compile(r"((?:\\x[0-9a-fA-F]{2})+)|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\(.)")


def _words_of(text: str) -> Iterator[_Word]:
    return ((word[0].casefold(), word.start(), word.end()) for word in _WORD.finditer(text))


def _in_a_row(words: list[str]) -> str:
    return f" {' '.join(words)} "


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places, in order, those that touch or overlap as one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def _unescaped(line: str) -> tuple[str, list[int] | range]:
    """The line with what repr() and JSON made of its letters undone; and where each letter, and the end, was in it."""
    if "\\" not in line:
        return line, range(len(line) + 1)
    letters: list[str] = []
    origins: list[int] = []
    at = 0
    for escaped in _ESCAPED.finditer(line):
        letters += line[at : escaped.start()]
        origins += range(at, escaped.start())
        at = escaped.start()
        for letter, size in _letters_of(escaped):
            letters.append(letter)
            origins.append(at)
            at += size
    letters += line[at:]
    origins += range(at, len(line) + 1)
    return "".join(letters), origins


def _letters_of(escaped: re.Match[str]) -> list[tuple[str, int]]:
    """The letters that this stands for, each with the room that it takes."""
    raw, short, long, single = escaped.groups()
    if raw:
        return _letters_of_bytes(bytes.fromhex(raw.replace("\\x", "")))
    if single:
        return [(" " if single in "nrt" else single, 2)]
    number = int(short or long, 16)
    return [(chr(number) if number <= 0x10FFFF else " ", len(escaped[0]))]


def _letters_of_bytes(raw: bytes) -> list[tuple[str, int]]:
    try:
        return [(letter, 4 * len(letter.encode())) for letter in raw.decode()]
    except UnicodeDecodeError:
        return [(letter, 4) for letter in raw.decode("latin-1")]
