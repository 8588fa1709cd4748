"""How the page looks at any width, in any colours, and that nothing in it moves or keeps anybody out."""

from __future__ import annotations

import re

import pytest
from browsing import (
    LOOKS,
    PHONE,
    SENTENCES,
    WARM_UP,
    WATCH_SHIFTS,
    WIDE,
    OpenPage,
    barriers,
    expect,
    needs_browser,
    says,
    speak,
    to_tab,
)
from serving import Server, eventually

pytestmark = needs_browser


@pytest.mark.long
def test_forced_colours_show_what_is_chosen_and_what_is_spoken(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server, forced_colors="active")
    fake_server.http.post("/stage/open")
    speak(page, "one two three. " * 20)
    expect(page.locator("#vx-card .now")).to_have_count(1)
    look = page.evaluate(
        """() => {
             const style = (selector) => getComputedStyle(document.querySelector(selector));
             const filled = (chosen, other) => style(chosen).backgroundColor !== style(other).backgroundColor;
             return {
               voice: style('#vx-choice .box').borderTopStyle,
               sentence: filled('#vx-card .now', '#vx-card .words'),
               tab: style('#vx-tabs [role=tab][aria-selected=true]').borderBottomWidth,
               play: style('#vx-card .play').borderTopStyle,
               speak: style('#vx-speak').borderTopStyle,
             };
           }"""
    )
    assert look == {"voice": "solid", "sentence": True, "tab": "3px", "play": "solid", "speak": "solid"}


def test_no_width_scrolls_sideways_and_speak_and_what_comes_of_it_are_in_view(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server, {"width": 390, "height": 620})
    page.click("#vx-speak")
    expect(page.locator("#vx-card .line")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.fill("#vx-text textarea", "word " * 600)
    expect(page.locator("#vx-speak")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Voice settings").click()
    page.get_by_role("button", name="Link and code").click()
    page.locator(".share .copy").scroll_into_view_if_needed()
    expect(page.locator("#vx-card .line")).to_be_in_viewport(ratio=1)

    fake_server.http.post("/stage/open")
    page.set_viewport_size({"width": 320, "height": 844})
    speak(page, f"{'Unbreakable' * 12} words.")
    says(page, re.compile("s of speech"))
    for tab in ("Speak", "Recognise"):
        to_tab(page, tab)
        for width in (320, 390, 768, 1024, 1920):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


COUNT_FRAMES = """() => {
  const ask = requestAnimationFrame;
  window.frames_asked = 0;
  window.requestAnimationFrame = (act) => { window.frames_asked += 1; return ask(act); };
}"""
ARE_NONE_ASKED_FOR = """async () => {
  const before = window.frames_asked;
  await new Promise((wake) => setTimeout(wake, 1000));
  return before > 0 && window.frames_asked === before;
}"""


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_moves_while_the_page_loads_and_no_frame_is_asked_for_afterwards(
    server: Server, open_page: OpenPage, viewport: dict[str, int]
) -> None:
    watched = f"({WATCH_SHIFTS})(); ({COUNT_FRAMES})()"
    page = open_page(server, viewport, script=watched, new=True, reduced_motion="no-preference")
    expect(page.locator("#vx-share .label-wrap")).to_be_visible()
    shifts = page.evaluate("window.moved")
    assert sum(value for value, _ in shifts) <= 0.02, shifts
    eventually(lambda: page.evaluate(ARE_NONE_ASKED_FOR))


HEADS = ("Built-in voice, ready", "中文"), ("VoxCPM2 is loading", "中文"), ("内置声音，已就绪", "English")
"""What is at the head of the page: the state, and the other language."""
LINES_OF_STATE = """([state, language]) => {
  document.querySelector('.head .language').textContent = language;
  const words = document.querySelector('.chip span');
  words.textContent = state;
  return [words.offsetHeight <= 20, words.scrollWidth <= words.clientWidth];
}"""
"""Whether the state is on one line, and whole."""


def test_no_serious_barrier_is_found_and_every_control_can_be_hit(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, PHONE)
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], select, input[type=range]')]
             .filter((each) => each.offsetParent && each.checkVisibility({visibilityProperty: true}))
             .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
             .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
    )
    assert small == []
    for width in (390, 320):
        page.set_viewport_size({**PHONE, "width": width})
        assert [page.evaluate(LINES_OF_STATE, words) for words in HEADS] == [[True, True]] * len(HEADS)
    page.set_viewport_size(PHONE)
    assert barriers(page, *LOOKS) == []
    speak(page, f"{SENTENCES} ✈")
    says(page, re.compile("s of speech"))
    page.get_by_role("button", name="Voice settings").click()
    page.locator("#vx-own-note").get_by_text("How to get it").click()
    assert barriers(page, *LOOKS) == []
    page.get_by_role("tab", name="Recognise").click()
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.locator("#vx-recording .waveform-container").wait_for()
    page.click("#vx-recognise")
    says(page, re.compile("^English"), "#vx-heard")
    assert barriers(page, *LOOKS) == []
