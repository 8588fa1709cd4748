from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from serving import ROOT, Server

CONTRACT = ROOT / "tests" / "contract.json"
WARM_UP = ROOT / "assets" / "warm-up.flac"


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.url, verbose=False)


def test_the_endpoints_are_those_of_the_stored_contract(server: Server) -> None:
    # What Blocks.get_api_info() says, as it is served. After a deliberate addition, or an upgrade of Gradio that
    # words it differently, the file is written anew and its diff looked at.
    info = server.http.get("/gradio_api/info").json()
    for endpoint in info["named_endpoints"].values():
        del endpoint["code_snippets"]  # they carry this server's address
    assert info == json.loads(CONTRACT.read_text())


def test_generate_takes_the_public_demos_arguments_by_position_or_by_name_and_fills_in_the_rest(client: Client) -> None:
    path = client.predict("By position.", None, "", 2.0, 10, False, False, api_name="/generate")
    assert soundfile.info(path).frames > 0
    sound, rate = soundfile.read(client.predict(text_input="By name.", api_name="/generate"))
    assert rate == 24_000
    assert sound.ndim == 1
    assert np.abs(sound).max() > 0.05


def test_an_empty_prompt_is_none_and_one_for_the_built_in_voice_is_no_error(client: Client) -> None:
    for prompt, transcript in ((None, None), ("", ""), (handle_file(WARM_UP), "The line is open.")):
        path = client.submit("In my voice.", prompt, transcript, api_name="/generate").result(timeout=60)
        assert soundfile.info(path).duration > 0.3


def test_what_is_left_out_is_told_as_a_warning(server: Server) -> None:
    arguments = ["In my voice.", None, "The line is open.", 2.0, 10, False, False]
    logs = [message["log"] for message in server.messages("generate", arguments) if message["msg"] == "log"]
    assert logs == ["The built-in voice doesn't support a transcript of the prompt audio: ignored."]


def test_recognition_returns_the_words_and_of_no_recording_none(client: Client) -> None:
    text = client.predict(handle_file(WARM_UP), api_name="/prompt_wav_recognition")
    assert "the line is open" in text.lower()
    assert client.predict(None, api_name="/prompt_wav_recognition") == ""


def test_every_job_gets_a_file_of_its_own_also_for_the_same_words(server: Server) -> None:
    client = Client(server.url, verbose=False, download_files=False)
    first, second = (client.predict("The same words.", api_name="/generate") for _ in range(2))
    assert first["path"] != second["path"]
    one, other = (server.http.get(httpx.URL(file["url"]).path).content for file in (first, second))
    assert one == other
