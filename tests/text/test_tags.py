from __future__ import annotations

import random

import pytest

from voxdemo.text.tags import LONGEST_TOGETHER_S, Stretch, names, stretches

VOICES = {"emma", "george", "dora", "kokoro/bf_emma", "bf_emma", "0123456789abcdef", "zoë ann"}


def short(text: str) -> list[tuple[str, str | None, float | None]]:
    return [(each.text.strip(), each.voice, each.pause_s) for each in stretches(text, VOICES)[0]]


@pytest.mark.parametrize(
    ("inside", "seconds"),
    [
        ("pause 0.8s", 0.8), ("pause 800ms", 0.8), ("pause 2", 2), ("pause", 1), ("Pause 1 s", 1), ("PAUSE 1S", 1),
        ("pause: 3", 3), ("pause=3s", 3), ("pause 1,5 s", 1.5), ("pause .5", 0.5), ("pause 2 seconds", 2),
        ("pause 1 sec", 1), ("pause 250 milliseconds", 0.25), (" pause  0.25s ", 0.25), ("pause 10s", 10),
        ("pause 0", 0), ("pause 10000ms", 10), ("pause 2.5secs", 2.5),
    ],
)  # fmt: skip
def test_a_pause_is_silence_of_so_many_seconds(inside: str, seconds: float) -> None:
    assert short(f"One [{inside}] two.") == [("One", None, None), ("two.", None, pytest.approx(seconds))]
    assert stretches(f"One [{inside}] two.", VOICES)[1] == ()


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("[Emma] Hello.", [("Hello.", "emma", None)]),
        ("[emma]Hello.", [("Hello.", "emma", None)]),
        ("[ EMMA ] Hello.", [("Hello.", "emma", None)]),
        ("[Emma]: Hello.", [("Hello.", "emma", None)]),
        ("[Emma]:\nHello.", [("Hello.", "emma", None)]),
        ("[bf_emma] Hello.", [("Hello.", "bf_emma", None)]),
        ("[kokoro/bf_emma] Hello.", [("Hello.", "kokoro/bf_emma", None)]),
        ("[Zoë  Ann] Hello.", [("Hello.", "zoë ann", None)]),
        ("[0123456789abcdef] Hello.", [("Hello.", "0123456789abcdef", None)]),
        ("Hello. [Emma] I am.", [("Hello.", None, None), ("I am.", "emma", None)]),
        ("Really? [Emma] Yes!", [("Really?", None, None), ("Yes!", "emma", None)]),
        ("“Go!” [Emma] Yes.", [("“Go!”", None, None), ("Yes.", "emma", None)]),
        ("你好。[Emma]我是。", [("你好。", None, None), ("我是。", "emma", None)]),
        ("A.\n\n[Emma] B.\n\n[George] C.", [("A.", None, None), ("B.", "emma", None), ("C.", "george", None)]),
        ("- [Emma] One.\n- [George] Two.", [("-", None, None), ("One.\n-", "emma", None), ("Two.", "george", None)]),
        ("> [Emma] Quoted.", [(">", None, None), ("Quoted.", "emma", None)]),
        ("1. [Emma] First.", [("1.", None, None), ("First.", "emma", None)]),
        ("[Emma] One. [pause 2] Two. [George] Three.",
         [("One.", "emma", None), ("Two.", "emma", 2.0), ("Three.", "george", None)]),
        ("[pause 1s][Emma] Hi.", [("Hi.", "emma", 1.0)]),
        ("[Emma][pause 1s] Hi.", [("Hi.", "emma", 1.0)]),
        ("and then [pause 1s] [Emma] Hi.", [("and then", None, None), ("Hi.", "emma", 1.0)]),
        ("One. [pause 4s][pause 3s] Two.", [("One.", None, None), ("Two.", None, 7.0)]),
        ("One. [pause 1s]", [("One.", None, None), ("", None, 1.0)]),
        ("One. [Emma]", [("One.", None, None)]),
        ("[Emma] [George] Hi.", [("Hi.", "george", None)]),
        ("[pause 1s]", [("", None, 1.0)]),
        ("[Emma]", [("[Emma]", None, None)]),
    ],
)  # fmt: skip
def test_a_name_at_a_beginning_speaks_from_there_on(text: str, cut: list[tuple[str, str | None, float | None]]) -> None:
    assert short(text) == cut
    assert stretches(text, VOICES)[1] == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "Hello.", "[Emma](http://x.y) wrote it.", "See [Emma](x).", "[Emma]: http://x.y", "[Emma]: <x.y>",
        "[Emma]: /there", "[Emma][1] wrote it.", "![Emma](x.png)", "It was [Emma] who came.", "Tell [Emma], please.",
        "Cats [1] and dogs.[2]", "Is it so?[citation needed] Yes.", "[citation needed]", "[sic]", "He came [sic] back.",
        "[laughs] Well.", "Well. [laughs] So.", "[1] Smith, 1990", "[x] done", "[ ] open", "- [x] done", "x[1] = 5",
        "arr[i]", "state[pause] = 1", "[pause](x)", "a[pause]", "[paused] It is.", "[]", "[[Emma]]", "[Em\nma] Hi.",
        "[INST] Say it.", "[^1]: A note.", "[2024] It was.", "[emmas] Hi.",
    ],
)  # fmt: skip
def test_other_brackets_are_left_to_the_text(text: str) -> None:
    assert stretches(text, VOICES) == ([Stretch(text)], ())


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("[Bob] Hi.", ["No voice that can speak here is called “Bob”: that is read as it stands."]),
        ("Hi. [Big Bob]: Ho.", ["No voice that can speak here is called “Big Bob”: that is read as it stands."]),
        (
            "[kokoro/xx_none] Hi.",
            ["No voice that can speak here is called “kokoro/xx_none”: that is read as it stands."],
        ),
        (
            "[Bob] Hi.\n[Ann] Ho.\n[Bob] Hi.",
            ["No voice that can speak here is called “Bob”, “Ann”: that is read as it stands."],
        ),
        ("[Emma] Hi.\n[Bob] Ho.", ["No voice that can speak here is called “Bob”: that is read as it stands."]),
        ("One [pause soon] two.", ["“pause soon” isn't a pause: write it like [pause 0.8s]."]),
        ("One [pause -1] two.", ["“pause -1” isn't a pause: write it like [pause 0.8s]."]),
        ("One [pause 60s] two.", ["A pause can last 10 s at most: longer ones are shortened."]),
        ("One [pause 1 min] two.", ["A pause can last 10 s at most: longer ones are shortened."]),
        ("One [pause 8][pause 8] two.", ["A pause can last 10 s at most: longer ones are shortened."]),
        ("[Edit] Hi. [Citation needed] Ho.", []),
    ],
)
def test_what_is_meant_as_a_tag_and_is_none_is_told(text: str, notes: list[str]) -> None:
    assert list(stretches(text, VOICES)[1]) == notes


