"""What people expect of any page: files dropped anywhere, a microphone that explains itself, news from hidden tabs."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest
from browsing import WARM_UP, OpenPage, drop, expect, is_there, needs_browser, says, to_tab
from rings import first_of
from serving import Server, StartServer, eventually

pytestmark = needs_browser
LOOK_AWAY = """(away) => {
  Object.defineProperty(document, 'hidden', {value: away, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""
KEEP_NOTICES = """
window.notices = [];
window.asked = 0;
window.Notification = class extends EventTarget {
  static permission = 'default';
  static async requestPermission() { window.asked += 1; return Notification.permission = 'granted'; }
  constructor(title, {body}) { super(); window.notices.push(body); }
};
"""


def test_what_is_dropped_anywhere_goes_where_its_tab_has_a_place_for_it(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    neither = "That file isn't audio or text. Drop a wav, mp3 or m4a, or a txt."
    drop(page, ".head", "letter.pdf", "application/pdf", b"%PDF-1.4")
    says(page, neither)
    expect(page.get_by_role("radio", name="Ready-made")).to_be_checked()
    drop(page, "#vx-card", "letter.txt", "text/plain", "Dear Anna,\r\nit is late. 世".encode())
    expect(page.locator("#vx-text textarea")).to_have_value("Dear Anna,\nit is late. 世")
    expect(page.locator("#vx-estimate")).to_contain_text("24 characters")
    drop(page, "#vx-card", "letter.txt", "text/plain", "早上好。Hi.".encode("gb18030"))
    expect(page.locator("#vx-text textarea")).to_have_value("早上好。Hi.")
    drop(page, "#vx-card", "letter.txt", "text/plain", b"\x00\x01")
    says(page, neither)

    drop(page, ".head", "voice.flac", "audio/flac", WARM_UP.read_bytes())
    expect(page.get_by_label("From a recording")).to_be_checked()
    page.locator("#vx-prompt .waveform-container").wait_for(state="attached")
    drop(page, "#vx-card", "again.flac", "audio/flac", WARM_UP.read_bytes())
    page.locator("#vx-prompt .waveform-container").wait_for(state="attached")
    assert not page.evaluate("document.body.classList.contains('vx-dragged')")

    to_tab(page, "Recognise")
    drop(page, ".head", "said.flac", "audio/flac", WARM_UP.read_bytes())
    page.locator("#vx-recording .waveform-container").wait_for(state="attached")
    drop(page, ".head", "odd.xyz", "", b"odd")
    says(page, "That isn't an audio file. Drop a wav, mp3 or m4a.", "#vx-heard")

    to_tab(page, "Voices")
    page.locator("#vx-ready .voices").wait_for()
    drop(page, ".head", "mine.flac", "audio/flac", WARM_UP.read_bytes())
    page.locator("#vx-new-prompt .waveform-container").wait_for()

    to_tab(page, "Batch")
    page.locator("#vx-lines").wait_for()
    drop(page, "body", "lines.csv", "text/csv", b"text\nOne.\nTwo.\n")
    expect(page.locator("#vx-lines textarea")).to_have_value("One.\nTwo.")

    to_tab(page, "Status")
    page.evaluate("window.addEventListener('drop', (event) => { window.isHeld = event.defaultPrevented; })")
    drop(page, ".head", "letter.pdf", "application/pdf", b"%PDF-1.4")
    assert page.evaluate("window.isHeld"), "the browser would show the file in the page's place"


@pytest.mark.parametrize(
    ("tab", "field"),
    [
        ("Speak", "#vx-prompt"),
        pytest.param("Recognise", "#vx-recording", marks=pytest.mark.long),
        pytest.param("Voices", "#vx-new-prompt", marks=pytest.mark.long),
    ],
)
def test_a_file_dropped_while_the_microphone_is_chosen_is_taken(
    fake_server: Server, open_page: OpenPage, tab: str, field: str
) -> None:
    page = open_page(fake_server, permissions=["microphone"])
    to_tab(page, tab)
    if tab == "Speak":
        page.locator("#vx-kind label").last.click()
    page.locator(field).get_by_label("Record audio").click()
    page.locator(f"{field} .record-button").wait_for()
    drop(page, ".head", "said.flac", "audio/flac", WARM_UP.read_bytes())
    page.locator(f"{field} .waveform-container").wait_for(state="attached")


def test_a_file_dropped_during_a_recording_waits_for_its_end(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, permissions=["microphone"])
    to_tab(page, "Recognise")
    page.click("#vx-recognise")
    says(page, "There is no recording yet. Upload or record one first.", "#vx-heard")
    page.locator("#vx-recording").get_by_label("Record audio").click()
    page.locator("#vx-recording .record-button").click()
    page.locator("#vx-recording .stop-button").wait_for()
    drop(page, ".head", "said.flac", "audio/flac", WARM_UP.read_bytes())
    says(page, "The microphone is recording. Stop it, then drop the file again.", "#vx-heard")
    page.locator("#vx-recording .stop-button").click()
    page.locator("#vx-recording .waveform-container").wait_for(state="attached")
    says(page, "No transcript yet.", "#vx-heard")  # nothing is missing any more
    page.evaluate("document.querySelector('#vx-recording .waveform-container').dataset.old = 'yes'")
    drop(page, "#vx-recording", "said.flac", "audio/flac", WARM_UP.read_bytes())
    page.locator("#vx-recording .waveform-container:not([data-old])").wait_for(state="attached")
    page.click("#vx-recognise")
    says(page, re.compile("^English, 4"), "#vx-heard")


@pytest.mark.parametrize("way", first_of("dropped", "chosen"))
def test_whatever_recognise_reads_can_be_dropped_and_chosen(fake_server: Server, open_page: OpenPage, way: str) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server)
    for name, kind in (
        ("holiday.mp4", "video/mp4"),
        ("talk.ogg", "application/ogg"),
        ("PTT-20261129", ""),
        ("meeting.mkv", ""),
        ("blob", "application/octet-stream"),
    ):
        to_tab(page, "Recognise")
        says(page, "No transcript yet.", "#vx-heard")
        page.locator("#vx-recording input[type=file]").wait_for(state="attached")
        if way == "dropped":
            drop(page, "#vx-recording .upload-container", name, kind, WARM_UP.read_bytes())
        else:
            file = {"name": name, "mimeType": kind, "buffer": WARM_UP.read_bytes()}
            page.set_input_files("#vx-recording input[type=file]", file)
        page.locator("#vx-recording .audio-container").wait_for(state="attached")
        page.wait_for_function("!document.querySelector('#vx-recording input[type=file]')")
        page.click("#vx-recognise")
        says(page, re.compile("s of audio, "), "#vx-heard")
        page.evaluate("localStorage.clear()")
        page.reload()
        is_there(page)


def test_a_microphone_that_is_not_allowed_says_what_to_do(fake_server: Server, open_page: OpenPage) -> None:
    refused = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };"
    page = open_page(fake_server, script=refused)
    for tab, field, card in (
        ("Recognise", "#vx-recording", "#vx-heard"),
        ("Voices", "#vx-new-prompt", "#vx-new-reading"),
    ):
        to_tab(page, tab)
        page.locator(field).get_by_label("Record audio").click()
        record, said = page.locator(f"{field} .record-button"), page.locator(f"{card} .say")
        before = said.inner_text()
        eventually(lambda: record.click() or said.inner_text() != before)  # noqa: B023 - its button may not be ready
        says(page, re.compile("^The microphone is blocked for this site"), card)


@pytest.mark.long
def test_a_hidden_tab_tells_in_its_title_and_a_notice_says_that_it_is_done(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = start_server("tests/paced_app.py", PACE=1, VOXDEMO_CACHE_SIZE=0)  # which has learned of no other pace yet
    server.wait_until_ready()
    page = open_page(server, script=KEEP_NOTICES)
    page.fill("#vx-text textarea", "The birch canoe slid on the smooth planks of wood. " * 15)
    page.click("#vx-speak")
    page.wait_for_function("window.asked === 1")
    page.evaluate(LOOK_AWAY, True)
    page.wait_for_function(r"/^\d+ % Speaking.* · voxdemo$/.test(document.title)")
    server.http.post("/pace/0.01")
    page.wait_for_function(r"/^1 min \d+ s of speech.* · voxdemo$/.test(document.title)")
    assert page.evaluate("window.notices.length") == 1
    assert re.match(r"1 min \d+ s of speech", page.evaluate("window.notices[0]"))
    page.evaluate(LOOK_AWAY, False)
    assert page.title() == "voxdemo"
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))
    assert page.evaluate("[window.asked, window.notices.length]") == [1, 1]


@pytest.mark.long
def test_a_server_that_comes_back_is_found_again(
    start_server: StartServer, open_page: OpenPage, monkeypatch: Any
) -> None:
    server = start_server("tests/guarded_app.py")
    server.wait_until_ready()
    page = open_page(server)
    page.fill("#vx-text textarea", "Still here.")
    server.stop(signal.SIGKILL)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(".chip")).to_have_text("Can't reach the server")
    monkeypatch.setattr("serving.free_port", lambda: server.port)
    start_server("tests/guarded_app.py").wait_until_ready()
    expect(page.locator(".chip")).to_contain_text("ready", timeout=30_000)
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))
    assert page.input_value("#vx-text textarea") == "Still here."
