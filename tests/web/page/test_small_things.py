"""What people expect of any page: files dropped anywhere, and a microphone that explains itself."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
import soundfile
from browsing import WARM_UP, OpenPage, choose_voice, drop, expect, needs_browser, says, to_tab
from serving import Server, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = needs_browser
KINDS = (
    ("holiday.mp4", "video/mp4"),
    ("talk.ogg", "application/ogg"),
    ("PTT-20261129", ""),
    ("meeting.mkv", ""),
    ("blob", "application/octet-stream"),
)


def test_what_is_dropped_anywhere_goes_where_its_tab_has_a_place_for_it(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    neither = "That file isn't audio or text. Drop a wav, mp3 or m4a, or a txt."
    drop(page, ".head", "letter.pdf", "application/pdf", b"%PDF-1.4")
    says(page, neither)
    expect(page.locator("#vx-choice .choice b")).to_have_text("Fake")
    drop(page, "#vx-card", "letter.txt", "text/plain", "Dear Anna,\r\nit is late. 世".encode())
    expect(page.locator("#vx-text textarea")).to_have_value("Dear Anna,\nit is late. 世")
    expect(page.locator("#vx-estimate")).to_contain_text("24 characters")
    drop(page, "#vx-card", "letter.txt", "text/plain", "早上好。Hi.".encode("gb18030"))
    expect(page.locator("#vx-text textarea")).to_have_value("早上好。Hi.")
    drop(page, "#vx-card", "letter.txt", "text/plain", b"\x00\x01")
    says(page, neither)

    drop(page, ".head", "voice.flac", "audio/flac", WARM_UP.read_bytes())
    expect(page.locator("#vx-choice .choice b")).to_have_text("From a recording")
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
    page.locator("#vx-ready .catalogue").wait_for()
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


@pytest.mark.long
def test_a_file_dropped_while_the_microphone_is_chosen_is_taken_and_during_a_recording_waits_for_its_end(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server, permissions=["microphone"])
    choose_voice(page, "From a recording")
    for tab, field in (("Speak", "#vx-prompt"), ("Recognise", "#vx-recording"), ("Voices", "#vx-new-prompt")):
        to_tab(page, tab)
        page.locator(field).get_by_label("Record audio").click()
        page.locator(f"{field} .record-button").wait_for()
        drop(page, ".head", "said.flac", "audio/flac", WARM_UP.read_bytes())
        page.locator(f"{field} .waveform-container").wait_for(state="attached")

    to_tab(page, "Recognise")
    page.click("#vx-recording [aria-label=Clear]")
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


def test_whatever_recognise_reads_can_be_dropped_and_chosen(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    to_tab(page, "Recognise")
    samples, rate = soundfile.read(WARM_UP)
    ways = [
        *((*kind, True) for kind in KINDS),
        (*KINDS[2], False),
    ]  # what is dropped goes the way of what is chosen, too
    for number, (name, kind, is_dropped) in enumerate(ways):
        seconds = 1 + number / 5  # each with an answer of its own; a press counts while the file is still on its way
        file = io.BytesIO()
        soundfile.write(file, samples[: round(seconds * rate)], rate, format="FLAC")
        page.locator("#vx-recording input[type=file]").wait_for(state="attached")
        if is_dropped:
            drop(page, "#vx-recording .upload-container", name, kind, file.getvalue())
        else:
            chosen = {"name": name, "mimeType": kind, "buffer": file.getvalue()}
            page.set_input_files("#vx-recording input[type=file]", chosen)
        page.locator("#vx-recording").locator(".uploading, .waveform-container").first.wait_for(state="attached")
        page.click("#vx-recognise")
        says(page, re.compile(rf"^English, {seconds:.1f}\ss of audio, "), "#vx-heard")
        page.click("#vx-recording [aria-label=Clear]")


def test_a_press_during_an_upload_counts_when_the_recording_is_there(fake_server: Server, open_page: OpenPage) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server)
    held: list[Route] = []
    page.route(re.compile(r"/gradio_api/upload\?"), lambda route: held.append(route))
    file = {"name": "said.flac", "mimeType": "audio/flac", "buffer": WARM_UP.read_bytes()}
    to_tab(page, "Recognise")
    for comes in (False, True):
        page.set_input_files("#vx-recording input[type=file]", file)
        page.locator("#vx-recording .uploading").wait_for()
        for _ in range(2):
            page.click("#vx-recognise")
            says(page, "Uploading your recording", "#vx-heard")
        upload = held.pop()
        if comes:
            upload.continue_()
            says(page, re.compile("^English, "), "#vx-heard")
        else:
            upload.abort()
            says(page, "No transcript yet.", "#vx-heard")

    to_tab(page, "Speak")
    page.fill("#vx-text textarea", "In my own voice.")
    choose_voice(page, "From a recording")
    page.set_input_files("#vx-prompt input[type=file]", file)
    page.locator("#vx-prompt .uploading").wait_for()
    page.click("#vx-speak")
    says(page, "Uploading your recording")
    held.pop().continue_()
    says(page, re.compile("of speech"))
    assert not held, "it was sent once"


WHY_NOT = {
    "NotAllowedError": "The microphone is blocked. Allow it for this site in your browser, and for the browser in your"
    " system.",
    "NotFoundError": "No microphone found. Connect one, then try again.",
    "NotReadableError": "The microphone can't be opened. Close what else uses it, or connect it again.",
    "OverconstrainedError": "This microphone can't be used here. Choose or connect another one.",
    "AbortError": "The browser didn't open the microphone. Try again, or load the page again.",
}
"""What is said of a microphone, by what `getUserMedia` throws."""
WHY_NOT["SecurityError"] = WHY_NOT["NotAllowedError"]
WHY_NOT["InvalidStateError"] = WHY_NOT["AbortError"]


def test_a_microphone_that_is_not_to_be_had_says_what_to_do(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(
        fake_server,
        script="""
          window.why = 'NotAllowedError';
          navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', window.why); };
        """,
    )
    for tab, field, card in (
        ("Recognise", "#vx-recording", "#vx-heard"),
        ("Voices", "#vx-new-prompt", "#vx-new-reading"),
    ):
        to_tab(page, tab)
        page.locator(field).get_by_label("Record audio").click()
        record, said = page.locator(f"{field} .record-button"), page.locator(f"{card} .say")
        before = said.inner_text()
        eventually(lambda: record.click() or said.inner_text() != before)  # noqa: B023 - its button may not be ready
        says(page, WHY_NOT["NotAllowedError"], card)
    to_tab(page, "Recognise")
    for why, sentence in WHY_NOT.items():
        page.evaluate("(why) => { window.why = why; voxdemo.cards['vx-heard'].rest(); }", why)
        page.click("#vx-live .record")
        says(page, sentence, "#vx-heard")
