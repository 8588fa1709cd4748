from __future__ import annotations

import random
import unicodedata

import pytest

from voxdemo.text import split
from voxdemo.text.split import FIRST_CHARS, Part, Stop, is_speakable, parts, words

LONG = (
    "The committee, which had met twice already that week without any result, decided at last to send a letter, "
    "to wait for an answer until the end of the month, and to meet once more when it had come, whatever it said."
)


def texts(text: str, max_chars: int, sentences_apart: bool = False) -> list[str]:
    return [part.text for part in parts(text, max_chars, sentences_apart)]


def stops(text: str, max_chars: int, sentences_apart: bool = False) -> list[Stop]:
    return [part.stop for part in parts(text, max_chars, sentences_apart)]


def sentences(text: str) -> list[str]:
    return texts(text, 1000, sentences_apart=True)


def test_the_first_part_is_the_first_sentence_and_the_others_are_groups() -> None:
    text = "Dr. Smith paid $3.50. He left! Was it enough? Nobody knows."
    assert parts(text, 40) == [
        Part("Dr. Smith paid $3.50.", ("Dr. Smith paid $3.50.",), Stop.SENTENCE),
        Part(
            "He left! Was it enough? Nobody knows.",
            ("He left!", "Was it enough?", "Nobody knows."),
            Stop.PARAGRAPH,
        ),
    ]


def test_sentences_apart_are_parts_of_their_own() -> None:
    assert parts("He left. Was it\nlate? Yes.\n\nThen…", 40, sentences_apart=True) == [
        Part("He left.", ("He left.",), Stop.SENTENCE),
        Part("Was it", ("Was it",), Stop.SENTENCE),
        Part("late?", ("late?",), Stop.SENTENCE),
        Part("Yes.", ("Yes.",), Stop.PARAGRAPH),
        Part("Then…", ("Then…",), Stop.PARAGRAPH),
    ]


def test_a_group_is_no_longer_than_asked() -> None:
    assert texts("One is here. " * 10, 26) == ["One is here.", *["One is here. One is here."] * 4, "One is here."]


def test_a_line_break_ends_a_sentence_and_a_blank_line_a_part() -> None:
    text = "A short heading\nFirst line. Second line\r\n- a list\n \n\nNew paragraph.\tStill new."
    assert texts(text, 100) == ["A short heading", "First line. Second line\n- a list", "New paragraph. Still new."]
    assert stops(text, 100) == [Stop.SENTENCE, Stop.PARAGRAPH, Stop.PARAGRAPH]


def test_a_first_sentence_of_a_word_or_two_takes_the_next_along() -> None:
    assert texts("Hi. How are you? I am fine, thank you.", 100) == ["Hi. How are you?", "I am fine, thank you."]
    assert texts("Hi.\n\nHow are you?", 100) == ["Hi.", "How are you?"]


def test_a_last_part_of_a_word_or_two_joins_the_one_before_it() -> None:
    assert texts("This is the first one. Bye.", 100) == ["This is the first one. Bye."]
    assert texts("Here is the first. It was cold here. It was dark now. Bye.", 36) == [
        "Here is the first.",
        "It was cold here.",
        "It was dark now. Bye.",
    ]


def test_a_long_first_sentence_is_cut_at_a_clause_so_that_sound_starts_early() -> None:
    first, second = parts(LONG, 1000)
    assert first == Part(LONG[:106], (LONG[:106],), Stop.CLAUSE)
    assert first.text.endswith("to send a letter,")
    assert second == Part(LONG[107:], (LONG[107:],), Stop.PARAGRAPH)


def test_a_long_first_sentence_without_clauses_is_cut_between_words_rather_before_a_conjunction() -> None:
    first = parts("and the man walked along the river to the city " * 20, 1000)[0]
    assert first == Part(first.text, (first.text,), Stop.CUT)
    assert first.text.endswith("to the city and the man walked along the river to the city")
    first = parts("one two three four " * 20, 1000)[0]
    assert FIRST_CHARS - 10 < len(first.text) <= FIRST_CHARS


def test_a_long_first_sentence_in_chinese_is_cut_sooner() -> None:
    first = texts(
        "我们昨天晚上一起去了城里最大的那家书店，在那里买了很多有意思的新书，然后慢慢地走回家，路上还下起了雨。", 300
    )[0]
    assert first == "我们昨天晚上一起去了城里最大的那家书店，在那里买了很多有意思的新书，"


