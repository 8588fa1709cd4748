from __future__ import annotations

import html
import json
import random

import pysubs2
import pytest
import webvtt as independent_webvtt

from voxdemo.speech import Segment, Word
from voxdemo.stores.captions import LINE_CHARS, as_row, by_word, of_row, srt, webvtt

ODD = (
    "a < b & c > d",
    "An arrow --> here",
    "first line\nsecond\n\nthird\r\n\x0b\u2028fourth",
    "12",
    "1 --> 00:00:02.000",
    "&amp; &lt;b&gt;",
    "日本語の文です。とても長い文でも、空白がないのでそのまま一行になります。プレーヤーが折り返します。",
    "NOTE not a comment",
    "WEBVTT",
    "שלום, עולם",
)


def one_line(text: str) -> str:
    return " ".join(text.split())


def read_srt(content: str) -> list[tuple[int, int, str]]:
    return [(event.start, event.end, one_line(event.plaintext)) for event in pysubs2.SSAFile.from_string(content)]


def read_webvtt(content: str) -> list[tuple[int, int, str]]:
    def milliseconds(timestamp: str) -> int:
        hours, minutes, seconds = timestamp.split(":")
        return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)

    captions = independent_webvtt.from_string(content)
    assert not any("<" in cue.text for cue in captions), "a tag, to a player"
    return [(milliseconds(cue.start), milliseconds(cue.end), one_line(html.unescape(cue.text))) for cue in captions]


def test_a_subrip_file_reads_as_it_should() -> None:
    content = srt([Segment("Hello there.", 0.05, 1.5), Segment("Bye.", 3661.0, 36_000.0405)])
    assert content == ("1\n00:00:00,050 --> 00:00:01,500\nHello there.\n\n2\n01:01:01,000 --> 10:00:00,040\nBye.\n")


def test_a_webvtt_file_reads_as_it_should() -> None:
    content = webvtt([Segment("Tom & <Jerry> --> fun", 0.05, 1.5), Segment("Bye.", 3661.0, 36_000.0)])
    assert content == (
        "WEBVTT\n\n00:00:00.050 --> 00:00:01.500\nTom &amp; &lt;Jerry&gt; --&gt; fun\n\n"
        "01:01:01.000 --> 10:00:00.000\nBye.\n"
    )


def test_no_segments_are_files_without_cues() -> None:
    assert srt([]) == ""
    assert webvtt([]) == "WEBVTT\n"
    assert list(independent_webvtt.from_string(webvtt([]))) == []


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_come_back_from_other_readers(text: str) -> None:
    around = [Segment("Before.", 0, 1), Segment(text, 1, 2), Segment("After.", 2, 3)]
    expected = one_line(text.replace("\x0b", " "))
    read = read_webvtt(webvtt(around))
    assert [cue[:2] for cue in read] == [(0, 1000), (1000, 2000), (2000, 3000)]
    assert [cue[2] for cue in read] == ["Before.", expected, "After."]
    read = read_srt(srt(around))
    assert [cue[:2] for cue in read] == [(0, 1000), (1000, 2000), (2000, 3000)]
    assert [cue[2] for cue in read] == ["Before.", expected.replace("<", "‹").replace(">", "›"), "After."]


@pytest.mark.parametrize(
    ("start_s", "end_s", "start", "end"),
    [
        (0.0004, 1.9996, 0, 2000),
        (59.9996, 3599.9996, 60_000, 3_600_000),
        (35_999.9999, 36_000.5, 36_000_000, 36_000_500),
        (-0.01, 0.1, 0, 100),
        (2.0, 2.0, 2000, 2001),
        (2.0, 1.0, 2000, 2001),
    ],
)
def test_times_are_rounded_to_milliseconds_and_no_cue_is_empty(
    start_s: float, end_s: float, start: int, end: int
) -> None:
    segments = [Segment("Text.", start_s, end_s)]
    assert read_srt(srt(segments)) == read_webvtt(webvtt(segments)) == [(start, end, "Text.")]


def test_segments_that_overlap_or_come_in_disorder_are_sorted_by_their_start() -> None:
    segments = [Segment("Second.", 1.0, 4.0), Segment("Third.", 1.5, 2.0), Segment("First.", 0.0, 1.2)]
    for read in (read_srt(srt(segments)), read_webvtt(webvtt(segments))):
        assert read == [(0, 1200, "First."), (1000, 4000, "Second."), (1500, 2000, "Third.")]


def test_segments_without_text_are_left_out() -> None:
    segments = [Segment("", 0, 1), Segment(" \n\n ", 1, 2), Segment("One.", 2, 3)]
    assert srt(segments).startswith("1\n00:00:02,000")
    assert len(read_webvtt(webvtt(segments))) == 1


def test_long_sentences_are_wrapped_between_words() -> None:
    text = "After a long and difficult journey across the desert, the travellers finally reached the gates of the city."
    for content in (srt([Segment(text, 0, 9)]), webvtt([Segment(text, 0, 9)])):
        lines = content.split("-->")[1].split("\n", 1)[1].split("\n")
        assert max(map(len, lines)) <= LINE_CHARS
        assert one_line(" ".join(lines)) == text


def test_any_characters_give_files_that_can_be_read() -> None:
    chance = random.Random(1)
    signs = "ab <>&-\n\r\t\x00\x1c{}\\/1:,.→日\u200b\u2029\U0001f600"
    for _ in range(200):
        texts = ["x" + "".join(chance.choices(signs, k=chance.randint(0, 60))) for _ in range(4)]
        segments = [Segment(text, index, index + 1) for index, text in enumerate(texts)]
        assert [cue[:2] for cue in read_srt(srt(segments))] == [(i * 1000, i * 1000 + 1000) for i in range(4)]
        read = read_webvtt(webvtt(segments))
        assert [one_line(cue[2]) for cue in read] == [
            one_line(text.replace("\x00", " ").replace("\x1c", " ")) for text in texts
        ]


def test_by_word_there_is_a_cue_for_each_and_rows_come_back_as_they_were() -> None:
    words = (Word("Hello", 0.05, 0.4), Word("there.", 0.4, 1.5))
    segment = Segment("Hello there.", 0.05, 1.5, words=words)
    assert read_srt(srt(by_word([segment]))) == [(50, 400, "Hello"), (400, 1500, "there.")]
    for each in (segment, Segment("Bye.", 2.0, 3.0)):
        assert of_row(json.loads(json.dumps(as_row(each)))) == each
