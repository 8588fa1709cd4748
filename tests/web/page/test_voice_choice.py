"""The choice of a voice in a real browser: samples, languages, and what is sent of it."""

from __future__ import annotations

import re
from typing import Any

from browsing import (
    LOOKS,
    PHONE,
    WATCH_SHIFTS,
    OpenPage,
    barriers,
    choose_voice,
    expect,
    needs_browser,
    open_tab,
    says,
    sent_prompts,
    speak,
)
from serving import Server

pytestmark = needs_browser


def test_a_built_in_voice_is_heard_by_a_sample_and_at_once_when_it_is_cached(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server)
    sample_is_heard_and_kept(page)
    page.set_viewport_size(PHONE)
    page.reload()
    sample_is_heard_and_kept(page)
    says(page, re.compile("reused from earlier$"), "#vx-sample")


def sample_is_heard_and_kept(page: Any) -> None:
    open_tab(page)
    expect(page.locator("#vx-ready .pick").first).to_have_text("HeartAmericanfemale")
    page.evaluate(WATCH_SHIFTS)
    button = page.get_by_role("button", name="Play a sample of Heart")
    button.click()
    says(page, re.compile(r"^4\.\d s of speech, (made in|reused)"), "#vx-sample")
    stop = page.get_by_role("button", name="Stop Heart")
    stop.click()
    before = len(page.asked)
    button.click()
    expect(stop).to_be_visible()
    assert not [url for url in page.asked[before:] if "queue" in url]
    assert page.evaluate("window.moved") == []


def test_a_voice_of_another_language_is_found_and_speaks(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    page.click("#vx-choice .change")
    page.get_by_role("searchbox", name="Search voices").fill("espan femal")
    expect(page.locator(".sheet .pick")).to_have_text([re.compile("^Dorafemale")])
    page.keyboard.press("Enter")
    expect(page.locator("#vx-choice .what")).to_have_text(re.compile("^DoraSpanishespañolfemale"))
    speak(page, "Buenos días, señora.")
    says(page, re.compile(r"^\d\.\d s of speech, (made in|reused)"))
    page.locator("#vx-examples button", has_text="中文").click()
    expect(page.locator("#vx-text textarea")).to_have_value(re.compile("^清晨"))
    expect(page.locator("#vx-choice .choice b")).to_have_text("Xiaobei")
    page.locator(".head .chip").click()
    card = page.get_by_role("dialog", name="Models on this server")
    kokoro = card.get_by_role("listitem").filter(has_text="Kokoro-82M")
    expect(kokoro).to_contain_text("ready")
    expect(kokoro).to_contain_text("50 voicesEnglish, Spanish, French, Italian, Portuguese, Japanese, Chinese")
    expect(card.get_by_role("listitem").filter(has_text="Built-in voice")).to_contain_text("English")
    expect(card.get_by_role("listitem").filter(has_text="recogniser")).to_contain_text("recognises speech")
    expect(card).to_contain_text("Copying voices needs VoxCPM")
    assert barriers(page, *LOOKS) == []
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(page.locator(".head .chip")).to_be_focused()


def the_same_on_batch(page: Any) -> None:
    """Batch has a choice of its own, by the same button, sheet and offer, and its dials follow the voice."""
    open_tab(page, "Batch")
    page.fill("#vx-lines textarea", "こんにちは、世界。\n駅はどこですか。")
    expect(page.locator("#vx-batch-offer [role=status]")).to_have_text("Your text looks like Japanese.")
    assert barriers(page, *LOOKS) == []
    page.locator("#vx-batch-offer button").press("Enter")
    expect(page.locator("#vx-batch-choice .choice b")).to_have_text("Alpha")
    expect(page.locator("#vx-choice .choice b")).to_have_text("Dora")
    expect(page.locator("#vx-batch-start")).to_be_focused()
    expect(page.locator("#vx-batch-offer button")).to_be_hidden()
    page.locator("#vx-batch-choice .change").press("Enter")
    assert barriers(page, *LOOKS) == []
    page.get_by_role("searchbox").locator("visible=true").press("Escape")
    expect(page.locator("#vx-batch-choice .change")).to_be_focused()
    page.route("**/v1/audio/jobs", lambda order: order.abort())  # what is spoken then isn't the page's
    with page.expect_request("**/v1/audio/jobs") as order:
        page.click("#vx-batch-start")
    sent = order.value.post_data_json
    assert (sent["voice"], sent["speed"], "seed" in sent) == ("jf_alpha", 1, False)


def looks_again(page: Any, title: str) -> None:
    """The page finds its server away for one look at it, and hears of a voice of this title when it is back."""
    page.route("**/ready", lambda look: look.abort(), times=1)
    with page.expect_response(lambda answer: "/predict" in answer.url and title in answer.text()):
        page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(".chip")).to_have_attribute("data-state", "ready")


