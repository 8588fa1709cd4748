"""What people read while they wait, in one place for every door. Knows the events, no page."""

from __future__ import annotations

from voxdemo.speech import Listening, Speaking, Waiting

UNEXPECTED = "Something went wrong on the server: try again in a minute."
"""For errors nobody foresaw; the log has them."""


def status(event: Waiting | Speaking | Listening) -> str:
    """One line on where a job is: "2 ahead of you, about 25 s"."""
    match event:
        case Waiting(ahead, left):
            return _with_seconds(f"{ahead} ahead of you" if ahead else "You are next", left)
        case Speaking(_, left, sentence, sentences):
            of_many = f" part {sentence} of {sentences}" if sentences > 1 else ""
            return _with_seconds(f"Speaking{of_many}", left, " left")
        case Listening(_, left):
            return _with_seconds("Listening", left, " left")


def seconds(value: float) -> str:
    """A length of time as people say it: "1 s", "25 s", "3 min"."""
    return f"{max(1, round(value))} s" if value < 90 else f"{round(value / 60)} min"


def _with_seconds(words: str, left: float | None, tail: str = "") -> str:
    return words if left is None else f"{words}, about {seconds(left)}{tail}"
