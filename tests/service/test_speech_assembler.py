from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from voxdemo.service.speech_assembler import PAUSES_S, SpeechAssembler
from voxdemo.speech import Captions, Chunk, Retaken, Speaking, SpeechEvent
from voxdemo.text.split import Part, Stop

RATE = 16_000
Event = TypeVar("Event")


def tone(seconds: float) -> np.ndarray:
    """A sound that begins and ends with silence, as engines make them."""
    sound = 0.2 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)
    silence = np.zeros(RATE // 4)
    return np.concatenate([silence, sound, silence]).astype(np.float32)


def part(*sentences: str, stop: Stop = Stop.SENTENCE) -> Part:
    return Part(" ".join(sentences), sentences, stop)


ONE, TWO, LAST = part("One is here."), part("Two is here."), part("Three is here.", stop=Stop.PARAGRAPH)


def only(kind: type[Event], events: list[SpeechEvent]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def joined(events: list[SpeechEvent]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in only(Chunk, events)])


def said(take: SpeechAssembler, count: int, expected_s: float | None = None) -> list[SpeechEvent]:
    events: list[SpeechEvent] = [take.begin(expected_s)]
    for index in range(count):
        events += take.add(index, tone(1.0))
    return [*events, *take.end()]


def onsets(sound: np.ndarray) -> list[float]:
    """Where sound begins after silence of at least 50 ms, in seconds."""
    loud = np.abs(sound[: len(sound) // 160 * 160].reshape(-1, 160)).max(axis=1) > 0.01
    return [index / 100 for index in np.flatnonzero(loud) if not loud[max(0, index - 5) : index].any()]


def test_the_silence_around_parts_becomes_the_pause_that_their_end_asks_for() -> None:
    take = SpeechAssembler([ONE, part("Two,", stop=Stop.CLAUSE), LAST], RATE)
    first, second, third = onsets(joined(said(take, 3)))
    assert first < 0.1
    assert second - first - 1.0 == pytest.approx(PAUSES_S[Stop.SENTENCE], abs=0.03)
    assert third - second - 1.0 < PAUSES_S[Stop.SENTENCE] - 0.1


def test_a_faster_voice_pauses_less() -> None:
    pauses = []
    for speed in (1.0, 2.0):
        first, second = onsets(joined(said(SpeechAssembler([ONE, LAST], RATE, speed=speed), 2)))
        pauses.append(second - first - 1.0)
    assert pauses[1] < pauses[0] - 0.1


def test_the_pauses_that_the_text_asks_for_last_as_long_at_every_pace_and_move_the_captions() -> None:
    for speed in (1.0, 2.0):
        parts = [replace(ONE, pause_s=3.0), replace(LAST, pause_s=2.0)]
        take = SpeechAssembler(parts, RATE, speed=speed, lead_s=1.5)
        events = said(take, 2)
        first, second = onsets(joined(events))
        assert first == pytest.approx(1.5, abs=0.1)
        assert second - first == pytest.approx(1.0 + 3.0, abs=0.12)
        assert take.duration_s == pytest.approx(1.5 + 1.0 + 3.0 + 1.0 + 2.0, abs=0.3)
        assert [caption.start_s for caption in take.captions] == pytest.approx([first, second], abs=0.12)
        totals = [event.total_s for event in only(Speaking, events) if event.total_s is not None]
        assert all(total >= 1.5 + 3.0 + 2.0 for total in totals)


def test_chunks_follow_each_other_without_a_gap() -> None:
    take = SpeechAssembler([ONE, TWO, LAST], RATE)
    at = 0
    for chunk in only(Chunk, said(take, 3)):
        assert round(chunk.start_s * RATE) == at
        at += len(chunk.samples)
    assert take.duration_s == at / RATE


def test_captions_lie_on_the_sound_sentence_by_sentence() -> None:
    take = SpeechAssembler([ONE, TWO, LAST], RATE)
    sound = joined(said(take, 3))
    assert [caption.text for caption in take.captions] == ["One is here.", "Two is here.", "Three is here."]
    for caption, onset in zip(take.captions, onsets(sound), strict=True):
        assert caption.start_s == pytest.approx(onset, abs=0.1)
        assert caption.end_s == pytest.approx(onset + 1.0, abs=0.1)


def test_the_captions_of_a_part_are_told_when_it_begins_and_again_when_it_is_over() -> None:
    take = SpeechAssembler([part("One is here.", "And two."), LAST], RATE)
    told = only(Captions, said(take, 2))
    assert [(captions.first, len(captions.segments)) for captions in told] == [(0, 2), (0, 2), (2, 1), (2, 1)]
    assert told[0].segments[1].start_s > told[0].segments[0].start_s


def test_progress_goes_by_the_text_and_never_back() -> None:
    take = SpeechAssembler([part("One."), part("This is a sentence that takes much longer."), LAST], RATE)
    progress = only(Speaking, said(take, 3, expected_s=10.0))
    shares = [each.done_fraction for each in progress]
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert shares == sorted(shares)
    assert progress[0].seconds_left == pytest.approx(10.0, abs=0.1)
    assert (progress[-1].seconds_left, progress[-1].total_s) == (0.0, take.duration_s)
    assert [each.sentence for each in progress] == [1, 1, 2, 3, 3]


def test_within_a_part_progress_goes_by_its_sound() -> None:
    take = SpeechAssembler([part("A sentence of some length, which comes in many pieces."), LAST], RATE)
    take.begin(None)
    shares = [
        event.done_fraction for piece in np.array_split(tone(3.0), 30) for event in only(Speaking, take.add(0, piece))
    ]
    assert shares == sorted(shares)
    assert len(set(shares)) > 20
    assert shares[-1] < 0.9


def test_the_length_of_the_whole_is_foretold_by_what_was_heard() -> None:
    parts = [part("One is here.") for _ in range(9)] + [LAST]
    take = SpeechAssembler(parts, RATE)
    progress = only(Speaking, said(take, 10))
    totals = [each.total_s for each in progress]
    assert totals[5] == pytest.approx(take.duration_s, rel=0.1)


def test_a_part_that_is_said_anew_replaces_what_came_of_it() -> None:
    take = SpeechAssembler([ONE, TWO, LAST], RATE)
    events: list[SpeechEvent] = [take.begin(None), *take.add(0, tone(1)), *take.add(1, tone(5))]
    (retaken,) = take.retake(1)
    assert isinstance(retaken, Retaken)
    kept = [chunk for chunk in only(Chunk, events) if chunk.start_s < retaken.start_s]
    assert retaken.start_s == take.duration_s == sum(len(chunk.samples) for chunk in kept) / RATE
    rest = [*take.add(1, tone(1)), *take.add(2, tone(1)), *take.end()]
    assert len(onsets(np.concatenate([joined(kept), joined(rest)]))) == 3  # type: ignore[arg-type]
    assert [caption.text for caption in take.captions] == ["One is here.", "Two is here.", "Three is here."]
    assert take.captions[-1].end_s <= take.duration_s


def test_a_part_that_was_cut_off_is_told_once() -> None:
    take = SpeechAssembler([ONE, LAST], RATE)
    assert take.warnings() == ()
    take.cut()
    take.cut()
    assert len(take.warnings()) == 1


def test_a_take_without_sound_is_empty() -> None:
    take = SpeechAssembler([ONE], RATE)
    assert take.end() == []
    assert (take.duration_s, take.captions) == (0.0, ())


def test_a_take_that_breaks_off_claims_no_words_that_were_not_spoken() -> None:
    sentences = [f"This is sentence number {number} of six." for number in range(6)]
    take = SpeechAssembler([ONE, part(*sentences), LAST], RATE)
    take.begin(None)
    take.add(0, tone(1))
    for piece in np.array_split(tone(4.5)[: 4 * RATE], 40):
        take.add(1, piece)
    take.break_off()
    assert 2 <= len(take.captions) <= 4
    assert take.captions[-1].end_s <= take.duration_s
    whole = [caption.text for caption in take.captions[:-1]]
    assert take.where_it_stopped() == f"“…{whole[-1]}”"


def test_a_part_that_came_to_nothing_leaves_the_captions_of_those_before_alone() -> None:
    take = SpeechAssembler([ONE, TWO, LAST], RATE)
    take.begin(None)
    take.add(0, tone(1))
    take.add(1, tone(1))
    take.retake(1)
    take.break_off()
    assert [caption.text for caption in take.captions] == ["One is here."]
    take.add(1, np.zeros(RATE // 10, np.float32))  # nothing that can be heard
    take.break_off()
    assert [caption.text for caption in take.captions] == ["One is here."]
    assert take.where_it_stopped() == "“…One is here.”"


def test_where_nothing_was_spoken_to_its_end_it_stopped_at_the_beginning() -> None:
    take = SpeechAssembler([ONE, TWO], RATE)
    assert take.break_off() == []
    assert take.where_it_stopped() == "the beginning"
    take.begin(None)
    take.add(0, tone(0.2)[: RATE // 3])
    take.break_off()
    assert take.where_it_stopped() == "the beginning"


def test_once_the_prompt_is_read_what_is_expected_counts_anew() -> None:
    take = SpeechAssembler([ONE], RATE)
    assert take.begin(30.0).seconds_left == pytest.approx(30.0, abs=0.1)
    assert take.begin(20.0).seconds_left == pytest.approx(20.0, abs=0.1)


def test_a_pause_counts_towards_what_is_left_and_not_as_work() -> None:
    now = [100.0]
    take = SpeechAssembler([ONE, TWO, LAST], RATE, clock=lambda: now[0])
    take.begin(30.0)
    now[0] += 10
    assert take.pause(5.0).seconds_left == pytest.approx(20 + 5)
    now[0] += 4
    assert take.pause(1.0).seconds_left == pytest.approx(20 + 1)
    assert take.pause(None).seconds_left is None
    now[0] += 3
    assert take.resume().seconds_left == pytest.approx(20)
    now[0] += 20
    assert take.seconds_spent == pytest.approx(30)


def test_each_caption_has_its_words_and_they_lie_on_the_sound() -> None:
    take = SpeechAssembler([ONE, LAST], RATE)
    first = onsets(joined(said(take, 2)))[0]
    one, last = take.captions
    assert [word.text for word in one.words] == ["One", "is", "here."]
    assert [word.text for word in last.words] == ["Three", "is", "here."]
    assert one.words[0].start_s == pytest.approx(first, abs=0.1)
    for caption in (one, last):
        moments = [moment for word in caption.words for moment in (word.start_s, word.end_s)]
        assert moments == sorted(moments)
        assert (caption.start_s, caption.end_s) == pytest.approx((moments[0], moments[-1]))


def test_the_times_of_an_engine_go_before_those_that_are_estimated_and_allow_for_what_is_cut() -> None:
    take = SpeechAssembler([part("One is here.", "And two."), LAST], RATE)
    take.begin(None)
    events = take.add(0, tone(1.0))  # of whose silence 0.2 s is cut
    events += take.timed(0, ((0.3, 0.4), (0.4, 0.5), (0.5, 0.8), (0.9, 1.0), (1.0, 1.45)))
    (told,) = [each for each in only(Captions, events) if each.is_settled]
    assert [word.start_s for segment in told.segments for word in segment.words] == pytest.approx(
        [0.1, 0.2, 0.3, 0.7, 0.8], abs=0.02
    )
    assert (told.segments[1].start_s, told.segments[1].end_s) == pytest.approx((0.7, 1.05), abs=0.05)  # as its sound
    begun = only(Captions, take.add(1, tone(1.0)))
    assert [(captions.first, captions.is_settled) for captions in begun] == [(2, False)]
    take.end()
    assert take.captions[:2] == told.segments


def test_times_of_other_words_than_those_of_the_part_are_left_aside() -> None:
    take = SpeechAssembler([ONE, LAST], RATE)
    take.begin(None)
    take.add(0, tone(1.0))
    assert take.timed(0, ((0.3, 0.4), (0.4, 0.5))) == []
    assert take.timed(1, ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6))) == []
    take.end()
    assert len(take.captions[0].words) == 3


def test_a_part_that_is_broken_off_keeps_the_words_that_were_heard() -> None:
    take = SpeechAssembler([part("A sentence of a good many words that take their time."), LAST], RATE)
    take.begin(None)
    take.add(0, tone(0.8))
    take.break_off()
    (caption,) = take.captions
    assert 0 < len(caption.words) < 11
    assert caption.words[-1].end_s <= take.duration_s
