from __future__ import annotations

import pytest

from voxdemo.text.length import spoken_length

SENTENCE = "The ferry leaves at half past nine, calls at two islands, and is back at the pier before it is dark."


@pytest.mark.parametrize("text", ["", " \n\t ", "...!?", "* * *", "🎉🎉", "「。」"])
def test_what_has_no_words_has_no_length(text: str) -> None:
    assert spoken_length(text) == 0.0


def test_a_text_twice_is_twice_as_long() -> None:
    assert spoken_length(f"{SENTENCE} {SENTENCE}") == pytest.approx(2 * spoken_length(SENTENCE))


@pytest.mark.parametrize(
    ("longer", "shorter"),
    [
        ("It costs 1,284,993 now.", "It costs a pretty sum now."),
        ("Go to a.example.org/b/c now.", "Go to an example organ b c."),
        ("No. Not now. Why? Go on.", "No not now why go on with"),
        ("one, two, three, four,", "one two three four too"),
        ("I gave €5 & 20%.", "I gave them a lot."),
    ],
)
def test_length_is_what_is_heard_and_not_what_is_written(longer: str, shorter: str) -> None:
    assert spoken_length(longer) > 1.1 * spoken_length(shorter)


@pytest.mark.parametrize(
    "translation",
    [
        "渡轮九点半出发，途经两个岛屿，天黑之前返回码头。",
        "フェリーは九時半に出発し、二つの島に寄って、暗くなる前に桟橋に戻ります。",
        "페리는 아홉 시 반에 출발하여 두 섬에 들렀다가 어두워지기 전에 부두로 돌아옵니다.",
        "Le ferry part à neuf heures et demie, fait escale sur deux îles et revient au quai avant la nuit.",
        "Паром отходит в половине десятого, заходит на два острова и возвращается к причалу до темноты.",
    ],
)
def test_a_translation_is_about_as_long(translation: str) -> None:
    assert spoken_length(translation) == pytest.approx(spoken_length(SENTENCE), rel=0.3)


@pytest.mark.parametrize("stop", ["。", "！", "?\n", ".\n", "!” ", ".) "])
def test_a_sentence_ends_at_any_stop(stop: str) -> None:
    without = spoken_length("ab" * 3)
    assert spoken_length(f"ab{stop}" * 3) == pytest.approx(3 * without - 3 * 4)  # three pauses, a third of the letters


def test_decimals_and_abbreviations_inside_a_word_end_no_sentence() -> None:
    assert spoken_length("Pay 3.50 now") < spoken_length("Pay 3. 50 now")


@pytest.mark.parametrize("piece", ["a. ", "!", "a.", '."', " ", "\n", "a.”’)", "你好。", "a,", "́", "\ud800"])
def test_a_huge_text_of_anything_is_measured(piece: str) -> None:
    # Not timed: at this size, work that grows with the square of the length would take longer than the suite allows.
    once, twice = ((piece * size)[:size] for size in (300_000, 600_000))
    assert spoken_length(twice) == pytest.approx(2 * spoken_length(once), rel=0.01)
