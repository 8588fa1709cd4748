from __future__ import annotations

import importlib
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest
from markdown_it import ruler

from voxdemo.text import markdown
from voxdemo.text.pasted import plain
from voxdemo.text.split import is_speakable

LEFT_ALONE = [
    "2 * 3 * 4", "2*3*4 and a*b*c", "2**8 and 3**2", "snake_case_name", "see __init__.py and self.__dict__",
    "a < b and b > c", "if x<y and y>z", "a <b and c> d", "5 > 3", "> 5 people came", "I <3 you",
    "- 5 degrees today", "+ 5 degrees today", "C:\\dir\\file.txt", "\\\\server\\share", "AT&T, R&D and a&b;c",
    "[sic]", "row[i](x)", "#5 and #hashtag", "~5 to ~6", "a | b | c", "x := {1: 2}", "std::vector<int> x;",
    "1984. What a year", "[John]: hello there", "1) first", "a) first", "(1) first",
    "https://a.b/c_d_e?x=1&y=2#z", "me_too@mail.org", "你好，世界。2*3", "What?! No!", "Wait... what?",
    "他说：“走吧……”然后走了。", "NASA, the USA and a PDF", "I REALLY mean it", "WARNING!", "U.S.A.", "É bom.",
    "Great job 🎉! Let's go 🚀🚀", "1️⃣ First", "👩🏽‍🚀", "it's 5 o'clock", "“Quotes” and ‘single’ ones",
    "Yes — no – maybe", "The man -- he -- left", "if (a && b) return c;", "for(;;)", "$5 * 3 = $15", "100% _",
    "foo(*args, **kwargs)",
]  # fmt: skip


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize("seed", range(10))
def test_any_mixture_of_plain_words_stays_as_it_is(seed: int) -> None:
    draw = random.Random(seed)
    words = [
        "The",
        "man",
        "walked",
        "along.",
        "He",
        "said",
        "(maybe)",
        "NASA",
        "e.g.",
        "so?",
        "…",
        "AT&T",
        "$5.50",
        "3 - 4",
        "a < b",
        "x_y",
    ]
    words += [
        "2 * 3",
        '"quote"',
        "it's",
        "50%",
        "#tag",
        "@me",
        "5 > 3",
        "I <3 U",
        "[sic]",
        "12:30",
        "a/b",
        "+1",
        "f(x)",
    ]
    for _ in range(100):
        text = " ".join(["So", *draw.choices(words, k=draw.randrange(1, 15))])
        assert plain(text) == text


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("# Title\n\nSome *text*, **bold** and ~~old~~ `code`.", "Title\nSome text, bold and old code."),
        ("Title\n=====\n\nText.", "Title\n\nText."),
        ("***both***, __bold__, _this_ and *that*", "both, bold, this and that"),
        ("这是**重点。**后面", "这是重点。后面"),
        ("- one\n- two\n  - nested\n* three\n+ four", "one\ntwo\nnested\n\nthree\n\nfour"),
        ("- [x] done\n- [ ] open", "done\nopen"),
        ("Buy:\n1. Milk\n2. Eggs\n10. Bread", "Buy:\n\n1. Milk\n2. Eggs\n10. Bread"),
        ("- one\n\n- two\n\n  more of two", "one\ntwo\nmore of two"),
        ("See [the docs](https://a.b/c \"title\") and [here][1].\n\n[1]: https://d.e", "See the docs and here."),
        ("![A cat](cat.png) sits. ![](x.png)", "A cat sits."),
        ("<https://a.b> and <me@x.org>", "https://a.b and me@x.org"),
        ("| Name | Age |\n|:--|--:|\n| Ann | 12 |\n| Bob | |", "Name, Age\nAnn, 12\nBob"),
        ("> Quoted *text*.\n> More.\n\nReply.", "Quoted text.\nMore.\n\nReply."),
        ("One.\n\n---\n\nTwo.\n***\nThree.", "One.\n\nTwo.\n\nThree."),
        ("```python\nx = f(1)\ny = 2\n```\nDone.", "x = f(1)\ny = 2\n\nDone."),
        ("Line one  \nline two\\\nline three", "Line one\nline two\nline three"),
        ("42.", "42."),
        ("Buy:\n\n42.\n\nThanks.", "Buy:\n\n42.\n\nThanks."),
        ("> 1984.", "1984."),
        ("> 1984", "1984"),
        ("> 1984. A year.\n\nThen.", "1984. A year.\n\nThen."),
        ("* 7)", "7)"),
        ("1. Milk\n2.\n3. Bread", "1. Milk\n2.\n3. Bread"),
        ("- 1. Milk\n- 2.", "1. Milk\n2."),
        ("1. 2. 3.", "1. 2. 3."),
        ("# 1984\n\n2024", "1984\n2024"),
        ("It works[^1] well.[^2]\n\n[^1]: A note.", "It works well.\n\nA note."),
        ("Found in 1953.[12][3] Then lost,[a] x[1].", "Found in 1953. Then lost, x[1]."),
        ("5 \\* 3 and snake\\_case", "5 * 3 and snake_case"),
    ],
)  # fmt: skip
def test_of_markdown_the_words_are_left(pasted: str, said: str) -> None:
    assert plain(pasted) == said


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("<p>Hello <b>big</b>\n  world &amp; all.</p><p>Next.</p>", "Hello big world & all.\n\nNext."),
        ("One<br>two<br/>three", "One\ntwo\nthree"),
        ("<h1>Title</h1><div>Text</div>", "Title\nText"),
        ("<ul><li>One</li><li><p>Two</p></li></ul>", "One\nTwo"),
        ("<ol start='3'><li>Three<li>Four</ol>", "3. Three\n4. Four"),
        ("<table><tr><th>A<th>B</tr>\n<tr><td>1</td><td>2</td></tr></table>", "A, B\n1, 2"),
        ("<!DOCTYPE html><html><head><title>x</title></head><body>Hi <!-- no --> you</body></html>", "Hi you"),
        ("<p>Hi</p><script>if (a < b) {}</script><style>p {}</style>", "Hi"),
        ("<p>2 * 3 * 4 is 24, in snake_case, # and 1 < 2.</p>", "2 * 3 * 4 is 24, in snake_case, # and 1 < 2."),
        ("<p>if x<y and z>w then</p>", "if x<y and z>w then"),
        ('<a href="https://a.b">link</a> and <img src="x" alt="a cat">', "link and a cat"),
        ("<pre>one\n  two</pre>", "one\ntwo"),
        ("&lt;b&gt; &quot;x&quot; &#8217; &hellip; &nbsp;end", '<b> "x" ’ … end'),
        ("Plain words with <b>bold</b>\n\nand <i>more</i>", "Plain words with bold\n\nand more"),
        ('<p align="center"><img src=x></p>\n\n# Readme\n\n- one\n- two', "Readme\none\ntwo"),
        ("<script>never closed", "never closed"),
        ("<!-- never closed", "<!-- never closed"),
    ],
)  # fmt: skip
def test_of_html_the_words_are_left(pasted: str, said: str) -> None:
    assert plain(pasted) == said


