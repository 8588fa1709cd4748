"""The History tab: what this browser had spoken is heard again, asked for again and deleted; nobody else has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import LOOKS, WARM_UP, OpenPage, barriers, expect, needs_browser, says, speak, to_tab
from serving import Server

pytestmark = needs_browser
DONE = re.compile("s of speech")
NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})"
FIFTY = """() => {
  const asked = (at) => ({text: `Old ${at}.`, voice: 'heart'});
  const entry = (_, at) => ({id: `${at}`, at, url: `speech/${at}`, total: 1, seed: 1, asked: asked(at)});
  localStorage.setItem('voxdemo-history', JSON.stringify([...Array(50)].map(entry)));
}"""
HEARD = "document.querySelector('.replay audio').currentTime > 0.1"


def spoken(page: Any, *texts: str) -> Any:
    """The page when it has spoken these, with the tab open."""
    for text in texts:
        speak(page, text)
        expect(page.locator("#vx-card .words")).to_contain_text(text)
        expect(page.locator("#vx-card .card")).to_have_attribute("data-state", "done", timeout=30_000)
    to_tab(page, "History")
    return page


def entries(page: Any) -> list[str]:
    return list(page.locator(".history .pick b").all_inner_texts())


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A fake engine that runs through, and a cache."""
    server = Server(tmp_path_factory.mktemp("keeping"), "tests/guarded_app.py")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


def test_a_result_is_heard_again_also_after_a_reload_and_deleted_and_brought_back(
    keeping: Server, open_page: OpenPage
) -> None:
    page = spoken(open_page(keeping), "The first of them.", "The second one.")
    assert entries(page) == ["The second one.", "The first of them."]
    page.reload()
    to_tab(page, "History")
    page.get_by_role("button", name="Hear again: The first of them.").click()
    page.wait_for_function(HEARD)
    expect(page.locator(".replay .say")).to_have_text(re.compile(r"^\d\.\d s of speech, seed \d+$"))
    assert page.inner_text(".replay .words").strip() == "The first of them."
    assert page.locator(".replay .save").get_attribute("download") == "voxdemo-the-first-of-them.wav"
    assert barriers(page, *LOOKS[::-1]) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Delete: The second one.").click()
    assert entries(page) == ["The first of them."]
    assert "The second one" not in page.evaluate("localStorage.getItem('voxdemo-history')")
    page.get_by_role("button", name="Undo").click()
    assert entries(page) == ["The second one.", "The first of them."]
    page.get_by_role("button", name="Delete all").click()
    assert entries(page) == []
    page.get_by_role("button", name="Undo").click()
    assert entries(page) == ["The second one.", "The first of them."]
    for sound in (keeping.folder / "cache").rglob("speech.*"):
        sound.unlink()
    page.get_by_role("button", name="Hear again: The second one.").click()
    expect(page.locator(".replay .say")).to_have_text(
        "The server no longer has this audio. Press Use again, then Speak."
    )
    page.get_by_role("button", name="Delete all").click()
    assert entries(page) == []
    assert page.evaluate("localStorage.getItem('voxdemo-history')") == "[]"
    expect(page.locator(".history .where")).to_contain_text("Nothing yet")


def test_text_and_settings_are_those_of_the_press_and_can_be_used_again(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    page.get_by_role("button", name="Voice settings").click()
    page.get_by_label("number input for Speed").fill("1.5")
    page.get_by_label("number input for Speed").press("Tab")
    speak(page, "As it was asked for.")
    page.get_by_label("number input for Speed").fill("1.2")
    page.get_by_label("number input for Speed").press("Tab")
    says(page, DONE)
    page.fill("#vx-text textarea", "Something else that I write.")
    to_tab(page, "History")
    again = page.locator(".history .use")
    again.click()
    expect(again).to_have_text("Replace your text?")
    assert page.input_value("#vx-text textarea") == "Something else that I write."
    again.click()
    expect(page.locator("#vx-text textarea")).to_have_value("As it was asked for.")
    expect(page.locator("#vx-text textarea")).to_be_focused()
    expect(page.get_by_label("number input for Speed")).to_have_value("1.5")
    page.click("#vx-speak")
    says(page, re.compile("reused from earlier"))
    to_tab(page, "History")
    page.get_by_role("button", name="Hear again: As it was asked for.").first.click()
    expect(page.locator(".replay .say")).to_have_text(re.compile(r"^\d\.\d s of speech$"))


def test_a_transcript_is_kept_copied_and_its_recording_heard_again(keeping: Server, open_page: OpenPage) -> None:
    page = open_page(keeping, permissions=["clipboard-read", "clipboard-write"])
    to_tab(page, "Recognise")
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.wait_for_selector("#vx-recording .waveform-container")
    page.click("#vx-recognise")
    says(page, re.compile("^English"), "#vx-heard")
    page.reload()
    to_tab(page, "History")
    page.get_by_role("button", name="Copy transcript: heard").click()
    expect(page.get_by_role("button", name="Copy transcript")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "heard"
    page.get_by_role("button", name="Hear again: heard").click()
    page.wait_for_function(HEARD)
    expect(page.locator(".replay .say")).to_have_text("4.7 s of audio")
    expect(page.locator(".replay .words")).to_have_text("heard")


@pytest.mark.long
def test_two_tabs_of_a_browser_share_the_last_fifty(keeping: Server, open_page: OpenPage) -> None:
    page = open_page(keeping)
    other = page.context.new_page()
    other.goto(keeping.url)
    expect(other.locator(".chip")).to_have_attribute("data-state", "ready")
    page.evaluate(FIFTY)
    spoken(other, "From the other tab.")
    spoken(page, "From this one.")
    assert entries(page)[:3] == ["From this one.", "From the other tab.", "Old 49."]
    expect(other.locator(".history .pick b").first).to_have_text("From this one.")
    assert len(entries(page)) == 50


@pytest.mark.long
def test_what_was_spoken_by_a_voice_that_is_gone_can_be_asked_for_again(keeping: Server, open_page: OpenPage) -> None:
    page = spoken(open_page(keeping), "By a voice that is gone.", "By no voice that is named.")
    page.evaluate(
        """() => {
          const entries = JSON.parse(localStorage.getItem('voxdemo-history'));
          entries[0].asked.voice = null;
          entries[1].asked.voice = 'gone';
          localStorage.setItem('voxdemo-history', JSON.stringify(entries));
        }"""
    )
    page.reload()
    for text in ("By a voice that is gone.", "By no voice that is named."):
        to_tab(page, "Speak")
        page.fill("#vx-text textarea", "")
        to_tab(page, "History")
        page.get_by_role("button", name=f"Use text and settings again: {text}").click()
        expect(page.locator("#vx-text textarea")).to_have_value(text)
        page.click("#vx-speak")
        expect(page.locator("#vx-card .words")).to_have_text(text)
        says(page, re.compile("reused from earlier"))


def test_where_the_browser_keeps_nothing_the_list_goes_with_the_page(keeping: Server, open_page: OpenPage) -> None:
    page = spoken(open_page(keeping, script=NO_STORAGE), "Only for now.")
    assert entries(page) == ["Only for now."]
    expect(page.locator(".history .where")).to_contain_text("This browser doesn't store data for this page")
