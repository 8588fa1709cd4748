"""What listeners are told of a text that a second voice goes on with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fakes import CLONER

from voxdemo.lanes.elsewhere.progress import Progress
from voxdemo.lanes.jobs import LaneEvent, PartRetaken, Piece, SpeakJob, Started
from voxdemo.speech import Utterance

SOUND = np.linspace(0.1, 0.9, 40, dtype=np.float32)


def heard(progress: Progress, *events: LaneEvent) -> list[Any]:
    """What is told of these: the part that is said again, or the part and the samples."""
    told = [each for event in events for each in progress.note(event) if not isinstance(each, Started)]
    return [("again", each.part) if isinstance(each, PartRetaken) else (each.part, *each.samples) for each in told]


def broken_off(shares: tuple[float, ...] = ()) -> Progress:
    """A text of three parts whose voice has died after 20 samples of the second one."""
    progress = Progress(SpeakJob(CLONER, Utterance("a b c"), ["a", "b", "c"], 10.0, units=100.0, shares=shares))
    heard(progress, Started(), Piece(0, SOUND), Piece(1, SOUND[:12]), Piece(1, SOUND[12:20]))
    progress.broken_off()
    return progress


def test_what_is_left_begins_with_the_part_that_wasnt_heard_whole() -> None:
    rest = broken_off(shares=(0.2, 0.3, 0.5)).rest
    assert isinstance(rest, SpeakJob)
    assert (rest.first, rest.parts_left) == (1, 2)
    assert (rest.expected_s, rest.units, rest.done_before(1), rest.done_before(2)) == pytest.approx(
        (8.0, 80.0, 0.0, 0.375)
    )
    assert rest.part(1).index == 1  # so that the voice says it as the first one did
    again = rest.rest(2)
    assert (again.first, again.parts_left, again.expected_s) == pytest.approx((2, 1, 5.0))


def test_what_sounds_the_same_is_told_once_however_it_is_cut_in_pieces() -> None:
    progress = broken_off()
    assert heard(progress, Started(), Piece(1, SOUND[:5]), Piece(1, SOUND[5:15] + 1e-6)) == []
    assert heard(progress, Piece(1, SOUND[15:30])) == [(1, *SOUND[20:30])]
    assert heard(progress, Piece(2, SOUND[:3])) == [(2, *SOUND[:3])]


def test_a_third_voice_says_again_what_the_second_one_had_to() -> None:
    progress = broken_off()
    heard(progress, Piece(1, SOUND[:15]))
    progress.broken_off()
    assert heard(progress, Piece(1, SOUND[:25])) == [(1, *SOUND[20:25])]


def test_what_sounds_otherwise_is_told_from_the_beginning_of_the_part() -> None:
    progress = broken_off()
    assert heard(progress, Piece(1, SOUND[:10])) == []
    assert heard(progress, Piece(1, -SOUND[:4])) == [("again", 1), (1, *SOUND[:10], *-SOUND[:4])]
    assert heard(progress, Piece(1, SOUND[4:6])) == [(1, *SOUND[4:6])]


def test_a_voice_that_takes_back_what_nobody_was_told_begins_again_unnoticed() -> None:
    progress = broken_off()
    assert heard(progress, Piece(1, SOUND[:10]), PartRetaken(1), Piece(1, SOUND[:22])) == [(1, *SOUND[20:22])]
    assert heard(progress, PartRetaken(1), Piece(1, SOUND[:2])) == [("again", 1), (1, *SOUND[:2])]
