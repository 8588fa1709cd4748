from __future__ import annotations

import pytest

from voxdemo.text.wrapping import one_line, typed


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Hello.", "Hello."),
        ("A heading\nFirst line. Second\tline", "A heading. First line. Second line"),
        ("Is it?\n\nYes!\nNo", "Is it? Yes! No"),
        ("Milk,\neggs", "Milk, eggs"),
        ("He said “no”\nand left", "He said “no”. and left"),
        ("标题\n第一行。", "标题。 第一行。"),
        ("제목\n첫 줄", "제목. 첫 줄"),
        ("\n \n", ""),
    ],
)
def test_lines_become_one_with_the_stops_they_lack(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("“It’s” – he said—well… ‘no’ «so» 3–5", '"It\'s" - he said - well... \'no\' "so" 3-5'),
        ("He left — at 5′ — „so‟.", 'He left - at 5\' - "so".'),
        ("他说：“走吧……”然后走了——真的", "他说：“走吧……”然后走了——真的"),
        ('plain - "text"', 'plain - "text"'),
    ],
)
def test_the_signs_of_print_become_those_of_a_keyboard_but_in_chinese(text: str, sent: str) -> None:
    assert typed(text) == sent
