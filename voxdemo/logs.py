"""The log: every line tells the request it was written for, and none what people wrote.

Both are known by context variables, which tasks and `in_thread` hand on. It knows nothing of HTTP or of what is logged.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import traceback
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

LEFT_OUT = "[left out]"
RUN = 3
"""Words in a row that a line has in common with what somebody wrote are taken for theirs from here on."""

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_private: ContextVar[tuple[_Private, ...]] = ContextVar("private", default=())

T = TypeVar("T")


def set_up(level: str, log_text: bool) -> None:
    """Log to stderr: our own lines from `level` on, those of libraries from warnings on; what people write, or not."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(log_text))
    root = logging.getLogger()
    for other in root.handlers[:]:
        if isinstance(other.formatter, Formatter):
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("voxdemo").setLevel(level.upper())
    logging.raiseExceptions = log_text  # what it prints of a line that can't be made has the arguments in it


def new_request_id() -> str:
    """A short id that no other request of these days has."""
    return secrets.token_hex(6)


def request_id() -> str:
    """The id of the request that is being served here; "" where none is."""
    return _request_id.get()


def enter_request(number: str) -> None:
    """From here on, to its end, this task serves the request of this id."""
    _request_id.set(number)


@contextmanager
def private(*words: object) -> Generator[None, None, None]:
    """While this runs, these words of people, where they are words, are kept out of the log."""
    with _set_to(_private, _also(words)):
        yield


def keep_private(*words: object) -> None:
    """From here on, to its end, they are kept out of what this task logs."""
    _private.set(_also(words))


def _also(words: Sequence[object]) -> tuple[_Private, ...]:
    return (*_private.get(), *(_Private(written) for written in words if written and isinstance(written, str)))


def take_over_prints(log_text: bool, *modules: Any) -> None:
    """Let tracebacks that these modules print by `traceback.print_exc` go to the log.

    Gradio's quote what was sent where it doesn't fit an endpoint. Nothing tells here whose it is, so only the kind of
    the exception and the place are told, unless `log_text`.
    """
    for module in modules:
        print_exc = partial(_log_exception, module.__name__, log_text)
        module.traceback = SimpleNamespace(**{**vars(traceback), "print_exc": print_exc})


def _log_exception(name: str, log_text: bool) -> None:
    error = sys.exc_info()[1]
    if log_text:
        logging.getLogger(name).exception("a request failed")
    elif error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        logging.getLogger(name).error("a request failed: %s at %s", type(error).__name__, where)


@contextmanager
def _set_to(variable: ContextVar[T], value: T) -> Generator[None, None, None]:
    token: Token[T] = variable.set(value)
    try:
        yield
    finally:
        with suppress(ValueError):  # a generator that is closed by another task than ran it: there, nothing was set
            variable.reset(token)


class Formatter(logging.Formatter):
    """Lines as "time level name [request id]: message", without what is private unless `log_text`."""

    def __init__(self, log_text: bool) -> None:
        super().__init__("%(message)s")
        self._log_text = log_text

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback below it."""
        told = super().format(record)
        for written in () if self._log_text else _private.get():
            told = written.left_out_of(told)
        where = f"{record.name} [{request_id()}]" if request_id() else record.name
        return f"{self.formatTime(record)} {record.levelname:<7} {where}: {told}"


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
