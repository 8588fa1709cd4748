"""What a line of the log may contain: nobody's words, even where a library quotes them.

Only this package's own lines are trusted. Of exceptions the log has the kinds and the places; of what libraries log,
the sentences that stand in their code. With VOXDEMO_LOG_TEXT the log has everything.
"""

import ast
import errno
import logging
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from traceback import format_tb
from typing import Any

from voxdemo.errors import VoxdemoError

LEFT_OUT = "[left out]"
NOBODYS_WORDS = {"nobodys_words": True}
"""The `extra` of a line whose exception can't quote anybody: the log has its message, too."""
_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


def is_ours(record: logging.LogRecord) -> bool:
    """Whether this package wrote the line."""
    return record.pathname.startswith(_PACKAGE)


def is_open(record: logging.LogRecord) -> bool:
    """Whether the log may have the exception's message."""
    return bool(getattr(record, "nobodys_words", False))


def message_of(record: logging.LogRecord) -> str:
    """What a line says: all of it where it is ours; else a sentence that stands in the code, with numbers in it."""
    if is_ours(record):
        return record.getMessage()
    if str(record.msg).strip() not in _written_in(record.pathname):
        return f"{LEFT_OUT} at {Path(record.pathname).name}:{record.lineno}"
    args = record.args if isinstance(record.args, tuple) else (record.args,)
    try:
        return str(record.msg) % tuple(map(left_out_of, args)) if record.args else str(record.msg)
    except (TypeError, ValueError):  # "%d" for a text, for example, or names in the places
        return str(record.msg)


def left_out_of(value: Any) -> Any:
    """A number as it is; anything else may be somebody's words."""
    return value if value is None or isinstance(value, int | float) else LEFT_OUT


def traceback_of(error: BaseException) -> str:
    """How it came about, without what the exceptions say: kinds and places, the first cause first."""
    return "\n\nand then\n\n".join(reversed([_told(each) for each in _chain(error)]))


def kind_of(error: BaseException) -> str:
    """What an exception is, without what it says; the code of one of ours, or of the operating system's."""
    code = error.code if isinstance(error, VoxdemoError) else ""
    if isinstance(error, OSError):
        code = errno.errorcode.get(error.errno or 0, "")
    return f"{type(error).__name__} ({code})" if code else type(error).__name__


def _told(error: BaseException) -> str:
    inner = "".join(f"\n  with {kind_of(each)}" for each in getattr(error, "exceptions", ()))
    places = "".join(line.partition("\n")[0] + "\n" for line in format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{places}{kind_of(error)}{inner}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@cache
def _written_in(path: str) -> frozenset[str]:
    """The texts that stand in the code of a module."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):  # no file of Python's
        return frozenset()
    return frozenset(
        node.value.strip() for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
