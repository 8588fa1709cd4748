"""Text that grows while somebody speaks: which words settle, where turns begin and end, what is read next."""

from __future__ import annotations

import numpy as np
import pytest

from voxdemo.errors import EngineError
from voxdemo.live import Committed, Heard, LiveEvent, LiveOptions, SpeechStarted, SpeechStopped, TurnEnded, TurnFailed
from voxdemo.recognizers.agreement import Agreement, Reading
from voxdemo.recognizers.streaming import (
    CUT_FROM_S,
    EARLY_S,
    LAST_SILENCE_S,
    MOST_OPEN_S,
    WINDOW_S,
    StreamingRecognition,
    Wanted,
)
from voxdemo.speech import Segment, Transcript, Word

WINDOW = 512


def transcript(text: str, seconds: float = 10.0, language: str = "en") -> Transcript:
    """What a recogniser would say of so many seconds, its words evenly in them."""
    written = text.split()
    each_s = seconds / max(1, len(written))
    words = tuple(Word(word, nth * each_s, (nth + 1) * each_s) for nth, word in enumerate(written))
    said = (Segment(text, 0.0, seconds, words=words),) if text else ()
    return Transcript(text, language if text else None, said, seconds)


@pytest.mark.parametrize(
    ("readings", "steps"),
    [
        (["one", "one two", "one two three"], [("", "one"), ("one", " two"), (" two", " three")]),
        (["one too", "one two"], [("", "one too"), ("one", " two")]),
        (["We see.", "We see, and go."], [("", "We see."), ("We see", ", and go.")]),
        (["Hello", "hello there", "Hello there."], [("", "Hello"), ("hello", " there"), (" there", "")]),
        (["it is 3.5", "it is 3.5 million"], [("", "it is 3.5"), ("it is 3.5", " million")]),
        (["don't stop", "don't stop"], [("", "don't stop"), ("don't stop", "")]),
        (["今天天气", "今天天气很好。"], [("", "今天天气"), ("今天天气", "很好。")]),
        (["", "one", ""], [("", ""), ("", "one"), ("", "")]),
        (["a b c", "a b c d", "a x c d e"], [("", "a b c"), ("a b c", " d"), (" d", " e")]),
        (
            ["I am here", "I am here now", "I'm here now then"],
            [("", "I am here"), ("I am here", " now"), (" now", " then")],
        ),
        (["“Yes”, he said", "“Yes”, he said, “go”"], [("", "“Yes”, he said"), ("“Yes”, he said", ", “go”")]),
        (["नमस्ते दुनिया", "नमस्ते दुनिया है"], [("", "नमस्ते दुनिया"), ("नमस्ते दुनिया", " है")]),
    ],
)
def test_a_word_settles_when_two_readings_in_a_row_agree_on_it(
    readings: list[str], steps: list[tuple[str, str]]
) -> None:
    agreement = Agreement()
    assert [agreement.read(Reading.of(transcript(text))) for text in readings] == steps


@pytest.mark.parametrize(
    ("readings", "last", "whole"),
    [
        (["one", "one two"], "One two three.", "one two three."),
        (["one two", "one two"], "one two.", "one two."),
        (["one two", "one two"], "one", "one two"),
        (["one two", "one two"], "", "one two"),
        ([], "你好。", "你好。"),
        ([], "", ""),
        (["the the cat", "the the cat"], "The, the cat sat.", "the the cat sat."),
    ],
)
def test_the_last_reading_settles_all_and_takes_nothing_back(readings: list[str], last: str, whole: str) -> None:
    agreement = Agreement()
    before = "".join(agreement.read(Reading.of(transcript(text)))[0] for text in readings)
    assert before + agreement.finish(Reading.of(transcript(last))) == whole
    starts, ends = [token.start_s for token in agreement.settled], [token.end_s for token in agreement.settled]
    assert (starts, ends) == (sorted(starts), sorted(ends))


@pytest.mark.parametrize(
    ("before", "text", "joined"), [("One.", "Two.", " Two."), ("一。", "二。", " 二。"), ("一", "二", "二")]
)
def test_a_text_goes_on_with_a_space_where_its_script_has_any(before: str, text: str, joined: str) -> None:
    assert Agreement(before).finish(Reading.of(transcript(text))) == joined


def test_random_readings_never_take_back_what_settled() -> None:
    random = np.random.default_rng(21)
    for _ in range(200):
        words = [f"w{number}" for number in random.integers(0, 6, 12)]
        agreement, settled = Agreement(), ""
        for length in range(1, len(words) + 1):
            heard = [word if random.random() > 0.2 else f"x{random.integers(3)}" for word in words[:length]]
            newly, _ = agreement.read(Reading.of(transcript(" ".join(heard))))
            settled += newly
            assert "".join(token.gap + token.word for token in agreement.settled) == settled
        settled += agreement.finish(Reading.of(transcript(" ".join(words))))
        assert settled.split()[-1] == words[-1]


