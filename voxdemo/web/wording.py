"""What people read while they wait, in one place for every door. Knows the service and its events, no page."""

from __future__ import annotations

from voxdemo.service import SpeechService
from voxdemo.speech import Listening, Segment, Speaking, Utterance, Waiting

NO_SEED = "The seed must be a whole number: write another one, or leave it empty."
USUAL_SENTENCE = Utterance("The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.")
"""For telling how long about a sentence takes."""


def notice(service: SpeechService) -> str:
    """What everybody should know about the voice: what is still being loaded, else what it can't do."""
    info, pending = service.engine_info, service.readiness().pending
    if pending:
        return pending
    own_s = service.forecast(USUAL_SENTENCE).own_s
    usual = "When many ask at once," if own_s is None else f"A sentence takes about {seconds(own_s)};"
    return f"{info.note} {usual} you may wait in line."


def status(event: Waiting | Speaking | Listening) -> str:
    """One line on where a job is: "2 ahead of you, about 25 s"."""
    match event:
        case Waiting(ahead, left):
            return _with_seconds(f"{ahead} ahead of you" if ahead else "You are next", left)
        case Speaking(done) if done >= 1:
            return "Finishing"
        case Speaking(_, left, sentence, sentences):
            of_many = f" part {sentence} of {sentences}" if sentences > 1 else ""
            return _with_seconds(f"Speaking{of_many}", left, " left")
        case Listening(_, left):
            return _with_seconds("Listening", left, " left")


def caption(segment: Segment) -> tuple[float, float, str]:
    """A caption as the page's scripts read it: start and end in seconds, and the words."""
    return round(segment.start_s, 2), round(segment.end_s, 2), segment.text


def seconds(value: float) -> str:
    """A length of time as people say it: "1 s", "25 s", "3 min"."""
    return f"{max(1, round(value))} s" if value < 90 else f"{round(value / 60)} min"


def _with_seconds(words: str, left: float | None, tail: str = "") -> str:
    return words if left is None else f"{words}, about {seconds(left)}{tail}"
