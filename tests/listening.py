"""A client that hears a job of the page while it is made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx

WORDS = "one two three four. five six seven."


def frames(answer: httpx.Response) -> Iterator[tuple[dict[str, Any], bytes]]:
    """What comes on a live stream: each JSON line, with the bytes behind it."""
    buffered, header = b"", None
    for block in answer.iter_raw():
        buffered += block
        while header or b"\n" in buffered:
            if header is None:
                line, _, buffered = buffered.partition(b"\n")
                header = json.loads(line)
            size = header.get("sound", 0)
            if len(buffered) < size:
                break
            yield header, buffered[:size]
            header, buffered = None, buffered[size:]


def key_of(messages: Iterator[dict[str, Any]]) -> str:
    """The key under which the sound of a job can be heard, as the page is told it.

    Gradio tells the first values whole, and then only what is other than before: `["add", ["sound"], "…"]`.
    """
    told = (re.search(r'"sound"(?:\])?[:,] "([\w-]{22})"', json.dumps(message)) for message in messages)
    return next(found[1] for found in told if found)
