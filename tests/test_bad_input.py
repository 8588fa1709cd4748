"""Every bad input ends in a sentence for the client, and the server goes on."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from serving import Server

RATE = 16_000
WARM_UP = Path(__file__).parent.parent / "assets" / "warm-up.flac"


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.url, verbose=False)


@pytest.fixture
def speech() -> np.ndarray:
    samples, rate = soundfile.read(WARM_UP, dtype="float32")
    assert rate == RATE
    return samples


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"text_input": ""}, "There is no text yet"),
        ({"text_input": " \n\t "}, "There is no text yet"),
        ({"text_input": "... !!! ..."}, "There is nothing to say in this text"),
        ({"text_input": "x" * 50_001}, "The text has 50,001 characters; send at most 50,000"),
        ({"text_input": "a\x00b\x07"}, "The text has control characters (U+0000, U+0007)"),
        ({"text_input": "你好，世界"}, "can't read “你好"),
        ({"text_input": "🙂🙂"}, "can't read “🙂”. Write it in English."),
        ({"text_input": 5}, "The text must be a string"),
        ({"text_input": ["a"]}, "The text must be a string"),
        ({"text_input": "Hi.", "cfg_value_input": 0.9}, "Guidance (cfg) must be from 1 to 3, not 0.9"),
        ({"text_input": "Hi.", "cfg_value_input": 3.1}, "Guidance (cfg) must be from 1 to 3, not 3.1"),
        ({"text_input": "Hi.", "cfg_value_input": "high"}, "Guidance (cfg) must be a number"),
        ({"text_input": "Hi.", "inference_timesteps_input": 3}, "Inference steps must be from 4 to 30, not 3"),
        ({"text_input": "Hi.", "inference_timesteps_input": 31}, "Inference steps must be from 4 to 30, not 31"),
        ({"text_input": "Hi.", "inference_timesteps_input": 10.5}, "Inference steps must be a whole number"),
        ({"text_input": "Hi.", "cfg_value_input": 10**400}, "Guidance (cfg) must be from 1 to 3"),
        ({"text_input": "Hi.", "inference_timesteps_input": 10**400}, "Inference steps must be from 4 to 30"),
        ({"text_input": "Hi.", "do_normalize": "yes"}, "Text normalisation must be true or false"),
        ({"text_input": "Hi.", "prompt_text_input": 7}, "The transcript of the prompt audio must be a string"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_sentence(client: Client, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AppError) as refusal:
        client.predict(**arguments, api_name="/generate")
    assert sentence in str(refusal.value)
    assert "/" not in str(refusal.value)
    assert "Traceback" not in str(refusal.value)


@pytest.mark.parametrize("value", [7, [1], "voice.wav", {"path": "/etc/passwd"}, {"path": ""}, {"name": "x"}])
def test_a_recording_that_is_no_upload_is_refused_in_words(client: Client, value: Any) -> None:
    for endpoint, arguments in (("/generate", ("Hi.", value)), ("/prompt_wav_recognition", (value,))):
        with pytest.raises(AppError, match="must be an uploaded file"):
            client.predict(*arguments, api_name=endpoint)


def no_audio(folder: Path) -> Path:
    path = folder / "letter.wav"
    path.write_text("Dear server,\nthis is a letter.")
    return path


def empty_file(folder: Path) -> Path:
    path = folder / "empty.wav"
    path.touch()
    return path


def no_samples(folder: Path) -> Path:
    return wav(folder, np.zeros(0, np.float32))


def too_short(folder: Path) -> Path:
    return wav(folder, np.full(RATE // 20, 0.1, np.float32))


def too_long(folder: Path) -> Path:
    path = folder / "long.flac"
    soundfile.write(path, np.zeros(RATE * 601, np.int16), RATE)
    return path


def wav(folder: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> Path:
    path = folder / "sound.wav"
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (no_audio, "isn't audio"),
        (empty_file, "empty"),
        (no_samples, "empty"),
        (too_short, "0.1 s"),
        (too_long, "longer than 10 minutes"),
    ],
)
def test_a_recording_that_is_none_is_refused_in_one_sentence(
    client: Client, tmp_path: Path, make: Callable[[Path], Path], sentence: str
) -> None:
    with pytest.raises(AppError) as refusal:
        client.predict(handle_file(make(tmp_path)), api_name="/prompt_wav_recognition")
    assert sentence in str(refusal.value)
    assert str(tmp_path) not in str(refusal.value)


def stereo(folder: Path, speech: np.ndarray) -> Path:
    return wav(folder, np.stack([speech, 0.5 * speech], axis=1))


def eight_kilohertz(folder: Path, speech: np.ndarray) -> Path:
    return wav(folder, speech[::2], RATE // 2)


def ninety_six_kilohertz(folder: Path, speech: np.ndarray) -> Path:
    return wav(folder, np.repeat(speech, 6), RATE * 6)


def twenty_four_bit(folder: Path, speech: np.ndarray) -> Path:
    return wav(folder, speech, subtype="PCM_24")


def with_nan_and_infinity(folder: Path, speech: np.ndarray) -> Path:
    broken = speech.copy()
    broken[::5000] = np.nan
    broken[1::5000] = np.inf
    return wav(folder, broken)


def mp3(folder: Path, speech: np.ndarray) -> Path:
    path = folder / "sound.mp3"
    soundfile.write(path, speech, RATE)
    return path


def m4a(folder: Path, speech: np.ndarray) -> Path:
    return by_ffmpeg(folder / "sound.m4a", "aac", "fltp", RATE, speech)


def webm(folder: Path, speech: np.ndarray) -> Path:
    return by_ffmpeg(folder / "sound.webm", "libopus", "flt", 48_000, np.repeat(speech, 3))


def opus(folder: Path, speech: np.ndarray) -> Path:
    return by_ffmpeg(folder / "sound.opus", "libopus", "flt", 48_000, np.repeat(speech, 3))


def by_ffmpeg(
    path: Path, codec: str, sample_format: str, rate: int, samples: np.ndarray, picture: str = "", kind: str = ""
) -> Path:
    """A file of this kind, or of what the path's suffix says; `picture` is the codec of a video's."""
    with av.open(str(path), "w", format=kind or None) as container:
        video = container.add_stream(picture, rate=25, width=64, height=64, pix_fmt="yuv420p") if picture else None
        stream = container.add_stream(codec, rate=rate, layout="mono")
        block_size = 1_920 if video else 960
        for start in range(0, len(samples), block_size):
            block = np.ascontiguousarray(samples[start : start + block_size].reshape(1, -1).astype(np.float32))
            frame = av.AudioFrame.from_ndarray(block, format=sample_format, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
            if video:
                black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                container.mux(video.encode(black))
        for each in (stream, video) if video else (stream,):
            container.mux(each.encode(None))
    return path


@pytest.mark.parametrize(
    "make",
    [
        stereo,
        eight_kilohertz,
        ninety_six_kilohertz,
        twenty_four_bit,
        with_nan_and_infinity,
        mp3,
        m4a,
        webm,
        opus,
    ],
)
def test_recordings_of_every_usual_kind_are_read(
    client: Client, tmp_path: Path, speech: np.ndarray, make: Callable[[Path, np.ndarray], Path]
) -> None:
    text = client.predict(handle_file(make(tmp_path, speech)), api_name="/prompt_wav_recognition")
    assert "line is open" in text.lower()


@pytest.mark.long
def test_videos_and_files_without_a_suffix_are_read_at_every_door(
    client: Client, server: Server, tmp_path: Path, speech: np.ndarray
) -> None:
    sound = np.repeat(speech, 3)
    for name, container, codec, picture, content_type in (
        ("recording", "ogg", "libopus", "", "application/ogg"),
        ("film.mp4", "mp4", "aac", "mpeg4", "video/mp4"),
        ("film.webm", "webm", "libopus", "libvpx", "video/webm"),
        ("film.mkv", "matroska", "ac3", "mpeg4", "video/x-matroska"),
        ("film.mxf", "mxf", "pcm_s16le", "mpeg2video", "application/mxf"),
    ):
        path = by_ffmpeg(tmp_path / name, codec, "flt", 48_000, sound, picture, container)
        assert "line is open" in client.predict(handle_file(path), api_name="/prompt_wav_recognition").lower()
        sent = {"file": (name, path.read_bytes(), content_type)}
        answer = server.http.post("/v1/audio/transcriptions", files=sent, data={"model": "whisper-1"})
        assert "line is open" in answer.json()["text"].lower()


def test_silence_recognises_as_nothing(client: Client, tmp_path: Path) -> None:
    silence = wav(tmp_path, np.zeros(RATE * 3, np.float32))
    assert client.predict(handle_file(silence), api_name="/prompt_wav_recognition") == ""


def test_mixed_text_speaks_what_it_can(client: Client) -> None:
    path = client.predict("Good morning 世界 🙂 and welcome.", api_name="/generate")
    assert soundfile.info(path).duration > 0.8


def test_the_server_goes_on_after_all_of_that(client: Client, server: Server) -> None:
    assert Path(client.predict("Still here.", api_name="/generate")).exists()
    assert server.http.get("/ready").status_code == 200
