"""The ways through the page: by keyboard alone, and by touch on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browsing import PHONE, WARM_UP, OpenPage, barriers, expect, needs_browser, says
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


def test_a_keyboard_is_enough_for_both_tabs(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    tab_to(page, "#vx-text")
    page.keyboard.type("Spoken by keys alone.")
    for part in ("#vx-examples", "#vx-voice", "#vx-speak"):
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
    assert page.input_value("#vx-said textarea").startswith("The line is open")


@pytest.mark.long
def test_a_thumb_is_enough_on_a_phone(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    page.locator("#vx-text textarea").tap()
    page.keyboard.type("Spoken by a thumb, so that it is still heard when it is looked at.")
    page.locator("#vx-speak").tap()
    says(page, re.compile("s of speech"))
    page.wait_for_function("document.querySelector('#vx-card audio').ended")
    page.locator("#vx-card .play").tap()
    page.wait_for_function("!document.querySelector('#vx-card audio').paused")
    assert barriers(page) == []
    page.locator("#vx-tabs .tab-container:not(.visually-hidden) button", has_text="Recognise").tap()
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.locator("#vx-recording .waveform-container").wait_for(state="attached")
    page.locator("#vx-recognise").tap()
    says(page, re.compile("^English"), "#vx-heard")
    page.locator("#vx-tabs .overflow-menu > button").tap()
    page.locator("#vx-tabs .overflow-dropdown button", has_text="Status").tap()
    expect(page.locator("#vx-gist .said")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.long
def test_the_kinds_of_voice_are_one_stop_and_the_arrows_choose(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    tab_to(page, "#vx-kind")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("new Set([...document.querySelectorAll('#vx-kind input')].map(({name}) => name)).size") == 1
    expect(page.get_by_role("radio", name="My voices")).to_be_checked()
    expect(page.locator("#vx-saved")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#vx-voice")).to_be_visible()
    page.keyboard.press("Tab")
    voices, choices = page.locator("#vx-voice input"), page.get_by_role("listbox")
    expect(voices).to_be_focused()
    expect(choices).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(choices).to_be_visible()
    page.keyboard.press("Enter")
    expect(choices).to_have_count(0)
    expect(voices).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#vx-speak")).to_be_focused()
    expect(choices).to_have_count(0)