PROSE = """We went to the mu-
seum of modern art because the weather was bad and
we had nothing else to do on that long day in New
York City. It was a well-
known place, and Mr.
Smith came along."""


def test_lines_broken_in_mid_sentence_are_joined_and_hyphenated_words_mended() -> None:
    assert plain(PROSE) == (
        "We went to the museum of modern art because the weather was bad and we had nothing else to do on that long "
        "day in New York City. It was a well-known place, and Mr. Smith came along."
    )


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("a pre-\nand a post-war design of the kind", "a pre- and a post-war design of the kind"),
        ("the state-of-the-\nart machine", "the state-of-the-art machine"),
        ("the experi-\nment that we did\nin New York was\ngood", "the experiment that we did in New York was good"),
        ("The army marched on Jan.\n5, 2024 with Gen.\nSmith, as in Vol.\n3 of it.",
         "The army marched on Jan. 5, 2024 with Gen. Smith, as in Vol. 3 of it."),
        ("He met Dr.\nBrown; and he\nleft.", "He met Dr. Brown; and he\nleft."),
        (
            "EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF\nFITNESS, AND SO ON.",
            "Express or implied, including but not limited to the warranties of fitness, and so on.",
        ),
        ("a soft\xad\nened word", "a softened word"),
        ("我们昨天晚上一起去了城里最大的那家书店\n买书。", "我们昨天晚上一起去了城里最大的那家书店买书。"),
        (
            "The first page ends in the middle of a sentence and\n\nthe second page begins with the rest of it.",
            "The first page ends in the middle of a sentence and the second page begins with the rest of it.",
        ),
        ("Dear Ann,\n\nthank you for your kind letter.", "Dear Ann,\n\nthank you for your kind letter."),
    ],
)  # fmt: skip
def test_what_goes_on_in_the_next_line_is_joined(pasted: str, said: str) -> None:
    assert plain(pasted) == said


