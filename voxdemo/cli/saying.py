"""The command `say`: where its sound goes, whole or not at all."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from voxdemo.audio.formats import MIME_TYPES
from voxdemo.cli.bar import Tell, bar
from voxdemo.cli.words import Words
from voxdemo.errors import InputError

Speak = Callable[[Words, str, BinaryIO, Tell], Sequence[str]]
"""Says the words in a format into a file, and returns what of them was ignored, in sentences."""


def write(words: Words, output: str, speak: Speak) -> None:
    """Speak into the file that `output` names, "-" being stdout. Raises InputError for an ending that isn't offered."""
    with bar() as tell, _opened(output) as file:
        warnings = speak(words, _format(output), file, tell)
    for warning in warnings:
        print(warning, file=sys.stderr)


def _format(output: str) -> str:
    if output == "-":
        return "wav"
    ending = Path(output).suffix.removeprefix(".").lower()
    if ending not in MIME_TYPES:
        raise InputError(f"The file must end with .{', .'.join(MIME_TYPES)}, not {Path(output).name[:40]!r}.")
    return ending


@contextmanager
def _opened(output: str) -> Generator[BinaryIO, None, None]:
    """The file, which gets its name when all is in it."""
    _format(output)
    if output == "-":
        yield sys.stdout.buffer
        return
    path = Path(output)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with _told(output, beside) as file:
            yield file
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _told(output: str, beside: Path) -> BinaryIO:
    try:
        return beside.open("xb")
    except OSError as error:
        raise InputError(f"{output} can't be written ({error.strerror}): choose another place.") from error
