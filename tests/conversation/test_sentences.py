"""Sentences of a text that is still being written."""

from __future__ import annotations

import pytest

from voxdemo.conversation.sentences import LONGEST, GrowingSentences


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
@pytest.mark.parametrize(
    ("text", "language", "sentences"),
    [
        ("Sure. I met Dr. Smith at 5 p.m. today! Yes", "en", ["Sure.", "I met Dr. Smith at 5 p.m. today!", "Yes"]),
        ("It costs $5.20, e.g. here. 😀 Good?", "en", ["It costs $5.20, e.g. here.", "😀 Good?"]),
        ("Two:\n1. One thing\n2. Another\n\nDone", "en", ["Two:", "1. One thing", "2. Another", "Done"]),
        ("你好。今天天气很好！我们去吧", "zh", ["你好。", "今天天气很好！", "我们去吧"]),
        ("Hola. La Sra. López vive aquí. ¿Y tú?", "es", ["Hola.", "La Sra. López vive aquí.", "¿Y tú?"]),
        ("… \n**", "en", []),
        ("", "en", []),
    ],
)
def test_however_it_comes_the_sentences_are_those_of_the_whole(
    text: str, language: str, sentences: list[str], size: int
) -> None:
    growing = GrowingSentences(language)
    found = [sentence for at in range(0, len(text), size) for sentence in growing.add(text[at : at + size])]
    assert found + growing.rest() == sentences


def test_a_sentence_is_there_when_the_next_one_begins() -> None:
    growing = GrowingSentences()
    assert growing.add("Dr. Smith is in.") == []
    assert growing.add(" He") == ["Dr. Smith is in."]
    assert growing.add(" waits\n") == ["He waits"]
    assert growing.rest() == []


@pytest.mark.parametrize("written", ["word " * 1500, "一" * 1500, "some words, " * 200 + "the end."])
def test_a_sentence_without_an_end_is_given_in_parts_while_it_is_written(written: str) -> None:
    growing = GrowingSentences()
    found = [part for letter in written for part in growing.add(letter)]
    assert len(found) >= len(written) // LONGEST - 1
    assert max(map(len, found)) <= LONGEST
    assert "".join("".join([*found, *growing.rest()]).split()) == "".join(written.split())
