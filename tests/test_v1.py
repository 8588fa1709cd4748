"""OpenAI's way to speak and to listen, with the official client, unmodified, and with bare requests."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import httpx
import jiwer
import numpy as np
import openai
import pysubs2
import pytest
import soundfile
import webvtt
from openai import OpenAI
from serving import Server, StartServer, eventually

SENTENCE = "The birch canoe slid on the smooth planks."
WARM_UP = Path(__file__).parent.parent / "assets" / "warm-up.flac"
WARM_UP_WORDS = "the line is open and the voice is ready to speak to whoever comes next"
KINDS = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "pcm": "audio/pcm",
}
PCM_RATE = 24_000
HEAR = "/v1/audio/transcriptions"


def program(server: Server, key: str = "none") -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def spoken_for_a_program(server: Server, text: str, key: str = "none") -> bytes:
    with program(server, key) as opened:
        return opened.audio.speech.create(model="tts-1", voice="alloy", input=text).content


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with program(server) as opened:
        yield opened


def samples_of(data: bytes, kind: str) -> tuple[Any, int]:
    if kind == "pcm":
        return np.frombuffer(data, "<i2") / 32768, PCM_RATE
    if kind == "aac":
        with av.open(io.BytesIO(data)) as file:
            frames = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
            return np.concatenate(frames), file.streams.audio[0].rate
    return soundfile.read(io.BytesIO(data))


def words(text: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split())


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_is_spoken_in_every_format_and_understood(client: OpenAI, kind: Any, tmp_path: Path) -> None:
    spoken = client.audio.speech.create(model="tts-1", voice="alloy", input=SENTENCE, response_format=kind)
    assert spoken.response.headers["content-type"] == KINDS[kind]
    samples, rate = samples_of(spoken.content, kind)
    assert 2 < len(samples) / rate < 5
    soundfile.write(tmp_path / "heard.wav", samples, rate)
    heard = client.audio.transcriptions.create(model="whisper-1", file=tmp_path / "heard.wav")
    assert jiwer.wer(words(SENTENCE), words(heard.text)) <= 0.25


def test_what_comes_from_the_cache_is_the_same_sound(client: OpenAI) -> None:
    def speak(kind: Any) -> bytes:
        return client.audio.speech.create(
            model="tts-1", voice="nova", input="The same again, please.", response_format=kind
        ).content

    first, again = speak("wav"), speak("wav")
    assert len(first) == len(again)
    assert first[44:] == again[44:]
    assert soundfile.info(io.BytesIO(again)).frames * 2 == len(again) - 44
    assert speak("pcm") == first[44:]


@pytest.mark.parametrize("kind", ["json", "text", "srt", "vtt", "verbose_json"])
def test_a_recording_is_read_in_every_format(client: OpenAI, kind: Any) -> None:
    said: Any = client.audio.transcriptions.create(model="whisper-1", file=WARM_UP, response_format=kind)
    if kind == "verbose_json":
        assert said.language == "en"
        assert 4 < said.duration < 8
        assert 0 <= said.segments[0].start < said.segments[-1].end <= said.duration + 0.5
        assert words(" ".join(segment.text for segment in said.segments)) == words(said.text)
    if kind == "srt":
        said = " ".join(cue.plaintext.replace("\n", " ") for cue in pysubs2.SSAFile.from_string(said))
    if kind == "vtt":
        said = " ".join(cue.text.replace("\n", " ") for cue in webvtt.from_string(said))
    assert jiwer.wer(WARM_UP_WORDS, words(said if isinstance(said, str) else said.text)) <= 0.15


def test_what_there_is_can_be_asked_for(client: OpenAI, server: Server) -> None:
    models = client.models.list().data
    assert [model.id for model in models] == ["built-in-voice", "built-in-recogniser"]
    assert client.models.retrieve("built-in-voice") == models[0]
    assert client.audio.speech.create(model=models[0].id, voice="heart", input="Hello.").content
    voices = server.http.get("/v1/audio/voices").json()
    heart = {"id": "heart", "name": "heart", "languages": ["en"], "language": "en-US", "gender": "female"}
    assert voices == {"voices": [heart], "clones": False}


def test_the_document_says_how_to_call_and_its_page_loads_nothing_from_elsewhere(server: Server) -> None:
    document = server.http.get("/v1/openapi.json").json()
    assert {"/audio/speech", "/audio/transcriptions", "/models", "/audio/voices"} <= document["paths"].keys()
    assert document["servers"] == [{"url": "/v1"}]
    page = server.http.get("/v1/docs").text
    assert "http:" not in page
    assert "https:" not in page
    assert server.http.get("/v1/static-offline-docs/swagger-ui-bundle.js").status_code == 200


@pytest.mark.parametrize(
    ("body", "sentence", "param", "code"),
    [
        ({}, "input: field required.", "input", "bad_request"),
        ({"input": 5}, "input: input should be a valid string.", "input", "bad_request"),
        ({"input": " "}, "There is no text yet: write what should be spoken.", None, "no_text"),
        (
            {"input": "Hi.", "response_format": "ogg"},
            "one of wav, flac, mp3, opus, aac, pcm, not 'ogg'.",
            None,
            "unknown_format",
        ),
        (
            {"input": "Hi.", "model": "tts-9"},
            "There is no model 'tts-9' here: choose built-in-voice.",
            None,
            "model_not_found",
        ),
        (
            {"input": "Hi.", "voice": "bob"},
            "The built-in voice has no voice 'bob': choose one of heart.",
            None,
            "unknown_choice",
        ),
        ({"input": "Hi.", "speed": 9}, "Speed must be from 0.25 to 4, not 9.0.", None, "out_of_range"),
        ({"input": "Hi.", "speed": 0.2}, "Speed must be from 0.25 to 4, not 0.2.", None, "out_of_range"),
        ({"input": "Hi.", "voice": ["alloy"]}, "voice: input should be a valid string.", "voice", "bad_request"),
        ({"input": None}, "input: field required.", "input", "bad_request"),
        ({"input": ""}, "There is no text yet: write what should be spoken.", None, "no_text"),
        ({"input": "Hi.", "seed": -1}, "The seed must be from 0 to 4294967295, not -1.", None, "out_of_range"),
        (
            {"input": "Hi.", "prompt_audio": "no"},
            "prompt_audio must be a recording in base64",
            None,
            "prompt_not_base64",
        ),
    ],
)
def test_bad_input_is_an_error_of_openai_s_shape(
    server: Server, body: dict[str, Any], sentence: str, param: str | None, code: str
) -> None:
    answer = server.http.post("/v1/audio/speech", json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert sentence in error["message"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert isinstance(error["values"], dict)
    assert answer.headers["x-request-id"]


def test_requests_that_are_no_such_thing_are_told_so(server: Server) -> None:
    http = server.http
    for answer, status in [
        (http.post("/v1/audio/speech", content=b"{"), 400),
        (http.post("/v1/audio/speech", json=[1]), 400),
        (http.post("/v1/audio/transcriptions", json={}), 400),
        (http.post("/v1/audio/transcriptions", files={"file": ("a.wav", b"no sound")}), 400),
        (http.post("/v1/audio/transcriptions", files={"file": ("a.wav", b"")}), 400),
        (http.get("/v1/audio/speech"), 405),
        (http.get("/v1/nothing"), 404),
        (http.put("/v1/models"), 405),
    ]:
        assert answer.status_code == status
        assert answer.json()["error"]["message"].endswith(".")
    for query in ("limit=0", "limit=many"):
        error = http.get(f"/v1/audio/jobs?{query}").json()["error"]
        assert (error["param"], error["message"][:13]) == ("limit", "limit: input ")
    with program(server) as client, pytest.raises(openai.BadRequestError, match="must be one of json, text, srt"):
        client.audio.transcriptions.create(model="whisper-1", file=WARM_UP, response_format="diarized_json")


def test_what_is_ignored_is_told_and_a_seed_that_changes_nothing_is_among_it(server: Server) -> None:
    body = {"input": "A seed of its own, 世.", "seed": 5, "cfg_value": 2.5, "response_format": "pcm"}
    answer = server.http.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200
    assert "x-voxdemo-seed" not in answer.headers
    assert answer.headers["x-voxdemo-warning"] == (
        "The built-in voice doesn't support guidance (cfg) and a seed: ignored. "
        "Skipped \\u201c\\u4e16\\u201d: this voice can't read it."
    )


FIELDS = (
    "model", "voice", "instructions", "response_format", "speed", "stream_format", "prompt_audio", "prompt_text",
    "cfg_value", "inference_timesteps", "normalize", "denoise", "seed",
)  # fmt: skip
EMPTY = dict.fromkeys(FIELDS)


@pytest.mark.parametrize(
    ("asked", "kind", "warned"),
    [
        ({}, "audio/mpeg", ""),
        (EMPTY, "audio/mpeg", ""),
        (dict.fromkeys(FIELDS, ""), "audio/mpeg", ""),
        ({"voice": "Alloy", "model": "TTS-1-1106", "response_format": "WAV"}, "audio/wav", ""),
        ({"voice": {"id": None}}, "audio/mpeg", ""),
        ({"voice": {"id": ""}}, "audio/mpeg", ""),
        ({"voice": {}}, "audio/mpeg", ""),
        ({"voice": {"id": "HEART"}, "model": "gpt-4o-mini-tts-2025-12-15"}, "audio/mpeg", ""),
        ({"stream_format": "AUDIO", "stream": True, "user": "me", "response_format": "Aac"}, "audio/aac", ""),
        ({"speed": 4, "response_format": "pcm"}, "audio/pcm", "A speed of 4 is out of reach: spoken at 2."),
        ({"speed": 0.25, "response_format": "pcm"}, "audio/pcm", "A speed of 0.25 is out of reach: spoken at 0.5."),
        ({"speed": 2.5, "response_format": "pcm"}, "audio/pcm", "A speed of 2.5 is out of reach: spoken at 2."),
        ({"instructions": "Whisper."}, "audio/mpeg", "The built-in voice does"),
    ],
)
def test_what_openais_clients_send_is_taken_as_they_mean_it(
    server: Server, asked: dict[str, Any], kind: str, warned: str
) -> None:
    answer = server.http.post("/v1/audio/speech", json={"input": "As they mean it.", **asked})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers.get("x-voxdemo-warning", "").startswith(warned)
    assert ("x-voxdemo-warning" in answer.headers) == bool(warned)


def test_a_speed_beyond_what_the_voice_can_is_spoken_at_its_bound(server: Server) -> None:
    def length(speed: float) -> int:
        return len(speech(server, "At its bound.", speed=speed).content)

    assert length(4) == length(2) < length(1) < length(0.5) == length(0.25)
    events = events_of(speech(server, "At its bound.", speed=4, stream_format="sse"))
    assert events[-1]["warnings"] == ["A speed of 4 is out of reach: spoken at 2."]


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
        ({"timestamp_granularities[]": ["word", "segment"]}, "Words have no times of their own here"),
        ({"model": "gpt-4o-mini-transcribe-2025-12-15", "keywords[]": ["Ann"]}, "Built-in recogniser doesn't support"),
    ],
)
def test_what_a_recogniser_does_not_take_is_ignored_and_told(server: Server, form: dict[str, Any], warned: str) -> None:
    answer = heard(server, **form)
    assert answer.status_code == 200
    assert answer.headers.get("x-voxdemo-warning", "").startswith(warned)
    assert ("x-voxdemo-warning" in answer.headers) == bool(warned)


def test_words_are_streamed_to_who_asks_and_not_for_whisper_as_openai_does(client: OpenAI) -> None:
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=WARM_UP, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert jiwer.wer(WARM_UP_WORDS, words(events[-1].text)) <= 0.15
    ignored = client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=WARM_UP, stream=True)
    assert ignored.http_response.headers["content-type"] == "application/json"


def part(data: bytes, described: str) -> dict[str, Any]:
    body = b"--edge\r\nContent-Disposition: form-data; " + described.encode() + b"\r\n\r\n" + data + b"\r\n--edge--\r\n"
    return {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=edge"}}


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


FORM = "Send the recording in the field file of a form (multipart/form-data, not "
JSON = "Send a JSON body with the header Content-Type: application/json, not "


@pytest.mark.parametrize(
    ("path", "sent", "sentence"),
    [
        ("transcriptions", part(b"talk.wav", 'name="file"'), "with curl, write an @ before the file's name."),
        ("transcriptions", part(b"talk.wav", "name=file"), "with curl, write an @ before the file's name."),
        ("transcriptions", part(b"null", 'name="file"'), "with curl, write an @ before the file's name."),
        ("transcriptions", part(b"", 'name="file"'), "That recording is empty or damaged"),
        ("transcriptions", part(b"no sound \xff", 'name="file"'), "isn't audio"),
        ("transcriptions", part(b"x", 'name="sound"'), "file: field required."),
        ("transcriptions", {"json": {"file": "talk.wav"}}, f"{FORM}application/json)"),
        ("transcriptions", {"data": {"file": "talk.wav"}}, f"{FORM}application/x-www-form-urlencoded)"),
        ("transcriptions", {"content": b"RIFF", "headers": {"Content-Type": "audio/wav"}}, f"{FORM}audio/wav)"),
        ("transcriptions", {"content": b"RIFF"}, f"{FORM}without a type)"),
        (
            "transcriptions",
            {"content": b"RIFF", "headers": {"Content-Type": "multipart/form-data"}},
            "lacks its boundary",
        ),
        ("speech", {"data": {"input": "Hi."}}, f"{JSON}application/x-www-form-urlencoded."),
        ("speech", {"files": {"input": (None, "Hi.")}}, f"{JSON}multipart/form-data."),
        ("speech", {"content": '{"input": "Hi."}', "headers": {"Content-Type": "text/plain"}}, f"{JSON}text/plain."),
        ("speech", {"content": '{"input": "Hi."}'}, f"{JSON}without one."),
        ("speech", {"content": "{'input'}", "headers": {"Content-Type": "application/json"}}, "from character 2 on"),
        ("speech", {"content": b'{"input": "caf\xe9"}', "headers": {"Content-Type": "application/json"}}, "in UTF-8"),
        ("jobs", {"content": b'{"input": "\xd6l"}', "headers": {"Content-Type": "application/json"}}, "in UTF-8"),
        ("speech", {"json": ["Hi."]}, "Send a JSON object"),
        ("speech", {}, "Send a JSON body; see /v1/docs."),
        ("jobs", {"data": {"input": "Hi."}}, f"{JSON}application/x-www-form-urlencoded."),
    ],
)
def test_a_body_of_another_kind_is_told_what_to_send(
    server: Server, path: str, sent: dict[str, Any], sentence: str
) -> None:
    answer = server.http.post(f"/v1/audio/{path}", **sent)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]


@pytest.mark.parametrize("model", ["nope", "gpt-5", "somebody/voice", "tts-1x", "built-in"])
def test_a_model_that_is_not_here_is_not_found(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError, match=r"There is no model .* choose built-in-voice or") as error:
        client.models.retrieve(model)
    assert (error.value.code, error.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize("model", ["tts-1", "TTS-1", "tts-1-hd-1106", "whisper-1", "gpt-4o-transcribe"])
def test_a_model_is_found_by_openais_names(client: OpenAI, model: str) -> None:
    assert client.models.retrieve(model).id.startswith("built-in-")


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_events_tell_how_it_goes_and_carry_the_file(server: Server, kind: str) -> None:
    body = {"input": f"Events carry this {kind} sentence.", "stream_format": "sse", "response_format": kind}
    for is_cached in (False, True):
        answer = server.http.post("/v1/audio/speech", json=body)
        events = events_of(answer)
        assert answer.headers["content-type"].startswith("text/event-stream")
        done = events[-1]
        assert (done["type"], done["cached"], done["warnings"]) == ("speech.audio.done", is_cached, [])
        data = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
        samples, rate = samples_of(data, kind)
        assert len(samples) / rate == pytest.approx(done["duration_s"], abs=0.01)


# Over fake engines, that do what the test says.


def speech(server: Server, text: str, **more: Any) -> httpx.Response:
    return server.http.post("/v1/audio/speech", json={"input": text, "response_format": "pcm", **more}, timeout=60)


def join(server: Server, text: str) -> None:
    server.joined("generate", [text, None, "", 2, 10, False, False], session=text).raise_for_status()


def in_line(server: Server) -> int:
    state = server.http.get("/ready").json()
    return int(state["running"] + state["waiting"])


def test_sound_is_heard_before_the_rest_of_it_is_spoken(fake_server: Server) -> None:
    for kind in ("wav", "mp3", "opus", "aac", "pcm"):
        body = {"input": f"one two three {kind}.", "response_format": kind}
        fake_server.http.post("/stage/steps/3")
        with fake_server.http.stream("POST", "/v1/audio/speech", json=body) as answer:
            heard = answer.iter_bytes()
            assert len(next(heard)) > 0
            assert in_line(fake_server) == 1
            fake_server.http.post("/stage/steps/1")
            assert list(heard)


def test_a_program_does_not_overtake_those_who_came_before_nor_they_it(fake_server: Server) -> None:
    with ThreadPoolExecutor() as threads:
        for number in range(5):
            join(fake_server, f"gradio-{number}")
            eventually(lambda number=number: in_line(fake_server) == number + 1)
        answers = [threads.submit(speech, fake_server, "program")]
        eventually(lambda: in_line(fake_server) == 6)
        join(fake_server, "gradio-5")
        answers.append(threads.submit(speech, fake_server, "another program"))
        eventually(lambda: in_line(fake_server) == 8)
        fake_server.http.post("/stage/open")
        assert all(answer.result().status_code == 200 for answer in answers)
        order = eventually(lambda: len(started := fake_server.http.get("/stage").json()["started"]) == 8 and started)
    assert order == [*(f"gradio-{number}" for number in range(5)), "program", "gradio-5", "another program"]


def test_a_program_is_told_its_place(fake_server: Server) -> None:
    for number in range(3):
        join(fake_server, f"gradio-{number}")
        eventually(lambda number=number: in_line(fake_server) == number + 1)
    body = {"input": "program", "stream_format": "sse"}
    with fake_server.http.stream("POST", "/v1/audio/speech", json=body) as answer:
        lines = (json.loads(line[6:]) for line in answer.iter_lines() if line)
        first = next(lines)
        assert (first["type"], first["state"], first["ahead"]) == ("speech.progress", "waiting", 3)
        assert first["seconds"] == round(first["seconds"], 2)
        fake_server.http.post("/stage/open")
        assert [event["type"] for event in lines][-1] == "speech.audio.done"


@pytest.mark.parametrize("ahead", [0, 3], ids=["while it is spoken", "in line"])
def test_who_hangs_up_frees_the_generator(fake_server: Server, ahead: int) -> None:
    for number in range(ahead):
        join(fake_server, f"gradio-{number}")
        eventually(lambda number=number: in_line(fake_server) == number + 1)
    with pytest.raises(httpx.ReadTimeout):
        fake_server.http.post("/v1/audio/speech", json={"input": "one two three"}, timeout=1)
    if ahead:
        eventually(lambda: in_line(fake_server) == ahead)
    else:  # within one step, once the server has noticed
        eventually(lambda: fake_server.http.post("/stage/steps/1") and not in_line(fake_server))


def test_who_reads_slowly_is_not_taken_for_somebody_who_waits(paced_server: Server) -> None:
    paced_server.http.post("/pace/0.001")
    body = {"input": "word " * 2_000, "response_format": "wav"}  # more than connections hold
    with paced_server.http.stream("POST", "/v1/audio/speech", json=body, timeout=60) as answer:
        heard = answer.iter_raw(1_000)
        next(heard)
        eventually(lambda: in_line(paced_server) == 0)
        assert sum(map(len, heard)) > 10_000_000


def test_a_recording_of_the_voice_can_be_sent_along(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    prompt = base64.b64encode(WARM_UP.read_bytes()).decode()
    in_lines, as_url = base64.encodebytes(WARM_UP.read_bytes()).decode(), f"data:audio/flac;base64,{prompt}"
    for sent in (prompt, in_lines, as_url):
        assert speech(fake_server, "In that voice.", prompt_audio=sent).status_code == 200
    answer = speech(fake_server, "In that voice.", prompt_audio=base64.b64encode(b"no sound").decode())
    assert "isn't audio" in answer.json()["error"]["message"]


def test_what_fails_before_a_sound_is_an_error_and_what_fails_later_breaks_off(
    start_server: StartServer,
) -> None:
    server = start_server("tests/guarded_app.py")
    server.wait_until_ready()
    failed = speech(server, "raise")
    assert failed.status_code == 500
    assert failed.json()["error"]["type"] == "server_error"
    assert "secret" not in failed.text
    with pytest.raises(httpx.RemoteProtocolError):
        speech(server, "One two. Three raise")
    last = events_of(speech(server, "One two. Four raise", stream_format="sse"))[-1]
    assert last["type"] == "error"
    assert last["error"]["type"] == "server_error"


def test_a_full_line_and_too_many_requests_say_when_to_come_again(start_server: StartServer) -> None:
    server = start_server("tests/fake_app.py", VOXDEMO_QUEUE_SIZE=1, VOXDEMO_RATE_LIMIT="3/hour")
    server.wait_until_ready()
    with ThreadPoolExecutor() as threads:
        answers = []
        for number in range(2):
            answers.append(threads.submit(speech, server, f"job {number}"))
            eventually(lambda number=number: in_line(server) == number + 1)
        with pytest.raises(openai.InternalServerError, match=r"Busy: 1 person is waiting") as busy:
            spoken_for_a_program(server, "one too many")
        assert busy.value.status_code == 503
        assert busy.value.code == "busy"
        assert int(busy.value.response.headers["retry-after"]) >= 1
        server.http.post("/stage/open")
        assert all(answer.result().status_code == 200 for answer in answers)
    speech(server, "the third")
    with pytest.raises(openai.RateLimitError, match=r"Too many requests: try again in") as limited:
        spoken_for_a_program(server, "the fourth")
    assert limited.value.code == "rate_limit_exceeded"
    assert int(limited.value.response.headers["retry-after"]) > 60


def test_behind_a_proxy_that_serves_it_below_a_path_all_of_it_is_found(start_server: StartServer) -> None:
    server = start_server("tests/guarded_app.py", GRADIO_ROOT_PATH="/demo")
    server.wait_until_ready()
    assert server.http.get("/v1/openapi.json").json()["servers"] == [{"url": "/demo/v1"}]
    assert "/demo/v1/static-offline-docs/" in server.http.get("/v1/docs").text
    assert speech(server, "One.").status_code == 200
    job = server.http.post("/v1/audio/jobs", json={"input": "Two.", "response_format": "wav"}).json()
    assert job["url"].startswith("/demo/v1/audio/jobs/")
    assert server.http.get(job["url"].removeprefix("/demo")).status_code == 200


def test_keys_are_asked_for_in_openai_s_words(start_server: Callable[..., Server]) -> None:
    key = "a-key-of-some-length"
    server = start_server("tests/guarded_app.py", VOXDEMO_API_KEYS=key)
    server.wait_until_ready()
    with pytest.raises(openai.AuthenticationError, match="This API key isn't valid here"):
        spoken_for_a_program(server, "Kept out.")
    assert spoken_for_a_program(server, "Let in.", key)
