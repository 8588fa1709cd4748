from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import CLONER

from voxdemo.errors import InputError
from voxdemo.intake.validate import checked, readable_text
from voxdemo.speech import Utterance, Voice

PLAIN = replace(CLONER, title="Plain voice", honours=frozenset({"seed"}))
MANY = replace(
    CLONER,
    languages=("en", "es", "ja", "zh"),
    voices=(Voice("heart", "en-US"), Voice("dora", "es-ES"), Voice("alpha", "ja-JP"), Voice("xiaoxiao", "zh-CN")),
)


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
    assert readable_text("早上好。", replace(CLONER, languages=("zh", "en"), voices=()))[1] == ()
    several = replace(CLONER, languages=("en", "zh"), voices=(Voice("mei", "zh-CN"), Voice("tom", "en-US")))
    assert readable_text("早上好。", several, "mei")[1] == ()
    with pytest.raises(InputError, match="English only"):
        readable_text("早上好。", several, "tom")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        *[({"cfg_value": value}, "Guidance (cfg) must be from 1 to 3, not ") for value in (
            math.nan, math.inf, -math.inf, 0.99, 3.01, 10**400,
        )],
        ({"cfg_value": "high"}, "Guidance (cfg) must be a number."),
        ({"cfg_value": True}, "Guidance (cfg) must be a number."),
        ({"inference_timesteps": 3}, "Inference steps must be from 4 to 30, not 3."),
        ({"inference_timesteps": 31}, "Inference steps must be from 4 to 30, not 31."),
        ({"inference_timesteps": 10**400}, "Inference steps must be from 4 to 30, not 1"),
        ({"inference_timesteps": 10.5}, "Inference steps must be a whole number."),
        ({"text": 5}, "The text must be a string."),
        ({"text": ["a"]}, "The text must be a string."),
        ({"prompt_text": 7}, "The transcript of the prompt audio must be a string."),
        ({"normalize": "yes"}, "Text normalisation must be true or false."),
        ({"speed": 0.0}, "Speed must be from 0.25 to 4, not 0.0."),
        ({"speed": math.nan}, "Speed must be from 0.25 to 4, not nan."),
        ({"seed": -1}, "The seed must be from 0 to 4294967295, not -1."),
        ({"seed": 1.5}, "The seed must be a whole number."),
        ({"voice": "nobody"}, "The fake voice has no voice 'nobody': choose one of fake."),
        ({"language": "fr"}, "The fake voice has no language 'fr': choose one of en."),
        ({"format": "aac"}, "The fake voice has no format 'aac': choose one of wav."),
    ],
)  # fmt: skip
def test_a_value_out_of_range_or_of_another_kind_is_refused_in_one_sentence(
    values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as refusal:
        checked(Utterance(**{"text": "Hello.", **values}), CLONER)
    assert refusal.value.sentence.startswith(sentence)
    assert len(refusal.value.sentence) < 100


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no text yet"),
        (" \n\t ", "There is no text yet"),
        ("... !!! ...", "There is nothing to say in this text"),
        ("x" * 50_001, "The text has 50,001 characters; send at most 50,000."),
        ("🙂🙂", "This voice speaks English only and can't read “🙂”. Write it in English."),
        ("a\x00b\x07", "The text has control characters (U+0000, U+0007)"),
    ],
)
def test_a_text_that_cannot_be_said_is_refused_with_why(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as refusal:
        readable_text(text, CLONER)
    assert refusal.value.sentence.startswith(sentence)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "\ud800"])
def test_control_characters_are_refused_by_number(text: str) -> None:
    with pytest.raises(InputError, match=r"control characters \(U\+[0-9A-F]{4}\)"):
        readable_text(text, CLONER)


@pytest.mark.parametrize(
    ("voice", "text", "left", "skipped"),
    [
        ("dora", "Hola мир amigos.", "Hola amigos.", "мир"),
        ("dora", "Çava Ночь ñandú ª º 3 ٣ ½ €.", "Çava ñandú ª º 3 ٣ ½ €.", "Ночь"),
        ("alpha", "犬とAI и ネコ。", "犬とAI ネコ。", "и"),
        ("xiaoxiao", "你好 안녕 OK。", "你好 OK。", "안녕"),
        ("heart", "Hello 世界.", "Hello.", "世界"),
    ],
)
def test_a_voice_skips_the_letters_that_its_own_language_is_not_written_with(
    voice: str, text: str, left: str, skipped: str
) -> None:
    readable, warnings = readable_text(text, MANY, voice)
    assert readable == left
    assert warnings == (f"Skipped “{skipped}”: this voice can't read it.",)


@pytest.mark.parametrize(("voice", "text", "language"), [("dora", "Привет", "Spanish"), ("alpha", "안녕", "Japanese")])
def test_a_text_of_other_letters_is_refused_naming_the_language_of_the_voice(
    voice: str, text: str, language: str
) -> None:
    with pytest.raises(InputError, match=f"speaks {language} only"):
        readable_text(text, MANY, voice)


def test_a_voice_speaks_its_own_language_where_voices_differ_and_else_all() -> None:
    assert (MANY.languages_of("alpha"), MANY.languages_of(None)) == (("ja",), ("en",))
    assert replace(CLONER, languages=("zh", "en")).languages_of("fake") == ("zh", "en")
    with pytest.raises(InputError, match="no language 'es': choose one of ja"):
        checked(Utterance("x", voice="alpha", language="es"), MANY)