def test_sentences_apart_are_cut_only_where_they_are_too_long() -> None:
    assert texts(LONG, 1000, sentences_apart=True) == [LONG]
    assert all(len(text) <= 150 for text in texts(LONG, 150, sentences_apart=True))


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("Dr. Smith and Mrs. Jones met Prof. Lee at 5 p.m. on Main St. today. Fine.", 2),
        ("The U.S. Army paid $3.50, i.e. 3.5 dollars, to J. K. Rowling et al. for No. 5. Fine.", 2),
        ("It took approx. 5 days. See vol. 3 and sec. 2. Fine.", 3),
        ("“Stop! Go!” he cried. “Never.” Fine.", 3),
        ('He said "Go away." Then he left (at last). Fine.', 3),
        ("Wait... what? Hmm… okay. Fine?!", 3),
        ("See example.com or v1.2.3. Fine.", 2),
        ("Wrap demo._queue or page.2 well. Fine.", 2),
        ("1. First item", 1),
        ("1. First item. Second sentence.", 2),
        ("a) First item", 1),
        ("1984. What a year.", 2),
        ("He is 5. 6 are here.", 2),
        ("no capitals here. none at all. fine.", 3),
        ("你好。今天天气很好！你呢？他说：“走吧。”然后走了。", 5),
        ("はい。「そうです。」行きます。", 3),
        ("क्या हाल है? मैं ठीक हूँ। धन्यवाद।", 3),
        ("¿Qué? ¡Hola! Sí.", 3),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, split: int) -> None:
    assert len(sentences(text)) == split, sentences(text)


def test_chinese_sentences_are_grouped() -> None:
    text = "今天天气很好！你呢？我也很好。他说：“走吧。”然后走了。"
    assert texts(text, 12) == ["今天天气很好！", "你呢？我也很好。", "他说：“走吧。”", "然后走了。"]


def test_a_long_sentence_is_cut_at_clauses_then_at_spaces_then_anywhere() -> None:
    clauses = "One two three, four five six, seven eight nine; ten eleven twelve thirteen fourteen."
    cut = parts(clauses, 30)
    assert [(part.text, part.stop) for part in cut] == [
        ("One two three, four five six,", Stop.CLAUSE),
        ("seven eight nine;", Stop.CLAUSE),
        ("ten eleven twelve", Stop.CUT),
        ("thirteen fourteen.", Stop.PARAGRAPH),
    ]
    assert texts("我也很好，谢谢你的关心，我们明天见", 8) == ["我也很好，", "谢谢你的关心，", "我们明天见"]
    assert texts("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_the_end_of_a_cut_sentence_is_spoken_with_the_next_sentence() -> None:
    (_, second) = parts(f"{LONG} That was all of it.", 1000)
    assert second.sentences == (LONG[107:], "That was all of it.")


def test_words_are_not_cut_while_there_is_a_space() -> None:
    assert texts("Hello incomprehensible", 20) == ["Hello", "incomprehensible"]


@pytest.mark.parametrize("character", ["e\u0301", "👩🏽\u200d🚀", "🇬🇧", "각", "क्षि"])
def test_a_character_written_with_several_is_not_cut(character: str) -> None:
    cut = texts(("x" + character) * 100, 11)
    assert len(cut) > 10
    assert all(part.replace("x", "").replace(character, "") == "" for part in cut)


@pytest.mark.parametrize("line", ["* * *", "—", "⁂", "-----", "🙂🙂", "..."])
def test_a_line_without_words_is_no_part_but_ends_a_paragraph(line: str) -> None:
    assert parts(f"He left the room.\n{line}\nNobody ever knew.\n{line}", 100) == [
        Part("He left the room.", ("He left the room.",), Stop.PARAGRAPH),
        Part("Nobody ever knew.", ("Nobody ever knew.",), Stop.PARAGRAPH),
    ]


def test_signs_alone_between_sentences_stay_with_a_neighbour() -> None:
    assert sentences("Great! 🎉 . . . Thanks.") == ["Great! 🎉 . . .", "Thanks."]
    assert all(map(is_speakable, texts("?! No." + "?!" * 300, 20)))


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\r\n", "\u3000", "...", "* * *\n\n—"])
def test_text_without_words_has_no_parts(text: str) -> None:
    assert parts(text, 10) == []


def test_a_length_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="above 0"):
        parts("Hello.", 0)


