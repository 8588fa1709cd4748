"""Recognise, live: one presses, speaks and reads along, and keeps the text and the recording, however it ends."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browsing import (
    ALONE,
    LOOKS,
    PHONE,
    SPEAKS,
    WATCH_SHIFTS,
    OpenPage,
    barriers,
    expect,
    needs_browser,
    of_module,
    says,
    to_tab,
)
from serving import Server
from websockets.sync.client import connect

pytestmark = needs_browser
RESAMPLED = """({resampler}, [samples, from, to, blocks]) => {
  const each = resampler(from, to), made = [];
  for (let at = 0; at < samples.length; at += blocks) {
    made.push(...each(Float32Array.from(samples.slice(at, at + blocks))));
  }
  return made;
}"""
WAV = """async ({wav}, parts) =>
  [...new Uint8Array(await wav(parts.map((part) => Int16Array.from(part)), 24000).arrayBuffer())]"""
SESSION = """({session}, [told, unsent]) => ALONE((line, happened) => {
  const {setTimeout, clearTimeout} = window, timers = new Map();
  let count = 0;
  Object.assign(window, {
    setTimeout(call, ms, ...values) { timers.set(++count, () => call(...values)); return count; },
    clearTimeout(id) { timers.delete(id); },
  });
  try {
    const one = session({open() {}, change() {}, end: (error) => happened.push(error)});
    line().hear({type: 'session.updated'});
    line().bufferedAmount = unsent[0];
    one.stop();
    for (const event of told) line().hear(event);
    for (const left of unsent.slice(1)) {
      line().bufferedAmount = left;
      const due = [...timers.values()];
      timers.clear();
      due.forEach((call) => call());
      happened.push(left);
    }
  } finally {
    Object.assign(window, {setTimeout, clearTimeout});
  }
  return happened;
})""".replace("ALONE", f"({ALONE})")
"""What happens after Stop to a session that is told this; so many bytes are unsent then, and whenever it looks."""
EARLY = """({session}, isStopped) => ALONE((line, _, sent) => {
  const one = session({open() {}, change() {}, end() {}});
  one.hear(new Int16Array(3000));
  if (isStopped) one.stop();
  const before = sent.length;
  line().hear({type: 'session.updated'});
  return [before, sent];
})""".replace("ALONE", f"({ALONE})")
"""How much is sent before the server listens, and what as soon as it does, of what was heard and done before."""
RECORD, TURNS, TRANSCRIPT = "#vx-live .record", "#vx-live-card .turns", "#vx-said textarea"
WORDS = re.compile("line is open", re.IGNORECASE)


def saved(page: Any, press: str) -> Path:
    with page.expect_download() as download:
        page.click(press)
    return Path(download.value.path())


@contextmanager
def all_taken(server: Server) -> Iterator[None]:
    """Others who are listened to, as many as there may be."""
    address = f"{server.url.replace('http', 'ws')}/v1/realtime?intent=transcription"
    with ExitStack() as open_ones:
        while '"session.created"' in str(open_ones.enter_context(connect(address)).recv(timeout=30)):
            pass
        yield


@pytest.mark.long
def test_what_is_said_is_read_along_and_kept_and_spoken_again(server: Server, open_page: OpenPage) -> None:
    page = open_page(server, script=SPEAKS)
    to_tab(page, "Recognise")
    page.focus(RECORD)
    page.evaluate(WATCH_SHIFTS)
    page.keyboard.press("Enter")
    expect(page.locator("#vx-live-card .say")).to_have_text("Listening")
    expect(page.locator(f"{TURNS} p")).to_contain_text(WORDS)
    page.wait_for_function("window.isSaid")
    expect(page.locator("#vx-live .time")).to_have_text(re.compile("^0:0[4-9]|0:[1-5]"))
    expect(page.locator(RECORD)).to_have_accessible_name("Stop")
    page.keyboard.press("Escape")
    says(page, re.compile(r"^\d+\.\d s of audio, recognised live$"), "#vx-heard")
    assert page.evaluate("window.moved") == []
    expect(page.locator(RECORD)).to_have_accessible_name("Speak again")
    text = page.input_value(TRANSCRIPT)
    assert WORDS.search(text)
    assert " ".join(page.locator("#vx-live-card [role=log]").inner_text().split()) == " ".join(text.split())

    captions = saved(page, "#vx-heard [data-ending=srt]").read_text(encoding="utf-8")
    assert re.match(r"1\n00:00:0[0-2],\d{3} --> 00:00:0[1-9],\d{3}\n", captions)
    assert WORDS.search(captions)
    samples, rate = soundfile.read(saved(page, "#vx-live .keep"))
    assert rate == 24000
    assert len(samples) / rate == pytest.approx(
        page.evaluate("document.querySelector('#vx-heard audio').duration"), abs=0.1
    )
    assert np.sqrt(np.mean(samples[: 4 * rate] ** 2)) > 0.02

    with all_taken(server):
        page.click(RECORD)
        says(page, re.compile(r"^Busy: \d+ live sessions are open"), "#vx-heard")
    assert page.input_value(TRANSCRIPT) == text
    assert barriers(page, *LOOKS) == []
    page.click("#vx-speak-this button")
    expect(page.locator("#vx-text textarea")).to_have_value(text)
    expect(page.locator("#vx-text textarea")).to_be_focused()
    to_tab(page, "History")
    page.get_by_role("button", name=re.compile("^Hear again")).first.click()
    page.wait_for_function("document.querySelector('.history audio').currentTime > 0")


@pytest.mark.long
def test_a_connection_that_breaks_loses_nothing_that_was_heard(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server, PHONE, script=SPEAKS, color_scheme="dark")
    lines: list[Any] = []

    def let_through(line: Any) -> None:
        line.connect_to_server()
        lines.append(line)

    page.route_web_socket(re.compile("/v1/realtime"), let_through)
    to_tab(page, "Recognise")
    page.click(RECORD)
    expect(page.locator(TURNS)).to_contain_text("heard")
    assert barriers(page) == []
    expect(page.locator("#vx-live-card .say")).to_be_in_viewport()
    lines[0].close(code=1011)
    says(page, "The server ended the session. What was heard is kept.", "#vx-heard")
    expect(page.locator(TRANSCRIPT)).to_have_value("heard")
    page.fill(TRANSCRIPT, "")
    page.click("#vx-live .whole")
    says(page, re.compile(r"^English, \d+\.\d s of audio"), "#vx-heard")
    expect(page.locator(TRANSCRIPT)).to_have_value("heard")


def test_a_microphone_is_heard_at_the_rate_of_the_server_and_its_recording_is_a_wav(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server, script="Object.defineProperty(navigator, 'mediaDevices', {value: undefined});")
    for rate, tone, passes in ((48000, 1000, True), (44100, 3000, True), (16000, 3000, True), (48000, 15000, False)):
        sent = np.sin(2 * math.pi * tone * np.arange(rate // 4) / rate)
        made = np.array(of_module(page, "live/microphone.js", RESAMPLED, [sent.tolist(), rate, 24000, 1000]))
        assert len(made) == pytest.approx(6000, abs=60)
        level = np.sqrt(2 * np.mean(made[500:-500] ** 2))
        assert level == pytest.approx(1.0, abs=0.02) if passes else level < 0.01
        if passes:
            pure = np.sin(2 * math.pi * tone * np.arange(len(made)) / 24000)
            assert np.abs(made - pure)[500:-500].max() < 0.02, "its time is that of the sound"
    parts = [[0, 16384, -16384], [32767, -32768]]
    samples, rate = soundfile.read(io.BytesIO(bytes(of_module(page, "job/samples.js", WAV, parts))), dtype="int16")
    assert (samples.tolist(), rate) == ([*parts[0], *parts[1]], 24000)

    to_tab(page, "Recognise")
    sentence = "The microphone works only over https. Open the page at its https address."
    expect(page.locator("#vx-live .told")).to_have_text(sentence)
    page.click(RECORD)
    says(page, sentence, "#vx-heard")


def test_what_is_said_while_it_connects_is_sent_and_after_stop_all_is_read_until_the_last_commit_is_answered(
    fake_server: Server, open_page: OpenPage
) -> None:
    page, sound = open_page(fake_server), ["input_audio_buffer.append"] * 3
    assert of_module(page, "live/session.js", EARLY, False) == [0, sound]
    assert of_module(page, "live/session.js", EARLY, True) == [0, [*sound, "input_audio_buffer.commit"]]

    def happens(told: str, unsent: list[int] | None = None) -> Any:
        events = [LETTERS[letter] for letter in told]
        return of_module(page, "live/session.js", SESSION, [events, unsent or [0]])

    over = ["closed", None]
    assert happens("e") == over, "nothing was said last"
    assert happens("c.") == over
    assert happens("<>c.e") == happens("<>ce.") == over
    assert happens("<>c.") == [], "that was voice detection's commit, not the answer to its own"
    assert happens("<>c<") == happens("<>ce") == happens("c") == [], "a turn isn't read yet"
    unread = {"code": "unread"}
    assert happens("<>c.", [0, 0]) == happens("c", [0, 0]) == ["closed", unread, 0], (
        "what wasn't read isn't said to be whole"
    )
    assert happens("", [900, 500, 0, 0]) == [500, 0, "closed", unread, 0], "sound is still on its way"
    assert happens("", [900, 900]) == ["closed", {}, 900], "it gets no further"


TOLD = "conversation.item.input_audio_transcription.completed"
LETTERS = {
    "<": {"type": "input_audio_buffer.speech_started", "item_id": "a", "audio_start_ms": 0},
    ">": {"type": "input_audio_buffer.speech_stopped", "item_id": "a", "audio_end_ms": 900},
    "c": {"type": "input_audio_buffer.committed", "item_id": "a"},
    ".": {"type": TOLD, "item_id": "a", "transcript": "Yes."},
    "e": {"type": "error", "error": {"code": "input_audio_buffer_commit_empty"}},
}