class Played:
    """A recognition that is fed seconds of voice (1.0) and silence (0.0), and what happened in it."""

    def __init__(self, options: LiveOptions | None = None) -> None:
        self.recognition = StreamingRecognition(options or LiveOptions())
        self.happened: list[LiveEvent] = []

    def hear(self, seconds: float, voice: float = 1.0) -> Played:
        windows = round(seconds / WINDOW_S)
        self.happened += self.recognition.add(np.full(windows * WINDOW, voice, np.float32), [voice] * windows)
        return self

    def read(self, text: str) -> Played:
        wanted = self.recognition.wanted()
        assert wanted
        self.happened += self.recognition.read(wanted, transcript(text, len(wanted.samples) / 16_000))
        return self

    @property
    def kinds(self) -> list[type]:
        return [type(event) for event in self.happened]

    @property
    def texts(self) -> list[tuple[str, str]]:
        return [(event.settled, event.open) for event in self.happened if isinstance(event, Heard)]

    @property
    def ended(self) -> list[Transcript]:
        return [event.transcript for event in self.happened if isinstance(event, TurnEnded)]


def test_a_turn_is_cut_by_voice_read_while_it_is_open_and_ends_with_all_of_its_text() -> None:
    played = Played().hear(2.0, 0.0).hear(1.5).read("one two").hear(1.1).read("one two three").hear(0.6, 0.0)
    played.read("one two three four.")
    assert played.kinds == [SpeechStarted, Heard, Heard, SpeechStopped, Committed, Heard, TurnEnded]
    assert played.texts == [("", "one two"), ("one two", " three"), (" three four.", "")]
    (whole,) = played.ended
    assert whole.text == "one two three four." == "".join(settled for settled, _ in played.texts)
    assert whole.language == "en"
    assert [segment.text for segment in whole.segments] == [whole.text]
    words = [word for segment in whole.segments for word in segment.words]
    assert [word.text for word in words] == ["one", "two", "three", "four."]
    assert all(1.5 < word.start_s < word.end_s < 5.2 for word in words), "in the session's time"
    begun, stopped, committed = (
        next(event for event in played.happened if isinstance(event, kind))
        for kind in (SpeechStarted, SpeechStopped, Committed)
    )
    assert isinstance(begun, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert isinstance(committed, Committed)
    assert begun.at_s == pytest.approx(2.0, abs=0.1)
    assert stopped.at_s == pytest.approx(4.6, abs=0.1)
    assert committed.start_s == pytest.approx(1.7, abs=0.1)
    assert committed.end_s == pytest.approx(5.1, abs=0.1)


def test_a_click_and_silence_are_no_turn() -> None:
    played = Played().hear(1.0, 0.0).hear(2 * WINDOW_S).hear(5.0, 0.0)
    assert played.happened == []
    assert played.recognition.wanted() is None
    assert played.recognition.silent_s == pytest.approx(5.0, abs=0.1)


def test_nothing_is_read_again_before_there_is_more_speech() -> None:
    played = Played().hear(1.5).read("one").hear(EARLY_S - 0.05, 0.0)
    assert played.recognition.wanted() is None
    played.hear(0.7)
    assert played.recognition.wanted() is None, "less than a second is new"
    played.hear(0.2)
    assert played.recognition.wanted() is not None


def test_a_turn_is_read_as_for_the_last_time_while_it_is_waited_for_its_end() -> None:
    played = Played().hear(1.5).read("one").hear(0.3, 0.0)
    wanted = played.recognition.wanted()
    assert wanted
    assert wanted.closes
    assert _silence_at_the_end(wanted) == pytest.approx(LAST_SILENCE_S, abs=0.1)
    played.hear(0.1, 0.0)
    assert not played.recognition.is_newer_than(wanted)
    played.read("one two.")
    assert played.recognition.wanted() is None, "it is read once"
    assert played.texts == [("", "one"), ("one", " two.")]
    played.hear(0.2, 0.0)
    assert played.kinds == [SpeechStarted, Heard, Heard, SpeechStopped, Committed, Heard, TurnEnded]
    assert [each.text for each in played.ended] == ["one two."]
    assert played.recognition.is_read


def test_it_is_read_again_where_somebody_speaks_on_and_where_that_reading_failed() -> None:
    played = Played().hear(1.5).read("one").hear(0.3, 0.0)
    early = played.recognition.wanted()
    assert early
    played.hear(0.3)
    assert played.recognition.is_newer_than(early)
    played.happened += played.recognition.read(early, transcript("one two."))
    assert played.recognition.wanted() is None, "what came too late is a reading like any other"
    played.hear(0.3, 0.0)
    again = played.recognition.wanted()
    assert again
    assert again.closes
    played.happened += played.recognition.failed(again, EngineError("It failed."))
    assert played.recognition.wanted() is None
    played.hear(0.3, 0.0).read("one two three.")
    assert [each.text for each in played.ended] == ["one two three."]


def test_a_long_turn_is_cut_without_another_reading_where_its_part_has_been_read() -> None:
    played = Played().hear(CUT_FROM_S).read("one").hear(0.25, 0.0).read("one two.").hear(0.1, 0.0)
    assert played.texts == [("", "one"), ("one", " two."), (" two.", "")]
    assert played.recognition.wanted() is None
    assert played.recognition.behind_s == pytest.approx(0.2, abs=0.1)
    assert [each.text for each in played.hear(1.1).read("Three.").hear(0.6, 0.0).read("Three.").ended] == [
        "one two. Three."
    ]


def test_newer_sound_makes_what_was_wanted_out_of_date() -> None:
    played = Played().hear(1.5)
    wanted = played.recognition.wanted()
    assert wanted
    assert not played.hear(0.5).recognition.is_newer_than(wanted)
    assert played.hear(0.6).recognition.is_newer_than(wanted)
    newer = played.recognition.wanted()
    assert newer
    assert len(newer.samples) > len(wanted.samples)
    assert played.recognition.behind_s == pytest.approx(2.6, abs=0.1)


@pytest.mark.parametrize("pauses", [True, False])
def test_a_long_turn_is_read_in_parts_that_end_in_pauses_where_there_are_any(pauses: bool) -> None:
    played = Played()
    for _ in range(12):
        played.hear(4.6).hear(0.4, 0.0 if pauses else 1.0)
    played.hear(1.0, 0.0)
    lengths = []
    while wanted := played.recognition.wanted():
        lengths.append(wanted.windows * WINDOW_S)
        played.read(f"Part {len(lengths)}.")
    assert sum(lengths) == pytest.approx(60.5, abs=0.6)
    assert max(lengths) <= (CUT_FROM_S + 5 if pauses else MOST_OPEN_S)
    (whole,) = played.ended
    assert whole.text == " ".join(f"Part {number}." for number in range(1, len(lengths) + 1))
    assert len(whole.segments) == len(lengths)
    times = [time for segment in whole.segments for time in (segment.start_s, segment.end_s)]
    assert times == sorted(times)


@pytest.mark.parametrize("late_s", [0.0, 1.2])
def test_a_turn_without_a_pause_is_cut_behind_what_has_settled_and_says_each_word_once(late_s: float) -> None:
    recognition, happened, asked = StreamingRecognition(LiveOptions()), list[LiveEvent](), list[tuple[int, Wanted]]()
    for at in range(round(36 / WINDOW_S)):
        seconds = at * WINDOW_S
        voice = 0.0 if seconds > 35 else 0.6 if 21.3 < seconds < 21.5 else 0.9
        happened += recognition.add(np.full(WINDOW, at, np.float32), [voice])
        if not asked and (wanted := recognition.wanted()):
            asked.append((at, wanted))
        if asked and (at - asked[0][0]) * WINDOW_S >= late_s:
            (_, wanted) = asked.pop()
            happened += recognition.read(wanted, numbered(wanted, most=70))
    while wanted := recognition.wanted():
        happened += recognition.read(wanted, numbered(wanted, most=70))
    told = "".join(event.settled for event in happened if isinstance(event, Heard))
    assert told.split() == [f"w{number}" for number in range(70)]


def numbered(wanted: Wanted, most: int) -> Transcript:
    """What an ear would hear that knows a word of its own in each half second, by the windows' numbers in its sound."""
    first_s = float(wanted.samples[0]) * WINDOW_S
    end_s = first_s + wanted.windows * WINDOW_S
    spoken = [(f"w{number}", number / 2 - first_s) for number in range(most)]
    words = tuple(Word(word, at, at + 0.4) for word, at in spoken if at >= -0.01 and at + 0.4 <= end_s - first_s)
    text = " ".join(word.text for word in words)
    said = (Segment(text, 0.0, end_s - first_s, words=words),) if words else ()
    return Transcript(text, "en", said, end_s - first_s)


def test_a_client_that_ends_turns_itself_needs_no_voice() -> None:
    played = Played(LiveOptions(cuts_turns=False)).hear(0.5, 0.0).hear(1.0).read("one").hear(2.0, 0.0)
    played.happened += played.recognition.commit()
    played.read("one.").hear(0.5, 0.0)
    assert played.kinds == [Heard, Committed, Heard, TurnEnded]
    played.happened += played.recognition.commit()
    played.read("")
    assert [each.text for each in played.ended] == ["one.", ""]
    assert played.recognition.is_read


@pytest.mark.parametrize(("options", "silent_s"), [
    (LiveOptions(cuts_turns=False), 0.0), (LiveOptions(cuts_turns=False), 0.2), (LiveOptions(cuts_turns=False), 2.0),
    (LiveOptions(), 0.2), (LiveOptions(silence_s=0.1), 0.1), (LiveOptions(), 0.6),
])  # fmt: skip
def test_the_last_reading_of_a_turn_ends_with_silence_and_none_of_its_words_is_heard_there(
    options: LiveOptions, silent_s: float
) -> None:
    played = Played(options).hear(1.5)
    assert _silence_at_the_end(played.recognition.wanted()) == 0.0
    played.read("one two").hear(silent_s, 0.0)
    committed = [event for event in (*played.happened, *played.recognition.commit()) if isinstance(event, Committed)]
    assert _silence_at_the_end(played.recognition.wanted()) == pytest.approx(max(LAST_SILENCE_S, silent_s), abs=0.1)
    (whole,) = played.read("one two three four five").ended
    ends = [time for segment in whole.segments for time in (segment.end_s, *(word.end_s for word in segment.words))]
    assert max(ends) <= committed[0].end_s + 1e-6
    assert played.recognition.behind_s == pytest.approx(0.0, abs=0.1)


def _silence_at_the_end(wanted: Wanted | None) -> float:
    assert wanted
    return (len(wanted.samples) - 1 - np.flatnonzero(wanted.samples)[-1]) / 16_000


def test_a_commit_ends_a_turn_in_the_middle_and_the_next_one_begins() -> None:
    played = Played().hear(1.0)
    played.happened += played.recognition.commit()
    played.hear(1.2).hear(0.6, 0.0).read("first").read("second")
    assert [each.text for each in played.ended] == ["first", "second"]
    assert Played().recognition.commit() == []


def test_a_cleared_turn_ends_with_what_had_settled_and_an_unread_one_with_nothing() -> None:
    played = Played().hear(1.2).read("one two").hear(1.1).read("one two three").hear(1.1)
    wanted = played.recognition.wanted()
    assert wanted
    played.happened += played.recognition.clear()
    assert [each.text for each in played.ended] == ["one two"]
    assert played.recognition.read(wanted, transcript("one two three four")) == [], "its reading comes too late"
    played.hear(0.5)
    played.happened += played.recognition.clear()
    assert [each.text for each in played.ended] == ["one two", ""]
    manual = Played(LiveOptions(cuts_turns=False)).hear(0.9, 0.0)
    manual.happened += manual.recognition.clear()
    assert manual.happened == []


def test_a_reading_that_fails_is_followed_by_another_and_only_the_last_one_fails_a_turn() -> None:
    played, error = Played().hear(1.2), EngineError("It failed.")
    wanted = played.recognition.wanted()
    assert wanted
    assert played.recognition.failed(wanted, error) == []
    played.hear(1.1).read("one").hear(0.6, 0.0)
    last = played.recognition.wanted()
    assert last
    assert last.closes
    assert played.recognition.failed(last, error) == [TurnFailed(0, error)]
    assert [each.text for each in played.hear(1.0).hear(0.6, 0.0).read("next").ended] == ["next"]


def test_options_change_between_turns_and_a_language_holds_for_the_rest_of_a_turn() -> None:
    played = Played().hear(3.5).read("eins zwei")
    played.recognition.options = LiveOptions("fr", silence_s=1.0)
    played.hear(1.1)
    wanted = played.recognition.wanted()
    assert wanted
    assert wanted.language == "en", "as it was heard"
    played.hear(0.6, 0.0).read("x").hear(1.2).hear(0.7, 0.0)
    assert len(played.ended) == 1
    wanted = played.recognition.wanted()
    assert wanted
    assert wanted.language == "fr"
    assert played.kinds.count(Committed) == 1, "a second of silence ends it"


@pytest.mark.parametrize("way", ["clear", "commit"])
def test_a_turn_that_begins_in_the_middle_of_speech_does_not_start_before_its_own_sound(way: str) -> None:
    played = Played().hear(3.2)
    getattr(played.recognition, way)()
    cut_s = 3.2
    started = [event for event in played.hear(1.6).happened if isinstance(event, SpeechStarted)]
    assert [each.turn for each in started] == [0, 1]
    assert started[1].at_s == pytest.approx(cut_s, abs=WINDOW_S)


def test_detection_that_is_switched_on_ends_the_turn_that_is_open() -> None:
    played = Played(LiveOptions(cuts_turns=False)).hear(1.6)
    played.recognition.options = LiveOptions()
    assert [type(event) for event in played.hear(1.0, 0.0).happened] == [SpeechStopped, Committed]
