"""What a text would take now, in the line below Speak. Knows a forecast and its words, no page."""

from __future__ import annotations

from voxdemo.service import Forecast
from voxdemo.validate import MAX_TEXT_CHARS
from voxdemo.web import wording

NEAR_LIMIT = 0.9
"""From this share of the longest text on, the limit is shown."""


def estimate(text: str, forecast: Forecast, ready: bool) -> str:
    """What this text would take now: "162 characters, about 9 s. 3 ahead of you, about 25 s in all."."""
    length, has_words = len(text), bool(text.strip())
    if length > MAX_TEXT_CHARS:
        too_many = f"{length:,} characters: {length - MAX_TEXT_CHARS:,} more than the {MAX_TEXT_CHARS:,} that fit."
        return f'<p class="over">{too_many}</p>'
    if has_words:
        of_limit = f" of {MAX_TEXT_CHARS:,}" if length > NEAR_LIMIT * MAX_TEXT_CHARS else ""
        words = f"{length:,}{of_limit} character{'' if length == 1 else 's'}{_about(forecast.own_s)}."
    else:
        words = "Ready." if ready else "Still loading."
    return f"<p>{words} <span>{_line(forecast, has_words)}</span></p>"


def _line(forecast: Forecast, has_words: bool) -> str:
    if not forecast.ahead:
        return "Nobody is waiting."
    known = None not in (forecast.wait_s, forecast.own_s)
    in_all = (forecast.wait_s or 0.0) + (forecast.own_s or 0.0) if has_words and known else None
    return f"{forecast.ahead} ahead of you{_about(in_all, ' in all')}."


def _about(value: float | None, tail: str = "") -> str:
    return "" if value is None else f", about {wording.seconds(value)}{tail}".replace(" s", "\u00a0s")
