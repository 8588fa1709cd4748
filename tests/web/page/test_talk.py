"""Talking on the page: what is typed or said is answered in words and in sound, and can be interrupted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
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
    to_tab,
)
from chatting import ANSWER, Chat
from serving import Server, eventually

pytestmark = needs_browser
ECHO_MS = 500  # as long as what the page plays may still be heard, and more
TRANSCRIPTION = "conversation.item.input_audio_transcription"
HEARS = """({hearing}, [told, isBroken]) => ALONE((line, happened) => {
  const one = hearing(true, {
    begin: () => happened.push('begin'), word: () => ({write() {}}), nothing: () => happened.push('nothing'),
    said: (text, _, samples) => happened.push([text, samples[0], samples.at(-1)]), end: () => happened.push('end'),
  });
  for (let tenth = 0; tenth < 80; tenth++) one.hear(new Int16Array(2400).fill(tenth));
  for (const event of told) line().hear(event);
  if (isBroken) line().dispatchEvent(new Event('close'));
  return happened.filter((each) => each !== 'closed');
})""".replace("ALONE", f"({ALONE})")
"""What happens to somebody who is heard for 8 s, each tenth of a second with its number as its sound."""
LENT = """{
  const lend = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wanted) => window.lent ? window.lent() : lend(wanted);
}"""
"""A microphone that a test may take another one for, when the page is there."""
NO_WORKLET = """() => {
  const {addModule} = AudioWorklet.prototype;
  AudioWorklet.prototype.addModule = async () => { throw new DOMException('', 'AbortError'); };
  window.hasWorklet = () => { AudioWorklet.prototype.addModule = addModule; };
}"""
"""The server doesn't send what a microphone needs until `hasWorklet` is called."""
RELEASED = """async ({microphone}) => {
  const context = new AudioContext(), tone = new OscillatorNode(context);
  const to = tone.connect(new MediaStreamAudioDestinationNode(context));
  tone.start();
  window.lent = async () => to.stream;
  const parts = [], hear = ({length}) => parts.push(length);
  const one = await microphone({hear, level() {}, end() {}});
  one.begin();
  while (parts.length < 3) await new Promise((wake) => setTimeout(wake, 10));
  await one.close();
  context.close();
  return parts;
}"""
"""How many samples a microphone hands on at once, the last of them when it is closed."""
LOOPED = """{
  const {Audio} = window;
  window.Audio = function () { return Object.assign(new Audio(), {loop: true}); };
}"""
"""What is heard again is heard again and again."""


def say(page: Any, words: str) -> None:
    page.locator(".talk textarea").fill(words)
    page.keyboard.press("Enter")


def test_what_is_typed_is_answered_and_can_be_interrupted(talking: Server, chat: Chat, open_page: OpenPage) -> None:
    page = open_page(talking, PHONE, script=LENT)
    page.goto(f"{talking.url}/#talk")
    page.get_by_role("button", name="Language tutor").click()
    say(page, "Is he in?")
    expect(page.locator(".talk-turns .mine")).to_have_text("Is he in?")
    expect(page.locator(".talk-turns .theirs")).to_have_text(ANSWER)
    expect(page.locator(".talk")).to_have_attribute("data-state", "idle")
    expect(page.locator(".talk .times")).to_contain_text("first sound after")
    expect(page.locator(".theirs .later")).to_have_count(0)
    system, asked = chat.asked[-1]["messages"]
    assert system["role"] == "system"
    assert "language tutor" in system["content"]
    assert "heard, not read" in system["content"]
    assert asked == {"role": "user", "content": "Is he in?"}

    say(page, "waits")  # behind its first sentence
    expect(page.locator(".talk-turns .theirs").last).to_contain_text("Certainly.")
    hung_up = chat.hung_up
    page.get_by_role("button", name="Stop the answer").click()
    eventually(lambda: chat.hung_up == hung_up + 1)
    expect(page.locator(".talk")).to_have_attribute("data-state", "idle")
    say(page, "say: Fine.")
    expect(page.locator(".talk-turns .theirs").last).to_have_text("Fine.")
    expect(page.locator(".talk")).to_have_attribute("data-state", "idle")
    told = chat.asked[-1]["messages"][3:]
    assert told[-1]["content"] == "say: Fine."
    assert "Dr. Smith" not in str(told)  # it was written, but nobody heard it

    assert barriers(page, *LOOKS) == []
    page.get_by_role("button", name="Hear again: Fine.").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: Fine.").click()
    expect(page.get_by_role("button", name="Copy: Fine.")).to_have_text("Copied")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as text").click()
    written = saved.value.path().read_text(encoding="utf-8")
    assert "Me: Is he in?" in written
    assert in_history(page) == [written]
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".talk-turns p")).to_have_count(0)
    page.evaluate(NO_WORKLET)
    page.get_by_label("Answer when I pause").click()
    expect(page.locator(".talk .say")).to_have_text("The connection to the server broke off. Try again.")
    page.evaluate("void (window.lent = async () => { throw new DOMException('', 'NotReadableError'); })")
    page.get_by_label("Answer when I pause").click()
    expect(page.locator(".talk .say")).to_have_text(
        "The microphone can't be opened. Close what else uses it, or connect it again."
    )
    page.evaluate("hasWorklet(); delete window.lent")
    page.get_by_label("Answer when I pause").check()
    expect(page.get_by_role("button", name="Stop listening")).to_be_visible()
    to_tab(page, "History")  # by its menu, as the page is narrow
    to_tab(page, "Talk")
    expect(page.get_by_label("Answer when I pause")).not_to_be_checked()


