"""Sound in a real browser while it is still being made, and what is kept of it; over an engine that takes its time."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import soundfile
from browsing import (
    LOOKS,
    PHONE,
    SENTENCES,
    WATCH_SHIFTS,
    WIDE,
    OpenPage,
    barriers,
    expect,
    needs_browser,
    says,
    speak,
)
from rings import AT_NIGHT
from serving import Server, StartServer

pytestmark = needs_browser

TEXT = (
    "The birch canoe slid on the smooth planks of wood. Glue the sheet to the dark blue background.\n\n"
    "It is easy to tell the depth of a well. Four hours of steady work faced us."
)
LIVE_S = 60 if AT_NIGHT else 9
TRIES = 3
"""A busy machine holds up the fake voice as well; of a sound whose voice didn't keep its pace nothing is learned."""
ROUNDED_BY_S = 0.03
"""The position that the page tells, against the one that it marks words by."""
DONE = re.compile(r"^\d+\.\d s of speech, made in \d+\.\d s$")
KEEP_STARTS = """
window.starts = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at) {
  const {sampleRate} = this.context;
  window.starts.push([at * sampleRate, this.buffer.length, this.buffer.sampleRate - sampleRate]);
  return start.call(this, at);
};
"""
PLACES = """() => [document.body.scrollHeight, ...['#vx-text', '#vx-speak', '#vx-card', '#vx-more'].map(
  (part) => document.querySelector(part).getBoundingClientRect().top + scrollY)]"""
"""In the page, which scrolls to the card on a phone."""
KEEP_LINES = """() => {
  window.lines = [];
  const say = document.querySelector('#vx-card .say');
  const keep = () => window.lines.push(say.textContent);
  new MutationObserver(keep).observe(say, {childList: true, characterData: true, subtree: true});
}"""
LOOK_AWAY = """(away) => {
  Object.defineProperty(document, 'hidden', {value: away, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""
KEEP_NOTICES = """
window.notices = [];
window.asked = 0;
window.Notification = class extends EventTarget {
  static permission = 'default';
  static async requestPermission() { window.asked += 1; return Notification.permission = 'granted'; }
  constructor(title, {body}) { super(); window.notices.push(body); }
};
"""
BLOCK_SOUND = """
AudioContext.prototype.resume = () => new Promise(() => {});
const context = window.AudioContext;
window.AudioContext = function (options) { const made = new context(options); made.suspend(); return made; };
window.AudioContext.prototype = context.prototype;
const play = HTMLMediaElement.prototype.play;
let pressed = false;
addEventListener('click', (event) => { if (event.target.closest('.play')) pressed = true; }, true);
HTMLMediaElement.prototype.play = function () {
  return pressed ? play.call(this) : Promise.reject(new DOMException('not allowed', 'NotAllowedError'));
};
"""


WATCH_THE_END = """() => {
  const say = document.querySelector('#vx-card .say'), audio = document.querySelector('#vx-card audio');
  window.wasLive = null;
  new MutationObserver(() => { if (say.textContent.includes(' of speech')) window.wasLive ??= audio.paused; })
    .observe(say, {childList: true, characterData: true, subtree: true});
}"""
"""Notes whether the file didn't play yet when the card said that all is spoken: a look from here may come too late."""


def position(page: Any) -> float:
    return float(page.input_value("#vx-card .seek"))


def at_least(page: Any, seconds: float) -> None:
    page.wait_for_function(f"+document.querySelector('#vx-card .seek').value >= {seconds}")


def measured(page: Any, name: str) -> float:
    return float(page.get_attribute("#vx-card .card", f"data-{name}"))


def pace(page: Any) -> float:
    """Seconds of work for a second of sound, as the page tells them."""
    return float(re.findall(r"Real-time factor ([\d.]+)", page.text_content("#vx-card .figures"))[0])


def is_file(page: Any) -> bool:
    return bool(page.evaluate("!document.querySelector('#vx-card audio').paused"))


