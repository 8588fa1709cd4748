"""The command `hear`: a recording in, its transcript out."""

import codecs
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from voxdemo.cli.progress_bar import Tell, bar
from voxdemo.errors import InputError
from voxdemo.speech import Transcript
from voxdemo.stores import captions

Listen = Callable[[Path, str | None, Tell], Transcript]
"""Recognises a recording in a language, or in the one that it detects."""


def printed(recording: str, language: str, form: str, listen: Listen) -> None:
    """Print the transcript of the recording, "-" being stdin, in one of the FORMS."""
    if form not in FORMS:
        sentence = "--format must be one of {these}, not {format!r}."
        raise InputError(sentence, code="unknown_format", reason="option", these=", ".join(FORMS), format=form[:20])
    with bar() as tell, _file(recording) as path:
        transcript = listen(path, language or None, tell)
    sys.stdout.write(FORMS[form](transcript))
    for warning in transcript.warnings:
        print(warning, file=sys.stderr)


@contextmanager
def _file(recording: str) -> Generator[Path, None, None]:
    if recording != "-":
        if not Path(recording).is_file():
            raise InputError("There is no file {path!r}: check its name.", code="no_such_file", path=recording)
        yield Path(recording)
        return
    with tempfile.NamedTemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield Path(file.name)


def _json(transcript: Transcript) -> str:
    segments = [{"start": each.start_s, "end": each.end_s, "text": each.text} for each in transcript.segments]
    told = {
        "text": transcript.text,
        "language": transcript.language,
        "duration": transcript.duration_s,
        "segments": segments,
    }
    is_unicode = codecs.lookup(sys.stdout.encoding).name.startswith("utf")
    return json.dumps(told, ensure_ascii=not is_unicode, indent=2) + "\n"


FORMS: dict[str, Callable[[Transcript], str]] = {
    "text": lambda transcript: f"{transcript.text}\n",
    "json": _json,
    "srt": lambda transcript: captions.srt(transcript.segments),
    "vtt": lambda transcript: captions.webvtt(transcript.segments),
}
"""By name."""
