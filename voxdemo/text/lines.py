"""Text as models have learnt it: in one line, and with the signs that are typed. Pure; knows no model."""

from __future__ import annotations

import re
import unicodedata

_TYPED = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʼ′", "'"),
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‐‑‒–−", "-"),
        "…": "...",
    }
)
_LONG_DASH = re.compile(" ?[—―]+ ?")
_CHINESE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def typed(text: str) -> str:
    """`text` with the quotes, dashes and dots of a keyboard for those of print, unless it is Chinese or the like."""
    return text if _CHINESE.search(text) else _LONG_DASH.sub(" - ", text).translate(_TYPED).strip()


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
