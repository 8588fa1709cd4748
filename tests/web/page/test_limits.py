"""What a person at the page sees of the cache and of limits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import WARM_UP, OpenPage, expect, needs_browser, to_tab
from serving import Server

pytestmark = [pytest.mark.long, needs_browser]
TEXT = "#vx-text textarea"

WATCH = """() => {
  const said = document.querySelector('#vx-card .say');
  window.told = [];
  const note = () => said.textContent !== window.told.at(-1) && window.told.push(said.textContent);
  new MutationObserver(note).observe(said, {childList: true, characterData: true, subtree: true});
}"""
"""Keeps all that the card says; a busy machine may be too late to see each."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("limited"), "tests/fake_app.py", VOXDEMO_RATE_LIMIT="2/hour;1/3 seconds",
        VOXDEMO_TRUSTED_PROXIES="127.0.0.1",
    )  # fmt: skip
    server.wait_until_ready()
    server.http.post("/stage/open")
    yield server
    server.end()


def said(page: object, card: str = "#vx-card") -> object:
    return page.locator(f"{card} .say")  # type: ignore[attr-defined]


def ask(page: object, text: str) -> None:
    page.fill(TEXT, text)  # type: ignore[attr-defined]
    page.click("#vx-speak")  # type: ignore[attr-defined]


def speak_elsewhere(server: Server, address: str) -> None:
    """Uses the allowance right before the page asks: how long the page's own first request takes differs by machine."""
    sent = {"model": "tts-1", "input": f"from {address}", "voice": "alloy"}
    assert server.http.post("/v1/audio/speech", json=sent, headers={"X-Forwarded-For": address}).status_code == 200


def test_what_comes_from_the_cache_says_so_and_plays(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, extra_http_headers={"X-Forwarded-For": "192.0.2.1"})
    ask(page, "one two three four")
    expect(said(page)).to_contain_text("s of speech, made in")
    ask(page, "one two three four")
    expect(said(page)).to_contain_text("s of speech, reused from earlier")
    expect(page.get_by_role("button", name="Another take")).to_be_visible()
    expect(page.locator("#vx-card .figures")).to_contain_text("Seed")
    expect(page.locator("#vx-card .play")).to_be_enabled()


def test_who_asks_too_fast_sees_the_seconds_count_down_and_may_go_on(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, extra_http_headers={"X-Forwarded-For": "192.0.2.2"})
    page.evaluate(WATCH)
    page.fill(TEXT, "the second one")
    speak_elsewhere(server, "192.0.2.2")
    page.click("#vx-speak")
    expect(said(page)).to_have_text("You can go on now.", timeout=15_000)
    told = [words for words in page.evaluate("window.told") if words.startswith("Too many")]
    seconds = [
        int(re.fullmatch(r"Too many requests: try again in (\d) s\. Your text is kept\.", words)[1]) for words in told
    ]
    assert seconds == list(range(seconds[0], 0, -1))
    expect(page.locator(".toast-body")).to_be_hidden()
    page.click("#vx-speak")
    expect(said(page)).to_contain_text("made in")
    assert page.input_value(TEXT) == "the second one"


def test_who_uploads_too_much_is_told_in_words(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, extra_http_headers={"X-Forwarded-For": "192.0.2.3"})
    page.get_by_role("tab", name="Recognise").click()
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    expect(page.locator("#vx-recording .waveform-container")).to_be_visible()
    for _ in range(2):
        server.http.post("/gradio_api/upload", files={"files": b"x"}, headers={"X-Forwarded-For": "192.0.2.3"})
    page.click("#vx-recording [aria-label=Clear]")
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    toast = page.locator(".toast-body")
    expect(toast).to_contain_text("Too many requests: try again in")
    expect(toast).not_to_contain_text("{")


def test_who_starts_batches_too_often_is_told_the_seconds_and_goes_on(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, extra_http_headers={"X-Forwarded-For": "192.0.2.4"})
    to_tab(page, "Batch")
    expect(page.locator("#vx-batch-estimate")).to_contain_text("Ready")
    card = said(page, "#vx-batch-card")
    page.fill("#vx-lines textarea", "two")
    speak_elsewhere(server, "192.0.2.4")
    page.click("#vx-batch-start")
    expect(card).to_have_text(re.compile(r"^Too many requests\. Try again in [123] s\.$"))
    expect(card).to_have_text("You can go on now. Your lines are kept.")
    page.click("#vx-batch-start")
    expect(card).to_have_text("The line is spoken.")
