from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyloudnorm
import pytest

from voxdemo.audio.join import LEAD_S, MOST_GAIN_DB, PEAK, TAIL_S, Joiner
from voxdemo.engines.base import SpeechPart
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.speech import Utterance

RATE = 24_000
PATCH = 1_920
"""0.08 s, as VoxCPM makes them."""
SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "Yes.",
    "She sells sea shells by the sea shore.",
    "Where did you put the keys?",
    "Thirty thick thistles, the truth of the cloth.",
    "No!",
    "The weather in the mountains changes quickly, so take a coat with you.",
    "Off.",
    "Half of the staff left early, if the boss was off.",
    "Health is wealth.",
)


@pytest.fixture(scope="module")
def spoken() -> list[np.ndarray]:
    engine = BuiltinEngine()
    return [
        np.concatenate(list(engine.speak(SpeechPart(Utterance(text=text, seed=1), text)))[:-1]) for text in SENTENCES
    ]


def tone(seconds: float, level: float = 0.2, rate: int = RATE) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def in_patches(part: np.ndarray, size: int = PATCH) -> list[np.ndarray]:
    return [part[start : start + size] for start in range(0, len(part), size)]


def in_one_piece(part: np.ndarray) -> list[np.ndarray]:
    return [part]


@dataclass
class Joined:
    parts: list[np.ndarray]
    """With the pause after each."""

    @property
    def whole(self) -> np.ndarray:
        return np.concatenate(self.parts)


def joined(
    parts: Sequence[np.ndarray],
    pieces: Callable[[np.ndarray], list[np.ndarray]] = in_one_piece,
    pause_s: float = 0.5,
    rate: int = RATE,
) -> Joined:
    joiner = Joiner(rate)
    result = Joined([])
    for index, part in enumerate(parts):
        heard = [joiner.add(piece) for piece in pieces(part)]
        heard.append(joiner.end_part(pause_s) if index < len(parts) - 1 else joiner.finish())
        result.parts.append(np.concatenate(heard))
    return result


def sounding(samples: np.ndarray, above: float = 1e-3) -> tuple[int, int]:
    """The first sample that is louder, and the one after the last."""
    places = np.flatnonzero(np.abs(samples) > above)
    return int(places[0]), int(places[-1]) + 1


def loudness(samples: np.ndarray, rate: int = RATE) -> float:
    """By pyloudnorm, of the sound from 50 ms before to 50 ms after it."""
    first, last = sounding(samples)
    margin = round(0.05 * rate)
    cut = samples[max(0, first - margin) : last + margin].astype(np.float64)
    cut = np.pad(cut, (0, max(0, round(0.4 * rate) - len(cut))))
    return float(pyloudnorm.Meter(rate).integrated_loudness(cut))


def raised(samples: np.ndarray, gain_db: float) -> np.ndarray:
    return (samples * 10 ** (gain_db / 20)).clip(-1, 1).astype(np.float32)


