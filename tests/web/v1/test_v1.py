"""What all of OpenAI's API shares: its words for errors, its models, the line, limits, keys and paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from programs import WARM_UP, part, program, speech, spoken_for_a_program
from serving import Server, StartServer, eventually


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with program(server) as opened:
        yield opened


def test_what_there_is_can_be_asked_for(client: OpenAI, server: Server) -> None:
    models = client.models.list().data
    assert [model.id for model in models] == ["built-in-voice", "kokoro-82m", "built-in-recogniser"]
    assert client.models.retrieve("built-in-voice") == client.models.retrieve("gpt-9-mini-tts") == models[0]
    assert client.models.retrieve("gpt-9-transcribe") == models[-1]
    assert client.audio.speech.create(model=models[0].id, voice="heart", input="Hello.").content
    voices = server.http.get("/v1/audio/voices").json()
    (takes,) = voices["voices"][0].pop("takes")
    assert takes == {"name": "speed", "label": "Speed", "low": 0.5, "high": 2.0, "step": 0.05, "default": 1.0}
    assert voices["voices"][0] == {
        "id": "builtin/heart", "name": "heart", "title": "Heart", "model": "built-in-voice", "language": "en-US",
        "languages": ["en"], "accent": "American", "gender": "female", "character": None, "licence": "Apache-2.0",
        "pace": "instant",
    }  # fmt: skip
    assert {voice["languages"][0] for voice in voices["voices"]} == {"en", "es", "fr", "it", "ja", "pt", "zh"}
    assert voices["clones"] is False


def test_a_voice_of_another_model_speaks_its_language(client: OpenAI, tmp_path: Path) -> None:
    """What other names mean is seen in tests/web/v1/test_catalogue.py, how others speak in tests/engines/kokoro/."""
    text = "Buenos días, señora. El tren sale a las 9."
    sound = client.audio.speech.create(model="tts-1", voice="kokoro/ef_dora", input=text, response_format="wav")
    path = tmp_path / "said.wav"
    path.write_bytes(sound.content)
    heard = client.audio.transcriptions.create(model="whisper-1", file=path, response_format="verbose_json")
    assert heard.language == "es"
    assert {"buenos", "días", "tren"} <= set(re.findall(r"\w+", heard.text.lower()))


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
            {"input": "Hi.", "model": "piper"},
            "There is no model 'piper' here: choose built-in-voice or kokoro-82m.",
            None,
            "model_not_found",
        ),
        (
            {"input": "Hi.", "voice": "bob"},
            "This server has no voice 'bob': choose one of heart, af_alloy, ",
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
    with program(server) as client, pytest.raises(openai.BadRequestError, match="tells speakers apart"):
        client.audio.transcriptions.create(model="whisper-1", file=WARM_UP, response_format="diarized_json")


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


def join(server: Server, text: str) -> None:
    server.joined("generate", [text, None, "", 2, 10, False, False], session=text).raise_for_status()


def test_a_program_does_not_overtake_those_who_came_before_nor_they_it(fake_server: Server) -> None:
    with ThreadPoolExecutor() as threads:
        for number in range(5):
            join(fake_server, f"gradio-{number}")
            eventually(lambda number=number: fake_server.in_line() == number + 1)
        answers = [threads.submit(speech, fake_server, "program")]
        eventually(lambda: fake_server.in_line() == 6)
        join(fake_server, "gradio-5")
        answers.append(threads.submit(speech, fake_server, "another program"))
        eventually(lambda: fake_server.in_line() == 8)
        fake_server.http.post("/stage/open")
        assert all(answer.result().status_code == 200 for answer in answers)
        order = eventually(lambda: len(started := fake_server.http.get("/stage").json()["started"]) == 8 and started)
    assert order == [*(f"gradio-{number}" for number in range(5)), "program", "gradio-5", "another program"]


def test_a_program_is_told_its_place(fake_server: Server) -> None:
    for number in range(3):
        join(fake_server, f"gradio-{number}")
        eventually(lambda number=number: fake_server.in_line() == number + 1)
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
        eventually(lambda number=number: fake_server.in_line() == number + 1)
    with pytest.raises(httpx.ReadTimeout):
        fake_server.http.post("/v1/audio/speech", json={"input": "one two three"}, timeout=1)
    if ahead:
        eventually(lambda: fake_server.in_line() == ahead)
    else:  # within one step, once the server has noticed
        eventually(lambda: fake_server.http.post("/stage/steps/1") and not fake_server.in_line())


def test_a_full_line_and_too_many_requests_say_when_to_come_again(start_server: StartServer) -> None:
    server = start_server("tests/fake_app.py", VOXDEMO_QUEUE_SIZE=1, VOXDEMO_RATE_LIMIT="3/hour")
    server.wait_until_ready()
    with ThreadPoolExecutor() as threads:
        answers = []
        for number in range(2):
            answers.append(threads.submit(speech, server, f"job {number}"))
            eventually(lambda number=number: server.in_line() == number + 1)
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


def test_below_a_proxys_path_all_is_found_and_keys_are_asked_for_in_openai_s_words(start_server: StartServer) -> None:
    key = "a-key-of-some-length"
    server = start_server("tests/guarded_app.py", GRADIO_ROOT_PATH="/demo", VOXDEMO_API_KEYS=key)
    server.wait_until_ready()
    assert server.http.get("/v1/openapi.json").json()["servers"] == [{"url": "/demo/v1"}]
    assert "/demo/v1/static-offline-docs/" in server.http.get("/v1/docs").text
    for path in ("/v1/seen", "/demo/v1/seen", "/demo/v1/nothing"):
        assert server.http.get(path).status_code == 401
    with pytest.raises(openai.AuthenticationError, match="This API key isn't valid here"):
        spoken_for_a_program(server, "Kept out.")
    assert spoken_for_a_program(server, "Let in.", key)
    server.http.headers["Authorization"] = f"Bearer {key}"
    assert server.http.get("/demo/v1/seen").status_code == 200
    assert speech(server, "One.").status_code == 200
    job = server.http.post("/v1/audio/jobs", json={"input": "Two.", "response_format": "wav"}).json()
    assert job["url"].startswith("/demo/v1/audio/jobs/")
    assert server.http.get(job["url"].removeprefix("/demo")).status_code == 200


@pytest.mark.parametrize("field", ["voice", "model", "language", "response_format"])
def test_half_a_surrogate_pair_is_refused_in_words(fake_server: Server, field: str) -> None:
    body = b'{"input": "Hello.", "%s": "\\ud83d"}' % field.encode()
    for path in ("/v1/audio/speech", "/v1/audio/jobs"):
        answer = fake_server.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, "d83d" in ascii(answer.json()["error"]["message"]).lower()) == (400, True)


@pytest.mark.parametrize("charset", ["undefined", "punycode", "utf-7"])
def test_a_form_is_read_as_utf_8_whatever_its_type_says(fake_server: Server, charset: str) -> None:
    sent = part("+2AA-ë".encode(), 'name="language"')
    head = part(WARM_UP.read_bytes(), 'name="file"')["content"].removesuffix(b"--edge--\r\n")
    kind = {"Content-Type": f"multipart/form-data; boundary=edge; charset={charset}"}
    answer = fake_server.http.post("/v1/audio/transcriptions", content=head + sent["content"], headers=kind)
    assert (answer.status_code, "+2aa-ë" in answer.json()["error"]["message"]) == (400, True)
