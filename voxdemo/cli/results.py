"""What `say` and `hear` read and write: audio, whole or not at all; a transcript. A bar, and counts in words."""

import codecs
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from voxdemo.errors import InputError
from voxdemo.files import beside
from voxdemo.speech import Transcript
from voxdemo.stores import captions

ShowProgress = Callable[[str, float], None]
"""Takes what the command is doing, in words, and the share that is done, 0..1."""
USUAL = Path("speech.wav")
"""The file where none is named, unless it exists."""


@contextmanager
def bar() -> Generator[ShowProgress, None, None]:
    """Shown while this is open, if stderr is a terminal, and gone afterwards."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Loading", total=1.0)
        yield lambda words, done: progress.update(task, description=words, completed=done)


def counted(count: float, one: str, many: str = "") -> str:
    """As in "1 generator" and "1,000 people"."""
    figure = f"{count:,}" if isinstance(count, int) else f"{count:,g}"
    return f"{figure} {one if count == 1 else many or one + 's'}"


def audio_format(output: str) -> str:
    """By the ending of the file that `output` names, "-" being stdout, "" a new one. Raises InputError for others."""
    from voxdemo.audio.formats import MIME_TYPES  # here: its codecs take a second

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
def audio_file(output: str) -> Generator[BinaryIO, None, None]:
    """The file that `output` names, which gets its name when it is complete; that of a new one is printed."""
    if output == "-":
        yield sys.stdout.buffer
        return
    path = Path(output or USUAL)
    if output and path.is_dir():
        raise InputError("{path} is a folder: name a file in it.", code="is_a_folder", path=str(path))
    made = beside(path)
    try:
        with _created(path, made) as file:
            yield file
        path = path if output else _new()
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    if not output:
        print(f"Saved as {path}.", file=sys.stderr)


@contextmanager
def recording_file(recording: str) -> Generator[Path, None, None]:
    """The file that `recording` names, "-" being stdin. Raises InputError where there is none."""
    if recording != "-":
        if not Path(recording).is_file():
            raise InputError("There is no file {path!r}: check its name.", code="no_such_file", path=recording)
        yield Path(recording)
        return
    with tempfile.NamedTemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield Path(file.name)


def check_live(form: str) -> None:
    """Raises InputError for what `--live` doesn't know: other forms."""
    if form != "text":
        sentence = "{option} can't be used with --live: leave it out."
        raise InputError(sentence, code="not_live", reason="option", option="--format")


def check_form(form: str, forms: Collection[str]) -> None:
    """Raises InputError for what isn't one of these, FORMS or LISTS."""
    if form not in forms:
        sentence = "--format must be one of {these}, not {format!r}."
        raise InputError(sentence, code="unknown_format", reason="option", these=", ".join(forms), format=form[:20])


def _created(path: Path, made: Path) -> BinaryIO:
    try:
        return made.open("xb")
    except OSError as error:
        sentence = "{path} can't be written ({why}): choose another place."
        raise InputError(sentence, code="cannot_write", path=str(path), why=error.strerror) from error


def _new() -> Path:
    """A file that nothing had: speech.wav, speech-2.wav and so on. It is there, so that nobody else takes its name."""
    names = chain([USUAL], (USUAL.with_stem(f"{USUAL.stem}-{number}") for number in count(2)))
    for path in names:
        with suppress(FileExistsError):
            path.open("xb").close()
            return path
    raise AssertionError("there is always another name")


def _json(transcript: Transcript) -> str:
    segments = [{"start": each.start_s, "end": each.end_s, "text": each.text} for each in transcript.segments]
    told = {
        "text": transcript.text,
        "language": transcript.language,
        "duration": transcript.duration_s,
        "segments": segments,
    }
    return _indented(told)


def _indented(told: Any) -> str:
    is_unicode = codecs.lookup(sys.stdout.encoding).name.startswith("utf")
    return json.dumps(told, ensure_ascii=not is_unicode, indent=2) + "\n"


def _table(listed: Mapping[str, Any]) -> str:
    """The voices line by line, the id first."""
    rows = [COLUMNS, *(_row(voice) for voice in listed["voices"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", COPIES if listed["clones"] else COPIES_NOT, ""])


def _row(voice: Mapping[str, Any]) -> tuple[str, ...]:
    from voxdemo.intake.languages import title_of  # here: its names take a moment

    language = voice.get("language") or next(iter(voice.get("languages", ())), "")
    known = (voice.get(name) or "" for name in ("gender", "character", "pace", "model"))
    return (voice.get("id") or voice["name"], voice.get("title") or "", title_of(language), *known)


FORMS: dict[str, Callable[[Transcript], str]] = {
    "text": lambda transcript: f"{transcript.text}\n",
    "json": _json,
    "srt": lambda transcript: captions.srt(transcript.segments),
    "vtt": lambda transcript: captions.webvtt(transcript.segments),
}
"""By name."""
COLUMNS = ("VOICE", "TITLE", "LANGUAGE", "SEX", "CHARACTER", "PACE", "MODEL")
COPIES, COPIES_NOT = "Voices can be copied from a recording.", "Voices can't be copied from a recording."
LISTS: dict[str, Callable[[Mapping[str, Any]], str]] = {"text": _table, "json": _indented}
"""What is printed of a list of voices as `/v1/audio/voices` has it, by name."""
