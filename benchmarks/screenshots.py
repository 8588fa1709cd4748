"""The pictures of the page: the README's, and with --all one of every tab, for whoever changes the look.

.venv/bin/python benchmarks/screenshots.py                    # assets/screenshot.png
.venv/bin/python benchmarks/screenshots.py --all FOLDER       # wide and narrow, light and dark, English and Chinese
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browsing import CHROMIUM, OPTIONS, PHONE, WARM_UP, WIDE, sync_api, to_tab  # type: ignore  # noqa: E402
from serving import Server  # type: ignore[import-not-found]  # noqa: E402

TEXT = (
    "The ferry leaves at half past nine. It calls at two islands and is back before dark. Bring a coat, because the "
    "wind on deck is colder than it looks from the pier."
)
TABS = {
    "en-US": ("Speak", "Recognise", "Voices", "History", "Batch", "Status"),
    "zh-CN": ("朗读", "识别", "声音", "历史", "批量", "状态"),
}


def opened(browser: Any, url: str, **options: Any) -> Any:
    """A page that is ready."""
    page = browser.new_context(**options).new_page()
    page.goto(url)
    page.wait_for_selector(".chip[data-state=ready]")
    page.wait_for_selector("#vx-estimate p:not(:empty)")
    return page


def speak(page: Any, text: str, state: str = "done") -> None:
    """Until the card is in this state, and heard a little way."""
    page.fill("#vx-text textarea", text)
    page.click("#vx-speak")
    page.wait_for_selector(f"#vx-card .card[data-state={state}]")
    if state == "done":
        page.wait_for_function("document.querySelector('#vx-card audio').currentTime > 1")


def for_readme(browser: Any, url: str) -> None:
    """Write assets/screenshot.png."""
    page = opened(browser, url, viewport={"width": 1200, "height": 780})
    speak(page, TEXT)
    page.screenshot(path=ROOT / "assets" / "screenshot.png")


def of_all(browser: Any, url: str, folder: Path) -> None:
    """Write a picture of every tab in every look, and of what happens on the Speak tab."""
    folder.mkdir(parents=True, exist_ok=True)
    for (width, viewport), scheme, (locale, tabs) in itertools.product(
        {"wide": WIDE, "phone": PHONE}.items(), ("light", "dark"), TABS.items()
    ):
        page = opened(browser, url, viewport=viewport, color_scheme=scheme, locale=locale)
        look = f"{width}-{scheme}-{locale[:2]}"
        page.screenshot(path=folder / f"{look}-empty.png", full_page=True)
        speak(page, TEXT)
        page.screenshot(path=folder / f"{look}-done.png", full_page=True)
        speak(page, "世界", "failed")
        page.screenshot(path=folder / f"{look}-failed.png", full_page=True)
        for number, name in enumerate(tabs[1:], 2):
            to_tab(page, name)
            if number == 2:
                page.set_input_files("#vx-recording input[type=file]", WARM_UP)
                page.click("#vx-recognise")
                page.wait_for_selector("#vx-heard .card[data-state=heard]")
            page.wait_for_timeout(700)  # the plots draw themselves
            page.screenshot(path=folder / f"{look}-{number}.png", full_page=True)
        page.context.close()


def main() -> None:
    """Start a server and photograph it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    folder = parser.parse_args().all
    server = Server(Path(tempfile.mkdtemp()))
    try:
        server.wait_until_ready()
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
            if folder:
                of_all(browser, server.url, folder)
            else:
                for_readme(browser, server.url)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
