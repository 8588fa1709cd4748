from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import CLONER

from voxdemo.errors import InputError
from voxdemo.intake.validate import checked, readable_text
from voxdemo.speech import Utterance

PLAIN = replace(CLONER, title="Plain voice", honours=frozenset({"seed"}))


def test_a_good_utterance_comes_back_as_it_is() -> None:
    utterance = Utterance("Hello, world.", cfg_value=1.5, inference_timesteps=20, seed=1)
    assert checked(utterance, CLONER) == ()


def test_what_the_engine_ignores_is_one_warning() -> None:
    asked = Utterance("Hello.", prompt_audio=Path("x.wav"), prompt_text="Hi.", cfg_value=3.0, denoise=True)
    warnings = checked(asked, PLAIN)
    ignored = "prompt audio, a transcript of the prompt audio, guidance (cfg) and denoising"
    assert warnings == (f"The plain voice doesn't support {ignored}: ignored.",)


def test_characters_it_cannot_say_are_left_out_with_a_warning_that_names_them() -> None:
    text, warnings = readable_text("Good morning 世界 🙂!", CLONER)
    assert text == "Good morning!"
    assert warnings == ("Skipped “世界🙂”: this voice can't read it.",)


def test_text_of_which_nothing_is_left_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        InputError, match=r"^This voice speaks English only and can't read “早上好”\. Write it in English\.$"
    ):
        readable_text("早上好。", CLONER)


def test_an_engine_of_other_languages_reads_their_letters() -> None:
    assert readable_text("早上好。", replace(CLONER, languages=("zh", "en")))[1] == ()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.99, 3.01])
def test_guidance_that_is_no_number_in_range_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="Guidance"):
        checked(Utterance("Hello.", cfg_value=value), CLONER)


@pytest.mark.parametrize(
    "utterance",
    [
        Utterance("Hello.", speed=0.0),
        Utterance("Hello.", speed=math.nan),
        Utterance("Hello.", seed=-1),
        Utterance("Hello.", voice="nobody"),
        Utterance("Hello.", language="fr"),
        Utterance("Hello.", format="aac"),
        Utterance("Hello.", cfg_value=True),
        Utterance("Hello.", seed=1.5),  # type: ignore[arg-type]
    ],
)
def test_other_values_out_of_range_or_kind_are_refused(utterance: Utterance) -> None:
    with pytest.raises(InputError):
        checked(utterance, CLONER)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "\ud800"])
def test_control_characters_are_refused_by_number(text: str) -> None:
    with pytest.raises(InputError, match=r"control characters \(U\+[0-9A-F]{4}\)"):
        readable_text(text, CLONER)
