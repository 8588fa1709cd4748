"""From how long phonemes take to when words are heard, without a model."""

from __future__ import annotations

import pytest

from voxdemo.engines.word_times import Phoneme, phonemes, word_spans


def said(text: str) -> list[Phoneme]:
    """Each symbol takes a second, behind a second of silence."""
    return phonemes(text, [1.0] * (len(text) + 2), 0.0, len(text) + 2.0)


def starts(words: list[str], alone: dict[str, str], together: str) -> list[int]:
    """In which second each word begins."""
    return [round(start) for start, _ in word_spans(words, said(together), lambda word: alone.get(word, word))]


@pytest.mark.parametrize(
    ("words", "alone", "together", "expected"),
    [
        (["one", "two"], {}, "one two", [1, 4]),
        (["one,", "two"], {"one,": "one,"}, "one, two", [1, 6]),  # the pause belongs to neither
        (["$5", "left"], {"$5": "faiv dolaz"}, "faiv dolaz left", [1, 11]),
        (["1.200.000", "de"], {"1.200.000": "un miljon dosjentos mil"}, "un miljon dosjentos mil de", [1, 24]),
        (["a", "man"], {"a": "ei"}, "e man", [1, 2]),  # by itself it sounds different
        (["of", "the", "end"], {}, "ofthe end", [1, 3, 6]),  # two are said as one
        (["these", "&", "those"], {"&": ""}, "these and those", [1, 6, 10]),
        (["ten", "%", "off"], {"%": ""}, "ten pasent off", [1, 4, 11]),
        (["世", "界", "大。"], {"世": "ʂɨ↘", "界": "tɕjɛ↘", "大。": "ta↘."}, "ʂɨ↘tɕjɛ↘ ta↘.", [1, 4, 9]),
    ],
)
def test_a_word_begins_where_its_first_phoneme_or_the_space_before_it_does(
    words: list[str], alone: dict[str, str], together: str, expected: list[int]
) -> None:
    assert starts(words, alone, together) == expected


def test_words_are_in_order_and_within_the_sound_whatever_they_are_said_as() -> None:
    words = ["x", "", "yy", "z", "q", "w"]
    spans = word_spans(words, said("mn mn"), lambda word: word * 3)
    flat = [moment for span in spans for moment in span]
    assert len(spans) == len(words)
    assert flat == sorted(flat)
    assert 0 <= flat[0] <= flat[-1] <= 7


def test_pieces_lie_behind_one_another_and_nothing_said_has_no_words() -> None:
    pieces = [*phonemes("one.", [1.0] * 6, 0.0, 3.0), *phonemes("two", [1.0] * 5, 3.0, 5.5)]
    (_, (start, end)) = word_spans(["one.", "two"], pieces, str)
    assert (start, end) == (pytest.approx(3.5, abs=0.05), pytest.approx(5.0, abs=0.05))
    assert word_spans(["…"], said("…"), str) == ()
    assert phonemes("", (0.0, 0.0), 0.0, 0.0) == []
