from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from serving import ROOT

from voxdemo.audio.align import sentence_spans, word_spans
from voxdemo.engines.base import SpeechPart
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.speech import Utterance

RATE = 24_000
SENTENCES = (
    *filter(None, (ROOT / "tests" / "data" / "sentences.txt").read_text().splitlines()),
    "In 1984, the price rose to 37 dollars; nobody knew why, not even the boss.",
    "Well, yes, no, perhaps, I suppose so.",
    "Wait!",
    "Oh, really?",
    "Mr. Smith, who lived in a small house, near the sea, never spoke, never wrote, never called.",
    "Yes.",
)


@pytest.fixture(scope="module")
def spoken() -> dict[str, np.ndarray]:
    """Sentences without the silence around them."""
    engine = BuiltinEngine()
    sounds = {
        text: np.concatenate(list(engine.speak(SpeechPart(Utterance(text=text, seed=1), text)))[:-1])
        for text in SENTENCES
    }
    return {text: sound[slice(*np.flatnonzero(np.abs(sound) > 1e-3)[[0, -1]])] for text, sound in sounds.items()}


def said(
    spoken: dict[str, np.ndarray], texts: Sequence[str], pauses_s: Sequence[float]
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """`texts` one after the other with a pause after each, and when each is heard."""
    pieces, spans, position = [np.zeros(RATE // 20, np.float32)], [], RATE // 20
    for text, pause_s in zip(texts, pauses_s, strict=True):
        pieces += [spoken[text], np.zeros(round(pause_s * RATE), np.float32)]
        spans.append((position / RATE, (position + len(spoken[text])) / RATE))
        position += len(pieces[-2]) + len(pieces[-1])
    return np.concatenate(pieces), spans


def errors_s(
    spoken: dict[str, np.ndarray], count: int, pauses_s: tuple[float, float], noise_db: float = -120
) -> np.ndarray:
    """How far each start and end is off, over 40 parts of `count` sentences."""
    random = np.random.default_rng(7)
    errors = []
    for _ in range(40):
        texts = [str(text) for text in random.choice(SENTENCES, count, replace=False)]
        samples, expected = said(spoken, texts, random.uniform(*pauses_s, count))
        samples = samples + random.normal(0, 10 ** (noise_db / 20), len(samples))
        errors.append(np.abs(np.array(sentence_spans(samples.astype(np.float32), RATE, texts)) - expected))
    return np.array(errors)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_sentences_start_and_end_where_they_are_heard(spoken: dict[str, np.ndarray], count: int) -> None:
    errors = errors_s(spoken, count, (0.2, 0.6))
    assert np.mean(errors <= 0.15) >= 0.99
    assert np.median(errors) < 0.02


def test_hasty_pauses_no_longer_than_those_at_commas_are_mostly_found(spoken: dict[str, np.ndarray]) -> None:
    assert np.mean(errors_s(spoken, 4, (0.15, 0.3)) <= 0.15) >= 0.95


@pytest.mark.parametrize("noise_db", [-60, -50])
def test_the_noise_of_a_room_does_not_hide_the_pauses(spoken: dict[str, np.ndarray], noise_db: float) -> None:
    assert np.mean(errors_s(spoken, 4, (0.2, 0.6), noise_db) <= 0.15) >= 0.98


def test_a_single_sentence_goes_from_its_first_sound_to_its_last(spoken: dict[str, np.ndarray]) -> None:
    samples, expected = said(spoken, SENTENCES[:1], [0.7])
    assert sentence_spans(samples, RATE, SENTENCES[:1])[0] == pytest.approx(expected[0], abs=0.03)


def test_without_pauses_spans_are_still_in_order_and_cover_the_sound(spoken: dict[str, np.ndarray]) -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(4 * RATE) / RATE).astype(np.float32)
    expected = [(0.0, 1.0), (1.0, 3.0), (3.0, 4.0)]
    spans = sentence_spans(tone, RATE, ["a" * 20, "b" * 40, "c" * 20])
    np.testing.assert_allclose(spans, expected, atol=0.02)
    samples, _ = said(spoken, SENTENCES[:5], [0.0] * 5)
    flat = np.ravel(sentence_spans(samples, RATE, SENTENCES[:5]))
    assert np.all(np.diff(flat) >= 0)
    assert flat[0] == pytest.approx(0.05, abs=0.02)
    assert flat[-1] == pytest.approx(len(samples) / RATE, abs=0.03)


def test_a_chinese_character_takes_longer_than_a_letter() -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE).astype(np.float32)
    (_, end), _ = sentence_spans(tone, RATE, ["我们明天再去吧。", "abcdefgh"])
    assert end > 1.3


def test_silence_is_shared_and_nothing_is_nothing() -> None:
    silence = np.zeros(3 * RATE, np.float32)
    assert sentence_spans(silence, RATE, ["a" * 10, "b" * 20]) == [pytest.approx((0, 1)), pytest.approx((1, 3))]
    assert sentence_spans(np.zeros(0, np.float32), RATE, ["One."]) == [(0.0, 0.0)]
    assert sentence_spans(silence, RATE, []) == []


def test_random_sound_and_texts_give_spans_in_order() -> None:
    random = np.random.default_rng(2)
    for _ in range(100):
        envelope = np.repeat(random.choice([0.0, 0.01, 0.3], random.integers(1, 60)), random.integers(1, 4_000))
        samples = (envelope * random.normal(0, 0.3, len(envelope))).astype(np.float32)
        texts = ["x" * random.integers(0, 60) for _ in range(random.integers(1, 10))]
        flat = np.ravel(sentence_spans(samples, RATE, texts))
        assert len(flat) == 2 * len(texts)
        assert np.all(np.diff(flat) >= 0)
        assert 0 <= flat[0] <= flat[-1] <= len(samples) / RATE + 1e-9


def test_words_share_the_time_between_pauses_by_their_length() -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE).astype(np.float32)
    pause = np.zeros(RATE // 2, np.float32)
    spans = word_spans(np.concatenate([pause, tone, pause, tone]), RATE, ["the", "bb,", "cccccc", "dddd."])
    expected = [(0.5, 0.83), (0.83, 1.5), (2.0, 2.5), (2.5, 3.0)]  # before a pause a word takes longer
    np.testing.assert_allclose(spans, expected, atol=0.03)


def test_random_sound_gives_words_in_order() -> None:
    random = np.random.default_rng(3)
    for _ in range(100):
        envelope = np.repeat(random.choice([0.0, 0.01, 0.3], random.integers(1, 60)), random.integers(1, 2_000))
        samples = (envelope * random.normal(0, 0.3, len(envelope))).astype(np.float32)
        words = ["x" * random.integers(1, 9) + random.choice(["", ","]) for _ in range(random.integers(1, 30))]
        flat = np.ravel(word_spans(samples, RATE, words))
        assert len(flat) == 2 * len(words)
        assert np.all(np.diff(flat) >= -1e-9)
        assert 0 <= flat[0] <= flat[-1] <= len(samples) / RATE + 1e-9
