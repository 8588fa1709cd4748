"""The Status tab in a real browser, over a fake engine whose jobs come to whatever end a test asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from browsing import PHONE, WATCH_SHIFTS, OpenPage, barriers, expect, is_there, needs_browser, to_tab
from serving import Server

from voxdemo import __version__
from voxdemo.lanes.line import LaneStats
from voxdemo.monitoring.alarms import Alarms
from voxdemo.monitoring.history import History, Minute
from voxdemo.service.service import Readiness, SpeechService
from voxdemo.web.tabs.status import REFRESH_S, Board

pytestmark = needs_browser

ALL_PLOTS = 6
SOON_MS = 15_000


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("status"), "tests/fake_app.py")
    try:
        server.wait_until_ready()
        server.http.post("/stage/open")
        yield server
    finally:
        server.end()


def ask(server: Server, *texts: str) -> None:
    for text in texts:
        list(server.messages("generate", [text, None, "", 2.0, 10, False, False]))


def open_tab(page: Any) -> None:
    to_tab(page, "Status")
    expect(page.locator("#vx-gist .said")).to_be_visible()


def panel(page: Any, title: str) -> Any:
    return page.locator(".vx-panel", has=page.get_by_role("heading", name=title))


class Lately(History):
    """One that counts how often it is asked for its minutes."""

    asked = 0

    def minutes(self) -> Sequence[Minute]:
        self.asked += 1
        return super().minutes()


def test_what_is_shown_is_worked_out_once_for_all_who_look() -> None:
    now, lately = [100.0], Lately()
    line = SimpleNamespace(stats=lambda: LaneStats(1, 0, 0, 20, 0.0, 1, ()))
    service = SimpleNamespace(history=lately, alarms=Alarms(), readiness=lambda: Readiness(True), line=line)
    board = Board(cast(SpeechService, service), lambda: now[0])
    assert board.look() is board.look()
    assert f"voxdemo {__version__}" in board.look()[0]
    now[0] += REFRESH_S
    board.look()
    assert lately.asked == 2


@pytest.mark.long
def test_what_is_asked_turns_up_and_only_while_somebody_looks(looked_at: Server, open_page: OpenPage) -> None:
    page = open_page(looked_at)
    assert not [url for url in page.asked if "/embed-" in url]  # what draws plots weighs as much as all the rest
    open_tab(page)
    expect(page.locator("#vx-gist .said")).to_have_text("All is well.")
    expect(page.locator("#vx-gist")).to_contain_text("No requests in the last hour.")
    expect(page.locator("#vx-plots")).to_be_hidden()

    ask(looked_at, "Zanzibar one.", "Zanzibar one.", "Two words more.", "")
    refused = re.compile(r"^failed 0\s*refused 1$")
    expect(panel(page, "Failures").locator("ul")).to_have_text(refused, timeout=SOON_MS)
    expect(page.locator("#vx-gist")).to_contain_text("requests a minute")
    expect(panel(page, "Latency").locator("ul")).to_have_text(re.compile(r"^p50 0\.\d\d s\s*p95 \d\.\d\d s$"))
    expect(panel(page, "Queue").locator("ul")).to_have_text(re.compile(r"^running [01]\s*waiting [01]\s*room for 20$"))
    expect(panel(page, "Real-time factor").locator("ul")).to_have_text(re.compile(r"^speaking \d\.\d\d$"))
    expect(panel(page, "From the cache").locator("ul")).to_have_text(re.compile(r"^cache hits \d+ %$"))
    expect(panel(page, "Machine").locator("ul")).to_have_text(re.compile(r"^memory \d+ %"))
    expect(page.locator("#vx-plots svg.marks")).to_have_count(ALL_PLOTS)
    drawn = panel(page, "Latency").locator(".mark-line path").first
    expect(drawn).to_have_attribute("d", re.compile("^M.*L"))
    assert barriers(page) == []

    page.evaluate(WATCH_SHIFTS)
    ask(looked_at, *["raise"] * 4)
    with page.expect_response(re.compile("/predict")) as answer:
        expect(panel(page, "Failures").locator("ul")).to_have_text(re.compile("^failed 4"), timeout=SOON_MS)
    assert "Zanzibar" not in answer.value.text()
    assert page.evaluate("window.moved") == []
    wrong = re.compile(r"^\d\d% of the last jobs failed; the server's log says why\.$")
    expect(page.locator("#vx-gist .said li")).to_have_text([wrong], timeout=SOON_MS)
    on_a_dark_phone_all_can_be_read(page)
    nobody_is_asked_while_nobody_looks(page)


def on_a_dark_phone_all_can_be_read(page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    to_tab(page, "Speak")
    page.reload()
    is_there(page)
    page.clock.install()
    open_tab(page)
    expect(page.locator("#vx-gist .said li")).to_have_count(1)
    expect(page.locator("#vx-plots svg.marks")).to_have_count(ALL_PLOTS)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    outside = """() => [...document.querySelectorAll('.vx-panel svg text')].filter((text) => {
      const inner = text.getBoundingClientRect(), outer = text.closest('.vx-panel').getBoundingClientRect();
      return inner.left < outer.left || inner.right > outer.right || inner.bottom > outer.bottom;
    }).map((text) => text.textContent)"""
    assert page.evaluate(outside) == []
    assert barriers(page) == []


def asked_at_rest(page: Any) -> Sequence[str]:
    """What a page has asked for, once it has asked for nothing more for half a second."""
    asked: list[str] = []
    while asked != page.asked:
        asked = [*page.asked]
        page.wait_for_timeout(500)
    return asked


def nobody_is_asked_while_nobody_looks(page: Any) -> None:
    """On a page whose clock is the test's."""
    to_tab(page, "Speak")
    expect(page.locator("#vx-gist")).to_be_hidden()
    before = asked_at_rest(page)
    page.clock.fast_forward(60_000)
    assert asked_at_rest(page) == before
    with page.expect_response(re.compile("/predict")):
        open_tab(page)
