"""Every bad input ends in a sentence for the client, and the server goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from serving import ROOT, Server
from uploading import by_ffmpeg

RATE = 16_000
WARM_UP = ROOT / "assets" / "warm-up.flac"


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.url, verbose=False)


def test_a_wrong_argument_is_refused_in_one_sentence(client: Client) -> None:
    """Whatever is checked: tests/intake/test_validate.py has all of it."""
    for arguments, sentence in (
        ({"text_input": " \n\t "}, "There is no text yet"),
        ({"text_input": 5}, "The text must be a string"),
        ({"text_input": "안녕하세요"}, "can't read “안녕"),
        ({"text_input": "Hi.", "cfg_value_input": 3.1}, "Guidance (cfg) must be from 1 to 3, not 3.1"),
        ({"text_input": "Hi.", "inference_timesteps_input": 10.5}, "Inference steps must be a whole number"),
        ({"text_input": "Hi.", "do_normalize": "yes"}, "Text normalisation must be true or false"),
    ):
        with pytest.raises(AppError) as refusal:
            client.predict(**arguments, api_name="/generate")
        assert sentence in str(refusal.value)
        assert "/" not in str(refusal.value)
        assert "Traceback" not in str(refusal.value)


def test_a_recording_that_is_no_upload_is_refused_in_words(client: Client) -> None:
    for value in (7, "voice.wav", {"path": "/etc/passwd"}):
        for endpoint, arguments in (("/generate", ("Hi.", value)), ("/prompt_wav_recognition", (value,))):
            with pytest.raises(AppError, match=r"must be an uploaded file.*handle_file"):
                client.predict(*arguments, api_name=endpoint)


def test_a_recording_that_is_none_is_refused_in_one_sentence(client: Client, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("Dear server,\nthis is a letter.")
    soundfile.write(tmp_path / "short.wav", np.full(RATE // 20, 0.1, np.float32), RATE)
    for name, sentence in (("letter.wav", "isn't audio"), ("short.wav", "0.1 s")):
        with pytest.raises(AppError) as refusal:
            client.predict(handle_file(tmp_path / name), api_name="/prompt_wav_recognition")
        assert sentence in str(refusal.value)
        assert str(tmp_path) not in str(refusal.value)


@pytest.mark.long
def test_a_film_and_a_file_without_a_suffix_are_read_at_every_door(
    client: Client, server: Server, tmp_path: Path
) -> None:
    samples, rate = soundfile.read(WARM_UP, dtype="float32")
    assert rate == RATE
    for name, container, codec, picture, content_type in (
        ("recording", "ogg", "libopus", "", "application/ogg"),
        ("film.mp4", "mp4", "aac", "mpeg4", "video/mp4"),
    ):
        path = by_ffmpeg(tmp_path / name, codec, "flt", 48_000, np.repeat(samples, 3), picture, container)
        assert "line is open" in client.predict(handle_file(path), api_name="/prompt_wav_recognition").lower()
        sent = {"file": (name, path.read_bytes(), content_type)}
        answer = server.http.post("/v1/audio/transcriptions", files=sent, data={"model": "whisper-1"})
        assert "line is open" in answer.json()["text"].lower()


def test_silence_recognises_as_nothing(client: Client, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE * 3, np.float32), RATE)
    assert client.predict(handle_file(tmp_path / "silence.wav"), api_name="/prompt_wav_recognition") == ""


def test_mixed_text_speaks_what_it_can(client: Client) -> None:
    path = client.predict("Good morning 世界 🙂 and welcome.", api_name="/generate")
    assert soundfile.info(path).duration > 0.8


def test_the_server_goes_on_after_all_of_that(client: Client, server: Server) -> None:
    assert Path(client.predict("Still here.", api_name="/generate")).exists()
    assert server.http.get("/ready").status_code == 200


def test_a_voice_that_is_no_name_is_the_usual_one(server: Server) -> None:
    for voice in (["heart"], 7, {"id": "heart"}, "gone"):
        text, kind, _, *rest = server.page_values("Hello.")
        told = list(server.messages("speak", [text, kind, voice, *rest]))
        (result,) = [message for message in told if message["msg"] == "process_completed"]
        assert "'state': 'done'" in str(told), result