@pytest.mark.parametrize(
    "text",
    [
        "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\nRough winds do shake the "
        "darling buds of May,\nAnd summer's lease hath all too short a date;",
        "床前明月光，\n疑是地上霜。",
        "John Smith\n221B Baker Street\nLondon NW1 6XE",
        '"Where were you all this time yesterday," said Tom\n"At home with my mother," said Ann',
        "ANNA: I thought that you would never come\nBOB: so did I",
        "milk\neggs\nbread",
        "so much depends\nupon\n\na red wheel\nbarrow",
        "lol this is so very funny i can't\ncant believe it\nomg",
        "A heading without a stop\nThen a sentence that is much longer than it.",
        "You will need the following things today:\nmilk and eggs",
        "1. first of all\n2. second of all",
        "result = compute_something(a, b)\nprint(result)",
        "def double(x):\nreturn x * 2",
    ],
)
def test_lines_that_are_meant_stay(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("ﬁnd the oﬀer", "find the offer"),
        ("he\u200bl\xadlo \ufeffyou\u2060", "hello you"),
        ("a\xa0b\u2009c\u3000d\te  f", "a b c d e f"),
        ("𝐛𝐨𝐥𝐝 𝘪𝘵𝘢𝘭𝘪𝘤 Ｗｉｄｅ", "bold italic Wide"),
        ("It’s John´s “book”", "It's John's “book”"),
        ("one\r\ntwo\rthree\x0bfour\x0cfive\u2028six", "one\ntwo\nthree\nfour\n\nfive\nsix"),
        ("a\u2068b\u2069 \u202ac\u202c \u202ed", "ab c d"),
        ("It\x92s \x93so\x94 \x96 yes\x9d", "It's “so” – yes"),
        ("• one\n• two\n◦ three", "one\ntwo\nthree"),
        ("Red • green • blue", "Red, green, blue"),
        ("Wow!!!! Really?!?! Yes??", "Wow! Really?! Yes?"),
        ("好！！！真的？？", "好！真的？"),
        ("Well....... no,,, yes", "Well... no, yes"),
        ("a ====== b_____c", "a — b — c"),
        ("one\n* * *\ntwo\n-----\nthree\n\n\n\nfour", "one\n\ntwo\n\nthree\n\nfour"),
    ],
)
def test_what_voices_stumble_over_is_made_plain(pasted: str, said: str) -> None:
    assert plain(pasted) == said


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("THIS IS A SHOUTED SENTENCE. This isn't.", "This is a shouted sentence. This isn't."),
        ("I WORK FOR NASA IN THE USA, AND I'M FINE!", "I work for NASA in the USA, and I'm fine!"),
        ("THE FBI HAS MY PDF FROM HTML.", "The FBI has my PDF from HTML."),
        ("CHAPTER ONE", "Chapter one"),
        ("US WINS GOLD", "US wins gold"),
        ("FED UP WITH THE US DOLLAR", "Fed up with the US dollar"),
        ("CHINA AND US AGREE ON TRADE", "China and US agree on trade"),
        ("COME WITH US NOW!", "Come with us now!"),
        ("ABOUT US", "About us"),
        ("HE LEFT ON THE 22ND AND CAME 1ST.", "He left on the 22nd and came 1st."),
        ("MAN, 45, DIES AT ST. MARY'S", "Man, 45, dies at St. Mary's"),
        ("DR. SMITH AND MR. JONES MEET", "Dr. Smith and Mr. Jones meet"),
        ("MT. EVEREST CLIMBER FOUND", "Mt. Everest climber found"),
        ("SALE ENDS DEC. 24 AT 5 PM", "Sale ends dec. 24 at 5 PM"),
        ("EXCLUSIVE: U.S. TO SEND TROOPS", "Exclusive: U.S. to send troops"),
        ("NO. 1 TEAM WINS 3.5 MILLION", "No. 1 team wins 3.5 million"),
        ("SHE TOLD ME NO. I SAID YES TO IT.", "She told me no. I said yes to it."),
        ("THE 1920S AND THE 90S ROARED.", "The 1920s and the 90s roared."),
        ("CHAPTER OF VII ERRORS", "Chapter of VII errors"),
        ("THE SOFTWARE IS PROVIDED “AS IS”.", "The software is provided “as is”."),
        ("DAS IST ÄRGERLICH", "Das ist ärgerlich"),
        ("ЭТО ОЧЕНЬ ВАЖНО", "Это очень важно"),
        ("NASA AND ESA", "NASA AND ESA"),
        ("MR SMITH LIVES AT 12B MAIN STREET.", "Mr smith lives at 12B main street."),
    ],
)
def test_shouted_sentences_are_calmed_and_abbreviations_stay(pasted: str, said: str) -> None:
    assert plain(pasted) == said


