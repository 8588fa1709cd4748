from __future__ import annotations

from typing import Any

import pytest

from voxdemo.speech import Utterance
from voxdemo.web.asking import Asks

ASKS = Asks(text=0, inference_timesteps=2, speed=3)


def test_what_is_asked_is_read_from_the_arguments() -> None:
    assert ASKS.utterance(["Hello.", None, 20, 1.5]) == Utterance("Hello.", inference_timesteps=20, speed=1.5)


@pytest.mark.parametrize(
    "arguments", [["Hello."], ["Hello.", None, "20", None], ["Hello.", 1, {}, []], ["Hello.", 1, 10**400, 0]]
)
def test_what_is_missing_or_odd_is_as_usual(arguments: list[Any]) -> None:
    assert ASKS.utterance(arguments) == Utterance("Hello.")


@pytest.mark.parametrize("arguments", [[], [None], [{"path": "voice.wav"}], [7]])
def test_without_a_text_nothing_is_asked(arguments: list[Any]) -> None:
    assert ASKS.utterance(arguments) is None
