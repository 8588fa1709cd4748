from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import av
import forking
import numpy as np
import pytest
import soundfile

from voxdemo.audio import formats
from voxdemo.audio.formats import MIME_TYPES, Compressed, convert

FORMATS: tuple[Compressed, ...] = ("flac", "mp3", "opus", "aac")


def voice_like(seconds: float, rate: int) -> np.ndarray:
    """Harmonics of 120 Hz up to 3.4 kHz that swell four times a second, with pauses."""
    time_s = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * 120 * k * time_s + k * k) / k for k in range(1, 29))
    envelope = np.maximum(0, np.sin(2 * np.pi * 2 * time_s)) * (time_s % 1.5 < 1.2)
    return np.asarray(0.12 * wave * envelope, np.float32)


def wav(path: Path, samples: np.ndarray, rate: int) -> Path:
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


AAC_FRAMES_S = 0.1
"""By how much AAC in ADTS may be longer: whole frames, the first of which is silent, and no length to trim them by."""


def off_by(format_: Compressed, otherwise_s: float) -> float:
    return AAC_FRAMES_S if format_ == "aac" else otherwise_s


def decoded(path: Path, format_: Compressed) -> tuple[np.ndarray, int]:
    """By libsndfile, which doesn't know AAC."""
    return decoded_by_ffmpeg(path) if format_ == "aac" else soundfile.read(path)


def decoded_by_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    samples = np.concatenate([frame.reshape(-1) for frame in frames])
    return (samples / 32_768 if samples.dtype == np.int16 else samples).astype(np.float64), rate


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 48_000])
def test_the_sound_comes_back_from_another_decoder(tmp_path: Path, rate: int, format_: Compressed) -> None:
    samples = voice_like(4.37, rate)
    convert(wav(tmp_path / "a.wav", samples, rate), tmp_path / f"a.{format_}", format_)
    back, back_rate = decoded_by_ffmpeg(tmp_path / f"a.{format_}")
    assert len(back) / back_rate == pytest.approx(4.37, abs=off_by(format_, 0.05))
    assert rms_db(back) == pytest.approx(rms_db(samples), abs=1)
    again, rate_again = decoded(tmp_path / f"a.{format_}", format_)
    assert len(again) / rate_again == pytest.approx(4.37, abs=off_by(format_, 0.001))


def test_flac_is_the_same_sample_by_sample(tmp_path: Path) -> None:
    source = wav(tmp_path / "a.wav", voice_like(3, 24_000), 24_000)
    convert(source, tmp_path / "a.flac", "flac")
    expected, _ = soundfile.read(source, dtype="int16")
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.flac", dtype="int16")[0], expected)


@pytest.mark.parametrize("format_", ["mp3", "opus"])
def test_what_is_compressed_is_small_and_sounds_alike(tmp_path: Path, format_: Compressed) -> None:
    samples = voice_like(10, 24_000)
    source = wav(tmp_path / "a.wav", samples, 24_000)
    convert(source, tmp_path / "a", format_)
    assert (tmp_path / "a").stat().st_size < 0.3 * source.stat().st_size
    back, _ = soundfile.read(tmp_path / "a", dtype="float32")
    before, after = (np.abs(np.fft.rfft(sound[: len(samples)])) for sound in (samples, back))
    assert np.corrcoef(before, after)[0, 1] > 0.99


@pytest.mark.parametrize("format_", FORMATS)
def test_files_are_what_their_mime_types_say(tmp_path: Path, format_: Compressed) -> None:
    convert(wav(tmp_path / "a.wav", voice_like(1, 24_000), 24_000), tmp_path / "a", format_)
    start = (tmp_path / "a").read_bytes()[:64]
    assert {
        "audio/flac": start.startswith(b"fLaC"),
        "audio/mpeg": start.startswith(b"ID3") or (start[0] == 0xFF and start[1] & 0xE0 == 0xE0),
        "audio/aac": start[0] == 0xFF and start[1] & 0xF6 == 0xF0,
        "audio/ogg": start.startswith(b"OggS") and b"OpusHead" in start,
    }[MIME_TYPES[format_]]


@pytest.mark.parametrize("format_", FORMATS)
def test_the_loudest_sound_is_not_clipped_into_its_opposite(tmp_path: Path, format_: Compressed) -> None:
    square = np.sign(np.sin(2 * np.pi * 300 * np.arange(44_100) / 44_100)).astype(np.float32)
    convert(wav(tmp_path / "a.wav", square, 44_100), tmp_path / "a", format_)
    back, _ = decoded(tmp_path / "a", format_)
    assert rms_db(back) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_shortest_sound_will_do(tmp_path: Path, format_: Compressed) -> None:
    convert(wav(tmp_path / "a.wav", voice_like(0.01, 24_000), 24_000), tmp_path / "a", format_)
    back, rate = decoded(tmp_path / "a", format_)
    assert len(back) / rate == pytest.approx(0.01, abs=off_by(format_, 0.002))


@pytest.mark.parametrize("format_", FORMATS)
def test_conversions_to_the_same_target_do_each_other_no_harm(tmp_path: Path, format_: Compressed) -> None:
    source, target = wav(tmp_path / "a.wav", voice_like(5, 24_000), 24_000), tmp_path / "b"
    convert(source, target, format_)
    expected = len(decoded(target, format_)[0])
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                convert(source, target, format_)
                assert len(decoded(target, format_)[0]) == expected
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b"]


def test_a_missing_wav_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "gone.wav", tmp_path / "b.mp3", "mp3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", FORMATS)
def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, format_: Compressed) -> None:
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, 24_000 * 20).astype(np.float32)
    source = wav(tmp_path / "a.wav", noise, 24_000)
    (tmp_path / "b").write_bytes(b"old")
    script = f"""
import resource, signal
from pathlib import Path
from voxdemo.audio.formats import convert
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    convert(Path({str(source)!r}), Path({str(tmp_path / "b")!r}), {format_!r})
except OSError as error:
    print(type(error).__name__, error.errno)
"""
    assert forking.run(["-c", script], os.environ).stdout == b"OSError 27\n"
    assert (tmp_path / "b").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b"]


# Not getrusage: a child's ru_maxrss begins with its parent's.
@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_four_minutes_need_no_more_memory_than_one(tmp_path: Path) -> None:
    rate = 11_025  # low, to be quick; opus has to resample it
    minute = voice_like(60, rate)
    wav(tmp_path / "1.wav", minute, rate)
    wav(tmp_path / "4.wav", np.tile(minute, 4), rate)
    script = f"""
from pathlib import Path
from voxdemo.audio.formats import convert
for minutes in 1, 4:
    for format in {FORMATS!r}:
        convert(Path({str(tmp_path)!r}, f"{{minutes}}.wav"), Path({str(tmp_path / "b")!r}), format)
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    one_kb, four_kb = map(int, told.split())
    assert four_kb - one_kb < 3 * len(minute) * 2 / 1024, "not even what is added, as 16-bit samples"


def test_a_failed_encoder_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no encoder")

    source = wav(tmp_path / "a.wav", voice_like(1, 24_000), 24_000)
    monkeypatch.setattr(formats, "resample_blocks", broken)
    with pytest.raises(RuntimeError, match="no encoder"):
        convert(source, tmp_path / "b", "mp3")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus"])
def test_a_file_says_that_a_machine_made_it(tmp_path: Path, format: formats.Format) -> None:
    path = tmp_path / f"a.{format}"
    formats.write([np.zeros(24_000, np.float32)], 24_000, path, format)
    with soundfile.SoundFile(path) as read:
        assert read.comment == formats.MADE_BY
