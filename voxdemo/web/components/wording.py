"""What scripts and commands are told while they wait, and the page's notice and estimate. The card has its own words.

Knows the service and its events, no page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxdemo.intake.validate import MAX_TEXT_CHARS
from voxdemo.speech import Listening, Speaking, Utterance, Waiting

if TYPE_CHECKING:  # commands that ask a server do without what takes a second to import
    from voxdemo.service.service import Forecast, SpeechService

NO_SEED = "The seed must be a whole number: write another one, or leave it empty."
USUAL_SENTENCE = Utterance(
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.",
    language="en",  # so that nobody detects it
)
"""For telling how long about a sentence takes."""
NEAR_LIMIT = 0.9
"""From this share of the longest text on, the limit is shown."""


def notice(service: SpeechService) -> str:
    """What this page is for: which languages, how fast; or what is still being loaded."""
    pending = service.readiness().pending
    if pending:
        return pending
    info, languages = service.engine_info, service.catalogue.languages
    speaks = info.note if len(languages) == len(info.languages) else f"This server speaks {len(languages)} languages."
    own_s = service.forecast(USUAL_SENTENCE).own_s
    usual = "" if own_s is None else f"; a sentence takes about {seconds(own_s)}"
    return f"Type a text and hear it. {speaks.removesuffix('.')}{usual}."


def estimate(text: str, forecast: Forecast, ready: bool) -> str:
    """What this text would take now: "162 characters, about 9 s. 3 people are ahead of you; …"."""
    length, has_words = len(text), bool(text.strip())
    if length > MAX_TEXT_CHARS:
        too_many = f"{length:,} characters: {length - MAX_TEXT_CHARS:,} more than the {MAX_TEXT_CHARS:,} that fit."
        return f'<p class="over">{too_many}</p>'
    if has_words:
        of_limit = f" of {MAX_TEXT_CHARS:,}" if length > NEAR_LIMIT * MAX_TEXT_CHARS else ""
        words = f"{length:,}{of_limit} character{'' if length == 1 else 's'}{_about(forecast.own_s)}."
    else:
        words = "Ready." if ready else "Still loading."
    return f"<p>{words} <span>{line_ahead(forecast)}</span></p>"


def line_ahead(forecast: Forecast) -> str:
    """How many jobs are ahead of a new one, and for how long: "1 person is being served; …"."""
    ahead, waiting = forecast.ahead, forecast.waiting
    if not ahead:
        return "Nobody is waiting."
    who = f"{people(ahead)} {'is' if ahead == 1 else 'are'}"
    turn = f", about {_time(forecast.wait_s)}" if forecast.wait_s else ""
    return f"{who} {'ahead of you' if waiting else 'being served'}{turn}."


def status(event: Waiting | Speaking | Listening) -> str:
    """One line on where a job is: "2 people ahead of you, about 25 s"."""
    match event:
        case Waiting(seconds=left, loading=title) | Speaking(seconds_left=left, loading=title) if title:
            return _with_seconds(f"Loading {title}", left)
        case Waiting(ahead, left):
            return _with_seconds(f"{people(ahead)} ahead of you" if ahead else "You are next", left)
        case Speaking(done) if done >= 1:
            return "Finishing"
        case Speaking(_, left, sentence, sentences):
            of_many = f" part {sentence} of {sentences}" if sentences > 1 else ""
            return _with_seconds(f"Speaking{of_many}", left, " left")
        case Listening(_, left):
            return _with_seconds("Listening", left, " left")


def seconds(value: float) -> str:
    """A length of time as people say it: "1 s", "25 s", "3 min"."""
    return f"{max(1, round(value))} s" if value < 90 else f"{round(value / 60)} min"


def rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def people(count: int) -> str:
    """So many: "1 person", "3 people"."""
    return "1 person" if count == 1 else f"{count} people"


def _with_seconds(words: str, left: float | None, tail: str = "") -> str:
    return words if left is None else f"{words}, about {seconds(left)}{tail}"


def _about(value: float | None) -> str:
    return "" if value is None else f", about {_time(value)}"


def _time(value: float) -> str:
    return seconds(value).replace(" ", "\u00a0")