def test_sound_is_heard_while_it_is_made_and_goes_on_from_its_file(paced_server: Server, open_page: OpenPage) -> None:
    page = open_page(paced_server, script=KEEP_STARTS)
    speak(page, SENTENCES.replace(". ", ".\n\n"))
    at_least(page, 0.5)
    says(page, re.compile("^Speaking part"))
    expect(page.locator("#vx-card .seek")).to_be_disabled()
    page.evaluate(WATCH_THE_END)
    says(page, DONE)
    assert page.evaluate("window.wasLive")
    before = position(page)
    page.wait_for_function("!document.querySelector('#vx-card audio').paused")
    assert position(page) >= before > 1
    assert measured(page, "gaps") <= 50
    starts = page.evaluate("window.starts")
    assert len(starts) > 5
    assert {round(later[0] - (at + length)) for (at, length, _), later in pairwise(starts)} == {0}
    assert all(difference == 0 for _, _, difference in starts), "pieces that are resampled one by one don't join"
    page.wait_for_function("document.querySelector('#vx-card audio').ended")


@pytest.mark.long
def test_a_long_live_sound_has_no_gap_and_one_that_the_voice_takes_back_or_the_network_cuts_off_is_whole(
    paced_server: Server, open_page: OpenPage
) -> None:
    page = open_page(paced_server)
    paced_server.http.post("/pace/0.85")
    for _ in range(TRIES):
        speak(page, "The birch canoe slid on the smooth planks of wood. " * (LIVE_S // 3))
        page.wait_for_function(f"+document.querySelector('#vx-card .seek').value >= {LIVE_S}", timeout=120_000)
        first_sound, gaps = measured(page, "first-sound"), measured(page, "gaps")
        says(page, DONE)
        if pace(page) < 0.9:
            break
    assert pace(page) < 0.9, "the machine is too busy for the fake voice to keep its pace"
    assert first_sound <= 250
    assert gaps <= 50
    paced_server.http.post("/pace/0.5")
    speak(page, "One two three four again five six seven.")
    is_whole(page, "One two three four again five six seven.")
    assert position(page) == pytest.approx(page.evaluate("document.querySelector('#vx-card audio').duration"), abs=0.2)
    paced_server.http.post("/break")
    speak(page, "The birch canoe slid on the smooth planks of wood.")
    is_whole(page, "The birch canoe slid on the smooth planks of wood.")
    assert page.get_attribute("#vx-card .card", "data-state") == "done"


def is_whole(page: Any, text: str) -> None:
    """Wait until this text is heard, made and heard to its end."""
    expect(page.locator("#vx-card .words")).to_have_text(text)
    at_least(page, 0.3)
    says(page, DONE)
    page.wait_for_function("document.querySelector('#vx-card audio').ended")


def test_live_sound_pauses_its_words_are_marked_in_step_and_its_file_takes_over_where_it_is_sought(
    paced_server: Server, open_page: OpenPage
) -> None:
    page = open_page(paced_server)
    speak(page, TEXT)
    expect(page.locator("#vx-card .words .now")).to_have_text("The birch canoe slid on the smooth planks of wood.")
    expect(page.locator("#vx-card .words .later").last).to_contain_text("Four hours")
    assert page.locator("#vx-card .words").evaluate("(box) => box.textContent") == TEXT
    expect(page.locator("#vx-card .words .now")).to_have_text("Glue the sheet to the dark blue background.")
    page.locator("#vx-card").get_by_label("Pause", exact=True).click()
    page.wait_for_timeout(200)
    here = position(page)
    says(page, DONE)
    assert page.locator("#vx-card .words").evaluate("(box) => box.textContent") == TEXT
    assert position(page) == pytest.approx(here, abs=0.1)
    assert not is_file(page)
    assert lit(page) in words_at(page, paced_server, position(page))
    page.locator("#vx-card").get_by_label("Play", exact=True).click()
    at_least(page, here + 0.3)
    assert measured(page, "gaps") <= 50
    page.focus("#vx-card .seek")
    here = position(page)
    page.keyboard.press("PageUp")
    at_least(page, here + 5)
    page.wait_for_function("!document.querySelector('#vx-card audio').paused")
    page.get_by_text("Four hours of steady work faced us.").last.click()
    expect(page.locator("#vx-card .words .now")).to_have_text("Four hours of steady work faced us.")
    assert position(page) > 10
    page.locator("#vx-card").get_by_label("Pause", exact=True).click()
    assert lit(page) in words_at(page, paced_server, position(page)) != [[], []]
    assert page.locator("#vx-card .words").evaluate("(box) => box.textContent") == TEXT


def lit(page: Any) -> list[str]:
    """The words that are marked, within the sentence that is."""
    marked: list[str] = page.evaluate(
        """() => [...CSS.highlights.get('vx-word')].filter(({startContainer, endContainer}) => {
             const now = document.querySelector('#vx-card .words .now');
             return now?.contains(startContainer) && now.contains(endContainer);
           }).map(String)"""
    )
    return marked


def words_at(page: Any, server: Server, seconds: float) -> list[list[str]]:
    """The word that is heard then, by the captions of the sound, for the position rounded down and up."""
    token = page.get_attribute("#vx-card audio", "src").partition("speech/")[2].partition(".")[0]
    captions = server.http.get(f"/speech/{token}.json").json()["captions"]
    words = [word for *_, timed in captions for word in timed]

    def word_at(at: float) -> list[str]:
        begun = [(end, text) for start, end, text in words if start <= at + 0.05]
        return [text for end, text in begun[-1:] if at < end + 0.3]

    return [word_at(seconds - ROUNDED_BY_S), word_at(seconds + ROUNDED_BY_S)]


@pytest.mark.long
def test_a_slow_voice_is_waited_for_heard_without_a_gap_and_told_of_in_the_title_and_by_a_notice(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = start_server("tests/paced_app.py", PACE=1.4, VOXDEMO_CACHE_SIZE=0)  # it has learned of no other pace yet
    server.wait_until_ready()
    page = open_page(server, script=KEEP_NOTICES)
    page.evaluate(KEEP_LINES)
    page.evaluate(WATCH_SHIFTS)
    speak(page, SENTENCES)
    says(page, re.compile(r"^Speaking, about \d+ s left\nBuffering, sound in about \d s$"))
    assert position(page) == 0
    at_least(page, 0.3)
    says(page, DONE)
    page.wait_for_function("+document.querySelector('#vx-card .seek').value > 5.5")
    assert measured(page, "gaps") <= 50
    left = [int(line.split("about ")[1].split()[0]) for line in page.evaluate("window.lines") if " s left" in line]
    assert all(later <= 1.2 * shown for shown, later in pairwise(left))
    assert page.evaluate("window.moved") == []

    page.fill("#vx-text textarea", "The birch canoe slid on the smooth planks of wood. " * 15)
    page.click("#vx-speak")
    page.wait_for_function("window.asked === 1")
    page.evaluate(LOOK_AWAY, True)
    page.wait_for_function(r"/^\d+ % Speaking.* · voxdemo$/.test(document.title)")
    server.http.post("/pace/0.01")
    page.wait_for_function(r"/^1 min \d+ s of speech.* · voxdemo$/.test(document.title)")
    assert page.evaluate("window.notices.length") == 1
    assert re.match(r"1 min \d+ s of speech", page.evaluate("window.notices[0]"))
    page.evaluate(LOOK_AWAY, False)
    assert page.title() == "voxdemo"
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))
    assert page.evaluate("[window.asked, window.notices.length]") == [1, 1]


@pytest.mark.long
def test_a_voice_that_is_slower_than_expected_is_buffered_and_escape_before_a_sound_keeps_the_text(
    paced_server: Server, open_page: OpenPage
) -> None:
    page = open_page(paced_server)
    speak(page, TEXT)
    at_least(page, 0.3)
    paced_server.http.post("/pace/5")
    says(page, re.compile("\nBuffering, sound in about \\d+ s$"))
    paced_server.http.post("/pace/0.1")
    here = position(page)
    at_least(page, here + 0.5)
    says(page, DONE)
    assert measured(page, "gaps") > 50
    paced_server.http.post("/pace/5")
    speak(page, "Nothing of this is heard.")
    says(page, re.compile("^Speaking"))
    page.keyboard.press("Escape")
    says(page, "Cancelled. Your text is kept.")
    expect(page.locator("#vx-speak")).to_be_focused()
    expect(page.locator("#vx-card .downloads")).to_be_hidden()


def test_stop_keeps_what_was_spoken_and_nothing_keeps_anybody_out(paced_server: Server, open_page: OpenPage) -> None:
    page = open_page(paced_server)
    speak(page, f"{TEXT} " * 4)
    at_least(page, 0.3)
    assert barriers(page, *LOOKS) == []
    page.keyboard.press("Escape")
    says(page, re.compile("^Stopped"))
    assert barriers(page, *LOOKS) == []
    before = page.inner_text("#vx-estimate")
    page.fill("#vx-text textarea", TEXT)
    expect(page.locator("#vx-estimate")).not_to_have_text(before)
    page.evaluate(WATCH_SHIFTS)
    page.click("#vx-speak")
    expect(page.locator("#vx-card .words")).to_have_text(TEXT)
    at_least(page, 1)
    page.get_by_role("button", name="Stop", exact=True).click()
    here = position(page)
    says(page, re.compile(r"^Stopped\. The first \d+ s are kept\.$"))
    expect(page.locator("#vx-speak")).to_be_focused()
    expect(page.locator("#vx-cancel")).to_be_hidden()
    assert position(page) == pytest.approx(here, abs=0.3)
    page.wait_for_function("document.querySelector('#vx-card audio').duration > 0")
    total = page.evaluate("document.querySelector('#vx-card audio').duration")
    assert f"{round(total)} s" in page.inner_text("#vx-card .say")
    assert here < total < 12
    expect(page.locator("#vx-card .words .later").last).to_contain_text("Four hours")
    with page.expect_download() as download:
        page.click("#vx-card .save")
    kept = soundfile.info(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert kept.duration == pytest.approx(total, abs=0.05)
    page.locator("#vx-card").get_by_label("Play", exact=True).click()
    page.wait_for_function("document.querySelector('#vx-card audio').ended")
    expect(page.locator("#vx-estimate")).to_contain_text("Nobody is waiting.")
    assert page.evaluate("window.moved") == []
    page.click("#vx-speak")
    says(page, re.compile("^Speaking"))


@pytest.mark.long
def test_what_is_downloaded_is_what_its_name_says_and_the_menu_of_formats_closes(
    paced_server: Server, open_page: OpenPage
) -> None:
    paced_server.http.post("/pace/0.05")
    page = open_page(paced_server, PHONE)
    speak(page, SENTENCES)
    says(page, DONE)
    for ending in ("wav", "flac", "mp3", "opus", "aac", "srt", "vtt"):
        link = page.locator(f"#vx-card a[data-ending={ending}]")
        if ending != "wav":
            page.focus("#vx-card .downloads summary")
            page.keyboard.press("Enter")
            expect(link).to_be_visible()
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == f"voxdemo-the-birch-canoe-slid-on.{ending}"
        data = Path(download.value.path()).read_bytes()
        if ending in ("srt", "vtt"):
            assert "-->" in data.decode()
            assert "Glue the sheet to the dark blue background." in data.decode().replace("\n", " ")
            assert data.startswith(b"WEBVTT") is (ending == "vtt")
        elif ending == "aac":
            assert data.startswith(b"\xff\xf1")  # of ADTS, without a checksum
        else:
            info = soundfile.info(io.BytesIO(data))
            assert info.duration > 3
            assert info.format == {"wav": "WAV", "flac": "FLAC", "mp3": "MP3", "opus": "OGG"}[ending]
        expect(page.locator("#vx-card details[open]")).to_have_count(0)
    page.evaluate(WATCH_SHIFTS)
    for close in (lambda: page.keyboard.press("Escape"), lambda: page.click("#vx-card .facts")):
        page.click("#vx-card summary")
        box, card = page.locator("#vx-card dl").bounding_box(), page.locator("#vx-card").bounding_box()
        assert card["x"] <= box["x"]
        assert box["y"] + box["height"] <= card["y"] + card["height"]
        assert all(link.bounding_box()["height"] >= 24 for link in page.locator("#vx-card dl a").all())
        close()
        expect(page.locator("#vx-card details[open]")).to_have_count(0)
    assert page.evaluate("window.moved") == []
    page.click("#vx-card summary")
    assert barriers(page) == []


@pytest.mark.long
def test_a_browser_that_allows_no_sound_asks_for_a_press(paced_server: Server, open_page: OpenPage) -> None:
    page = open_page(paced_server, script=BLOCK_SOUND)
    speak(page, "The birch canoe slid on the smooth planks of wood.")
    says(page, "Audio is ready: press Play")
    expect(page.locator("#vx-card .figures")).to_contain_text("Seed")
    says(page, "Audio is ready: press Play")
    page.locator("#vx-card").get_by_label("Play", exact=True).click()
    page.wait_for_function("document.querySelector('#vx-card audio').currentTime > 0.3")
    says(page, DONE)


@pytest.mark.long
def test_seed_and_speed_reach_the_voice_and_a_seed_can_be_kept(paced_server: Server, open_page: OpenPage) -> None:
    paced_server.http.post("/pace/0.05")
    page = open_page(paced_server)
    page.click("#vx-fine .label-wrap")
    seed, speed = page.locator("#vx-seed").get_by_role("textbox"), page.get_by_label("number input for Speed")
    expect(seed).to_have_value("")
    page.get_by_role("button", name="New seed").click()
    expect(seed).to_have_value(re.compile(r"^\d+$"))
    seed.fill("1234")
    speed.fill("1.5")
    speed.press("Tab")
    speak(page, "With a seed.")
    says(page, DONE)
    asked = paced_server.http.get("/asked").json()
    assert [(one["seed"], one["speed"]) for one in asked] == [(1234, 1.5)]
    seed.fill("")
    speak(page, "Without a seed.")
    expect(page.locator("#vx-card .words")).to_contain_text("Without a seed.")
    says(page, DONE)
    drawn = re.search(r"Seed (\d+)", page.text_content("#vx-card .figures"))
    page.get_by_role("button", name="Keep this seed").click()
    expect(seed).to_have_value(drawn[1])
    expect(page.locator("#vx-card .keep")).to_have_text("Kept in Voice settings")
    page.click("#vx-speak")
    says(page, DONE)
    asked = paced_server.http.get("/asked").json()
    assert asked[-1]["seed"] == asked[-2]["seed"] == int(drawn[1])
    seed.fill("-1")
    page.click("#vx-speak")
    says(page, re.compile(r"^The seed must be from 0 to 4294967295, not -1\."))
    seed.fill("lucky")
    page.click("#vx-speak")
    says(page, "The seed must be a whole number: write another one, or leave it empty. Your text is kept.")
    expect(seed).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#vx-seed .wrong")).to_contain_text("must be a whole number")
    seed.fill("")
    expect(page.locator("#vx-seed .wrong")).to_have_count(0)
    page.click("#vx-speak")
    says(page, DONE)
    page.get_by_role("button", name="Another take").click()
    expect(seed).to_have_value(re.compile(r"^\d+$"))
    expect(page.locator("#vx-card .figures")).to_contain_text(re.compile("Seed"))


@pytest.mark.long
def test_nothing_moves_from_the_click_to_the_end_of_the_sound(paced_server: Server, open_page: OpenPage) -> None:
    paced_server.http.post("/pace/0.2")
    page = open_page(paced_server, PHONE, reduced_motion="no-preference")
    for viewport in (PHONE, WIDE):
        page.set_viewport_size(viewport)
        page.fill("#vx-text textarea", SENTENCES)
        expect(page.locator("#vx-estimate")).to_contain_text("characters")
        page.evaluate(WATCH_SHIFTS)
        places = page.evaluate(PLACES)
        page.click("#vx-speak")
        says(page, DONE)
        page.wait_for_function("!document.querySelector('#vx-card audio').paused")
        assert page.evaluate("window.moved") == []
        assert page.evaluate(PLACES) == places
