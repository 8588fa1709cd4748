"""The command `say`: what is to be said, and where its audio goes, whole or not at all."""

import secrets
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from voxdemo.audio.formats import MIME_TYPES
from voxdemo.cli.progress_bar import Tell, bar
from voxdemo.errors import InputError
from voxdemo.speech import Utterance

Speak = Callable[[Utterance, str, BinaryIO, Tell], Sequence[str]]
"""Speaks an utterance in a format into a file, and returns what was ignored, in sentences."""
USUAL = Path("speech.wav")
"""The file where none is named, unless it exists."""


def write(utterance: Utterance, output: str, speak: Speak) -> None:
    """Speak into the file that `output` names, "-" being stdout, "" a new one, whose name is printed.

    Raises InputError for an ending that isn't offered.
    """
    format = _format(output)
    with bar() as tell, _opened(output) as file:
        warnings = speak(utterance, format, file, tell)
    for warning in warnings:
        print(warning, file=sys.stderr)


def _format(output: str) -> str:
    if output in ("-", ""):
        return "wav"
    ending = Path(output).suffix.removeprefix(".").lower()
    if ending not in MIME_TYPES:
        sentence = "The file must end with .{these}, not {name!r}."
        raise InputError(
            sentence, code="unknown_format", reason="ending", these=", .".join(MIME_TYPES), name=Path(output).name[:40]
        )
    return ending


@contextmanager
def _opened(output: str) -> Generator[BinaryIO, None, None]:
    """The file, which gets its name when it is complete."""
    if output == "-":
        yield sys.stdout.buffer
        return
    path = Path(output or USUAL)
    if output and path.is_dir():
        raise InputError("{path} is a folder: name a file in it.", code="is_a_folder", path=str(path))
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with _created(path, beside) as file:
            yield file
        path = path if output else _new()
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    if not output:
        print(f"Saved as {path}.", file=sys.stderr)


def _created(path: Path, beside: Path) -> BinaryIO:
    try:
        return beside.open("xb")
    except OSError as error:
        sentence = "{path} can't be written ({why}): choose another place."
        raise InputError(sentence, code="cannot_write", path=str(path), why=error.strerror) from error


def _new() -> Path:
    """A file that nothing had: speech.wav, speech-2.wav and so on. It is there, so that nobody else takes its name."""
    names = chain([USUAL], (USUAL.with_stem(f"{USUAL.stem}-{number}") for number in count(2)))
    return next(path for path in names if _is_made(path))


def _is_made(path: Path) -> bool:
    try:
        path.open("xb").close()
    except FileExistsError:
        return False
    return True
