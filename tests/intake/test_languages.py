"""Languages as people and programs call them."""

from __future__ import annotations

import pytest
from fakes import LISTENER

from voxdemo.errors import InputError
from voxdemo.intake.languages import accent_of, code_of
from voxdemo.recognizers.builtin import BuiltinRecognizer
from voxdemo.speech import RecognizerInfo

WHISPER = BuiltinRecognizer.INFO
SENSEVOICE = RecognizerInfo(
    name="sensevoice", title="SenseVoice", version="1", sample_rate=16_000, languages=("zh", "yue", "en", "ja", "ko")
)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        *((asked, "en") for asked in ("en", "EN", "en-US", "en_GB.UTF-8", "eng", " English ", "american english")),
        *((asked, "zh") for asked in ("zh-CN", "zh_Hant", "zh-Hans-CN", "cmn", "chi", "Mandarin", "中文")),
        *((asked, "de") for asked in ("de-AT", "ger", "deu", "German", "Deutsch")),
        *((asked, "pt") for asked in ("pt-BR", "por", "Português")),
        *((asked, None) for asked in (None, "", " ", "auto", "AUTO", "None", "null", "und", "undefined", "detect")),
        ("Español", "es"),
        ("iw", "he"),
        ("fil", "tl"),
        ("jw", "jv"),
        ("nb-NO", "no"),
        ("हिन्दी", "hi"),
    ],
)
def test_a_language_is_known_by_codes_tags_and_names(asked: str | None, code: str | None) -> None:
    assert code_of(asked, WHISPER) == code


def test_what_one_recogniser_knows_may_be_news_to_another() -> None:
    assert code_of("Cantonese", SENSEVOICE) == "yue"
    assert code_of("yue-HK", SENSEVOICE) == "yue"
    with pytest.raises(InputError, match=r"Fake recogniser doesn't know the language 'zh': leave it out .* one of en"):
        code_of("zh", LISTENER)


@pytest.mark.parametrize(
    "asked", ["klingon", "xx", "en en", "e", "-", "_", "1", "zz-ZZ", "\ud800", "english!", "x" * 999]
)
def test_any_other_is_refused_with_those_that_are_known(asked: str) -> None:
    with pytest.raises(InputError, match="leave it out and it is found out, or send one of en, zh, de") as error:
        code_of(asked, WHISPER)
    assert len(error.value.sentence) < 600


@pytest.mark.parametrize(
    ("tag", "accent"),
    [
        *(("en-US", "American"), ("en-GB", "British"), ("en-AU", "Australian"), ("pt-BR", "Brazilian")),
        *((tag, "") for tag in ("en", "es-ES", "fr-FR", "ja-JP", "zh-CN", "", "xx-YY")),
    ],
)  # fmt: skip
def test_an_accent_is_named_where_people_name_it(tag: str, accent: str) -> None:
    assert accent_of(tag) == accent
