from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from pronouncing import pronounced

from voxdemo.engines.builtin import hibari_model
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.builtin.english import readable
from voxdemo.intake.validate import readable_text
from voxdemo.text.pasted import plain
from voxdemo.text.split import parts


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("555-123-4567", "5 5 5, 1 2 3, 4 5 6 7"),
        ("(555) 123-4567", "5 5 5, 1 2 3, 4 5 6 7"),
        ("555.123.4567", "5 5 5, 1 2 3, 4 5 6 7"),
        ("555-0199", "5 5 5, 0 1 9 9"),
        ("Ring 555 0142 now.", "Ring 5 5 5, 0 1 4 2 now."),
        ("our hotline: 1300 654 321", "our hotline: 1 3 0 0, 6 5 4, 3 2 1"),
        ("In 1800 300 400 came", "In 1800 300 400 came"),
        ("from 0142 to 0142536", "from 0 1 4 2 to 0 1 4, 2 5 3 6"),
        ("1-800-555-0199", "1, 8 0 0, 5 5 5, 0 1 9 9"),
        ("+1 (555) 123-4567", "plus 1, 5 5 5, 1 2 3, 4 5 6 7"),
        ("+44 20 7946 0958.", "plus 4 4, 2 0, 7 9 4 6, 0 9 5 8."),
        ("call 911", "call 9 1 1"),
        ("Flight 911", "Flight 9 11"),
        ("123-45-6789", "1 2 3, 4 5, 6 7 8 9"),
        ("ISBN 978-3-16-148410-0", "ISBN 9 7 8, 3, 1 6, 1 4 8 4 1 0, 0"),
        ("4111 1111 1111 1111", "4 1 1 1, 1 1 1 1, 1 1 1 1, 1 1 1 1"),
    ],
)
def test_phones_and_serial_numbers_are_read_by_digits(written: str, said: str) -> None:
    assert readable(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("04.03.2025", "2025-03-04"),
        ("on 31.12.1999.", "on 1999-12-31."),
        ("2025-03-04", "2025-03-04"),
        ("2025-03-04T10:30", "2025-03-04 10:30"),
        ("3/4/2025 or 12/25", "2025-03-04 or December 25"),
        ("13.13.2025", "13 point 13 point 2025"),
        ("10:00-11:30", "10:00 to 11:30"),
        ("5-6pm", "5 to 6:00 pm"),
        ("9 - 10:30 am", "9 to 10:30 am"),
        ("14h30", "14:30"),
        ("7.30pm", "7:30 pm"),
        ("5:30 p.m.", "5:30 p.m."),
    ],
)
def test_dates_and_times(written: str, said: str) -> None:
    assert readable(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1.000.000", "1,000,000"),
        ("1 000 000", "1,000,000"),
        ("10 000 people", "10,000 people"),
        ("1'000'000", "1,000,000"),
        ("1.234,56", "1,234.56"),
        ("192.168.100.200", "192 point 168 point 100 point 200"),
        (".75", "point 7 5"),
        ("1e6 and 1.5e-3", "1 times 10^6 and 1.5 times 10^-3"),
        ("10k, 3.5M, 1.5B and 10 mln", "10 thousand, 3.5 million, 1.5 billion and 10 million"),
        ("4K, 5G, 3D, 2B, B2B, H2O, MP3, A4", "4K, 5G, 3D, 2B, B2B, H two O, MP3, A4"),
        ("the 1990s, 1st and 23rd", "the 1990s, 1st and 23rd"),
        ("№5", "number 5"),
        ("Room 12 345 doors", "Room 12 345 doors"),
    ],
)
def test_numbers_written_elsewhere(written: str, said: str) -> None:
    assert readable(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("3 m, 1 m and 1.5m", "3 meters, 1 meter and 1.5 meters"),
        ("5 m² or 5 m2", "5 square meters or 5 square meters"),
        ("10 m/s", "10 meters per second"),
        ("5 ft²", "5 square feet"),
        ("100 W at 12 V", "100 watts at 12 volts"),
        ("a 5 m rope and A 100 W lamp", "a 5 meter rope and A 100 watt lamp"),
        ("5 L of it, 250 g each", "5 liters of it, 250 grams each"),
        ("3600 rpm", "3600 revolutions per minute"),
        ("5 km at 20°C", "5 kilometers at 20 degrees Celsius"),
        ("5'10\"", "5 feet 10 inches"),
        ("3x4 or 1920×1080", "3 by 4 or 1920 by 1080"),
        ("0x1F and 2x faster", "0x1F and 2 times faster"),
        ("£3 m", "3 million pounds"),
        ("I'm 5 m'lord", "I'm 5 m'lord"),
    ],
)
def test_measures(written: str, said: str) -> None:
    assert readable(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("pages 10-20.", "pages 10 to 20."),
        ("5-10%", "5 to 10%"),
        ("50%-60%", "50% to 60%"),
        ("1990–1995", "1990 to 1995"),
        ("it was 3-2.", "it was 3 to 2."),
        ("5 - 3 = 2", "5 minus 3 = 2"),
        ("COVID-19, F-16, 7-year-old, 3-D", "COVID-19, F-16, 7-year-old, 3-D"),
        ("3 * 4 and 3*4", "3 times 4 and 3 times 4"),
        ("2**8", "2^8"),
        ("6 / 2", "6 divided by 2"),
        ("x != y, x <= y, x >= y, x == y", "x is not equal to y, x is less than or equal to y, "
         "x is greater than or equal to y, x equals y"),
        ("a -> b => c", "a to b to c"),
        ("3:1 and 16:9 ratio", "3 to 1 and 16 to 9 ratio"),
        ("John 3:16", "John 3:16"),
        ("2 1/2 cups", "2 and a half cups"),
        ("24/7 or 50/50", "24 7 or 50 50"),
        ("-5 degrees", "minus 5 degrees"),
    ],
)  # fmt: skip
def test_sums_ranges_and_ratios(written: str, said: str) -> None:
    assert " ".join(readable(written).split()) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("#MachineLearning and #to_do", "hashtag Machine Learning and hashtag to do"),
        ("#1 of C#", "#1 of C sharp"),
        ("@john, hi", "at john, hi"),
        ("v1.2 and v3", "version 1.2 and v3"),
        ("report.pdf and foo.py.", "report dot PDF and foo dot PY."),
        ("I <3 you, 5 <3?", "I heart you, 5 <3?"),
        ("see example.com/a_b?", "see example dot com slash a underscore b?"),
        ("cd /usr/local/bin, edit /etc/hosts.", "cd slash usr slash local slash bin, edit slash etc slash hosts."),
        ("rm -rf /tmp and ~/my_files/a.txt", "rm -rf slash tmp and tilde slash my underscore files slash a dot txt"),
        ("$5 /month, 3 items /day, and/or", "5 dollars a month, 3 items /day, and/or"),
    ],
)
def test_handles_files_and_hearts(written: str, said: str) -> None:
    assert readable(written) == said


