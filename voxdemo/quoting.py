"""What a variable was meant to be, where its quotes and its comment have come along.

In a shell and in a file `.env` they end before the program. Docker's --env-file, compose's lists and systemd's
EnvironmentFile hand on some of them as part of the value, with the line ends of Windows. Knows no setting.
"""

import io
import re
from pathlib import Path

from dotenv.parser import parse_stream

from voxdemo.errors import SettingsError

_PAIRS = ('""', "''", "“”", "‘’")
"""Of the shell, and what word processors make of them."""
_QUOTED = re.compile("|".join(f"{pair[0]}([^{pair}]*){pair[1]}" for pair in _PAIRS))
_WITH_COMMENT = re.compile(rf"({_QUOTED.pattern})\s+#.*")
_COMMENT = re.compile(r"\s#.*")
_JSON = re.compile(r"\[\s*\{|\{")
_MARKS = tuple("".join(_PAIRS))


def meant(name: str, value: str, is_free: bool) -> str:
    """The variable's value without them; `is_free` says that it may be anything, as a password may.

    Raises SettingsError, which doesn't repeat the value, where two things could be meant.
    """
    value = value.strip()
    if commented := _WITH_COMMENT.fullmatch(value):
        value = commented[1]
    if whole := _QUOTED.fullmatch(value):
        return _inside(whole)
    if _JSON.match(value):  # whose quotes are its own
        return value
    if all(each := [_QUOTED.fullmatch(item.strip()) for item in value.split(",")]):
        return ",".join(_inside(item) for item in each if item)
    if is_free and _COMMENT.search(value):
        raise SettingsError(f"{name} has a # behind a space: if it belongs to the value, put quotes round all of it.")
    value = _COMMENT.sub("", value)
    if any(part.startswith(_MARKS) or part.endswith(_MARKS) for part in re.split("[,:]", value)):
        raise SettingsError(f"{name} has quotes round a part of it: put them round the whole value, or remove them.")
    return value


def names_in(file: str) -> list[str]:
    """The names of the variables in a file that need not be there.

    Raises SettingsError for a line that can't be understood, which the library would only pass over.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError:
        return []
    lines = list(parse_stream(io.StringIO(text)))
    for line in lines:
        if line.error:
            where = f"Line {line.original.line} of the file {file}"
            raise SettingsError(f"{where} can't be understood: write NAME=value, and close the quotes that you open.")
    return [line.key for line in lines if line.key]


def _inside(quoted: re.Match[str]) -> str:
    return next(group for group in quoted.groups() if group is not None)
