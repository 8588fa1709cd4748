from __future__ import annotations

import re

import pytest

from voxdemo.service.service import Forecast
from voxdemo.web.components.wording import estimate

TEXT = "x" * 162


def told(
    text: str,
    ahead: int = 0,
    wait_s: float | None = 0.0,
    own_s: float | None = 9.2,
    waiting: int = 0,
    ready: bool = True,
) -> str:
    return re.sub("<[^>]+>", "", estimate(text, Forecast(ahead, wait_s, own_s, waiting), ready)).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("forecast", "expected"),
    [
        ({}, "162 characters, about 9 s. Nobody is waiting."),
        (
            {"ahead": 3, "wait_s": 16.0, "waiting": 2},
            "162 characters, about 9 s. 3 people are ahead of you, about 16 s.",
        ),
        (
            {"ahead": 1, "wait_s": 180.0},
            "162 characters, about 9 s. 1 person is being served, about 3 min.",
        ),
        ({"ahead": 3, "wait_s": None, "waiting": 1}, "162 characters, about 9 s. 3 people are ahead of you."),
        ({"ahead": 2, "wait_s": 0.0}, "162 characters, about 9 s. 2 people are being served."),
        (
            {"ahead": 1, "wait_s": 2.0, "waiting": 1},
            "162 characters, about 9 s. 1 person is ahead of you, about 2 s.",
        ),
        ({"own_s": None}, "162 characters. Nobody is waiting."),
    ],
)
def test_ones_own_time_and_the_line_are_told_apart(forecast: dict[str, float], expected: str) -> None:
    assert told(TEXT, **forecast) == expected


def test_without_a_text_only_the_line_is_told() -> None:
    assert told("  ") == "Ready. Nobody is waiting."
    assert told("", ahead=2, wait_s=20.0) == "Ready. 2 people are being served, about 20 s."
    assert told("", ready=False) == "Still loading. Nobody is waiting."


def test_near_the_limit_it_is_shown_and_beyond_it_how_much_is_too_much() -> None:
    assert told("x" * 48_000).startswith("48,000 of 50,000 characters, about 9 s.")
    assert told("x" * 50_001) == "50,001 characters: 1 more than the 50,000 that fit."
    assert 'class="over"' in estimate("x" * 50_001, Forecast(0, 0.0, 1.0), True)
