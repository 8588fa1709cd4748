"""The examples on the page: what they fill in, and that they are quick."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browsing import OpenPage, expect, needs_browser, says, to_tab
from serving import Server, StartServer

from voxdemo.web.components.examples import RECORDINGS, TEXTS

CACHED = re.compile(r"reused from earlier$")


@pytest.mark.long
@needs_browser
def test_examples_are_quick_and_nothing_is_made_for_nobody(start_server: StartServer, open_page: OpenPage) -> None:
    server = start_server(VOXDEMO_EXAMPLES_AHEAD=True)
    server.wait_until_ready()
    page = open_page(server)
    for example in (example for example in TEXTS if example.language == "en" and not example.prompt):
        page.get_by_role("button", name=example.name, exact=True).click()
        expect(page.locator("#vx-text textarea")).to_have_value(example.words)
        if example.name == "Long":  # it is a minute of speech
            continue
        page.click("#vx-speak")
        says(page, re.compile("of speech"))
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
    work = re.findall(r"^voxdemo_requests_total\{.*\} (\S+)$", server.http.get("/metrics").text, re.MULTILINE)
    assert sum(map(float, work)) == 3 + 3
    assert server.log.count("generation") == 3  # and none but those


@needs_browser
def test_the_voice_of_a_recording_is_copied_with_one_press(paced_server: Server, open_page: OpenPage) -> None:
    paced_server.http.post("/pace/0")
    page = open_page(paced_server)
    page.get_by_role("button", name="Cloned voice").click()
    expect(page.locator("#vx-choice .choice b")).to_have_text("From a recording")
    expect(page.locator("#vx-prompt-text textarea")).to_have_value(RECORDINGS[0].said)
    page.click("#vx-speak")
    says(page, re.compile("of speech"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_the_recordings_are_small(recording: Any) -> None:
    assert recording.path.stat().st_size < 200_000
