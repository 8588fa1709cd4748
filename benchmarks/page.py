"""How soon the page is there: first paint, and when a text can be written and Speak pressed, in headless Chromium.

Over loopback, each visit in a browser context of its own, so that nothing is cached; the server is warm. Beside it what
is asked for: requests and bytes until the page can be used. The last row is over a slow line.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from browsing import CHROMIUM, OPTIONS, PHONE, WIDE, sync_api  # type: ignore[import-not-found]  # noqa: E402
from serving import Server  # type: ignore[import-not-found]  # noqa: E402

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
USABLE = """() => {
  const speak = document.querySelector('#vx-speak'), card = window.voxdemo?.cards['vx-card'];
  const text = document.querySelector('#vx-text textarea');
  return speak && !speak.disabled && card && text?.checkVisibility({visibilityProperty: true}) && performance.now();
}"""


SLOW_LINE = {"offline": False, "latency": 300, "downloadThroughput": 500e3 / 8, "uploadThroughput": 500e3 / 8}
"""500 kbit/s, and 300 ms until an answer begins."""


def visit(browser: Any, url: str, viewport: dict[str, int], line: dict[str, Any] | None) -> dict[str, float]:
    """What one visitor meets, in seconds, requests and kilobytes."""
    context = browser.new_context(viewport=viewport)
    page = context.new_page()
    if line:
        context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(url, wait_until="commit")
    usable_ms = page.wait_for_function(USABLE, polling=10).json_value()
    painted_ms = page.evaluate(PAINTED)
    received = sum(answer.request.sizes()["responseBodySize"] for answer in answers if answer.ok)
    context.close()
    return {"painted": painted_ms / 1000, "usable": usable_ms / 1000, "requests": len(answers), "kB": received / 1000}


def main() -> None:
    """Print medians and the slowest of the rounds, wide and on a phone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    server = Server(Path(tempfile.mkdtemp()))
    try:
        server.wait_until_ready()
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
            rows = (("1440 px", WIDE, None), ("390 px", PHONE, None), ("500 kbit/s, 300 ms", WIDE, SLOW_LINE))
            for name, viewport, line in rows:
                met = [visit(browser, server.url, viewport, line) for _ in range(rounds)]
                told = [f"{key} {statistics.median(each[key] for each in met):.2f}" for key in met[0]]
                slowest = max(each["usable"] for each in met)
                print(f"{name}: {', '.join(told)} (median of {rounds}); slowest usable {slowest:.2f} s")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