def hiccup(page: Any) -> None:
    """The server is away for one look at it; what is chosen and an open list stay as they are."""
    before = page.locator("#vx-choice .choice b").inner_text()
    page.click("#vx-choice .change")
    row = page.locator(".sheet .pick").nth(20)
    row.focus()
    looks_again(page, "Xiaobei")
    expect(row).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#vx-choice .choice b")).to_have_text(before)


def test_a_voice_that_speaks_the_text_is_offered_beside_it(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    text, offer = page.locator("#vx-text textarea"), page.get_by_role("button", name="Use Dora español")
    told = page.locator("#vx-offer [role=status]")
    page.evaluate(WATCH_SHIFTS)
    text.fill("Buenos días, señora. El tren sale a las ocho.")
    expect(told).to_have_text("Your text looks like Spanish.")
    text.fill("Good morning, everyone, the train leaves at eight.")
    expect(told).to_have_text("")
    expect(page.locator("#vx-offer button")).to_be_hidden()
    text.fill("Buenos días, señora. El tren sale a las nueve.")
    offer.press("Enter")
    expect(offer).to_be_hidden()  # because Dora is chosen
    expect(page.locator("#vx-speak")).to_be_focused()
    text.fill("Der Zug fährt um acht Uhr ab.")
    expect(told).to_have_text("This looks like German; Dora speaks Spanish only.")
    assert page.evaluate("window.moved") == []
    hiccup(page)
    the_same_on_batch(page)


def test_what_is_sent_follows_when_there_are_other_voices_and_what_is_chosen_last(
    talking: Server, open_page: OpenPage
) -> None:
    page = open_page(talking)
    joined = sent_prompts(page)
    open_tab(page, "Batch")
    expect(page.locator("#vx-batch-choice .choice b")).to_have_text("Fake")
    expect(page.locator("#vx-batch-seed")).to_be_visible()
    open_tab(page, "Talk")
    expect(page.locator("#vx-talk-choice .choice b")).to_have_text("Fake")
    open_tab(page, "Speak")
    choose_voice(page, "From a recording")
    talking.http.post("/stage/become", json={"voices": ["first", "second", "third"], "honours": ["speed"]})
    looks_again(page, "Third")
    expect(page.locator("#vx-choice .choice b")).to_have_text("First")
    expect(page.locator("#vx-prompt")).to_be_hidden()
    speak(page, "one")
    says(page, re.compile("s of speech"))
    assert joined[-1]["data"][1:3] == ["Ready-made", "first"]
    chosen_last(page, "#vx-choice")
    speak(page, "one two")
    says(page, re.compile("s of speech"))
    assert joined[-1]["data"][1:3] == ["Ready-made", "third"]
    open_tab(page, "Batch")
    expect(page.locator("#vx-batch-choice .choice b")).to_have_text("First")
    expect(page.locator("#vx-batch-speed")).to_be_visible()
    expect(page.locator("#vx-batch-seed")).to_be_hidden()
    chosen_last(page, "#vx-batch-choice")
    open_tab(page, "Talk")
    expect(page.locator("#vx-talk-choice .choice b")).to_have_text("First")
    page.locator(".talk textarea").fill("Is he in?")
    with page.expect_request("**/v1/talk") as asked:
        page.keyboard.press("Enter")
    assert asked.value.post_data_json["voice"] == "first"


def chosen_last(page: Any, where: str) -> None:
    """Of two voices that are chosen before the server has answered, its dials are those of the second."""
    page.route("**/predict*", lambda _: None)
    with page.expect_request(lambda asked: "/predict" in asked.url and asks_dials(asked, "second")):
        choose_voice(page, "Second", where)
    choose_voice(page, "Third", where)
    with page.expect_request(lambda asked: "/predict" in asked.url and asks_dials(asked, "third")):
        page.unroute("**/predict*")  # which lets those go on that are held


def asks_dials(asked: Any, voice: str) -> bool:
    return bool(asked.post_data_json["data"] == ["Ready-made", voice])
