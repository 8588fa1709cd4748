"""Several lines as one, for models that take a line break for a space. Pure; knows no model."""

from __future__ import annotations

import unicodedata


def one_line(text: str) -> str:
    """`text` in one line with single spaces; headings and list items, which end without a stop, get one."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    return " ".join([*(line + _missing_stop(line) for line in lines[:-1]), *lines[-1:]])


def _missing_stop(line: str) -> str:
    last = line.rstrip("\"'”’»)]")[-1:]
    if not last.isalnum():
        return ""
    return "。" if unicodedata.east_asian_width(last) in "WF" and not "가" <= last <= "힣" else "."
