from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from uploading import by_ffmpeg

from voxdemo.audio.reading import decode
from voxdemo.audio.reading.decode import MIN_SECONDS, Recording, read
from voxdemo.errors import InputError

RATE = 16_000


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def encoded(path: Path, codec: str, rate: int, layout: str = "mono", seconds: float = 1.0, title: str = "") -> Path:
    wave = tone(seconds, rate, 1 if layout == "mono" else 2).T
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=rate)
        stream.layout = layout
        for start in range(0, wave.shape[1], 960):
            planes = np.ascontiguousarray(wave[:, start : start + 960])
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def silent_video(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = stream.gop_size = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def wav_header(rate: int, channels: int, data: bytes) -> bytes:
    block = channels * 2
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * block % 2**32, block % 2**16, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def written(path: Path, samples: np.ndarray, rate: int, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def assert_is_the_tone(recording: Recording, seconds: float = 1.0) -> None:
    assert recording.sample_rate == RATE
    assert recording.samples.dtype == np.float32
    assert recording.samples.ndim == 1
    assert recording.duration_s == len(recording.samples) / RATE == pytest.approx(seconds, abs=0.1)
    assert not recording.truncated
    middle = recording.samples[RATE // 4 : RATE * 3 // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE / len(middle) == pytest.approx(440, abs=3)
    assert float(np.sqrt(np.mean(middle**2))) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_common_files_are_read_at_the_rate_asked_for(tmp_path: Path, suffix: str, rate: int) -> None:
    assert_is_the_tone(read(written(tmp_path / f"a.{suffix}", tone(1, rate), rate), 30, rate=RATE))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_every_kind_of_wav_is_read(tmp_path: Path, subtype: str) -> None:
    assert_is_the_tone(read(written(tmp_path / "a.wav", tone(1, 96_000), 96_000, subtype), 30, rate=RATE))


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("phone.m4a", "aac", 44_100),
        ("film.mp4", "aac", 48_000),
        ("radio.aac", "aac", 22_050),
        ("browser.webm", "libopus", 48_000),
        ("browser.ogg", "libopus", 48_000),
        ("voice.opus", "libopus", 16_000),
        ("song.mp3", "libmp3lame", 44_100),
        ("song.tta", "tta", 44_100),
        ("song.wv", "wavpack", 44_100),
        ("film.ac3", "ac3", 48_000),
        ("film.eac3", "eac3", 48_000),
        ("film.flv", "libmp3lame", 44_100),
        ("film.avi", "mp2", 48_000),
        ("film.mpg", "mp2", 48_000),
        ("old.rm", "ac3", 44_100),
    ],
)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_recordings_of_phones_and_browsers_are_read(
    tmp_path: Path, name: str, codec: str, rate: int, layout: str
) -> None:
    assert_is_the_tone(read(encoded(tmp_path / name, codec, rate, layout), 30, rate=RATE))


@pytest.mark.parametrize(
    ("container", "codec", "picture"),
    [
        ("mp4", "aac", "mpeg4"),
        ("webm", "libopus", "libvpx"),
        ("matroska", "ac3", "mpeg4"),
        ("mxf", "pcm_s16le", "mpeg2video"),
    ],
)
def test_films_are_read_whatever_they_are_called(tmp_path: Path, container: str, codec: str, picture: str) -> None:
    path = by_ffmpeg(tmp_path / "film", codec, "flt", 48_000, tone(1, 48_000)[:, 0], picture, container)
    assert_is_the_tone(read(path, 30, rate=RATE))


def test_a_stereo_file_becomes_mono(tmp_path: Path) -> None:
    stereo = np.concatenate([tone(1, RATE), np.zeros((RATE, 1), np.float32)], axis=1)
    recording = read(written(tmp_path / "a.wav", stereo, RATE, "FLOAT"), 30, rate=RATE)
    np.testing.assert_allclose(recording.samples, stereo[:, 0] / 2, atol=1e-6)


def test_samples_that_are_no_numbers_become_silence_and_loud_ones_are_clipped(tmp_path: Path) -> None:
    samples = np.full(RATE, 0.5, np.float32)
    samples[:5] = [np.nan, np.inf, -np.inf, 3.0, -3e38]
    recording = read(written(tmp_path / "a.wav", samples, RATE, "FLOAT"), 30, rate=RATE)
    np.testing.assert_array_equal(recording.samples[:6], np.array([0, 0, 0, 1, -1, 0.5], np.float32))


def test_samples_stay_in_range_after_resampling(tmp_path: Path) -> None:
    square = np.sign(tone(1, 44_100))
    assert np.abs(read(written(tmp_path / "a.wav", square, 44_100), 30, rate=RATE).samples).max() == 1.0


def test_a_long_recording_is_cut_at_the_limit_and_says_so(tmp_path: Path) -> None:
    recording = read(written(tmp_path / "a.wav", tone(3, 44_100), 44_100), 2.0, rate=RATE)
    assert recording.truncated
    assert recording.duration_s == 2.0


def test_a_recording_of_just_the_limit_is_whole(tmp_path: Path) -> None:
    recording = read(written(tmp_path / "a.wav", tone(2, 44_100), 44_100), 2.0, rate=RATE)
    assert not recording.truncated
    assert recording.duration_s == 2.0


def test_a_long_recording_from_a_browser_is_cut_too(tmp_path: Path) -> None:
    recording = read(encoded(tmp_path / "a.webm", "libopus", 48_000, seconds=3), 2.0, rate=RATE)
    assert recording.truncated
    assert recording.duration_s == 2.0


def test_hours_of_silence_in_a_small_file_cost_no_more_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16") as file:
        for _ in range(10):
            file.write(np.zeros(8_000 * 1_800, np.int16))
    assert path.stat().st_size < 2_000_000
    tracemalloc.start()
    recording = read(path, 1.0, rate=RATE)
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 10_000_000
    assert recording.truncated
    assert recording.duration_s == 1.0


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(1, RATE), RATE)
    for name in ("voice.raw", "voice", "голос 声.mp3", "http:voice.txt"):
        assert_is_the_tone(read(path.rename(tmp_path / name), 30, rate=RATE))
        path = tmp_path / name


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.mp3", "libmp3lame"), ("a.webm", "libopus")])
def test_a_title_in_another_encoding_does_no_harm(tmp_path: Path, name: str, codec: str) -> None:
    path = encoded(tmp_path / name, codec, 48_000, title="About x")
    path.write_bytes(path.read_bytes().replace(b"About x", b"\xc0 l'\xe9t\xe9"))
    assert_is_the_tone(read(path, 30, rate=RATE))