def test_what_got_no_answer_stays_with_why_is_not_sent_with_the_next_turn_and_can_be_said_again(
    talking: Server, chat: Chat, open_page: OpenPage
) -> None:
    page = open_page(talking, PHONE)
    page.goto(f"{talking.url}/#talk")
    mine, why = page.locator(".talk-turns .of-mine"), page.locator(".talk-turns .why span")
    expect(page.locator(".talk .acts")).to_be_in_viewport(ratio=1)
    place = page.locator(".talk .press").bounding_box()
    say(page, "fails once")
    expect(why).to_have_text("The language model failed on this: try again.")
    expect(page.locator(".talk .say")).to_have_text("The language model failed on this: try again.")
    say(page, "says nothing")
    expect(why.nth(1)).to_have_text("The language model gave no answer: ask again, or in other words.")
    say(page, "stalls")
    page.get_by_role("button", name="Stop the answer").click()
    expect(why.nth(2)).to_have_text("Stopped before it answered.")
    say(page, "stalls")
    expect(page.locator(".talk")).to_have_attribute("data-state", "thinking")
    say(page, "say: All of it.")  # somebody goes on before there is an answer
    expect(page.locator(".talk-turns .theirs")).to_have_text("All of it.")
    assert questions(chat) == ["stalls\nsay: All of it."]
    expect(page.locator(".talk")).to_have_attribute("data-state", "idle")

    mine.first.get_by_role("button", name="Try again").click()
    expect(page.locator(".talk-turns .theirs").last).to_have_text(ANSWER)
    assert questions(chat) == ["stalls\nsay: All of it.", "fails once"]
    expect(mine.last).to_contain_text("fails once")
    expect(mine).to_have_count(5)
    expect(why).to_have_count(2)
    expect(page.locator(".talk")).to_have_attribute("data-state", "idle")
    expect(page.locator(".talk .acts")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0
    assert page.locator(".talk .press").bounding_box() == place
    assert barriers(page, *LOOKS) == []


def questions(chat: Chat) -> list[str]:
    """What somebody has said of what the language model was told last."""
    return [each["content"] for each in chat.asked[-1]["messages"] if each["role"] == "user"]


def in_history(page: Any) -> list[str]:
    """The texts of this browser's History."""
    texts: list[str] = page.evaluate("JSON.parse(localStorage.getItem('voxdemo-history')).map(({asked}) => asked.text)")
    return texts


def late_sessions(page: Any) -> Callable[[], None]:
    """The page's next live session reaches the server when this is called."""
    opened: list[Any] = []
    told: list[str | bytes] = []

    def hold_back(line: Any) -> None:
        line.on_message(lambda message: told.append(message))  # Playwright takes no method
        opened.append(line)

    def connect() -> None:
        server = opened[0].connect_to_server()
        opened[0].on_message(lambda message: server.send(message))
        for message in told:
            server.send(message)

    page.route_web_socket(re.compile("/v1/realtime"), hold_back)
    return connect


def test_what_is_said_while_the_space_bar_is_held_is_answered_and_is_one_entry_of_the_history(
    talking: Server, chat: Chat, open_page: OpenPage
) -> None:
    chat.says = "Well, fine."
    page = open_page(talking, script=SPEAKS)
    connect = late_sessions(page)
    page.goto(f"{talking.url}/#talk")
    talk, mine = page.locator(".talk"), page.locator(".talk-turns .mine")
    expect(page.get_by_text("Wear headphones")).to_be_visible()
    page.evaluate(WATCH_SHIFTS)
    page.locator(".talk-turns").focus()
    page.keyboard.down(" ")
    expect(talk).to_have_attribute("data-state", "listening")
    expect(page.get_by_role("button", name="Release to send")).to_be_visible()
    page.wait_for_function("window.isSaid")
    page.keyboard.up(" ")
    expect(talk).to_have_attribute("data-state", "thinking")
    connect()  # what was said before is heard all the same
    expect(mine).to_have_text("heard")
    expect(page.locator(".talk-turns .theirs")).to_have_text("Well, fine.")
    expect(talk).to_have_attribute("data-state", "idle")
    expect(page.locator(".talk .times")).to_contain_text("heard in")
    page.get_by_role("button", name="Hear again: heard").click()
    assert [each for each in page.evaluate("window.moved") if each[0] > 0.01] == []
    say(page, "Again?")
    expect(page.locator(".talk-turns .theirs")).to_have_count(2)
    expect(talk).to_have_attribute("data-state", "idle")
    to_tab(page, "History")
    page.get_by_role("button", name=re.compile("Hear again: Me: heard")).click()
    expect(page.locator(".replay .words")).to_contain_text("Well, fine.")
    assert page.locator(".replay .save").get_attribute("href").startswith("blob:")
    with page.expect_download() as saved:
        page.get_by_role("button", name=re.compile("Save as text: Me: heard")).click()
    assert saved.value.path().read_text(encoding="utf-8").split("\n\n")[:2] == ["Me: heard", "Answer: Well, fine."]
    assert len(in_history(page)) == 1
    page.get_by_role("button", name=re.compile("Delete: Me: heard")).click()
    to_tab(page, "Talk")
    say(page, "Once more?")
    expect(page.locator(".talk-turns .theirs")).to_have_count(3)
    expect(talk).to_have_attribute("data-state", "idle")
    assert in_history(page) == [], "what was deleted doesn't come back"

    for _ in range(2):  # the second time while the first one is still read
        page.locator(".talk-turns").focus()
        page.keyboard.down(" ")
        expect(talk).to_have_attribute("data-state", "listening")
        page.locator(".talk textarea").focus()
        page.keyboard.up(" ")
        expect(talk).to_have_attribute("data-state", "thinking")
        expect(page.locator(".talk .press")).to_have_text("Hold to talk")


@pytest.mark.long
def test_there_is_no_such_tab_without_a_language_model_and_a_turn_has_its_own_sound(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server, script=LENT)
    expect(page.get_by_role("tab", name="Batch")).to_be_visible()
    expect(page.get_by_role("tab", name="Talk")).to_have_count(0)

    def turn(item: str, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        return [
            {"type": "input_audio_buffer.speech_started", "item_id": item, "audio_start_ms": start_ms},
            {"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": end_ms},
            {"type": f"{TRANSCRIPTION}.completed", "item_id": item, "transcript": item},
        ]

    told = [{"type": "session.updated"}, *turn("one", 100, 1000), *turn("two", 2000, 3000), *turn("three", 5000, 7000)]
    happened = of_module(page, "talk/hearing.js", HEARS, [told, False])
    assert happened == ["begin", ["one", 0, 9], "begin", ["two", 17, 29], "begin", ["three", 47, 69]]
    broken = of_module(page, "talk/hearing.js", HEARS, [[told[0], turn("one", 100, 1000)[0]], True])
    assert broken == ["begin", "nothing", "end"]
    *parts, last = of_module(page, "live/microphone.js", RELEASED)
    assert last < min(parts), "less than a whole block was heard when it was released, and is handed on"


@pytest.mark.long
def test_what_is_said_is_answered_and_speaking_interrupts(talking: Server, chat: Chat, open_page: OpenPage) -> None:
    chat.says = "Well, that is a long story. " * 25
    page = open_page(talking, script=SPEAKS + LOOPED)
    page.goto(f"{talking.url}/#talk")
    page.get_by_label("Answer when I pause").check()
    mine, theirs = page.locator(".talk-turns .mine"), page.locator(".talk-turns .theirs")
    expect(mine).to_have_text("heard")
    expect(page.locator(".talk")).to_have_attribute("data-state", "speaking")
    expect(page.locator(".talk .times")).to_contain_text("heard in")
    expect(theirs.locator("span").first).not_to_have_class("later")
    page.evaluate("speak()")
    expect(mine).to_have_count(2)
    expect(theirs.first).to_have_text(re.compile(r"^Well, that .* …$"))
    eventually(lambda: len(chat.asked[-1]["messages"]) == 4)
    said, answered, again = chat.asked[-1]["messages"][1:]
    assert (said["content"], again["content"]) == ("heard", "heard")
    assert answered["content"] == theirs.first.text_content()
    assert len(answered["content"]) < len(chat.says)  # what was heard of it
    page.keyboard.press("Escape")
    expect(page.locator(".talk .say")).to_have_text("Listening … it answers when you pause")

    page.get_by_role("button", name="Hear again: heard").first.click()
    expect(page.locator(".talk .say")).to_have_text("Playing. It listens again after that.")
    page.evaluate("isSaid = false; speak()")  # as if the microphone heard that
    page.wait_for_function("isSaid")
    page.get_by_role("button", name="Hear again: heard").first.click()
    expect(page.locator(".talk .say")).to_have_text("Listening … it answers when you pause")
    page.wait_for_timeout(ECHO_MS)
    page.evaluate("speak()")
    expect(page.locator(".talk")).to_have_attribute("data-state", "speaking")
    expect(mine).to_have_count(3)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop listening").click()
    expect(page.locator(".talk")).to_have_attribute("data-state", "idle")
