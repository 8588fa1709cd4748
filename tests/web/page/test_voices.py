"""People's own voices in a real browser: saved, spoken with, carried elsewhere and deleted."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browsing import (
    LOOKS,
    WARM_UP,
    OpenPage,
    barriers,
    choose_voice,
    drop,
    expect,
    in_line,
    needs_browser,
    open_tab,
    says,
    sent_prompts,
    speak,
)
from serving import Server, eventually

pytestmark = needs_browser

REFUSED = "Object.defineProperty(window, 'indexedDB', {get() { throw new DOMException('no', 'SecurityError'); }});"
FORM, FOLD = "#vx-new-form", "#vx-form"
BEYOND_ITS_COLUMN = """() => [...document.querySelectorAll('#vx-new *, #vx-voices-lists *')].filter((each) => {
  const box = each.getBoundingClientRect(), within = each.closest('.column').getBoundingClientRect();
  return each.checkVisibility() && !each.closest('.vx-probe, .live') && box.right > within.right + 1;
}).map((each) => each.outerHTML.slice(0, 120))"""
TOO_SMALL = """() => [...document.querySelectorAll('.voices button, .keep-voice :is(button, input), .choice button')]
  .filter((each) => each.matches('button, input, select'))
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < (innerWidth < 500 ? 44 : 24))
  .filter((each) => !each.closest('label.consent')).map((each) => each.outerHTML.slice(0, 80))"""


def sound(seconds: float, loudness: float = 0.2, rate: int = 16_000) -> dict[str, Any]:
    file = io.BytesIO()
    soundfile.write(file, loudness * np.sin(np.arange(round(seconds * rate)) / 10), rate, format="WAV")
    return {"name": "voice.wav", "mimeType": "audio/wav", "buffer": file.getvalue()}


def record(page: Any, recording: Any = WARM_UP, field: str = "#vx-new-prompt") -> None:
    page.set_input_files(f"{field} input[type=file]", recording)
    page.locator(f"{field} .waveform-container").wait_for()


def fill(page: Any, name: str, form: str = FORM) -> None:
    page.locator(f"{form} .name input").fill(name)
    page.locator(f"{form} .consent input").check()


def told(page: Any, words: str | re.Pattern[str], form: str = FORM) -> None:
    expect(page.locator(f"{form} .say")).to_have_text(words, timeout=30_000)


def save(page: Any, name: str) -> None:
    record(page)
    fill(page, name)
    page.click(f"{FORM} .save")
    told(page, f"{name} is saved.")


def names(page: Any) -> Any:
    return page.locator("#vx-shelf .voice b")


def stored(page: Any) -> int:
    """How many voices the browser itself has."""
    return int(
        page.evaluate(
            """() => new Promise((resolve) => {
                 const opening = indexedDB.open('voxdemo-voices', 1);
                 opening.onsuccess = () => {
                   const counting = opening.result.transaction('voices').objectStore('voices').count();
                   counting.onsuccess = () => resolve(counting.result);
                 };
               })"""
        )
    )


def stage_of(server: Server) -> Any:
    return server.http.get("/stage").json()


def test_a_voice_is_saved_heard_spoken_with_and_deleted(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    open_tab(page)
    with in_line(fake_server, "one two"):
        page.get_by_role("button", name="Play a sample of Fake").click()
        says(page, re.compile("^1 person ahead of you"), "#vx-sample")
        page.click("#vx-sample-cancel")
        says(page, "Cancelled.", "#vx-sample")
        expect(page.get_by_role("button", name="Play a sample of Fake")).to_be_focused()
    fake_server.http.post("/stage/open")

    record(page)
    expect(page.locator(f"{FORM} .level")).to_have_text("4.7 s, the level is good.")
    page.click("#vx-new-read")
    expect(page.locator("#vx-new-prompt-text textarea")).to_have_value("heard", timeout=30_000)
    before = len(page.asked)
    fill(page, "  Ann   Lee ")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    told(page, "Ann Lee is saved.")
    expect(page.locator("#vx-new-prompt .waveform-container")).to_have_count(0)
    assert not [url for url in page.asked[before:] if "upload" in url or "/voices" in url]  # nothing left the browser
    page.reload()
    open_tab(page)
    expect(page.locator("#vx-shelf .what")).to_have_text("Ann Lee4.7 s · heard")
    page.get_by_role("button", name="Play Ann Lee").click()
    page.get_by_role("button", name="Stop Ann Lee").click()

    open_tab(page, "Speak")
    joined = sent_prompts(page)
    choose_voice(page, "Ann Lee")
    speak(page, "In my own voice.")
    says(page, re.compile("s of speech"))
    data = joined[-1]["data"]
    assert data[4] == "heard"
    kept = Path(data[3]["path"])
    assert soundfile.info(kept).duration == pytest.approx(4.7, abs=0.1)
    assert fake_server.folder in kept.parents

    choose_voice(page, "Fake")
    speak(page, "Hello. [Ann Lee] In my own.")
    expect(page.locator("#vx-tags li")).to_have_text(["Ann Lee"])
    said = eventually(lambda: (now := stage_of(fake_server))["started"][-1:] == ["In my own."] and now)
    assert said["copied"][0] == "heard"
    says(page, re.compile("s of speech"))

    open_tab(page)
    save(page, "Bob")
    open_tab(page, "Speak")
    choose_voice(page, "Bob")
    speak(page, "one")
    says(page, re.compile("s of speech"))
    choose_voice(page, "Fake")
    open_tab(page, "History")
    page.get_by_role("button", name="Use text and settings again: one").click()
    expect(page.locator("#vx-choice .choice b")).to_have_text("Bob")
    an_upload_that_fails_is_a_sentence(page)
    open_tab(page, "Batch")
    choose_voice(page, "Ann Lee", "#vx-batch-choice")
    there = page.locator("#vx-batch-choice .pick b").all_text_contents()
    assert "From a recording" not in there, "there's no field for one"
    expect(page.locator("#vx-choice .choice b")).to_have_text("Bob")
    page.fill("#vx-lines textarea", "one\ntwo")
    page.click("#vx-batch-start")
    says(page, "All 2 lines are spoken.", "#vx-batch-card")
    assert fake_server.http.get("/stage").json()["copied"][0] == "heard", "Ann's words, not Bob's"

    open_tab(page)
    page.get_by_role("button", name="Delete Bob").click()
    told(page, "Bob is deleted.", "#vx-shelf")
    page.get_by_role("button", name="Delete Ann Lee").click()
    told(page, "Ann Lee is deleted.", "#vx-shelf")
    assert stored(page) == 0
    page.locator("#vx-shelf").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Delete Ann Lee")).to_be_visible()
    assert stored(page) == 1
    page.get_by_role("button", name="Delete Ann Lee").click()
    told(page, "Ann Lee is deleted.", "#vx-shelf")
    assert stored(page) == 0
    open_tab(page, "Speak")
    expect(page.locator("#vx-choice .what")).to_have_text("No voiceThis voice no longer exists. Choose another one.")
    page.click("#vx-speak")
    says(page, re.compile("^There is no saved voice yet: save one on the tab Voices"))


def an_upload_that_fails_is_a_sentence(page: Any) -> None:
    """And Speak works again."""
    page.route("**/upload*", lambda route: route.fulfill(status=507, json={"detail": "full"}))
    speak(page, "Not now.")
    says(page, "Can't reach the server. Try again in a moment.")
    page.unroute("**/upload*")
    page.route(
        "**/upload*",
        lambda route: route.fulfill(status=429, headers={"Retry-After": "7"}, json={"detail": "Too much. 7 s."}),
    )
    page.click("#vx-speak")
    says(page, re.compile(r"^Too much\. [67] s\. Your text is kept\.$"))
    page.unroute("**/upload*")
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))


def test_a_voice_that_was_uploaded_to_speak_with_is_saved_from_there(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    choose_voice(page, "From a recording")
    record(page, field="#vx-prompt")
    page.get_by_label("Transcript of the recording").fill("The line is open.")
    page.locator("#vx-form summary").click()
    fill(page, "Ann", FOLD)
    page.click(f"{FOLD} .save")
    told(page, "Ann is saved.", FOLD)
    expect(page.locator("#vx-prompt .waveform-container")).to_have_count(1)  # it is spoken with, too
    choose_voice(page, "Ann")
    page.get_by_role("button", name="Play Ann").click()
    expect(page.get_by_role("button", name="Stop Ann")).to_be_visible()


@pytest.mark.long
def test_what_is_missing_for_a_voice_is_said_and_led_to(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    open_tab(page)
    page.click(f"{FORM} .save")
    told(page, "There is no recording yet. Upload or record one first.")
    record(page, sound(2))
    level = page.locator(f"{FORM} .level")
    expect(level).to_have_text("This recording is 2.0 s long; it must be 3 to 30 s.")
    fill(page, "Ann")
    page.click(f"{FORM} .save")
    told(page, "This recording is 2.0 s long; it must be 3 to 30 s.")
    for recording, words in (
        (sound(31), "This recording is 31.0 s long; cut it to 30 s with the scissors."),
        (sound(4, 0.0001), "There is no sound in this recording: check the microphone, or choose another one."),
        (sound(4, 0.01), "4.0 s, but quiet: closer to the microphone sounds better."),
        (sound(4, 1.5), "4.0 s, but overdriven: further from the microphone sounds better."),
    ):
        page.locator("#vx-new-prompt").get_by_label("Clear").click()
        record(page, recording)
        expect(level).to_have_text(words)
    page.locator(f"{FORM} .consent input").uncheck()
    page.click(f"{FORM} .save")
    told(page, "Confirm that the voice is yours or that you have permission.")
    expect(page.locator(f"{FORM} .consent input")).to_be_focused()
    page.locator(f"{FORM} .name input").fill(" ")
    page.click(f"{FORM} .save")
    told(page, "Give the voice a name.")
    expect(page.locator(f"{FORM} .name input")).to_be_focused()
    expect(names(page)).to_have_count(0)
    fill(page, "Ann")
    page.click(f"{FORM} .save")
    told(page, "Ann is saved.")
    record(page)
    fill(page, "ANN")
    page.click(f"{FORM} .save")
    told(page, "A voice of that name is saved already: choose another name.")


def test_all_voices_travel_as_one_file_and_one_that_is_none_of_voices_is_refused(
    fake_server: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(fake_server)
    open_tab(page)
    expect(page.get_by_role("button", name="Export all")).to_be_disabled()
    for content, sentence in broken_files():
        broken = {"name": "voices.json", "mimeType": "application/json", "buffer": content}
        page.evaluate("document.querySelector('#vx-shelf .say').textContent = ''")
        page.set_input_files("#vx-shelf input[type=file]", broken)
        told(page, sentence, "#vx-shelf")
    assert stored(page) == 0  # nothing of them is kept
    for name in ("Ann", "Bob"):
        save(page, name)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export all").click()
    assert download.value.suggested_filename == "voxdemo-voices.json"
    file = tmp_path / "voices.json"
    download.value.save_as(file)

    for name in ("Ann", "Bob"):
        page.get_by_role("button", name=f"Delete {name}").click()
        told(page, f"{name} is deleted.", "#vx-shelf")
    assert stored(page) == 0
    renamed = tmp_path / "other.json"
    renamed.write_text(file.read_text().replace('"Bob"', '"ann"'))
    for each, expected in (
        (file, "Imported: Ann, Bob."),
        (file, "Saved already: Ann, Bob."),
        (renamed, "Imported: ann 2. Saved already: Ann."),
    ):
        page.set_input_files("#vx-shelf input[type=file]", each)
        told(page, expected, "#vx-shelf")
    expect(names(page)).to_have_text(["Ann", "ann 2", "Bob"])
    page.get_by_role("button", name="Play Bob", exact=True).click()
    expect(page.get_by_role("button", name="Stop Bob", exact=True)).to_be_visible()


def broken_files() -> Iterator[tuple[bytes, str]]:
    no_file = "This isn't a voices file. Choose one made with Export all."
    voice = {"name": "Ann", "text": "", "consented": "2025-05-03", "audio": ""}
    for content in (b"", b"{", b"[]", b'{"format": "voxdemo voices 1", "voices": []}', WARM_UP.read_bytes()):
        yield content, no_file
    for changed in ({"name": ""}, {"name": "x" * 61}, {"text": 1}, {"consented": ""}, {"audio": "no base64!"}):
        yield json.dumps({"format": "voxdemo voices 1", "voices": [voice | changed]}).encode(), no_file
    no_sound = {"format": "voxdemo voices 1", "voices": [{**voice, "audio": "bm8gc291bmQ="}]}
    yield json.dumps(no_sound).encode(), "The recording of Ann in this file isn't audio of 3 to 30 s."


def test_where_the_engine_cannot_clone_it_is_said_and_voices_are_kept_all_the_same(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server)
    drop(page, ".head", "voice.flac", "audio/flac", WARM_UP.read_bytes())
    says(page, "Copying a voice needs VoxCPM or Chatterbox, which this server doesn't run.")
    open_tab(page)
    expect(page.locator("#vx-new")).to_contain_text("Copying voices needs VoxCPM")
    expect(page.locator("#vx-new-form")).to_be_hidden()
    voice = {
        "name": "Ann",
        "text": "",
        "consented": "2026-01-01T00:00:00Z",
        "audio": base64.b64encode(sound(4)["buffer"]).decode(),
    }
    file = {"format": "voxdemo voices 1", "voices": [voice]}
    page.set_input_files(
        "#vx-shelf input[type=file]",
        {"name": "v.json", "mimeType": "application/json", "buffer": json.dumps(file).encode()},
    )
    page.get_by_role("button", name="Play Ann").click()
    expect(page.get_by_role("button", name="Stop Ann")).to_be_visible()
    open_tab(page, "Speak")
    page.click("#vx-choice .change")
    for absent in ("My voices", "From a recording", "Ann"):
        expect(page.locator(".sheet").get_by_role("button", name=absent)).to_have_count(0)


@pytest.mark.long
def test_a_browser_that_stores_nothing_is_told_so_and_the_page_goes_on(
    fake_server: Server, open_page: OpenPage
) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server, script=REFUSED)
    sentence = "This browser doesn't store data for this page, as in a private window. Voices can't be saved."
    open_tab(page)
    expect(page.locator("#vx-shelf .none")).to_have_text(sentence)
    record(page)
    fill(page, "Ann")
    page.click(f"{FORM} .save")
    told(page, sentence)
    open_tab(page, "Speak")
    speak(page, "All the same.")
    says(page, re.compile("s of speech"))


@pytest.mark.long
def test_no_serious_barrier_is_found(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    open_tab(page)
    assert barriers(page, *LOOKS) == []
    save(page, "Ann" * 20)
    record(page)
    page.get_by_role("button", name=re.compile("^Delete")).click()
    page.locator(f"{FORM} .name input").fill("x")
    page.click(f"{FORM} .save")
    assert barriers(page, *LOOKS) == []
    for viewport, _ in LOOKS:
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(BEYOND_ITS_COLUMN) == []
        assert page.evaluate(TOO_SMALL) == []
    open_tab(page, "Speak")
    page.click("#vx-choice .change")
    assert barriers(page, *LOOKS) == []
    for viewport, _ in LOOKS:
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(TOO_SMALL) == []
    page.get_by_role("button", name="Close").click()
    choose_voice(page, "From a recording")
    page.locator("#vx-form summary").click()
    assert barriers(page, *LOOKS) == []