def test_a_codec_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(RATE, 1, bytes(100_000)).replace(b"\x10\0\0\0\x01\0", b"\x10\0\0\0\xee\xee"))
    with pytest.raises(InputError, match="isn't audio"):
        read(path, 30, rate=RATE)


def test_what_is_no_audio_is_refused_with_what_to_send(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200)
    for content in (b"This is a text.\n" * 100, png, b"RIFF", bytes(5_000), b"\xff\xfb", b"ID3"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"Use wav, mp3|empty or damaged"):
            read(path, 30, rate=RATE)


def test_a_directory_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="isn't audio") as caught:
        read(tmp_path, 30, rate=RATE)
    assert str(tmp_path) not in caught.value.sentence
    with pytest.raises(InputError, match="no longer here"):
        read(tmp_path / "gone.wav", 30, rate=RATE)


def test_a_file_that_goes_between_look_up_and_reading_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.wav").write_bytes(bytes(100))
    monkeypatch.setattr(decode, "check_there", Path.unlink)
    with pytest.raises(InputError, match="no longer here"):
        read(tmp_path / "a.wav", 30, rate=RATE)


def test_empty_recordings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    written(tmp_path / "b.wav", np.zeros(0, np.float32), RATE)
    for name in ("a.wav", "b.wav"):
        with pytest.raises(InputError, match="That recording is empty"):
            read(tmp_path / name, 30, rate=RATE)


def test_recordings_shorter_than_a_syllable_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"at least 0\.1 s"):
        read(written(tmp_path / "a.wav", tone(MIN_SECONDS - 0.01, RATE), RATE), 30, rate=RATE)
    assert read(written(tmp_path / "b.wav", tone(MIN_SECONDS, RATE), RATE), 30, rate=RATE).duration_s == MIN_SECONDS


def test_a_video_without_sound_is_refused_as_such(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sound"):
        read(silent_video(tmp_path / "a.mp4"), 30, rate=RATE)


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (1, 1), (4_000_000_000, 1), (16_000, 0), (16_000, 1_000)])
def test_impossible_headers_are_refused(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(rate, channels, bytes(100_000)))
    with pytest.raises(InputError):
        read(path, 30, rate=RATE)


def test_a_playlist_can_not_make_us_read_another_file(tmp_path: Path) -> None:
    written(tmp_path / "secret.wav", tone(1, RATE), RATE)
    playlists = {
        "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "a.ffconcat": "ffconcat version 1.0\nfile secret.wav\n",
    }
    for name, content in playlists.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match="isn't audio"):
            read(tmp_path / name, 30, rate=RATE)


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    by_libsndfile = [written(tmp_path / f"a.{suffix}", tone(0.5, RATE), RATE) for suffix in ("wav", "flac", "ogg")]
    by_ffmpeg = [("b.m4a", "aac"), ("b.webm", "libopus"), ("b.mp3", "libmp3lame")]
    return by_libsndfile + [encoded(tmp_path / name, codec, 48_000, seconds=0.5) for name, codec in by_ffmpeg]


def test_a_damaged_recording_is_read_as_far_as_possible_or_refused(
    recordings: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(1)
    for path in recordings:
        whole = path.read_bytes()
        for _ in range(30):
            content = np.frombuffer(whole, np.uint8).copy()
            places = random.integers(0, len(content), random.integers(1, 50))
            content[places] = random.integers(0, 256, len(places))
            path.write_bytes(content[: random.integers(1, len(content) + 1)].tobytes())
            with suppress(InputError):
                assert np.abs(read(path, 30, rate=RATE).samples).max() <= 1.0
    assert len(capfd.readouterr().err.splitlines()) < 180, "more than a line for each file"
