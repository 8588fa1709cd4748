from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxdemo.audio.wav import GrowingWav, bar

RATE = 16_000


def tone(seconds: float, level: float = 0.2) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_what_was_written_piece_by_piece_is_one_wav_under_its_name(tmp_path: Path) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.write(tone(0.3))
    wav.write(tone(0.2, 0.1))
    assert not (tmp_path / "speech.wav").exists()
    wav.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["speech.wav"]
    samples, rate = soundfile.read(tmp_path / "speech.wav", dtype="float32")
    assert (rate, wav.frames, soundfile.info(wav.path).subtype) == (RATE, 8_000, "PCM_16")
    assert np.abs(samples - np.concatenate([tone(0.3), tone(0.2, 0.1)])).max() < 1e-4


def test_a_reader_follows_while_it_grows_and_after_it_got_its_name(tmp_path: Path) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.write(tone(0.1))
    with wav.reader() as file:
        first = GrowingWav.read(file, 0, wav.frames, 1 << 20)
        wav.write(tone(0.1))
        wav.finish()
        second = GrowingWav.read(file, 1_600, wav.frames, 1 << 20)
    assert len(first) == len(second) == 3_200
    expected = soundfile.read(wav.path, dtype="int16")[0]
    assert (np.frombuffer(first + second, "<i2") == expected).all()


def test_a_reader_gets_no_more_than_it_asks_for(tmp_path: Path) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.write(tone(1))
    with wav.reader() as file:
        assert len(GrowingWav.read(file, 100, wav.frames, 1_000)) == 1_000
        assert len(GrowingWav.read(file, wav.frames - 1, wav.frames, 1_000)) == 2
    wav.finish()


def test_what_is_cut_off_is_gone_from_sound_and_drawing(tmp_path: Path) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.write(tone(1.0))
    wav.truncate(RATE // 2)
    wav.write(tone(0.25, 0.05))
    wav.finish()
    samples, _ = soundfile.read(wav.path)
    assert len(samples) == round(0.75 * RATE)
    assert np.abs(samples[RATE // 2 :]).max() < 0.06
    assert wav.peaks[:5] == [bar(tone(0.1))] * 5
    assert max(wav.peaks[5:]) < min(wav.peaks[:5])


def test_nothing_written_leaves_nothing(tmp_path: Path) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.finish()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_number_or_too_loud_is_mended(tmp_path: Path) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.write(np.array([np.nan, np.inf, 3.0, -3.0], np.float32))
    wav.finish()
    assert soundfile.read(wav.path, dtype="int16")[0].tolist() == [0, 0, 32767, -32767]


def test_bars_are_ten_a_second_however_the_pieces_come(tmp_path: Path) -> None:
    whole, pieces = GrowingWav(tmp_path / "a.wav", RATE), GrowingWav(tmp_path / "b.wav", RATE)
    sound = tone(1.05) * np.linspace(0, 1, round(1.05 * RATE), dtype=np.float32)
    whole.write(sound)
    for piece in np.array_split(sound, 17):
        pieces.write(piece)
    assert whole.peaks == pieces.peaks
    assert len(whole.peaks) == 10
    whole.finish()
    pieces.finish()


def test_a_write_that_comes_after_the_end_is_no_error_and_changes_nothing(tmp_path: Path) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.write(tone(0.1))
    wav.finish()
    wav.write(tone(0.1))
    wav.truncate(0)
    wav.finish()
    assert soundfile.info(wav.path).frames == 1_600


def test_a_full_disk_keeps_what_was_written_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wav = GrowingWav(tmp_path / "speech.wav", RATE)
    wav.write(tone(0.1))
    write, left = os.pwrite, [1_000]

    def fills_up(descriptor: int, data: bytes, at: int) -> int:
        if not left:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: left.pop()], at)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", fills_up)
        with pytest.raises(OSError, match="No space"):
            wav.write(tone(0.1))
    wav.finish()
    assert soundfile.info(wav.path).frames == 1_600
