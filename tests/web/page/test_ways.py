"""The ways through the page: by keyboard alone, and by touch on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browsing import PHONE, WARM_UP, OpenPage, expect, needs_browser, of_module, says
from serving import Server

pytestmark = needs_browser
MOST_TABS = 60


def tab_to(page: Any, selector: str, most: int = MOST_TABS) -> None:
    """Press the Tab key until what has the focus is within this."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => Boolean(document.activeElement.closest(wanted))", selector):
            return
    raise AssertionError(f"the Tab key never comes to {selector}")


def choose_tab(page: Any, name: str) -> None:
    """Go back to the tabs and open this one, by keys."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"no key comes to the tab {name}")


LONG = "and it goes on for long enough that nobody misses how it is heard again, " * 3


def test_a_keyboard_is_enough_for_both_tabs(fake_server: Server, open_page: OpenPage) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server)
    tab_to(page, "#vx-text")
    page.keyboard.type("By keys alone, ")
    page.keyboard.insert_text(LONG)
    for part in ("#vx-examples", "#vx-choice", "#vx-speak"):
        tab_to(page, part, most=9)  # in this order, and not once round the page
    page.keyboard.press("Enter")
    says(page, re.compile("s of speech"))
    page.wait_for_function("document.querySelector('#vx-card audio').ended")
    tab_to(page, "#vx-card .play")
    page.keyboard.press("Space")
    page.wait_for_function("!document.querySelector('#vx-card audio').paused")
    page.keyboard.press("Space")
    tab_to(page, "#vx-card .seek")
    before = page.evaluate("document.querySelector('#vx-card audio').currentTime")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('#vx-card audio').currentTime") > before
    choose_tab(page, "Recognise")
    with page.expect_file_chooser() as chooser:
        tab_to(page, "#vx-recording")
        page.keyboard.press("Enter")
    chooser.value.set_files(WARM_UP)
    page.locator("#vx-recording .waveform-container").wait_for(state="attached")
    tab_to(page, "#vx-recognise")
    page.keyboard.press("Enter")
    says(page, re.compile("^English"), "#vx-heard")
    tab_to(page, "#vx-said")
    expect(page.locator("#vx-said textarea")).to_have_value("heard")


@pytest.mark.long
def test_a_thumb_is_enough_on_a_phone(fake_server: Server, open_page: OpenPage) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server, PHONE, has_touch=True, is_mobile=True)
    page.locator("#vx-text textarea").tap()
    page.keyboard.type("By a thumb, ")
    page.keyboard.insert_text(LONG)
    page.locator("#vx-speak").tap()
    says(page, re.compile("s of speech"))
    page.wait_for_function("document.querySelector('#vx-card audio').ended")
    page.locator("#vx-card .play").tap()
    page.wait_for_function("!document.querySelector('#vx-card audio').paused")
    page.locator("#vx-tabs .tab-container:not(.visually-hidden) button", has_text="Recognise").tap()
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.locator("#vx-recording .waveform-container").wait_for(state="attached")
    page.locator("#vx-recognise").tap()
    says(page, re.compile("^English"), "#vx-heard")
    page.locator("#vx-tabs .overflow-menu > button").tap()
    page.locator("#vx-tabs .overflow-dropdown button", has_text="Status").tap()
    expect(page.locator("#vx-gist .said")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


CHOSEN = """({offer, kept}, all) => all.map(([before, names, now, voice]) => {
  offer({voices: [], voice: before}, {});
  offer({voices: names.map((name) => ({name})), voice: now}, {});
  return kept(voice);
})"""
BUILTIN, BOTH, VOICELESS = ["heart"], ["heart", "af_heart", "ef_dora"], ["", "af_heart", "af_bella"]
ASKED = {
    ("heart", *BUILTIN, "heart", "heart"): "heart",
    ("heart", *BOTH, "heart", "ef_dora"): "ef_dora",
    ("heart", *BOTH[1:], "af_heart", "ef_dora"): "ef_dora",
    ("heart", *BOTH[1:], "af_heart", "heart"): "af_heart",
    ("heart", *BOTH[1:], "af_heart", "am_gone"): "af_heart",
    ("af_heart", *BOTH, "heart", "af_heart"): "heart",
    ("af_heart", *VOICELESS, "", "af_heart"): "",
    ("af_heart", *VOICELESS, "", "af_bella"): "af_bella",
}
"""Which voice speaks, by the one that spoke at first, those there are later and the first of them, and the choice."""
AS_FIREFOX_115 = """
for (const name of Object.getOwnPropertyNames(Element.prototype)) {
  if (name.startsWith('aria')) delete Element.prototype[name];
}"""
"""It has ARIA as attributes alone."""


def test_a_voice_is_found_heard_kept_and_taken_by_keys_alone_and_stays_as_long_as_it_is_there(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server, script=AS_FIREFOX_115)
    tab_to(page, "#vx-choice .change")
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="Choose a voice")
    expect(sheet.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator("#vx-choice .change")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("nobody at all")
    expect(sheet.get_by_role("status").first).to_have_text("No voice fits. Try fewer words.")
    page.keyboard.press("Control+A")
    page.keyboard.type("british")
    picks = sheet.locator(".pick b")
    expect(picks).to_have_text(["Alice", "Emma", "Isabella", "Lily", "Daniel", "Fable", "George", "Lewis"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    star = sheet.get_by_role("button", name="Favourite: Emma")
    expect(star).to_be_focused()
    expect(star).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(sheet).to_be_hidden()
    expect(page.locator("#vx-choice .what")).to_have_text(re.compile(r"^LewisBritish Englishmalequality D\+"))
    expect(page.locator("#vx-choice .change")).to_be_focused()
    searches = ["male", "female", "ESPAÑOL", "francais", "日本", "af_bella", "brazil fem", "c+ japan", "nobody", ""]
    count = "({all, fits}, asked) => asked.map((each) => all().filter((one) => fits(one, each)).length)"
    assert of_module(page, "voices/catalogue.js", count, searches) == [23, 27, 3, 1, 5, 1, 1, 1, 0, 50]
    page.reload()
    page.locator("#vx-choice .change").click()
    for chip, names in (("★", ["Emma"]), ("Recent", ["Lewis"]), ("Italian", ["Sara", "Nicola"])):
        sheet.locator(".chip-of", has_text=chip).click()
        expect(sheet.locator(".chip-of", has_text=chip)).to_be_focused()
        expect(picks).to_have_text(names)
    is_within = "document.activeElement === document.body || Boolean(document.activeElement.closest('.sheet'))"
    for _ in range(30):  # the Tab key stays in the sheet, or goes to the browser
        page.keyboard.press("Tab")
        assert page.evaluate(is_within)
    told = [[before, names, now, voice] for before, *names, now, voice in ASKED]
    assert of_module(page, "voices/catalogue.js", CHOSEN, told) == list(ASKED.values())
