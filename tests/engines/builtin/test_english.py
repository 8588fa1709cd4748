import random

import pytest

from voxdemo.engines.builtin.english import readable, unsayable
from voxdemo.intake.validate import unreadable


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Chapter IV", "Chapter 4"),
        ("CHAPTER IV.", "CHAPTER 4."),
        ("World War II", "World War 2"),
        ("Part III and Section XII", "Part 3 and Section 12"),
        ("Vol. II, Figure IX", "Vol 2, Figure 9"),
        ("Chapters IV-VI", "Chapters 4-6"),
        ("I, II, and III", "1, 2, and 3"),
        ("Act II, Scene i", "Act 2, Scene 1"),
        ("Super Bowl LVIII", "Super Bowl 58"),
        ("a Type I error", "a Type 1 error"),
        ("Henry VIII", "Henry the eighth"),
        ("Louis XIV.", "Louis the fourteenth."),
        ("Elizabeth II's reign", "Elizabeth the second's reign"),
        ("Pope John Paul II", "Pope John Paul the second"),
        ("Charles V. The end.", "Charles the fifth. The end."),
        ("the XXI century", "the twenty-first century"),
        ("the XIX and XX centuries", "the nineteenth and twentieth centuries"),
        ("made in MMXXIV", "made in 2024"),
        ("Titan II", "Titan 2"),
    ],
)
def test_roman_numerals_are_read_as_numbers(text, spoken):
    assert readable(text) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "I am here, and so am I.", "mix a MIX", "a CD in DC", "LIVID", "I.", "V8", "vitamin C", "Malcolm X", "XXL",
        "a USB Type C cable", "Class C", "an IV drip", "XX chromosomes", "my MD has a CV", "King Charles",
        "the class I took", "the level I reached", "George C. Marshall", "Charles V. Hamilton", "Louis C.K.", "AC/DC",
        "Class Clown",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_numeral_stays(text):
    assert readable(text) == text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("1234567890123", "1 2 3, 4 5 6, 7 8 9, 0 1 2 3"),
        ("room 007 at 07:30", "room 0 0 7 at 07:30"),
        ("3,4 or 1,2,3 or 1,000,000", "3, 4 or 1, 2, 3 or 1,000,000"),
        ("version 1.2.3", "version 1 point 2 point 3"),
        ("$1,234.56", "1,234 dollars and 56 cents"),
        ("1½ or 2⅓", "1 and a half or 2 and a third"),
        ("10⁴ and x⁻³ and 5²", "10^4 and x^-3 and 5²"),
        ("H₂O", "H two O"),
        ("٣ x", "3 x"),
    ],
)
def test_numbers_become_readable(text, spoken):
    assert readable(text) == spoken


@pytest.mark.parametrize("count", [13, 37, 200, 5000])
def test_no_digit_of_a_long_number_is_lost(count):
    digits = "9876543210" * 500
    assert [char for char in readable(digits[:count]) if char.isdigit()] == list(digits[:count])


def test_a_number_with_more_groups_than_have_names_is_read_by_digits():
    assert readable("1" + ",000" * 11) == "1" + ",000" * 11
    assert readable("1" + ",000" * 12).startswith("1 0 0, 0 0 0")


def test_a_very_long_word_is_cut_and_keeps_its_letters():
    words = readable("abcdefghij" * 200).split()
    assert max(map(len, words)) <= 24
    assert "".join(words) == "abcdefghij" * 200


def test_addresses_are_spelt_out():
    assert readable("Write to me.too@mail.org.") == "Write to me dot too at mail dot org."
    assert readable("https://www.example.com/a?b") == "https, W W W dot example dot com slash a question mark b"


def test_of_a_markdown_link_its_words_are_read():
    assert readable("[click](http://x.y) and [say](/hˈɛ/)") == "click and say"
    assert readable("row[i](x)") == "row(i)(x)"


def test_accents_are_kept_or_folded():
    assert readable("café, Élan, Łódź, Æsir, Straße, ﬁnd") == "café, Elan, Lódz, AEsir, Strasse, find"


def test_greek_symbols_have_names_and_greek_words_are_refused():
    assert readable("the Ω").split() == ["the", "omega"]
    assert readable("5 Ω") == "5 ohms"
    assert unsayable("λόγος") == ["λ", "ό", "γ", "ο", "ς"]


def test_letters_of_other_scripts_are_reported_in_order_and_once():
    assert unsayable("Hello 世界, 世 мир") == ["世", "界", "м", "и", "р"]
    assert unsayable("naïve café — “fine” ½ ™ 🎉") == []


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("180℃ or 350℉", "180 degrees Celsius or 350 degrees Fahrenheit"),
        ("5 μm or 5 µm", "5 micrometers or 5 micrometers"),
        ("5㎏, 3㎞ and 2㎡", "5 kilograms, 3 kilometers and 2 square meters"),
        ("5㎲, 3 ㎶ and 7㏀", "5 microseconds, 3 microvolts and 7 kilohms"),
        ("in ㎏ or ㍱", "in kilograms or hectopascals"),
        ("5 Å", "5 angstroms"),
        ("℡ 5, № 6, ㏒ 7", "telephone 5, number 6, log 7"),
        ("a ½, a ⅞", "a 1 half, a 7 eighths"),
        ("C♯ and B♭, 5‰", "C sharp and B flat, 5 per thousand"),
    ],
)
def test_signs_that_are_letters_in_one_glyph_are_said(text, spoken):
    assert readable(text) == spoken
    assert unsayable(text) == []
    assert unreadable(text, ("en",)) == ""


def test_pictures_and_invisible_characters_are_silent():
    assert readable("Party 🎉👩‍👩‍👧!") == "Party !"
    assert readable("he\u200bl\u00adlo \u202eyou\ufeff") == "hello you"
    assert readable("z̵a̸lgo") == "zalgo"


def test_a_placeholder_is_read_without_its_brackets():
    assert readable("Dear <your name>, see a<b and c>d.") == "Dear your name, see a<b and c>d."


def test_rows_of_signs_are_calmed():
    assert readable("Wow!!!!!! Really?!?!") == "Wow! Really?"
    assert readable("a ====== b") == "a b"


def test_letters_and_digits_of_random_text_survive():
    draw = random.Random(5)
    for _ in range(300):
        text = "".join(draw.choice("abcXYZ019IVX .,:;/-_()[]'\"!?$%&@#*+=~^<>|\\`{}") for _ in range(80))
        kept = [char for char in readable(text) if char.isalnum()]
        assert len(kept) >= sum(char.isalpha() and char not in "IVX" for char in text) + sum(map(str.isdigit, text)), (
            text
        )
