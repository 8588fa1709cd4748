from __future__ import annotations

import numpy as np
import pytest

from voxdemo.speech import Segment
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


def test_progress_is_the_share_of_the_text_that_is_done() -> None:
    take = Take(["aaa", "a"], RATE, expected_s=8.0)
    begun = take.begin()
    assert (begun.done_fraction, begun.seconds_left, begun.sentences) == (0.0, 8.0, 2)
    assert take.add(0, second(0))[1].done_fraction == pytest.approx(0.75)
    last = take.add(1, second(0))[1]
    assert (last.done_fraction, last.sentence) == (1.0, 2)
    assert last.seconds_left == 0.0


def test_a_take_without_sound_is_empty() -> None:
    take = Take(["One."], RATE, None)
    assert take.sound().shape == (0,)
    assert take.captions() == ()
