from __future__ import annotations

import random
import time

import pytest

from voxdemo.text.split import sentence_groups


def test_the_first_part_is_the_first_sentence_and_the_others_are_groups() -> None:
    text = "Dr. Smith paid $3.50. He left! Was it enough? Nobody knows."
    assert sentence_groups(text, 40) == ["Dr. Smith paid $3.50.", "He left! Was it enough? Nobody knows."]


def test_a_group_is_no_longer_than_asked() -> None:
    parts = sentence_groups("One is here. " * 10, 26)
    assert parts == ["One is here.", *["One is here. One is here."] * 4, "One is here."]


def test_a_line_break_ends_a_sentence_and_a_blank_line_a_part() -> None:
    text = "A heading\nFirst line. Second line\r\n- a list\n \n\nNew paragraph.\tStill new."
    assert sentence_groups(text, 100) == [
        "A heading",
        "First line. Second line\n- a list",
        "New paragraph. Still new.",
    ]


def test_chinese_stops_end_sentences() -> None:
    assert sentence_groups("你好。今天天气很好！你呢？我也很好。", 12) == [
        "你好。",
        "今天天气很好！你呢？",
        "我也很好。",
    ]
    assert sentence_groups("他说：“走吧。”然后走了。", 20) == ["他说：“走吧。”", "然后走了。"]


def test_a_long_sentence_is_cut_at_clauses_then_at_spaces_then_anywhere() -> None:
    clauses = "One two three, four five six, seven eight nine; ten eleven twelve thirteen fourteen."
    assert sentence_groups(clauses, 30) == [
        "One two three, four five six,",
        "seven eight nine;",
        "ten eleven twelve thirteen",
        "fourteen.",
    ]
    assert sentence_groups("我也很好，谢谢你的关心，我们明天见", 8) == ["我也很好，", "谢谢你的关心，", "我们明天见"]
    assert sentence_groups("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_words_are_not_cut_while_there_is_a_space() -> None:
    assert sentence_groups("Hello incomprehensible", 20) == ["Hello", "incomprehensible"]


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\r\n", "\u3000"])
def test_blank_text_has_no_parts(text: str) -> None:
    assert sentence_groups(text, 10) == []


def test_a_length_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="above 0"):
        sentence_groups("Hello.", 0)


PIECES = [
    *"abcXYZ.!?,;:—…。！？，；：、\"'“”‘’()（）[]「」『』«»1290日本语한국어éß😀👩🚀अ؟।",
    *["\ufe0f", "\u0301", "\u200b", "\u200d", "\x00", "\t", "\n", "\n\n", "\r\n", "\u3000", "\u2028", "\x85"],
    *["Mr. ", "U.S.", "e.g. ", "Dr. ", "J. ", "3.14", " ", " ", ". ", "Hello there my friend. ", "word" * 9],
]


@pytest.mark.parametrize("seed", range(20))
def test_no_character_is_lost_or_moved_whatever_the_text(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(100):
        text = "".join(draw.choices(PIECES, k=draw.randrange(60)))
        max_chars = draw.choice([1, 2, 3, 10, 50, 300])
        parts = sentence_groups(text, max_chars)
        assert "".join("".join(parts).split()) == "".join(text.split())
        assert all(part and part == part.strip() and len(part) <= max_chars for part in parts)


@pytest.mark.parametrize(
    "piece", ["This is a sentence. ", "word ", "x", "a.", "你好。", "你好", "१।", "...", "\n", "a\n"]
)
def test_fifty_thousand_characters_take_no_time(piece: str) -> None:
    text = (piece * 50_000)[:50_000]
    began = time.process_time()
    sentence_groups(text, 300)
    assert time.process_time() - began < 2.0
