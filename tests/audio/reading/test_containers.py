"""Nothing of the sound is lost of files that are chained, unfinished, wrong about themselves, or of several tracks."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from forking import ROOT

from voxdemo.audio.reading.decode import read, told_duration_s
from voxdemo.errors import InputError

RATE = 16_000
LOW, HIGH = 440, 1_000
"""Hz of the first and the second sound."""


def tone(hertz: float, rate: int, channels: int = 1, seconds: float = 1.01) -> np.ndarray:
    """A hair more than a second: FFmpeg leaves out the first 3 ms of Vorbis."""
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def silence(seconds: float = 1.0) -> np.ndarray:
    return np.zeros((round(seconds * 48_000), 1), np.float32)


def written(path: Path, samples: np.ndarray, rate: int, **kind: str) -> bytes:
    soundfile.write(path, samples, rate, **kind)
    return path.read_bytes()


def encoded(
    path: Path, codec: str, tracks: Sequence[np.ndarray], rate: int = 48_000, title: str = "", **options: str
) -> bytes:
    """One track each for what is in `tracks`, shape [frames, channels]."""
    with av.open(str(path), "w", options=options) as container:
        container.metadata["title"] = title
        streams = [container.add_stream(codec, rate=rate) for _ in tracks]
        for stream, sound in zip(streams, tracks, strict=True):
            stream.layout = layout = "mono" if sound.shape[1] == 1 else "stereo"
        for start in range(0, len(tracks[0]), 960):
            for stream, sound in zip(streams, tracks, strict=True):
                container.mux(stream.encode(_frame(sound[start : start + 960], layout, rate, start)))
        for stream in streams:
            container.mux(stream.encode(None))
    return path.read_bytes()


def _frame(sound: np.ndarray, layout: str, rate: int, start: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout=layout)
    frame.sample_rate, frame.pts = rate, start
    return frame


def heard(path: Path, content: bytes) -> list[int]:
    """The pitch of each half second of what is read, in Hz; 0 for silence."""
    path.write_bytes(content)
    samples = read(path, 30, rate=RATE).samples
    halves = samples[: len(samples) // (RATE // 2) * (RATE // 2)].reshape(-1, RATE // 2)
    return [_pitch(half) for half in halves]


def _pitch(half: np.ndarray) -> int:
    if np.sqrt(np.mean(half**2)) < 0.02:
        return 0
    spectrum = np.abs(np.fft.rfft(half * np.hanning(len(half))))
    found = int(np.argmax(spectrum)) * RATE / len(half)
    return min((LOW, HIGH), key=lambda known: abs(known - found))


# -- recordings one after another in one file


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.ogg", {"format": "OGG", "subtype": "VORBIS"}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.flac", {"format": "FLAC"}),
    ],
)
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (24_000, 1), (48_000, 2)])
def test_recordings_chained_in_a_file_are_all_heard(
    tmp_path: Path, name: str, kind: dict[str, str], rate: int, channels: int
) -> None:
    first = written(tmp_path / name, tone(LOW, 48_000), 48_000, **kind)
    second = written(tmp_path / name, tone(HIGH, rate, channels), rate, **kind)
    assert heard(tmp_path / name, first + second) == [LOW, LOW, HIGH, HIGH]
    assert told_duration_s(tmp_path / name) == pytest.approx(2, abs=0.05)
    assert heard(tmp_path / name, first + second + first) == [LOW, LOW, HIGH, HIGH, LOW, LOW]


def test_chained_recordings_of_different_kinds_are_all_heard(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    vorbis = written(path, tone(LOW, 48_000), 48_000, subtype="VORBIS")
    opus = written(path, tone(HIGH, 48_000), 48_000, subtype="OPUS")
    flac = encoded(tmp_path / "a.oga", "flac", [tone(LOW, 44_100)], 44_100)
    assert heard(path, vorbis + opus + flac) == [LOW, LOW, HIGH, HIGH, LOW, LOW]
    assert heard(path, flac + vorbis + opus) == [LOW, LOW, LOW, LOW, HIGH, HIGH]


def test_a_damaged_one_among_chained_recordings_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    low, high = (written(path, tone(hertz, 48_000), 48_000, subtype="VORBIS") for hertz in (LOW, HIGH))
    assert heard(path, low + high[:40] + bytes(len(high) - 40) + high) == [LOW, LOW, HIGH, HIGH]


def test_a_song_with_a_title_in_front_may_be_chained_too(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    low, high = (written(path, tone(hertz, 48_000), 48_000) for hertz in (LOW, HIGH))
    tag = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    assert heard(path, tag + low + tag + high) == [LOW, LOW, HIGH, HIGH]


@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "libmp3lame"), ("aac", "aac"), ("ac3", "ac3"), ("ts", "aac")])
@pytest.mark.parametrize(("rate", "channels"), [(32_000, 1), (48_000, 2), (32_000, 2)])
def test_a_stream_may_change_its_rate_and_channels_on_the_way(
    tmp_path: Path, suffix: str, codec: str, rate: int, channels: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"write_xing": "0", "id3v2_version": "0"} if suffix == "mp3" else {}
    first = encoded(path, codec, [tone(LOW, 48_000)], **options)
    second = encoded(path, codec, [tone(HIGH, rate, channels)], rate, **options)
    for content, expected in ((first + second, [LOW, HIGH]), (second + first, [HIGH, LOW])):
        pitches = heard(path, content)
        assert (pitches[0], pitches[3]) == tuple(expected)
        assert len(pitches) == 4


@pytest.mark.parametrize("options", [{}, {"live": "1"}])
def test_a_browser_that_recorded_twice_into_a_file_is_heard_twice(tmp_path: Path, options: dict[str, str]) -> None:
    path = tmp_path / "a.webm"
    low, high = (encoded(path, "libopus", [tone(hertz, 48_000)], **options) for hertz in (LOW, HIGH))
    assert heard(path, low + high) == [LOW, LOW, HIGH, HIGH]


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("kept", [1.0, 0.7])
def test_a_film_in_fragments_is_heard_as_far_as_it_came(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    fragments = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"}
    whole = encoded(path, "aac", [tone(LOW, 48_000, seconds=2)], **fragments)
    assert heard(path, whole[: int(len(whole) * kept)])[:2] == [LOW, LOW]


# -- headers that were never finished


def patched(content: bytes, *changes: tuple[int, bytes]) -> bytes:
    changed = bytearray(content)
    for at, value in changes:
        changed[at : at + len(value)] = value
    return bytes(changed)


@pytest.mark.parametrize("told", [0, 36, 0xFFFFFFFF, 0x7FFFFFFF, 4_000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_whose_recorder_was_killed_is_heard_to_its_end(
    tmp_path: Path, told: int, subtype: str, channels: int
) -> None:
    whole = written(tmp_path / "a.wav", tone(LOW, 48_000, channels), 48_000, subtype=subtype)
    size = struct.pack("<I", told)
    killed = patched(whole, (4, size), (whole.index(b"data") + 4, b"\0" * 4 if told == 36 else size))
    assert heard(tmp_path / "a.wav", killed) == [LOW, LOW]
    assert told_duration_s(tmp_path / "a.wav") == pytest.approx(1.01, abs=0.001)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


@pytest.mark.parametrize("told", [0, 4_000, 0xFFFFFFFF])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize(
    "notes", [chunk(b"JUNK", bytes(28)), chunk(b"bext", b"OBS" + bytes(604)), chunk(b"iXML", b"<x/>.")]
)
def test_a_killed_wav_with_notes_about_itself_is_heard_to_its_end(
    tmp_path: Path, told: int, subtype: str, notes: bytes
) -> None:
    whole = written(tmp_path / "a.wav", tone(LOW, 48_000, 2), 48_000, subtype=subtype, format="WAVEX")
    start = whole.index(b"data")
    killed = patched(whole[:start] + notes + whole[start:], (start + len(notes) + 4, struct.pack("<I", told)))
    assert heard(tmp_path / "a.wav", killed) == [LOW, LOW]
    assert heard(tmp_path / "a.wav", killed[:12] + notes + killed[12:-1]) == [LOW, LOW]


def test_a_wav_is_not_read_beyond_its_sound(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.wav", tone(LOW, 48_000), 48_000)
    notes = b"LIST" + struct.pack("<I", 96_000) + bytes(range(1, 97)) * 1_000
    for name in (notes, b"id3 " + notes[4:], b"\0" + notes):
        assert heard(tmp_path / "a.wav", whole + name) == [LOW, LOW]


@pytest.mark.parametrize(
    ("name", "format_", "fields"),
    [
        ("a.au", "AU", [(b".snd", 8, 4)]),
        ("a.aiff", "AIFF", [(b"FORM", 4, 4), (b"SSND", 4, 4), (b"COMM", 10, 4)]),
        ("a.caf", "CAF", [(b"data", 4, 8)]),
        ("a.w64", "W64", [(b"riff", 16, 8), (b"data", 16, 8)]),
        ("a.rf64", "RF64", [(b"ds64", 8, 24)]),
    ],
)
@pytest.mark.parametrize("filling", [b"\0", b"\xff"])
def test_other_uncompressed_files_are_heard_to_their_end_too(
    tmp_path: Path, name: str, format_: str, fields: list[tuple[bytes, int, int]], filling: bytes
) -> None:
    if (format_, filling) == ("RF64", b"\xff"):
        pytest.skip("libsndfile doesn't open it, and no recorder writes it")
    whole = written(tmp_path / name, tone(LOW, 48_000), 48_000, format=format_)
    killed = patched(whole, *((whole.index(field) + at, filling * size) for field, at, size in fields))
    assert heard(tmp_path / name, killed) == [LOW, LOW]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.wav", "pcm_s16le"),
        ("a.flac", "flac"),
        ("a.opus", "libopus"),
        ("a.mp3", "libmp3lame"),
        ("a.aac", "aac"),
        ("a.webm", "libopus"),
        ("a.ts", "aac"),
        ("a.avi", "pcm_s16le"),
        ("a.w64", "pcm_s16le"),
    ],
)
def test_of_a_truncated_file_there_is_what_came(tmp_path: Path, name: str, codec: str) -> None:
    whole = encoded(tmp_path / name, codec, [tone(LOW, 48_000, seconds=4)])
    pitches = heard(tmp_path / name, whole[: int(len(whole) * 0.6)])
    assert pitches[:3] == [LOW, LOW, LOW]


@pytest.mark.parametrize("frames", [0, 2**36 - 1, 48_000 * 3_600 * 100])
def test_a_length_that_the_bytes_cannot_hold_is_not_believed(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "a.flac"
    whole = bytearray(written(path, tone(LOW, 48_000), 48_000))
    whole[21] = whole[21] & 0xF0 | frames >> 32  # the last 36 bits of STREAMINFO before its checksum
    whole[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    assert heard(path, bytes(whole)) == [LOW, LOW]
    assert told_duration_s(path) is None


# -- channels and tracks


def opposed(layout: str) -> np.ndarray:
    voice = tone(LOW, 48_000)[:, 0]
    hum = 0.05 * np.sin(np.arange(len(voice)) * 2 * np.pi * 50 / 48_000).astype(np.float32)
    late = np.where(np.arange(len(voice)) < 24_000, 1, -1).astype(np.float32)
    return np.stack(
        {
            "stereo": [voice, -voice],
            "nearly": [voice, -0.9 * voice],
            "with hum": [voice + hum, hum - voice],
            "from the middle on": [voice, late * voice],
            "the loudest turns": [late * voice, -0.8 * voice],
            "5.1": [voice, -voice, 0 * voice, 0 * voice, 0 * voice, 0 * voice],
            "all of 5.1": [voice, -voice, voice, -voice, voice, -voice],
            "three": [voice, -voice, 0.01 * voice],
        }[layout],
        axis=1,
    )


@pytest.mark.parametrize(
    "layout",
    ["stereo", "nearly", "with hum", "from the middle on", "the loudest turns", "5.1", "all of 5.1", "three"],
)
def test_channels_that_cancel_each_other_out_are_no_silence(tmp_path: Path, layout: str) -> None:
    assert heard(tmp_path / "a.wav", written(tmp_path / "a.wav", opposed(layout), 48_000)) == [LOW, LOW]


@pytest.mark.parametrize("channel", range(6))
def test_a_voice_in_any_one_channel_is_heard(tmp_path: Path, channel: int) -> None:
    sound = np.zeros((48_480, 6), np.float32)
    sound[:, channel] = tone(LOW, 48_000)[:, 0]
    assert heard(tmp_path / "a.wav", written(tmp_path / "a.wav", sound, 48_000)) == [LOW, LOW]


def test_channels_that_have_nothing_to_do_with_each_other_are_mixed_as_they_are(tmp_path: Path) -> None:
    both = np.concatenate([tone(LOW, RATE), tone(HIGH, RATE)], axis=1)
    soundfile.write(tmp_path / "a.wav", both, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read(tmp_path / "a.wav", 30, rate=RATE).samples, both.mean(axis=1), atol=1e-6)


VIDEOS = [("a.mp4", "aac"), ("a.mkv", "libopus"), ("a.webm", "libopus"), ("a.ts", "aac"), ("a.mov", "pcm_s16le")]


@pytest.mark.parametrize(("name", "codec"), VIDEOS)
def test_the_track_with_sound_is_heard(tmp_path: Path, name: str, codec: str) -> None:
    hiss = np.random.default_rng(0).normal(0, 3e-4, (48_000, 1)).astype(np.float32)
    for tracks in ([silence(), tone(LOW, 48_000)], [hiss, silence(), tone(LOW, 48_000), tone(HIGH, 48_000)]):
        assert heard(tmp_path / name, encoded(tmp_path / name, codec, tracks))[:2] == [LOW, LOW]


@pytest.mark.parametrize(("name", "codec"), VIDEOS)
@pytest.mark.parametrize("count", [9, 20])
def test_a_file_of_many_tracks_is_heard_whole(tmp_path: Path, name: str, codec: str, count: int) -> None:
    sound = np.concatenate([tone(LOW, 48_000), silence(2), tone(HIGH, 48_000)])
    pitches = heard(tmp_path / name, encoded(tmp_path / name, codec, [sound] * count))
    assert (pitches[0], pitches[1], pitches[3], pitches[4], pitches[7]) == (LOW, LOW, 0, 0, HIGH)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "libopus")])
def test_a_file_of_more_tracks_than_we_read_is_refused_as_such(tmp_path: Path, name: str, codec: str) -> None:
    encoded(tmp_path / name, codec, [tone(LOW, 48_000, seconds=0.2)] * 40)
    with pytest.raises(InputError, match="more tracks than we can read"):
        read(tmp_path / name, 30, rate=RATE)


def test_many_silent_tracks_are_only_glanced_at_and_one_that_speaks_is_heard_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.audio.reading.decode._GLANCE_S", 1.0)
    path, quiet = tmp_path / "a.mkv", silence(3)
    speaking = np.concatenate([tone(LOW, 48_000, seconds=1.6), tone(HIGH, 48_000, seconds=1.4)])
    late = np.concatenate([silence(2), tone(HIGH, 48_000)])[: len(quiet)]
    assert heard(path, encoded(path, "libopus", [quiet] * 6 + [speaking]))[:5:2] == [LOW, LOW, HIGH]
    assert heard(path, encoded(path, "libopus", [quiet] * 3 + [late] + [quiet] * 3))[3:6] == [0, HIGH, HIGH]


# -- tables that are as long as a file says they are


def full_atom(name: bytes, content: bytes) -> bytes:
    return in_an_atom(name, bytes(4) + content)


def lying_track(samples: int) -> bytes:
    """A sound of so many samples, of which there is none."""
    description = in_an_atom(b"sowt", bytes(6) + struct.pack(">H8xHHHHI", 1, 1, 16, 0, 0, 48_000 << 16))
    tables = (
        full_atom(b"stsd", struct.pack(">I", 1) + description),
        full_atom(b"stts", struct.pack(">III", 1, samples, 1_024)),
        full_atom(b"ctts", struct.pack(">III", 1, samples, 7)),
        full_atom(b"stsc", struct.pack(">IIII", 1, 1, samples, 1)),
        full_atom(b"stsz", struct.pack(">II", 1, samples)),
        full_atom(b"stco", struct.pack(">II", 1, 40)),
    )
    media = in_an_atom(b"minf", full_atom(b"smhd", bytes(4)) + in_an_atom(b"stbl", b"".join(tables)))
    rate = full_atom(b"mdhd", struct.pack(">IIIII", 0, 0, 48_000, 48_000, 0))
    kind = full_atom(b"hdlr", bytes(4) + b"soun" + bytes(13))
    return in_an_atom(b"trak", full_atom(b"tkhd", bytes(80)) + in_an_atom(b"mdia", rate + kind + media))


def test_small_files_that_lie_take_no_more_memory_than_large_ones(tmp_path: Path) -> None:
    start = in_an_atom(b"ftyp", b"isom\0\0\0\0isom")
    duration = full_atom(b"mvhd", struct.pack(">IIII80x", 0, 0, 1_000, 1_000))
    for tracks, samples in ((31, 690_000), (31, 170_000), (3, 2_000_000)):
        movie = in_an_atom(b"moov", duration + tracks * lying_track(samples))
        (tmp_path / f"{tracks} of {samples}.mp4").write_bytes(start + movie + bytes(4_000))
    reading = """