SPOKEN = [
    line.split(" => ")
    for line in (Path(__file__).parent / "figures.txt").read_text(encoding="utf-8").splitlines()
    if " => " in line
]


@pytest.fixture(scope="module")
def g2p() -> Any:
    return hibari_model.Heart().g2p


@pytest.mark.parametrize(("written", "said"), SPOKEN)
def test_figures_sound_like_the_words_a_newsreader_says(written: str, said: str, g2p: Any) -> None:
    text, warnings = readable_text(plain(written), BuiltinEngine.INFO)
    assert warnings == ()
    found = [
        phonemes
        for part in parts(text, BuiltinEngine.INFO.chunk_chars, sentences_apart=True)
        for phonemes in pronounced(part.text, g2p)
    ]
    assert len(found) == 1, "a rest within the sentence"
    assert _without_stress(found[0]) == _without_stress(g2p(said))


def _without_stress(phonemes: str) -> str:
    """Without stress and pauses, which depend on how a number is written."""
    return re.sub(r'[ˈˌ,.;:—"“”() -]', "", phonemes)


PIECES = [
    *"0123456789.,:;/-+ ()$€£%'\"#@*=<>xXkMBmgVWTehps~",
    "000",
    "bn",
    " m",
    "km",
    "USD",
    "am",
    "-19",
    " - ",
    "pdf",
    "20",
    "1/16",
    " inch",
]
DIGITS_IN_WORDS = re.compile(
    r"square|cubic|squared|heart|January|February|March|April|May|June|July|August|September|October|November|December|"
    r"half|halves|third|quarter|fifth|sixth|seventh|eighth|ninth|tenth|(?:eleven|twelf|thirteen|fourteen|fif|sixteen|"
    r"eighteen|twentie|thirtie|fortie|fiftie|sixtie|hundred|thousand)th|hundred-and-twenty-|-second|-fourth| an? "
)


@pytest.mark.parametrize("seed", range(5))
def test_no_figure_is_lost_whatever_the_text(seed: int) -> None:
    # Zeros may go where they say nothing: "$5.00", "05/2024". A word stands for up to two digits, an "a" for a one.
    draw = random.Random(seed)
    for _ in range(300):
        text = "a" + "".join(draw.choices(PIECES, k=draw.randrange(40)))
        said = readable(text)
        in_words = 2 * len(DIGITS_IN_WORDS.findall(said))
        assert _count(said, "123456789") + in_words >= _count(text, "123456789"), (text, said)


@pytest.mark.parametrize("seed", range(3))
def test_no_zero_of_a_plain_number_is_lost(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(300):
        text = "a " + "".join(draw.choices("0001239., ;()a", k=draw.randrange(40)))
        said = readable(text)
        assert _count(said, "0") >= _count(text, "0"), (text, said)


def _count(text: str, characters: str) -> int:
    return sum(text.count(character) for character in characters)
