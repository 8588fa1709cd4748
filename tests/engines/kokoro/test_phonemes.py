"""What the voices are asked to say, without their sound."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest

from voxdemo.engines.kokoro.phonemes import vocabulary
from voxdemo.engines.kokoro.phonemes.reading import Reading
from voxdemo.engines.kokoro.voices import VOICES

LINES = Path(__file__).with_name("pronounced.txt").read_text(encoding="utf-8").splitlines()
CASES = [line.split(" | ") for line in LINES if " | " in line]
LANGUAGES = sorted({voice.language for voice in VOICES})


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return Reading(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(("language", "case"), CASES)
def test_words_sound_as_their_language_says(reading: Reading, language: str, case: str) -> None:
    written, said = case.split(" => ")
    assert vocabulary.known(reading.phonemes(written, language)) == vocabulary.known(said)


def test_every_language_of_a_voice_has_cases() -> None:
    assert {language for language, _ in CASES} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_figure_vanishes(reading: Reading, language: str) -> None:
    figures = [vocabulary.known(reading.phonemes(f"{number}", language)) for number in (0, 7, 19, 42, 108, 2024)]
    assert all(map(vocabulary.has_sound, figures))
    assert len(set(figures)) == len(figures)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text", ["…", "", " ", "* * *", "'", "’’", "«»", "-", "&", "a'", "'a", "¿?", "。", "\u0301", "ー", "ñ"]
)
def test_odd_text_is_pronounced_without_an_error(reading: Reading, language: str, text: str) -> None:
    vocabulary.tokens(vocabulary.known(reading.phonemes(text, language)))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es-ES", "Mañana por la mañana, el jefe de Ximena viajará a Washington y a Kuala Lumpur."),
        ("fr-FR", "Où êtes-vous allés à Noël, cher Zoë, avec ces vingt œufs et l'aïeul ambigu ?"),
        ("it-IT", "Perché lo sciatore svizzero ha già guadagnato così tanti soldi in Jugoslavia?"),
        ("pt-BR", "Amanhã vocês põem as mães, os órgãos, o pinguim e o Washington à frente da nação."),
        ("ja-JP", "ティッシュとヴァイオリンを買ったので、ファッションショーへ行きましょうね。"),
        ("zh-CN", "女儿儿子都很绿，而且日本的吃饭、睡觉、去玩儿、嗯，全都知道。"),
    ],
)
def test_every_sound_of_a_language_is_one_that_kokoro_knows(reading: Reading, language: str, text: str) -> None:
    said = unicodedata.normalize("NFD", reading.phonemes(text, language)).replace("c\u0327", "ç")
    assert "".join(said.split()) == "".join(vocabulary.known(said).split())


def test_nasal_vowels_are_two_symbols_and_the_palatal_fricative_is_one() -> None:
    assert vocabulary.known("õ ũ çi") == "o\u0303 u\u0303 çi"
    assert len(vocabulary.tokens(vocabulary.known("ũç"))) == 3


def test_the_vocabulary_is_the_published_one() -> None:
    assert vocabulary.tokens(';" \u0303Aafh\u00e7ɡɹʃˈː→ᵻ') == [
        1,
        11,
        16,
        17,
        24,
        43,
        48,
        50,
        78,
        92,
        123,
        131,
        156,
        158,
        171,
        177,
    ]


def test_what_chinese_is_read_by_goes_with_its_engine_and_comes_again(tmp_path: Path) -> None:
    reading = Reading(tmp_path)
    said = reading.phonemes("你好。", "zh-CN")
    reading.close()
    assert "pypinyin" not in sys.modules
    assert said == reading.phonemes("你好。", "zh-CN") != ""
