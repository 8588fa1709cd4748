from __future__ import annotations

import random

import pytest
from fakes import CLONER

from voxdemo.intake.validate import readable_text
from voxdemo.text.leftovers import taken_out


@pytest.mark.parametrize(
    ("sent", "read", "left_out"),
    [
        ("The capital is Paris [1].", "The capital is Paris.", "[1]"),
        ("Big[12][13], old [citation needed] and far [2, 3] away.", "Big, old and far away.",
         "[12][13] [2, 3] [citation needed]"),
        ("It is so.(3) And so.¹", "It is so. And so.", "(3) ¹"),
        ("The mountain² is high.", "The mountain is high.", "²"),
        ("Rates rose in 2019 [4], by 50% [12] or 5 kg[1].", "Rates rose in 2019, by 50% or 5 kg.", "[4] [12] [1]"),
        ("Hello <break/> world.", "Hello world.", "<break/>"),
        ('<speak>Hi <break time="1s"/> you.</speak>', "Hi you.", '<speak> <break time="1s"/> </speak>'),
        ("<prosody rate='slow'>Slow</prosody> <amazon:effect name=\"x\">a</amazon:effect>", "Slow a",
         "<prosody rate='slow'> </prosody> <amazon:effect name=\"x\"> </amazon:effect>"),
        ("Hello &lt;break/&gt; world.", "Hello world.", "<break/>"),
        ("Hi &amp;lt;break time=&amp;quot;1s&amp;quot;/&amp;gt; you.", "Hi you.", '<break time="1s"/>'),
        ("Well.<|im_end|>", "Well.", "<|im_end|>"),
        ("<|im_start|>assistant\nHello.<|endoftext|>", "Hello.", "<|im_start|> <|endoftext|>"),
        ("[INST] Say it. [/INST] So.", "Say it. So.", "[INST] [/INST]"),
        ("<think>I should greet.</think>Hello.", "Hello.", "<think>…</think>"),
        ("Assistant: Hello there.", "Hello there.", "Assistant:"),
        ("It rained【4†source】 there.", "It rained there.", "【4†source】"),
        ("That is nice ^_^", "That is nice", "^_^"),
        ("Sad T_T today :-( and xD now.", "Sad today and now.", "T_T :-( xD"),
        ("Oh ¯\\_(ツ)_/¯ well (╯°□°)╯︵ ┻━┻ and (^_^) so ʕ•ᴥ•ʔ.", "Oh well and so .",
         "¯\\_(ツ)_/¯ (╯°□°)╯︵ ┻━┻ (^_^) ʕ•ᴥ•ʔ"),
        ("<think>Nothing else.</think>", "Nothing else.", "<think> </think>"),
    ],
)  # fmt: skip
def test_what_nobody_reads_aloud_is_left_out_with_a_warning_that_names_it(sent: str, read: str, left_out: str) -> None:
    text, warnings = readable_text(sent, CLONER)
    assert text == read
    assert warnings == (f"Marks that aren't read aloud are left out: {left_out}.",)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Hello\\nWorld", "Hello\nWorld"),
        ("One.\\n\\nTwo.\\tThree.", "One.\n\nTwo. Three."),
        ('He said \\"hi\\" to us.', 'He said "hi" to us.'),
        ("It\\u2019s 5 \\u20ac.", "It's 5 €."),
        ("Tom &amp;amp; Ann", "Tom & Ann"),
        ("a&nbsp;b &amp;nbsp; c", "a b c"),
    ],
)
def test_what_is_only_written_in_another_way_is_put_right_without_a_warning(sent: str, read: str) -> None:
    assert readable_text(sent, CLONER) == (read, ())


@pytest.mark.parametrize(
    "text",
    [
        "C:\\new\\table", "\\\\server\\names", "src\\new\\test.py", "the \\theta and \\nabla", "see \\d+\\n",
        "See [1] and note [2].", "in [3] we say", "[1] Smith, 1990", "x[1] = 5", "row[i](x)", "arr[0]", "[sic]",
        "5 m² and 3 feet²", "x² + y²", "a <b and c> d", "std::vector<int> x;", "if x<y and y>z", "I <3 you",
        "<your name>",
        "- 8) eight", "it is 5:3 now", "http://x.y", "(see this)", "f(x) = (y)", "He (Bob) came.", "(•)", "90°",
        "AI: a history", "User: hi\nAssistant: hello", "a_b and x_y_z", "a ^ b", "snake_case", "He won (1).", "O.K.",
        "plan :D-day", "1. (a) first", "Apples (3), pears (4).",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_leftover_stays(text: str) -> None:
    assert taken_out(text) == (text, ())


@pytest.mark.parametrize("seed", range(3))
def test_no_letter_of_words_is_lost(seed: int) -> None:
    draw = random.Random(seed)
    marks = [
        "[1]",
        " <break/>",
        "<|im_end|>",
        " ^_^ ",
        "\\n",
        "¹",
        " :-)",
        "&lt;break/&gt;",
        " [edit]",
        "(",
        ")",
        "<",
        "& ",
    ]
    for _ in range(100):
        words = ["".join(draw.choices("aehlmrs", k=6)) for _ in range(10)]
        left, _ = taken_out("".join(word + draw.choice(marks) + draw.choice([" ", ". "]) for word in words))
        assert "".join(filter(str.isalpha, left)) == "".join(words), left
