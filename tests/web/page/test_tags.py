"""What of a text is understood as tags, as the page lists it."""

from __future__ import annotations

from browsing import OpenPage, expect, needs_browser
from serving import Server

pytestmark = needs_browser


def test_the_tags_of_a_text_are_listed_below_it(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    chips, text = page.locator("#vx-tags li"), page.locator("#vx-text textarea")
    expect(chips).to_have_count(0)
    text.fill("[pause 0.8s] Hello. [Emma] I am Emma. [Dora] Hola. [Nobody] and [1] <b>[pause 60s]</b>")
    expect(chips).to_have_text(["Pause 0.8 s", "Emma · British English", "Dora · Spanish", "Pause 10 s"])
    text.fill("Hello.")
    expect(chips).to_have_count(0)
