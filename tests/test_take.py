from __future__ import annotations

import numpy as np
import pytest

from voxdemo.speech import Retaken, Segment
from voxdemo.take import Take

RATE = 100


def second(value: float) -> np.ndarray:
    return np.full(RATE, value, np.float32)


def test_pieces_become_one_sound_with_captions_at_their_times() -> None:
    take = Take(["One.", "Two."], RATE, None)
    take.begin()
    take.add(0, second(0.1))
    take.add(0, second(0.2))
    chunk, _ = take.add(1, second(0.3))
    assert (chunk.text, chunk.start_s) == ("Two.", 2.0)
    assert take.duration_s == 3.0
    assert take.sound().tolist() == np.concatenate([second(0.1), second(0.2), second(0.3)]).tolist()
    assert take.captions() == (Segment("One.", 0.0, 2.0), Segment("Two.", 2.0, 3.0))


def test_progress_is_the_share_of_the_text_that_is_done_where_no_time_is_known() -> None:
    take = Take(["aaa", "a"], RATE, expected_s=None)
    begun = take.begin()
    assert (begun.done_fraction, begun.seconds_left, begun.sentences) == (0.0, None, 2)
    assert take.add(0, second(0))[1].done_fraction == pytest.approx(0.75)
    last = take.add(1, second(0))[1]
    assert (last.done_fraction, last.sentence) == (1.0, 2)
    assert last.seconds_left == 0.0


def test_progress_within_a_part_is_the_share_of_the_time_that_is_over() -> None:
    take = Take(["aaa", "a"], RATE, expected_s=1e6)
    assert take.begin().seconds_left == 1e6
    first, again = take.add(0, second(0))[1], take.add(0, second(0))[1]
    assert 0 < first.done_fraction < again.done_fraction < 1e-3
    assert take.add(1, second(0))[1].done_fraction == pytest.approx(0.75)


def test_a_part_that_is_said_anew_replaces_what_came_of_it() -> None:
    take = Take(["One.", "Two."], RATE, None)
    take.begin()
    take.add(0, second(0.1))
    take.add(1, second(0.2))
    take.add(1, second(0.2))
    assert take.retake(1) == Retaken(1.0)
    assert take.duration_s == 1.0
    chunk, _ = take.add(1, second(0.3))
    assert chunk.start_s == 1.0
    assert take.sound().tolist() == np.concatenate([second(0.1), second(0.3)]).tolist()
    assert take.captions()[1] == Segment("Two.", 1.0, 2.0)


def test_a_part_that_was_cut_off_is_told_once() -> None:
    take = Take(["One.", "Two."], RATE, None)
    assert take.warnings() == ()
    take.cut(0)
    take.cut(1)
    assert len(take.warnings()) == 1


def test_a_take_without_sound_is_empty() -> None:
    take = Take(["One."], RATE, None)
    assert take.sound().shape == (0,)
    assert take.captions() == ()
