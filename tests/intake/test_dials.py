"""Dials: what an engine says of the numbers that people set is what is checked and shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.errors import InputError
from voxdemo.intake import validate
from voxdemo.speech import GUIDANCE, RARE_DIALS, SPEED, STEPS, Dial, SpeakOptions, Utterance
from voxdemo.web.components.voice_fields import bounds

CALM = Dial("speed", "Speed", 0.8, 1.2, 0.1, 1.0)
STRICT = Dial("cfg_value", "Guidance", 1.5, 2.5, 0.1, 2.0)
ENGINE = replace(BuiltinEngine.INFO, honours=frozenset({"speed", "cfg_value"}), dials=(CALM, STRICT))


@pytest.mark.parametrize("dial", [SPEED, GUIDANCE, STEPS, *RARE_DIALS])
def test_the_usual_dials_begin_where_an_utterance_does(dial: Dial) -> None:
    assert getattr(SpeakOptions(), dial.name) == dial.default
    assert dial.low <= dial.default <= dial.high


@pytest.mark.parametrize(
    ("value", "number"), [(0.1, 0.5), (9, 2.0), (1.3, 1.3), (None, 1.0), ("fast", 1.0), (float("nan"), 1.0)]
)
def test_what_is_still_being_typed_is_the_nearest_number(value: object, number: float) -> None:
    assert SPEED.nearest(value) == number


def test_an_engine_with_ranges_of_its_own_is_asked_within_them() -> None:
    assert validate.within_bounds(Utterance("Hi.", speed=2.0), ENGINE).speed == 1.2
    assert validate.within_bounds(Utterance("Hi.", speed=2.0), BuiltinEngine.INFO).speed == 2.0
    with pytest.raises(InputError, match=r"Guidance \(cfg\) must be from 1.5 to 2.5, not 3.0."):
        validate.checked(Utterance("Hi.", cfg_value=3.0), ENGINE)
    assert bounds(ENGINE.dial(SPEED)) == {"minimum": 0.8, "maximum": 1.2, "step": 0.1}
    assert bounds(ENGINE.dial(STEPS)) == bounds(STEPS)


@pytest.mark.parametrize("dial", RARE_DIALS, ids=lambda dial: dial.name)
def test_a_rare_dial_is_checked_and_where_it_is_not_taken_told_as_ignored(dial: Dial) -> None:
    takes = replace(BuiltinEngine.INFO, honours=frozenset({dial.name}))
    for value in (dial.low, dial.high, 1):
        assert validate.checked(Utterance("Hi.", **{dial.name: value}), takes) == ()
    for value in (dial.low - 0.01, dial.high + 0.01, float("nan"), -float("inf")):
        with pytest.raises(InputError, match=f"{dial.label} must be from {dial.low:g} to {dial.high:g}, not "):
            validate.checked(Utterance("Hi.", **{dial.name: value}), takes)
    with pytest.raises(InputError, match=f"{dial.label} must be a number"):
        validate.checked(Utterance("Hi.", **{dial.name: "much"}), takes)
    (warning,) = validate.checked(Utterance("Hi.", **{dial.name: dial.high}), BuiltinEngine.INFO)
    assert warning.endswith(": ignored.")