@pytest.mark.parametrize("text", ["", " ", "\n\n", "* * *", "<p></p>", "<!-- x -->", "![](x)"])
def test_nothing_is_left_of_text_without_words(text: str) -> None:
    assert plain(text) == "" == plain(plain(text))


def test_control_characters_stay_for_others_to_refuse() -> None:
    assert plain("a\x00b \x1b[1m \ud800") == "a\x00b \x1b[1m \ud800"


PIECES = [
    "[", "](", ")", "<b>", "</b>", "<", "*", "**", "_", "`", "```\n", "\n", "\n\n", "  \n", "> ", "- ", "1. ",
    "# ", "|", "| a | b |\n|---|---|\n", "<p>", "</p>", "<li>", "<ul>", "<ol>", "</ul>", "<td>", "<tr>", "<br>",
    "<pre>", "</pre>", "&amp;", "&", "\\", "word", "Word ", "a", ".", " ", "-", "🎉", "你好", "\ud800", "\x00",
    "\u200b", "\xad", "é", "~~", "<!--", "-->", "<script>", "</script>", '<img alt="x">', "![", "[a]: b\n", "1",
    '"', "HELLO THERE ", "\r\n", "\t",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_it_never_raises_whatever_the_text(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(200):
        text = "".join(draw.choices(PIECES, k=draw.randrange(25)))
        said = plain(text)
        assert said == said.strip()
        assert "\n\n\n" not in said


@pytest.mark.parametrize("seed", range(5))
def test_no_word_is_lost_in_markdown(seed: int) -> None:
    draw = random.Random(seed)
    marks = [
        "*{}*",
        "**{}**",
        "# {}\n\n",
        "- {}\n",
        "> {}\n\n",
        "`{}`",
        "{}",
        "{}\n",
        "\n1. {}\n",
        "[{}](http://x.y)",
        "~~{}~~",
    ]
    for _ in range(100):
        words = [f"word{number}" for number in range(draw.randrange(1, 20))]
        said = plain(" ".join(draw.choice(marks).format(word) for word in words))
        assert [word for word in said.replace("\n", " ").split() if word.startswith("word")] == words, said
        assert is_speakable(said)


@pytest.mark.parametrize("text", [*LEFT_ALONE, PROSE, "# A\n\n- b\n- *c*", "<p>a</p>b", "LOOK AT THIS!!! NOW!!!"])
def test_what_it_made_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize(
    ("pasted", "read"),
    [
        ("The result-\noriented method is described in this long enough line\nof text.", "result-oriented"),
        ("He writes pro-\ngramming books that fill a whole long line of a page\nof text.", "programming"),
        ("<p>See <a href=page.php?id=1>Click here</a> now.</p>", "See Click here now."),
        ("<p>An <img src=x?y=1> image.</p>", "An image."),
    ],
)
def test_what_testers_stumbled_over(pasted: str, read: str) -> None:
    assert read in " ".join(plain(pasted).split())


def test_a_text_is_read_whole_while_another_thread_reads_the_first_one_of_all() -> None:
    importlib.reload(markdown)  # as in a server that has just started
    meanwhile = set[str]()

    def at_each_line(frame: FrameType, event: str, _: Any) -> Any:
        """Has another thread read a text at each step in which the library lists its rules."""
        if event == "line":
            meanwhile.add(other.submit(plain, "It is *brief*.").result())
        is_listing = frame.f_code.co_filename == ruler.__file__ and frame.f_code.co_name == "__compile__"
        return at_each_line if is_listing else None

    with ThreadPoolExecutor(1) as other:
        before = sys.gettrace()
        sys.settrace(at_each_line)
        try:
            first = plain("So **is** this.")
        finally:
            sys.settrace(before)
    assert (first, meanwhile - {"It is brief."}) == ("So is this.", set())
