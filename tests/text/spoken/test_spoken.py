from __future__ import annotations

import random
from pathlib import Path

import pytest

from voxdemo.text.spoken import spoken

CASES = [
    (path.stem, *line.split(" => "))
    for path in sorted((Path(__file__).parent / "cases").glob("*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if " => " in line
]


@pytest.mark.parametrize(("language", "written", "said"), CASES)
def test_figures_are_said_as_a_newsreader_says_them(language: str, written: str, said: str) -> None:
    assert spoken(written, language) == said


LANGUAGES = sorted({language for language, _, _ in CASES})
PIECES = [
    *"0123456789.,:;/-+ ()$€£¥%'\"#@*=<>xXkMBmgVWTehps~°ºª²½¹⁶①⒈٣年月日時分円元第IV\n",
    *("000", " m", "km", "USD", " - ", "20", "1/2", " el ", "Luis ", "R$", " mil", "www.", "a@b.", "°C", "人", "个"),
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_figure_is_left_however_odd_the_text(language: str) -> None:
    draw = random.Random(language)
    for _ in range(400):
        text = "a" + "".join(draw.choices(PIECES, k=draw.randrange(40)))
        said = spoken(text, language)
        assert not any(map(str.isdigit, said)), text
        assert "a" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_without_figures_stay_as_they_are(language: str) -> None:
    text = {"ja": "猫が、とても好きです。\n「はい」と言う。", "zh": "我们都喜欢猫。\n“是的”，他说。"}.get(
        language, "«Nada  es così», dit-elle: não?\n- Ça va"
    )
    assert spoken(text, language) == text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "piece", ["1", "1.", "1,", "1 ", "1-", "1/", "12:", "000 ", "+1 ", "a@", "www.", "$", "X ", "A"]
)
def test_long_rows_of_anything_are_read(language: str, piece: str) -> None:
    said = spoken(piece * (2_000 // len(piece)), language)
    assert said
    assert not any(map(str.isdigit, said))


@pytest.mark.parametrize("language", LANGUAGES)
def test_digits_of_any_script_and_style_are_said(language: str) -> None:
    digits = [chr(code) for code in range(0x110000) if chr(code).isdigit()]
    said = spoken(" a ".join(digits), language)
    assert not any(map(str.isdigit, said))
