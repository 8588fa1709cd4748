from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxdemo.audio.wav import peaks, write_wav


def test_a_written_wav_is_16_bit_mono_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.random.default_rng(1).uniform(-1, 1, 24_000).astype(np.float32)
    write_wav(path, samples, 24_000)
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.channels, info.samplerate) == ("WAV", "PCM_16", 1, 24_000)
    np.testing.assert_allclose(soundfile.read(path, dtype="float32")[0], samples, atol=1 / 32_000)


def test_samples_that_are_no_numbers_are_written_as_silence(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.array([np.nan, np.inf, -np.inf, 9, -9], np.float32), 8_000)
    written, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert written.tolist() == [0, 0, 0, 32_767, -32_768]


def test_nothing_but_the_file_is_left_behind(tmp_path: Path) -> None:
    for value in (0.1, 0.2):
        write_wav(tmp_path / "a.wav", np.full(100, value, np.float32), 8_000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert soundfile.read(tmp_path / "a.wav")[0][0] == pytest.approx(0.2, abs=1e-3)


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.zeros(100, np.float32), 8_000)
    before = path.read_bytes()

    def disk_full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(soundfile, "write", disk_full)
    with pytest.raises(OSError, match="no space left"):
        write_wav(path, np.ones(100, np.float32), 8_000)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_peaks_follow_the_loudness() -> None:
    silence, half, loud = np.zeros(500), np.full(500, 0.06), np.full(500, 0.9)
    assert peaks(np.concatenate([silence, half, loud]).astype(np.float32), 3) == [0, 50, 100]


def test_fewer_samples_than_bars_draw_nothing() -> None:
    assert peaks(np.ones(3, np.float32), 4) == []
    assert peaks(np.ones(0, np.float32), 0) == []


def test_peaks_are_numbers_even_where_samples_are_not() -> None:
    assert peaks(np.array([np.nan, np.inf, 0.9, 0.9], np.float32), 2) == [0, 100]