import resource, sys
from contextlib import suppress
from pathlib import Path
from voxdemo.audio.reading.decode import read
from voxdemo.errors import InputError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in Path(sys.argv[1]).iterdir():
    with suppress(InputError):
        read(path, 30, rate=16_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", reading, tmp_path]
    taken = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert int(taken) < 300 << 10  # KiB


# -- pictures on songs

PICTURE = b"\xff\xd8\xff\xe0" + b"\x11" * (17 << 20)


def in_an_atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def m4a_with_picture(path: Path) -> bytes:
    whole = encoded(path, "aac", [tone(LOW, 48_000)])
    start = whole.rindex(b"moov") - 4  # the last atom
    tags = whole.find(b"udta", start)
    end = tags - 4 if tags > 0 else len(whole)
    picture = in_an_atom(b"covr", in_an_atom(b"data", struct.pack(">II", 13, 0) + PICTURE))
    handler = in_an_atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    meta = in_an_atom(b"meta", bytes(4) + handler + in_an_atom(b"ilst", picture))
    return whole[:start] + in_an_atom(b"moov", whole[start + 8 : end] + in_an_atom(b"udta", meta))


def id3_with_picture() -> bytes:
    def size(count: int) -> bytes:
        return bytes(count >> shift & 127 for shift in (21, 14, 7, 0))

    content = b"\0image/jpeg\0\3\0" + PICTURE
    frame = b"APIC" + size(len(content)) + b"\0\0" + content
    return b"ID3\4\0\0" + size(len(frame)) + frame


def flac_with_pictures(path: Path) -> bytes:
    whole = written(path, tone(LOW, 48_000), 48_000)
    most = PICTURE[: (1 << 24) - 100]
    kind = struct.pack(">II", 3, 10) + b"image/jpeg" + struct.pack(">IIIIII", 0, 10, 10, 24, 0, len(most)) + most
    block = b"\6" + len(kind).to_bytes(3, "big") + kind
    return whole[:42] + 2 * block + whole[42:]


def mka_with_picture(path: Path) -> bytes:
    whole = encoded(path, "libopus", [tone(LOW, 48_000)])
    at = whole.index(b"\x1f\x43\xb6\x75")  # the first cluster
    size = len(PICTURE) | 1 << 56
    return whole[:at] + b"\xec" + size.to_bytes(8, "big") + PICTURE + whole[at:]


def test_songs_with_a_large_picture_are_heard(tmp_path: Path) -> None:
    assert heard(tmp_path / "a.m4a", m4a_with_picture(tmp_path / "a.m4a")) == [LOW, LOW]
    assert told_duration_s(tmp_path / "a.m4a") == pytest.approx(1, abs=0.1)
    mp3 = encoded(tmp_path / "a.mp3", "libmp3lame", [tone(LOW, 48_000)])
    assert heard(tmp_path / "a.mp3", id3_with_picture() + mp3) == [LOW, LOW]
    assert told_duration_s(tmp_path / "a.mp3") == pytest.approx(1, abs=0.1)
    assert heard(tmp_path / "a.flac", flac_with_pictures(tmp_path / "a.flac")) == [LOW, LOW]


def test_pictures_in_a_matroska_file_do_no_harm(tmp_path: Path) -> None:
    assert heard(tmp_path / "a.mka", mka_with_picture(tmp_path / "a.mka")) == [LOW, LOW]
