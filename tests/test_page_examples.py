"""The examples on the page: what they fill in, and that their answers are there before anybody asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browsing import OpenPage, expect, needs_browser, says, to_tab
from conftest import StartServer
from fakes import Stage
from serving import Server, eventually

from voxdemo.assemble import local_service
from voxdemo.settings import Settings
from voxdemo.web import examples
from voxdemo.web.examples import RECORDINGS, TEXTS

CACHED = re.compile(r"from cache$")


def prepared(server: Server) -> None:
    server.wait_until_ready()
    eventually(lambda: "the page's examples are at hand" in server.log, within_s=120)


@needs_browser
def test_what_people_get_of_examples_is_there_before_they_ask(start_server: StartServer, open_page: OpenPage) -> None:
    server = start_server(VOXDEMO_EXAMPLES_AHEAD=True)
    prepared(server)
    assert not list((server.folder / "cache" / "files" / "results").glob("*"))
    counted = re.findall(r"^voxdemo_requests_total\{.*\} (\S+)$", server.http.get("/metrics").text, re.MULTILINE)
    assert counted
    assert set(counted) == {"0.0"}
    page = open_page(server)
    for example in (example for example in TEXTS if example.language == "en" and not example.prompt):
        page.get_by_role("button", name=example.name, exact=True).click()
        expect(page.locator("#vx-text textarea")).to_have_value(example.words)
        page.click("#vx-speak")
        says(page, CACHED)
        captions = " ".join(page.locator("#vx-card .words [data-index]").all_inner_texts())
        assert captions.split() == example.words.split()
    to_tab(page, "Recognise")
    for recording in RECORDINGS:
        page.get_by_role("button", name=recording.name).click()
        page.locator("#vx-recording .waveform-container").wait_for()
        page.click("#vx-recognise")
        says(page, CACHED, "#vx-heard")
        first_word = recording.said.split()[0].strip(".,")
        expect(page.locator("#vx-said textarea")).to_have_value(re.compile(f"^{first_word}"))
        page.click("#vx-recording [aria-label=Clear]")


@needs_browser
def test_the_voice_of_a_recording_is_copied_with_one_press(start_server: StartServer, open_page: OpenPage) -> None:
    server = start_server("tests/paced_app.py", VOXDEMO_EXAMPLES_AHEAD=True, PACE=0)
    prepared(server)
    page = open_page(server)
    page.get_by_role("button", name="Cloned voice").click()
    expect(page.get_by_role("radio", name="A voice I upload")).to_be_checked()
    expect(page.locator("#vx-prompt-text textarea")).to_have_value(RECORDINGS[0].said)
    page.click("#vx-speak")
    says(page, CACHED)


def test_whoever_comes_goes_before_examples(start_server: StartServer) -> None:
    server = start_server("tests/paced_app.py", VOXDEMO_EXAMPLES_AHEAD=True, PACE=1)
    server.wait_until_ready()
    first = eventually(lambda: texts(server))
    assert first == [TEXTS[0].words]
    speech = {"input": "Hello.", "model": "tts-1", "voice": "alloy"}
    server.http.post("/v1/audio/speech", json=speech).raise_for_status()
    eventually(lambda: texts(server)[:3] == [TEXTS[0].words, "Hello.", TEXTS[0].words])


def texts(server: Server) -> list[Any]:
    return [asked["text"] for asked in server.http.get("/asked").json()]


@pytest.mark.parametrize(
    ("changed", "is_done"), [({}, True), ({"cache_size": 0}, False), ({"examples_ahead": False}, False)]
)
def test_it_is_done_where_it_is_wanted_and_answers_are_kept(
    changed: dict[str, Any], is_done: bool, tmp_path: Path
) -> None:
    settings = Settings(_env_file=None, cache_dir=tmp_path, **changed)  # type: ignore[call-arg]
    stage = Stage()
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    assert bool(examples.work(service, settings)) == is_done


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_the_recordings_are_small(recording: Any) -> None:
    assert recording.path.stat().st_size < 200_000
