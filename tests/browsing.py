"""Visits to the page in a real browser. Imported by the tests that need one, which are skipped where there is none."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Server

from voxdemo.web.components.assets import MODULES

sync_api = pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright")
expect = sync_api.expect
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
IN_CI = "CI" in os.environ  # where .ci/run installs it, so that its absence is a failure
needs_browser = pytest.mark.skipif(CHROMIUM is None and not IN_CI, reason="the page's tests need a Chromium on PATH")

WARM_UP = Path(__file__).parent.parent / "assets" / "warm-up.flac"
SENTENCES = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a microphone that beeps; nobody is allowed to use it unless a test says so
]
WATCH_SHIFTS = """() => {
  window.moved = [];
  const nodes = (shift) => shift.sources.map(({node}) => node?.parentElement?.outerHTML.slice(0, 200));
  new PerformanceObserver((list) => window.moved.push(...list.getEntries().map((shift) => [shift.value, nodes(shift)])))
    .observe({type: 'layout-shift'});
}"""
OpenPage = Callable[..., Any]


def launched() -> Iterator[Any]:
    """A browser."""
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield running
        running.close()


def visits(browser: Any) -> Iterator[OpenPage]:
    """Opens a server's page and waits until it says that it is ready; each in a visitor's browser of its own."""
    visitors = []

    def open_one(server: Server, viewport: dict[str, int] = WIDE, script: str = "", **options: Any) -> Any:
        visitors.append(browser.new_context(viewport=viewport, **options))
        page = visitors[-1].new_page()
        page.add_init_script(script)
        page.set_default_timeout(30_000)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(server.url)
        expect(page.locator(".chip")).to_have_attribute("data-state", "ready", timeout=30_000)
        expect(page.locator("#vx-estimate")).to_contain_text(re.compile(r"\S"), timeout=30_000)
        return page

    yield open_one
    for visitor in visitors:
        visitor.close()


TAB_IS_SHOWN = """(name) => {
  const all = (selector) => [...document.querySelectorAll(`#vx-tabs ${selector}`)];
  const shown = (selector) => all(selector).filter((each) => each.checkVisibility());
  const named = shown('.tab-container:not(.visually-hidden) button').some((each) => each.textContent.trim() === name);
  return named ? 'in the row' : shown('.overflow-menu > button').length ? 'in the menu' : '';
}"""


def to_tab(page: Any, name: str) -> None:
    """Open this tab, which may be in the menu of those that a narrow page has no room for."""
    where = page.wait_for_function(TAB_IS_SHOWN, arg=name).json_value()
    if where == "in the row":
        page.locator("#vx-tabs .tab-container:not(.visually-hidden) button", has_text=name).click()
    else:
        page.locator("#vx-tabs .overflow-menu > button").click()
        page.locator("#vx-tabs .overflow-dropdown button", has_text=name).click()


MODULE = f"{MODULES}['%s']"
"""What one of the page's modules exports, by its path below assets/, as an expression in JavaScript."""


def of_module(page: Any, path: str, script: str, argument: Any = None) -> Any:
    """What a function in JavaScript makes of one of the page's modules and an argument."""
    return page.evaluate(f"(argument) => ({script})({MODULE % path}, argument)", argument)


def speak(page: Any, text: str) -> None:
    page.fill("#vx-text textarea", text)
    page.click("#vx-speak")


def says(page: Any, words: str | re.Pattern[str], card: str = "#vx-card") -> None:
    expect(page.locator(f"{card} .say")).to_have_text(words, timeout=60_000)


def barriers(page: Any) -> list[tuple[str, list[str]]]:
    """What axe finds that keeps people out."""
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="needs axe-core-python").Axe()
    page.evaluate("""() => Promise.all(document.getAnimations().map(
      (one) => one.effect.getTiming().iterations < 99 && one.finished.catch(() => {})))""")
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in axe.run(page)["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
