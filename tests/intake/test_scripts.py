from __future__ import annotations

import unicodedata

import pytest

from voxdemo.intake.validate import control_characters, unreadable, without
from voxdemo.text.split import is_speakable

ENGLISH = ("en",)
ASTRONAUT = "👩🏽\u200d🚀"


def test_letters_of_other_scripts_are_unreadable_in_order_of_appearance() -> None:
    assert unreadable("Hi 日本 and日 Привет", ENGLISH) == "日本Привет"


def test_what_english_has_a_reading_for_is_readable_in_any_script() -> None:
    assert unreadable("12 ١٢ १, 5 Ω and α is π", ENGLISH) == ""


def test_latin_letters_that_english_has_no_sound_for_are_unreadable() -> None:
    assert unreadable("Əli and the ɸ in hɛlp", ENGLISH) == "Əɸɛ"


def test_emoji_are_unreadable_without_what_is_attached_to_them() -> None:
    assert unreadable(f"Hi {ASTRONAUT} ❤\ufe0f 🇬🇧 ★", ENGLISH) == "👩🚀❤🇬🇧★"


@pytest.mark.parametrize(
    "text",
    [
        "50% of $5, £5, €5, ¥5 & 5¢ @ #1 §2 20°C ©®™ №1 5µm 3Ω → * _ ~ ^ ` | \\ / < > = + {} []",
        "“Quotes” ‘single’ «French» – dash — dash… ¿Qué? ¡Ay! naïve Łódź Ærø ½ x² • † ¶",
        "cafe\u0301 soft\u00adhyphen zero\u200bwidth Hawaiʻi donʼt 1\ufe0f\u20e3",
        "Ｗｉｄｅ １２ and 𝐛𝐨𝐥𝐝, first\tsecond\n\nthird",
    ],
)
def test_signs_and_accents_of_english_texts_are_readable(text: str) -> None:
    assert unreadable(text.replace("Ω", "\u2126").replace("µ", "\u00b5"), ENGLISH) == ""


def test_private_and_unassigned_characters_are_unreadable() -> None:
    assert unreadable("a\ue000\U000e0fff", ENGLISH) == "\ue000\U000e0fff"


def test_nothing_is_unreadable_in_a_language_we_do_not_know() -> None:
    assert unreadable("日本 🙂", ("en", "ja")) == unreadable("日本 🙂", ()) == ""


def test_text_without_its_unreadable_characters_reads_well() -> None:
    text = f"Great 🎉! Hello🙂world, {ASTRONAUT} .5  नमस्ते  here.\n\n🙂\n\nNext\tone ❤\ufe0f."
    assert without(text, unreadable(text, ENGLISH)) == "Great! Hello world, .5 here.\n\nNext one."


def test_taking_nothing_out_only_tidies_white_space() -> None:
    assert without(" One  two\nthree\r\n\n\n\nfour ", "") == "One two\nthree\n\nfour"


def test_nothing_unreadable_is_left() -> None:
    text = "Καλημέρα, мир! こんにちは 日本 ٣ हिन्दी 👨\u200d👩\u200d👧 ok"
    rest = without(text, unreadable(text, ENGLISH))
    assert rest == ",! ٣ ok"
    assert unreadable(rest, ENGLISH) == ""
    assert not any(unicodedata.category(character).startswith(("M", "C")) for character in rest)


def test_control_characters_are_found_but_for_tabs_and_line_ends() -> None:
    assert control_characters("a\tb\r\nc") == ""
    assert control_characters("a\x00b\x00\x1b\x7f\x9f") == "\x00\x1b\x7f\x9f"


def test_lone_surrogates_are_control_characters() -> None:
    assert control_characters("\ud800 a") == "\ud800"


def test_joiners_of_honest_texts_are_not_control_characters() -> None:
    assert control_characters(f"{ASTRONAUT} \u200e\u200f \u202d\u2066\u2069 \u00ad \ufeff") == ""


@pytest.mark.parametrize(
    ("text", "speakable"), [("a", True), ("5", True), ("日", True), ("", False), ("?! …\n", False), ("🙂", False)]
)
def test_text_is_speakable_when_it_has_a_letter_or_digit(text: str, speakable: bool) -> None:
    assert is_speakable(text) is speakable
