"""What a login is for at the page: saved voices that an account keeps, and batches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import STILL, WARM_UP, OpenPage, choose_voice, expect, needs_browser, says, speak, to_tab
from serving import Server, StartServer

pytestmark = [pytest.mark.long, needs_browser]
KEY = "a-key-of-some-length"


@pytest.fixture(scope="module")
def with_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("login")
    server = Server(folder, "tests/guarded_app.py", VOXDEMO_API_KEYS=KEY, VOXDEMO_AUTH="ann:word, bob:word")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


def log_in(browser: Any, server: Server, name: str) -> Any:
    page = browser.new_context(**STILL).new_page()
    page.goto(server.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("word")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".chip")).to_contain_text("ready", timeout=30_000)
    return page


def start(page: Any, *lines: str) -> None:
    to_tab(page, "Batch")
    expect(page.locator("#vx-batch-estimate")).to_contain_text(re.compile("Ready|login"))
    page.fill("#vx-lines textarea", "\n".join(lines))
    page.click("#vx-batch-start")


def test_voices_are_kept_in_the_account_whatever_the_browser_and_batches_are_spoken(
    browser: Any, with_login: Server
) -> None:
    page = log_in(browser, with_login, "ann")
    to_tab(page, "Voices")
    expect(page.locator("#vx-shelf .where")).to_have_text(re.compile("for your account only"))
    page.set_input_files("#vx-new-prompt input[type=file]", WARM_UP)
    page.locator("#vx-new-prompt .waveform-container").wait_for()
    page.locator("#vx-new-form .name input").fill("Ann")
    page.locator("#vx-new-form .consent input").check()
    page.click("#vx-new-form .save")
    expect(page.locator("#vx-new-form .say")).to_have_text("Ann is saved.")
    page.context.close()
    other, stranger = log_in(browser, with_login, "ann"), log_in(browser, with_login, "bob")
    to_tab(stranger, "Voices")
    expect(stranger.locator("#vx-shelf .none")).to_have_text("No saved voices yet.")
    stranger.context.close()
    choose_voice(other, "Ann")
    speak(other, "In my own voice.")
    says(other, re.compile("s of speech"))
    to_tab(other, "Voices")
    other.get_by_role("button", name="Play Ann").click()
    other.get_by_role("button", name="Stop Ann").click()
    other.get_by_role("button", name="Delete Ann").dblclick()
    expect(other.locator("#vx-shelf .say")).to_have_text("Ann is deleted.")
    expect(other.locator("#vx-shelf .voice b")).to_have_count(0)
    assert not list((with_login.folder / "cache" / "voices").rglob("*.wav"))

    start(other, "one", "two")
    says(other, "All 2 lines are spoken.", "#vx-batch-card")
    other.get_by_role("button", name="Play line 2").click()
    other.wait_for_function("document.querySelector('#vx-batch-card audio').currentTime > 0")
    with other.expect_download() as download:
        other.click("#vx-batch-card [data-whole=joined]")
    assert download.value.path().stat().st_size > 1000
    other.context.close()


def test_with_keys_alone_it_is_said_that_batches_need_a_login(start_server: StartServer, open_page: OpenPage) -> None:
    server = start_server("tests/guarded_app.py", VOXDEMO_API_KEYS=KEY)
    server.wait_until_ready()
    page = open_page(server)
    start(page, "one")
    says(page, "Batches need a login here. Log in again, or ask the server's operator.", "#vx-batch-card")
    assert not [url for url in page.asked if url.endswith("/v1/audio/jobs")]
