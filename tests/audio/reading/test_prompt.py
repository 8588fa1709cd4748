"""Prompt audio as it is handed to an engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from serving import ROOT

from voxdemo.audio.reading import prompt
from voxdemo.errors import InputError
from voxdemo.speech import Samples

SENTENCE, RATE = soundfile.read(ROOT / "assets" / "warm-up.flac", dtype="float32")


def written(path: Path, *parts: Samples) -> Path:
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


def silence(seconds: float) -> Samples:
    noise = np.random.default_rng(0).normal(0, 1e-4, round(seconds * RATE))
    return noise.astype(np.float32)


def test_the_silence_around_what_is_said_is_cut_off(tmp_path: Path) -> None:
    bare = prompt.read(written(tmp_path / "bare.wav", SENTENCE), 16_000)
    padded = prompt.read(written(tmp_path / "padded.wav", silence(4), SENTENCE, silence(3)), 16_000)
    assert len(padded.samples) / 16_000 == pytest.approx(len(bare.samples) / 16_000, abs=0.5)
    assert not padded.was_cut


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_it_comes_at_the_rate_that_the_engine_wants(tmp_path: Path, rate: int) -> None:
    read = prompt.read(written(tmp_path / "a.wav", SENTENCE), rate)
    assert read.sample_rate == rate
    assert len(read.samples) / rate == pytest.approx(len(SENTENCE) / RATE, abs=0.5)
    assert len(read.at(8_000)) == pytest.approx(len(read.samples) * 8_000 / rate, abs=1)


def test_what_is_too_long_is_cut_after_the_silence_before_it(tmp_path: Path) -> None:
    long = prompt.read(written(tmp_path / "long.wav", silence(10), *[SENTENCE] * 8), 16_000)
    assert long.was_cut
    assert len(long.samples) / 16_000 == pytest.approx(prompt.MAX_PROMPT_S, abs=0.01)
    fitting = prompt.read(written(tmp_path / "fitting.wav", silence(20), *[SENTENCE] * 4), 16_000)
    assert not fitting.was_cut


def test_a_sound_without_speech_stays_whole(tmp_path: Path) -> None:
    tone = (0.1 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    assert len(prompt.read(written(tmp_path / "tone.wav", tone), RATE).samples) == len(tone)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.wav").write_text("not audio")
    with pytest.raises(InputError):
        prompt.read(tmp_path / "note.wav", 16_000)
