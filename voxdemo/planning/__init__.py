"""How many machines a demo needs for so many people, and what they cost, before there are any.

Figures that were measured, queueing theory and a price list. Knows nothing of servers that run.
"""

from pathlib import Path

from voxdemo.errors import InputError


def text_of(file: Path) -> str:
    """What stands in a file. Raises InputError for one that can't be read, or isn't text."""
    try:
        return file.read_text(encoding="utf-8-sig")  # as spreadsheets save it, too
    except OSError as error:
        sentence = "{path!r} can't be read ({why}): check its name."
        raise InputError(sentence, code="cannot_read", path=str(file), why=error.strerror) from error
    except UnicodeDecodeError as error:
        sentence = "{what} isn't UTF-8: convert it, then try again."
        raise InputError(sentence, code="not_utf8", what=file.name) from error
