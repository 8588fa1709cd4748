"""What is printed reaches people whatever characters their terminal, pipe or log file can show."""

import io
import sys


def show_everything() -> None:
    r"""From here on print a character that the output's encoding lacks as its escape, such as \u4f60.

    Python raises UnicodeEncodeError instead, and what a command has worked for is lost; call it before anything else.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
