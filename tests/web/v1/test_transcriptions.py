"""Listening through OpenAI's API, with the official client, unmodified, and with bare requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jiwer
import numpy as np
import openai
import pysubs2
import pytest
import soundfile
import webvtt
from openai import OpenAI
from programs import WARM_UP, WARM_UP_WORDS, part, program, words
from serving import Server

from voxdemo.web.components.examples import RECORDINGS

HEAR = "/v1/audio/transcriptions"


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with program(server) as opened:
        yield opened


def test_a_recording_is_read_in_every_format(client: OpenAI) -> None:
    def read(kind: Any) -> Any:
        return client.audio.transcriptions.create(model="whisper-1", file=WARM_UP, response_format=kind)

    whole = read("verbose_json")
    assert whole.language == "en"
    assert 4 < whole.duration < 8
    assert 0 <= whole.segments[0].start < whole.segments[-1].end <= whole.duration + 0.5
    assert words(" ".join(segment.text for segment in whole.segments)) == words(whole.text)
    assert whole.words is None
    assert (
        whole.segments[0].avg_logprob
        < 0
        <= whole.segments[0].no_speech_prob
        < 1
        < whole.segments[0].compression_ratio + 1
    )
    srt = " ".join(cue.plaintext.replace("\n", " ") for cue in pysubs2.SSAFile.from_string(read("srt")))
    vtt = " ".join(cue.text.replace("\n", " ") for cue in webvtt.from_string(read("vtt")))
    assert {words(said) for said in (srt, vtt, read("text"), read("json").text)} == {words(whole.text)}
    assert jiwer.wer(WARM_UP_WORDS, words(whole.text)) <= 0.15


@pytest.mark.parametrize("name", ["timestamp_granularities[]", "timestamp_granularities"])
def test_words_have_times_where_they_are_asked_for(server: Server, name: str) -> None:
    whole = heard(server, **{"response_format": "verbose_json", name: ["word", "segment"]}).json()
    assert " ".join(word["word"] for word in whole["words"]) == whole["text"]
    times = [word[bound] for word in whole["words"] for bound in ("start", "end")]
    assert times == sorted(times)
    assert times[0] == whole["segments"][0]["start"]
    assert times[-1] == whole["segments"][-1]["end"] <= whole["duration"]


def test_silence_has_no_words(server: Server, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    form = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    with (tmp_path / "silence.wav").open("rb") as silence:
        assert server.http.post(HEAR, files={"file": silence}, data=form).json()["words"] == []


def test_a_recogniser_that_times_no_words_says_so(fake_server: Server) -> None:
    answer = heard(fake_server, **{"response_format": "verbose_json", "timestamp_granularities[]": "word"})
    assert answer.headers["x-voxdemo-warning"].startswith("Words have no times of their own here")
    assert "words" not in answer.json()


def heard(server: Server, headers: dict[str, str] | None = None, **form: Any) -> httpx.Response:
    return server.http.post(HEAR, files={"file": ("a.flac", WARM_UP.read_bytes())}, data=form, headers=headers)


@pytest.mark.parametrize("language", ["en-US", "EN", "english", "eng", "auto", "", "None", "en_GB"])
def test_a_language_may_be_called_by_its_tag_or_name(server: Server, language: str) -> None:
    answer = heard(server, language=language)
    assert jiwer.wer(WARM_UP_WORDS, words(answer.json()["text"])) <= 0.15


@pytest.mark.parametrize("language", ["klingon", "xx", "zz-ZZ"])
def test_an_unknown_language_is_refused_with_those_that_are_known(server: Server, language: str) -> None:
    with program(server) as client, pytest.raises(openai.BadRequestError, match=r"leave it out .* one of en, zh, de"):
        client.audio.transcriptions.create(model="whisper-1", file=WARM_UP, language=language)


@pytest.mark.parametrize(
    ("form", "warned"),
    [
        ({"temperature": "0.2", "chunking_strategy": "auto", "response_format": "JSON"}, ""),
        ({"prompt": "", "timestamp_granularities[]": "segment", "model": ""}, ""),
        (dict.fromkeys(["model", "response_format", "stream", "prompt", "include[]", "keywords"], "null"), ""),
        (dict.fromkeys(["model", "response_format", "stream", "prompt", "temperature"], "undefined"), ""),
        ({"prompt": "Names: Ann."}, "Built-in recogniser doesn't support a prompt: ignored."),
        ({"include[]": "logprobs"}, "Built-in recogniser doesn't support include: ignored."),
        ({"model": "gpt-4o-mini-transcribe-2025-12-15", "keywords[]": ["Ann"]}, "Built-in recogniser doesn't support"),
    ],
)
def test_what_a_recogniser_does_not_take_is_ignored_and_told(server: Server, form: dict[str, Any], warned: str) -> None:
    answer = heard(server, **form)
    assert answer.status_code == 200
    assert answer.headers.get("x-voxdemo-warning", "").startswith(warned)
    assert ("x-voxdemo-warning" in answer.headers) == bool(warned)


def test_words_are_streamed_where_they_are_asked_for_and_not_for_whisper_as_openai_does(client: OpenAI) -> None:
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=WARM_UP, stream=True))
    kinds = ["transcript.text.delta", "transcript.text.segment", "transcript.text.done"]
    assert [event.type for event in events] == kinds
    assert jiwer.wer(WARM_UP_WORDS, words(events[-1].text)) <= 0.15
    assert (events[0].delta, events[1].text, events[1].id) == (events[2].text, events[2].text, "0")
    assert 0.2 <= events[1].start <= 0.5, "where the speech begins"
    ignored = client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=WARM_UP, stream=True)
    assert ignored.http_response.headers["content-type"] == "application/json"
    with pytest.raises(openai.BadRequestError, match="isn't audio"):
        client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"no wave"), stream=True)


@pytest.mark.long
def test_words_of_a_long_recording_come_before_all_of_it_is_recognised(client: OpenAI, tmp_path: Path) -> None:
    read = {example.path.stem: soundfile.read(example.path) for example in RECORDINGS}
    spoken = np.concatenate([read[name][0] for name in ("letter", "announcement", "letter")])
    soundfile.write(tmp_path / "long.flac", spoken, read["letter"][1])
    with (tmp_path / "long.flac").open("rb") as recording:
        events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=recording, stream=True))
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    segments = [event for event in events if event.type == "transcript.text.segment"]
    assert len(deltas) > 1
    assert "".join(deltas) == events[-1].text == " ".join(segment.text for segment in segments)
    assert [segment.id for segment in segments] == [str(number) for number in range(len(segments))]
    assert events[-1].text.count("Dear Anna") == 2


DESCRIBED = ['name="file"', "name=file", ' NAME = "file"', 'name="file"; filename=""', "name=file; filename=a"]


@pytest.mark.parametrize("described", DESCRIBED)
def test_a_recording_needs_no_name(server: Server, described: str) -> None:
    answer = server.http.post(HEAR, **part(WARM_UP.read_bytes(), described))
    assert jiwer.wer(WARM_UP_WORDS, words(answer.json()["text"])) <= 0.15


def test_a_large_recording_without_a_name_is_read_too(server: Server, tmp_path: Path) -> None:
    samples, rate = soundfile.read(WARM_UP)
    soundfile.write(tmp_path / "large.wav", np.repeat(samples, 6), 6 * rate, subtype="FLOAT")
    data = (tmp_path / "large.wav").read_bytes()
    assert len(data) > 1 << 20  # what Starlette takes of a text field
    assert server.http.post(HEAR, **part(data, 'name="file"')).status_code == 200
