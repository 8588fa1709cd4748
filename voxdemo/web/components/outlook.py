"""What a text would take now, in the line below Speak. Knows a forecast and its words, no page."""

from __future__ import annotations

from voxdemo.intake.validate import MAX_TEXT_CHARS
from voxdemo.service.service import Forecast
from voxdemo.web.components import wording

NEAR_LIMIT = 0.9
"""From this share of the longest text on, the limit is shown."""


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
    return f"<p>{words} <span>{line(forecast)}</span></p>"


def line(forecast: Forecast) -> str:
    """Who is before a job that came now, and how long until its turn: "1 person is being served; …"."""
    ahead, waiting = forecast.ahead, forecast.waiting
    if not ahead:
        return "Nobody is waiting."
    who = f"{wording.people(ahead)} {'is' if ahead == 1 else 'are'}"
    turn = f", about {_time(forecast.wait_s)}" if forecast.wait_s else ""
    return f"{who} {'ahead of you' if waiting else 'being served'}{turn}."


def _about(value: float | None) -> str:
    return "" if value is None else f", about {_time(value)}"


def _time(value: float) -> str:
    return wording.seconds(value).replace(" ", "\u00a0")