def test_all_pauses_together_have_an_end() -> None:
    cut, notes = stretches("so [pause 10s] " * 100, VOICES)
    assert sum(each.pause_s or 0.0 for each in cut) == LONGEST_TOGETHER_S
    assert [note for note in notes if "together" in note]


def test_of_names_there_are_so_many_each_once() -> None:
    assert names("[Emma] a. [emma] b. [George] c.") == ["emma", "george"]
    assert len(names("\n".join(f"[Name {number}] so." for number in range(500)))) == 100


@pytest.mark.parametrize("seed", range(5))
def test_nothing_but_tags_is_lost(seed: int) -> None:
    draw = random.Random(seed)
    kinds = ["word ", "end. ", "\n\n", "[Emma] ", "[pause 1s] ", "[1] ", "[", "] ", "](x) ", "。", "[Bob]: ", "more"]
    for _ in range(200):
        text = "".join(draw.choices(kinds, k=30))
        cut, _ = stretches(text, VOICES)
        left = "".join(each.text for each in cut)
        without = text.replace("[Emma]", "").replace("[pause 1s]", "")
        letters = [letter for letter in without if letter.isalpha()]
        assert [
            letter for letter in left.replace("[Emma]", "").replace("[pause 1s]", "") if letter.isalpha()
        ] == letters


def test_a_long_text_full_of_brackets_is_cut_at_once() -> None:
    for piece in ("[", "[a] ", "[Emma] ", "[pause 1s]", "[pause ", "] ", ". [Emma](", "[pause 1s] a. "):
        stretches(piece * (50_000 // len(piece)), VOICES)