def uneven(parts: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    gains = np.random.default_rng(seed).uniform(-6, 6, len(parts))
    return [raised(part, gain) for part, gain in zip(parts, [0.0, *gains[1:]], strict=True)]


@pytest.mark.parametrize("pieces", [in_one_piece, in_patches])
def test_the_silence_around_parts_becomes_the_pause_asked_for(
    pieces: Callable[[np.ndarray], list[np.ndarray]],
) -> None:
    part = np.concatenate([silence(0.7), tone(1.0), silence(0.9)])
    for pause_s in (0.3, 0.5, 1.4):
        whole = joined([part, part], pieces, pause_s).whole
        places = np.flatnonzero(np.abs(whole) > 1e-3)
        gaps = np.diff(places)
        assert gaps.max() / RATE == pytest.approx(pause_s, abs=0.02)
        assert places[0] / RATE == pytest.approx(LEAD_S, abs=0.011)
        assert (len(whole) - places[-1]) / RATE == pytest.approx(TAIL_S, abs=0.025)


def test_an_engine_that_leaves_no_silence_gets_its_pause_too() -> None:
    whole = joined([tone(1.0), tone(1.0)], in_patches, 0.5).whole
    gap = np.diff(np.flatnonzero(np.abs(whole) > 1e-3)).max() / RATE
    assert gap == pytest.approx(0.5 - LEAD_S, abs=0.011)


@pytest.mark.parametrize("inner_s", [0.1, 0.3, 2.0])
def test_pauses_inside_a_part_stay_as_they_are(inner_s: float) -> None:
    part = np.concatenate([tone(0.5), silence(inner_s), tone(0.5)])
    for pieces in (in_one_piece, in_patches):
        whole = joined([part], pieces).whole
        first, last = sounding(whole, 1e-4)
        np.testing.assert_allclose(whole[first + 200 : last - 200], part[first + 200 : last - 200], atol=1e-6)


def test_the_first_part_is_as_the_engine_made_it(spoken: list[np.ndarray]) -> None:
    raw = spoken[0]
    result = joined(spoken[:2], in_patches)
    first, last = sounding(raw)
    begin = first - sounding(result.parts[0])[0]
    np.testing.assert_array_equal(result.parts[0][600 : last - begin], raw[begin + 600 : last])


def test_however_it_is_cut_into_pieces_a_first_part_comes_out_the_same(spoken: list[np.ndarray]) -> None:
    expected = joined(spoken[:1]).whole
    random = np.random.default_rng(3)
    for _ in range(5):
        cuts = np.sort(random.integers(0, len(spoken[0]), 40))
        np.testing.assert_array_equal(joined(spoken[:1], lambda part, cuts=cuts: np.split(part, cuts)).whole, expected)


def test_soft_beginnings_and_endings_are_not_cut(spoken: list[np.ndarray]) -> None:
    for raw in spoken:
        first, last = sounding(raw, 10 ** (-62 / 20))
        kept = joined([raw]).whole
        energy = float(np.sum(np.square(raw, dtype=np.float64)))
        assert float(np.sum(np.square(kept, dtype=np.float64))) > 0.9999 * energy
        assert len(kept) >= last - first


def test_what_comes_back_can_be_heard_at_once(spoken: list[np.ndarray]) -> None:
    joiner = Joiner(RATE)
    cut = max(0, sounding(spoken[0], 1e-3)[0] - round(LEAD_S * RATE))
    given = heard = 0
    for piece in in_patches(spoken[0]):
        given += len(piece)
        heard += len(joiner.add(piece))
        if heard:
            assert given - cut - heard < 0.07 * RATE or not np.any(np.abs(piece) > 1e-3)
    assert heard > 0.8 * (given - cut)


def test_a_later_part_in_patches_is_held_back_for_less_than_a_pause(spoken: list[np.ndarray]) -> None:
    joiner = Joiner(RATE)
    joiner.add(spoken[0])
    joiner.end_part(0.5)
    first = sounding(spoken[2])[0]
    given = 0
    for piece in in_patches(spoken[2]):
        given += len(piece)
        if len(joiner.add(piece)):
            break
    assert (given - first) / RATE < 0.35


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_parts_of_one_piece_are_equally_loud(spoken: list[np.ndarray], seed: int) -> None:
    levels = [loudness(part) for part in joined(uneven(spoken, seed)).parts]
    assert max(abs(level - levels[0]) for level in levels) < 0.5


@pytest.mark.parametrize("size", [PATCH, 2 * PATCH])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_parts_in_patches_are_equally_loud(spoken: list[np.ndarray], seed: int, size: int) -> None:
    result = joined(uneven(spoken, seed), lambda part: in_patches(part, size))
    differences = np.array([loudness(part) for part in result.parts]) - loudness(result.parts[0])
    assert np.abs(differences).max() < 1.25
    assert np.mean(np.abs(differences) < 1.0) >= 0.9


def test_without_the_joiner_they_would_not_be(spoken: list[np.ndarray]) -> None:
    levels = [loudness(part) for part in uneven(spoken, 1)]
    assert max(levels) - min(levels) > 6


def test_a_first_part_too_short_to_measure_does_not_set_the_loudness() -> None:
    short, quiet, loud = tone(0.15, 0.6), tone(2.0, 0.1), tone(2.0, 0.3)
    parts = joined([short, silence(1.0), quiet, loud]).parts
    assert np.abs(parts[0]).max() == pytest.approx(0.6, abs=0.01)
    assert np.abs(parts[2]).max() == pytest.approx(0.1, abs=0.005)
    assert np.abs(parts[3]).max() == pytest.approx(0.1, abs=0.005)


def test_gains_are_bounded() -> None:
    parts = joined([np.concatenate([silence(0.3), tone(2.0, 0.4)]), tone(2.0, 0.01)]).parts
    assert np.abs(parts[1]).max() == pytest.approx(0.01 * 10 ** (MOST_GAIN_DB / 20), rel=0.02)


@pytest.mark.parametrize("pieces", [in_one_piece, in_patches])
def test_no_gain_raises_a_peak_above_the_limit(pieces: Callable[[np.ndarray], list[np.ndarray]]) -> None:
    peaky = tone(2.0, 0.05)
    peaky[RATE :: RATE // 7] = 0.8
    whole = joined([tone(2.0, 0.4), peaky], pieces)
    assert PEAK - 0.2 < np.abs(whole.parts[1]).max() <= PEAK + 1e-6


def test_a_gain_never_steps_within_a_part() -> None:
    quiet_then_loud = np.concatenate([tone(0.4, 0.02), tone(2.0, 0.3)])
    out = joined([tone(2.0), quiet_then_loud], in_patches).parts[1][: len(quiet_then_loud)]
    peaks = np.abs(quiet_then_loud) > 0.7 * np.where(np.arange(len(out)) < 0.4 * RATE, 0.02, 0.3)
    peaks[:200] = peaks[-200:] = False
    gains_db = 20 * np.log10(np.abs(out[peaks] / quiet_then_loud[peaks]))
    assert gains_db.max() - gains_db.min() > 10, "it does change"
    assert np.abs(np.diff(gains_db)).max() < 0.15, "by so much from one half wave to the next"


@pytest.mark.parametrize("pieces", [in_one_piece, in_patches])
def test_no_join_steps_more_than_the_voice_does(
    spoken: list[np.ndarray], pieces: Callable[[np.ndarray], list[np.ndarray]]
) -> None:
    abrupt = [part[slice(*sounding(part, 0.05))] for part in spoken]
    for parts in (spoken, abrupt):
        result = joined(parts, pieces)
        steps = np.abs(np.diff(result.whole))
        edges = np.cumsum([len(part) for part in result.parts])[:-1]
        near = round(0.006 * RATE)
        inside = np.delete(steps, np.concatenate([np.arange(edge - near, edge + near) for edge in edges]))
        assert max(steps[edge - near : edge + near].max() for edge in edges) <= inside.max()
        assert np.abs(result.whole[0]) == np.abs(result.whole[-1]) == 0


def test_a_part_that_is_said_anew_starts_from_nothing(spoken: list[np.ndarray]) -> None:
    expected = joined([spoken[0], spoken[2]]).parts[1]
    joiner = Joiner(RATE)
    joiner.add(spoken[0])
    joiner.end_part(0.5)
    for piece in in_patches(raised(spoken[4], 9)):
        joiner.add(piece)
    joiner.drop_part()
    np.testing.assert_array_equal(np.concatenate([joiner.add(spoken[2]), joiner.finish()]), expected)


@pytest.mark.parametrize("size", [0.4, 3.0])
def test_a_part_without_sound_is_a_pause(spoken: list[np.ndarray], size: float) -> None:
    result = joined([spoken[0], silence(size), spoken[2]], pause_s=0.5)
    assert len(result.parts[1]) == pytest.approx(0.45 * RATE, abs=1)
    assert not result.parts[1].any()
    only = joined([silence(size)]).whole
    assert len(only) == round(TAIL_S * RATE)


def test_a_part_that_never_came_is_a_pause_and_nothing_is_left_to_finish() -> None:
    joiner = Joiner(RATE)
    assert len(joiner.end_part(0.5)) == pytest.approx(0.45 * RATE, abs=1)
    assert len(joiner.finish()) == 0


@pytest.mark.parametrize("noise_db", [-70, -60, -52])
def test_the_noise_of_a_room_is_silence(spoken: list[np.ndarray], noise_db: float) -> None:
    random = np.random.default_rng(4)
    noisy = [
        (part + random.normal(0, 10 ** (noise_db / 20), len(part))).astype(np.float32)
        for part in (spoken[0], spoken[2], spoken[4])
    ]
    for pieces in (in_one_piece, in_patches):
        clean = joined([spoken[0], spoken[2], spoken[4]], pieces).parts
        for with_noise, without in zip(joined(noisy, pieces).parts, clean, strict=True):
            assert -0.2 * RATE < len(with_noise) - len(without) < 0.05 * RATE, "soft sounds drown, noise is cut"


def test_samples_that_are_no_numbers_do_no_harm(spoken: list[np.ndarray]) -> None:
    broken = spoken[0].copy()
    broken[20_000:20_003] = [np.nan, np.inf, -np.inf]
    whole = joined([broken, spoken[2]], in_patches).whole
    assert np.isfinite(whole).all()
    assert whole.dtype == np.float32


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_any_rate_will_do(rate: int) -> None:
    part = np.concatenate([np.zeros(rate // 2, np.float32), tone(1.5, 0.1, rate), np.zeros(rate // 2, np.float32)])
    for pieces in (in_one_piece, lambda part: in_patches(part, round(0.16 * rate))):
        parts = joined([part, raised(part, 6)], pieces, rate=rate).parts
        assert loudness(parts[1], rate) == pytest.approx(
            loudness(parts[0], rate), abs=0.3 if pieces is in_one_piece else 1.3
        )
        assert len(parts[0]) / rate == pytest.approx(1.5 + 0.5, abs=0.03)


def test_state_does_not_grow_with_the_text(spoken: list[np.ndarray]) -> None:
    sizes = []
    for rounds in (1, 6):
        tracemalloc.start()
        joiner = Joiner(RATE)
        for part in spoken * rounds:
            for piece in in_patches(part):
                joiner.add(piece)
            joiner.end_part(0.5)
        sizes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert sizes[1] < 1.2 * sizes[0]
