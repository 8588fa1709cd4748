"""What a listener hears: twenty sentences through the real door, written down by recognisers of the test's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pyloudnorm
import pysubs2
import pytest
import soundfile
import soxr
from faster_whisper import WhisperModel
from gradio_client import Client, handle_file
from pocketsphinx import Decoder, get_model_path
from serving import ROOT, Server

from voxdemo.recognizers.builtin_weights import whisper_base_files

pytestmark = pytest.mark.long

SENTENCES = (ROOT / "tests" / "data" / "sentences.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def listener() -> WhisperModel:
    # The weights of Whisper base, without the demo's code or its filters.
    return WhisperModel("test", device="cpu", compute_type="int8", cpu_threads=1, files=whisper_base_files())


@pytest.fixture(scope="module")
def recordings(server: Server) -> list[Path]:
    client = Client(server.url, verbose=False)
    return [Path(client.predict(sentence, api_name="/generate")) for sentence in SENTENCES]


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def error_rate(heard: list[str], said: list[str] = SENTENCES) -> float:
    return float(jiwer.wer([words(sentence) for sentence in said], [words(text) for text in heard]))


def test_twenty_sentences_are_understood_by_a_recogniser_that_is_not_the_servers(recordings: list[Path]) -> None:
    assert len(recordings) == 20
    # CMU Sphinx is a generation older and mishears more: 5 % of these words, 100 % of noise.
    listener = Decoder(lm=get_model_path("en-us/en-us.lm.bin"), loglevel="FATAL")
    heard = []
    for path in recordings:
        samples, rate = soundfile.read(path, dtype="float32")
        listener.start_utt()
        listener.process_raw((32767 * soxr.resample(samples, rate, 16_000)).astype(np.int16).tobytes(), full_utt=True)
        listener.end_utt()
        heard.append(listener.hyp().hypstr if listener.hyp() else "")
    assert error_rate(heard) <= 0.12


def test_the_demo_understands_them_too(server: Server, recordings: list[Path], tmp_path: Path) -> None:
    # It is the model that listens below, in int8. It hears half a minute at once, which is seven of them.
    seven = [soundfile.read(path, dtype="float32") for path in recordings[:7]]
    soundfile.write(tmp_path / "seven.wav", np.concatenate([samples for samples, _ in seven]), seven[0][1])
    client = Client(server.url, verbose=False)
    heard = client.predict(handle_file(tmp_path / "seven.wav"), api_name="/prompt_wav_recognition")
    assert error_rate([heard], [" ".join(SENTENCES[:7])]) <= 0.05


def test_the_sound_is_neither_clipped_nor_cut_off(recordings: list[Path]) -> None:
    for path in recordings:
        samples, rate = soundfile.read(path, dtype="float32")
        assert 0.05 < np.abs(samples).max() < 1.0
        assert np.abs(samples[-rate // 20 :]).max() < 0.02


@dataclass(frozen=True)
class Long:
    """All the sentences as one text: its sound, its captions (start, end, words), and the words that are heard."""

    samples: np.ndarray
    rate: int
    captions: list[tuple[float, float, str]]
    heard: list[Any]


@pytest.fixture(scope="module")
def long(server: Server, listener: WhisperModel) -> Long:
    text = "\n\n".join(" ".join(SENTENCES[at : at + 5]) for at in range(0, len(SENTENCES), 5))
    path = Path(Client(server.url, verbose=False, download_files=False).predict(text, api_name="/generate")["path"])
    cues = pysubs2.SSAFile.from_string(server.http.get(f"/speech/{path.parent.name}.srt").text, format_="srt")
    samples, rate = soundfile.read(path, dtype="float32")
    sound = soxr.resample(samples, rate, 16_000)
    segments, _ = listener.transcribe(sound, language="en", beam_size=1, word_timestamps=True)
    captions = [(cue.start / 1000, cue.end / 1000, " ".join(cue.plaintext.split())) for cue in cues]
    return Long(samples, rate, captions, [word for segment in segments for word in segment.words])


def test_a_text_of_many_sentences_is_understood_as_well_as_they_are_one_by_one(long: Long) -> None:
    heard = words(" ".join(word.word for word in long.heard))
    assert jiwer.wer(words(" ".join(SENTENCES)), heard) <= 0.05


def test_captions_begin_with_the_words(long: Long) -> None:
    assert [text for _, _, text in long.captions] == SENTENCES
    spoken = np.array([word.start for word in long.heard])
    assert max(np.abs(spoken - start).min() for start, _, _ in long.captions) <= 0.15


def test_no_join_clicks(long: Long) -> None:
    steps = np.abs(np.diff(long.samples))
    joins = np.zeros(len(steps), bool)
    for moment in (moment for start, end, _ in long.captions for moment in (start, end)):
        joins[max(0, round((moment - 0.02) * long.rate)) : round((moment + 0.02) * long.rate)] = True
    assert steps[joins].max() <= steps[~joins].max()


def test_all_sentences_are_equally_loud(long: Long) -> None:
    meter = pyloudnorm.Meter(long.rate)
    loudness = [
        meter.integrated_loudness(long.samples[round(start * long.rate) : round(end * long.rate)])
        for start, end, _ in long.captions
    ]
    assert max(loudness) - min(loudness) <= 1.0