PIECES = [
    *"abcXYZ.!?,;:—…。！？，；：、\"'“”‘’()（）[]「」『』«»1290日本語한국어éß😀👩🚀अ؟।",
    *["\ufe0f", "\u0301", "\u200b", "\u200d", "\x00", "\t", "\n", "\n\n", "\r\n", "\u3000", "\u2028", "\x85"],
    *["Mr. ", "U.S.", "e.g. ", "Dr. ", "J. ", "3.14", " ", " ", ". ", "Hello there my friend. ", "word" * 9],
    *["1. ", "vol. ", "* * *\n", "a) ", " and ", " (", "🇬🇧"],
]


@pytest.mark.parametrize("sentences_apart", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_no_letter_is_lost_or_moved_whatever_the_text(seed: int, sentences_apart: bool) -> None:
    draw = random.Random(seed)
    for _ in range(100):
        text = "".join(draw.choices(PIECES, k=draw.randrange(60)))
        max_chars = draw.choice([1, 2, 3, 10, 50, 300])
        found = parts(text, max_chars, sentences_apart)
        assert said("".join(part.text for part in found)) == said(text)
        for part in found:
            assert part.text == part.text.strip()
            assert is_speakable(part.text)
            assert len(part.text) <= max_chars
            assert "".join("".join(part.sentences).split()) == "".join(part.text.split())
            assert len(part.sentences) == 1 or not sentences_apart
        assert not found or found[-1].stop is Stop.PARAGRAPH


@pytest.mark.parametrize("seed", range(20))
def test_no_sign_is_lost_either_where_there_is_room(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(100):
        text = "a" + "".join(draw.choices([piece for piece in PIECES if "\n" not in piece], k=draw.randrange(60)))
        kept = "".join(part.text for part in parts(" ".join(text.split()), 5000))
        assert "".join(kept.split()) == "".join(text.split())


def said(text: str) -> str:
    return "".join(character for character in text if unicodedata.category(character)[0] in "LN")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", ["El Sr. López llegó a las 8 a. m. de EE. UU. con la Dra. Gil.", "¿Qué hora es?", "¡Tarde!"]),
        ("fr", ["M. Dupont et Mme. Roy sont là.", "Où est le Dr. Petit ?", "Il est parti, p. ex. à Paris."]),
        ("it", ["Il sig. Rossi e la dott.ssa Bianchi sono qui.", "Dov'è il dott. Verdi?"]),
        ("pt", ["O Sr. Silva chegou.", "Que horas são?", "Av. Paulista, n. 5."]),
        ("ja", ["犬です。", "猫ですか？", "はい。"]),
        ("zh", ["你好。", "他说：“走吧！”", "我们走了。"]),
    ],
)
def test_sentences_end_by_the_rules_of_their_language(language: str, said: list[str]) -> None:
    text = ("" if language in ("ja", "zh") else " ").join(said)
    assert split.sentences(text, language) == said
    assert [part.text for part in parts(text, 250, True, language)] == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost $5.20, didn't it?", ["It", "cost", "$5.20,", "didn't", "it?"]),
        (
            "Dr. Smith – a “friend” – left\n(at 7 p.m.).",
            ["Dr.", "Smith –", "a", "“friend” –", "left", "(at", "7", "p.m.)."],
        ),
        ("- Bread & butter…", ["- Bread", "&", "butter…"]),
        ("«Bonjour», dit-il ! 🎉", ["«Bonjour»,", "dit-il ! 🎉"]),
        ("¿Qué? 50 %", ["¿Qué?", "50", "%"]),
        ("他说：“你好，world”。", ["他", "说：", "“你", "好，", "world”。"]),
        ("「きょう」は120万人です。", ["「きょ", "う」", "は", "120", "万", "人", "で", "す。"]),
        ("コーヒー", ["コー", "ヒー"]),
        ("안녕 하세요.", ["안녕", "하세요."]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("* * *", []),
        ("", []),
    ],
)
def test_words_are_as_written_with_their_signs(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_words_of_sentences_are_those_of_the_text() -> None:
    text = "Well — yes. “No!” he said… (Why?) 1. Bread\n2. Milk, 50 %! 你好。「はい」とかれは言った。"
    cut = parts(text, 1000)
    assert [word for part in cut for word in words(part.text)] == [
        word for part in cut for sentence in part.sentences for word in words(sentence)
    ]
