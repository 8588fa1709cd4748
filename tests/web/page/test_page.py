"""The page in a real browser, as a person meets it: with the real models, and with a fake engine that can clone."""

from __future__ import annotations

import io
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import soundfile
from browsing import (
    SENTENCES,
    WARM_UP,
    OpenPage,
    choose_voice,
    expect,
    in_line,
    needs_browser,
    says,
    speak,
    step,
    to_tab,
)
from checkpoints import voxcpm
from fake_hub import serve
from serving import Server, StartServer, eventually

pytestmark = needs_browser


def test_a_text_is_spoken_and_can_be_heard_paused_and_sought(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    speak(page, SENTENCES)
    says(page, re.compile(r"^\d+\.\d s of speech, made in \d+\.\d s$"))
    page.wait_for_function("document.querySelector('#vx-card audio').readyState >= 1")
    duration = page.evaluate("document.querySelector('#vx-card audio').duration")
    shown = page.inner_text("#vx-card .time").split(" / ")[1]
    assert shown == f"{round(duration) // 60}:{round(duration) % 60:02}"
    page.wait_for_function("document.querySelector('#vx-card audio').currentTime > 0")
    expect(page.locator("#vx-card .words")).to_have_text(SENTENCES)
    expect(page.locator("#vx-card .now")).to_have_count(1)
    expect(page.locator("#vx-card .figures")).to_be_hidden()
    page.get_by_text("Details", exact=True).click()
    figures = re.compile(r"^Real-time factor 0\.\d+First sound after \d+\.\d\d\ss$")
    expect(page.locator("#vx-card .figures")).to_have_text(figures)
    page.locator("#vx-card").get_by_label("Pause", exact=True).click()
    page.evaluate("document.querySelector('#vx-card audio').currentTime = 0.5")
    page.focus("#vx-card .seek")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#vx-card .time")).to_contain_text("0:01 /")
    page.locator("#vx-card").get_by_label("Play", exact=True).click()
    page.wait_for_function("document.querySelector('#vx-card audio').currentTime > 1.6")


@pytest.mark.long
def test_the_page_of_a_space_speaks_and_asks_nobody_else(space: StartServer, open_page: OpenPage) -> None:
    server = space("tests/guarded_app.py")
    forbidden = set()

    def watch(page: Any) -> None:
        page.on("requestfailed", lambda request: request.failure == "csp" and forbidden.add(request.url))

    page = open_page(server, before=watch)  # where it is a Space's, Gradio's page wants fonts of Google's
    speak(page, SENTENCES)
    says(page, re.compile(r"^\d+\.\d s of speech, made in \d+\.\d s$"))
    asked = {url for url in page.asked if not url.startswith((server.url, "data:", "blob:"))}
    assert asked == forbidden != set()


@pytest.mark.long
def test_the_banner_follows_a_download_and_the_page_its_engine(
    start_server: StartServer, open_page: OpenPage, tmp_path: Path
) -> None:
    with serve({"openbmb/VoxCPM2": voxcpm(tmp_path / "weights", "2")}) as hub:
        hub.hold_at = 1 << 16
        network = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "", "HF_HOME": tmp_path / "hub"}
        server = start_server(
            "tests/app_with_gpu.py", VOXDEMO_VOXCPM_MODEL="openbmb/VoxCPM2", VOXDEMO_RECOGNIZER="builtin", **network
        )
        server.wait_until_ready()
        page = open_page(server)
        expect(page.locator("#vx-banner")).to_contain_text(re.compile("VoxCPM2 is being downloaded: .* of .* MB"))
        expect(page.locator(".chip")).to_have_text("Built-in voice, ready")
        expect(page.locator("#vx-examples").get_by_role("button", name="Cloned voice")).to_have_count(0)
        assert "is being downloaded" in server.http.get("/ready").json()["pending"]
        assert rate_of(server) == 24_000
        page.fill("#vx-text textarea", "Kept while the voice changes.")
        hub.go_on.set()
        expect(page.locator(".chip")).to_have_text("VoxCPM2, ready", timeout=60_000)
        expect(page.locator("#vx-banner")).to_contain_text("VoxCPM2 speaks 30 languages")
        expect(page.locator("#vx-examples").get_by_role("button", name="Cloned voice")).to_be_visible()
        expect(page.locator("#vx-text textarea")).to_have_value("Kept while the voice changes.")
        page.click("#vx-fine .label-wrap")
        page.get_by_label("How to speak").fill("slow")
        page.click("#vx-speak")
        says(page, re.compile(r"^0\.\d s of speech, made in \d+\.\d s$"))
        assert rate_of(server) == 48_000
        assert server.http.get("/ready").json()["pending"] == ""


def rate_of(server: Server) -> int:
    """The samples a second of what its voice says to a program."""
    answer = server.http.post("/v1/audio/speech", json={"input": "Hello.", "response_format": "wav"}, timeout=60)
    return int(soundfile.info(io.BytesIO(answer.content)).samplerate)


def test_nothing_to_speak_or_to_read_is_said_at_once_and_a_text_outlives_a_reload(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    page.click("#vx-speak")
    says(page, "There is no text yet. Write something, then press Speak.")
    expect(page.locator("#vx-text textarea")).to_be_focused()
    page.get_by_role("tab", name="Recognise").click()
    page.click("#vx-recognise")
    says(page, "There is no recording yet. Upload or record one first.", "#vx-heard")
    assert not [url for url in page.asked if "queue/join" in url]
    to_tab(page, "Speak")
    field = page.locator("#vx-text textarea")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#vx-text .wrong")).to_have_text("There is no text yet. Write something, then press Speak.")
    field.fill("Some.")
    expect(page.locator("#vx-text .wrong")).to_have_count(0)
    assert field.get_attribute("aria-invalid") is None
    page.reload()
    expect(field).to_have_value("Some.")
    fake_server.http.post("/stage/open")
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))


def test_an_example_fills_the_text_and_what_the_engine_cannot_do_is_not_offered_and_one_line_says_why(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server)
    the_tags_of_a_text_are_listed_below_it(page)
    page.get_by_role("button", name="Numbers").click()
    expect(page.locator("#vx-text textarea")).to_have_value(re.compile(r"^Dr\. Okafor paid"))
    expect(page.locator("#vx-estimate")).to_contain_text(
        re.compile(r"\d+ characters, about \d+\ss\. Nobody is waiting\.")
    )
    page.fill("#vx-text textarea", "a" * 48_000)
    expect(page.locator("#vx-estimate")).to_contain_text("48,000 of 50,000 characters")
    page.fill("#vx-text textarea", "a" * 50_001)
    expect(page.locator("#vx-estimate")).to_contain_text("1 more than the 50,000 that fit")
    expect(page.locator("#vx-banner")).to_contain_text("Type a text and hear it. This server speaks 7 languages")
    expect(page.get_by_role("group", name="Voice", exact=True)).to_contain_text("Heart")
    for hidden in ("#vx-prompt", "#vx-form", "#vx-read"):
        expect(page.locator(hidden)).to_be_hidden()
    note = page.locator("#vx-own-note")
    note.get_by_text("How to get it").click()
    expect(note).to_contain_text("./launch.sh --engine voxcpm")
    page.get_by_role("button", name="Voice settings").click()
    expect(page.locator("#vx-fine-note")).to_have_text(
        "The built-in voice supports speed only. The other settings need VoxCPM."
    )
    expect(page.get_by_label("range slider for Speed")).to_be_enabled()
    for absent in ("Guidance", "Steps", "Write out numbers", "Remove noise", "Seed", "How to speak"):
        expect(page.get_by_label(re.compile(absent))).to_have_count(0)
    speak(page, "No other take.")
    says(page, re.compile("s of speech"))
    for hidden in ("Another take", "Keep this seed"):
        expect(page.get_by_role("button", name=hidden)).to_be_hidden()
    assert "Seed" not in page.inner_text("body")
    page.goto(f"{server.url}/#text=From a link.&seed=7&cfg_value=3&kind=From a recording&speed=1.5")
    expect(page.locator("#vx-text textarea")).to_have_value("From a link.")
    page.get_by_role("button", name="Link and code").click()
    expect(page.locator(".share .written")).to_have_text(f"{server.url}/#text=From+a+link.&speed=1.5")
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))
    expect(page.locator("#vx-card .note")).to_have_count(0)
    to_tab(page, "Voices")
    expect(page.locator("#vx-new")).to_contain_text("Copying voices needs VoxCPM")
    expect(page.locator("#vx-new .save")).to_be_hidden()


def the_tags_of_a_text_are_listed_below_it(page: Any) -> None:
    chips, text = page.locator("#vx-tags li"), page.locator("#vx-text textarea")
    expect(chips).to_have_count(0)
    text.fill("[pause 0.8s] Hello. [Emma] I am Emma. [Dora] Hola. [Nobody] and [1] <b>[pause 60s]</b>")
    expect(chips).to_have_text(["Pause 0.8 s", "Emma · British English", "Dora · Spanish", "Pause 10 s"])
    text.fill("Hello.")
    expect(chips).to_have_count(0)
    text.fill("")


@pytest.mark.long
def test_a_screen_reader_hears_states_and_the_bar_has_the_progress(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    page.evaluate(
        """() => {
             window.heard = [];
             const keep = ({target}) => {
               const region = (target.closest ? target : target.parentElement)?.closest('[role=status], [aria-live]');
               if (region?.textContent.trim()) window.heard.push(region.textContent.trim());
             };
             new MutationObserver((all) => all.forEach(keep))
               .observe(document.body, {subtree: true, childList: true, characterData: true});
           }"""
    )
    speak(page, "One two three. " * 30)
    says(page, re.compile("^Speaking part"))
    expect(page.locator("#vx-card .bar")).to_have_attribute("aria-valuetext", re.compile(r"^Speaking part \d+ of \d+"))
    for _ in range(10):
        step(fake_server, 9)
    says(page, re.compile("s of speech"))
    heard = page.evaluate("window.heard")
    assert len(heard) <= 6, heard
    assert "Speaking" in heard
    assert re.fullmatch(r"Done, \d+\.\d s", page.inner_text("#vx-card .live"))


@pytest.mark.long
def test_one_sound_plays_at_a_time(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    speak(page, f"{SENTENCES} {SENTENCES}")
    is_playing = "() => !document.querySelector('#vx-card audio').paused"
    page.wait_for_function(is_playing)
    to_tab(page, "Voices")
    page.get_by_role("button", name="Play a sample of Heart").click()
    expect(page.get_by_role("button", name="Stop Heart")).to_be_visible()
    page.wait_for_function(f"!({is_playing})()")
    to_tab(page, "History")
    page.locator("#vx-history .pick").first.click()
    page.wait_for_function("!document.querySelector('#vx-history audio').paused")
    expect(page.get_by_role("button", name="Stop Heart", include_hidden=True)).to_have_count(0)
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelector('#vx-history audio').paused")


def test_an_example_speaks_at_one_click_and_outlives_a_reload(server: Server, open_page: OpenPage) -> None:
    page = open_page(server)
    page.get_by_role("button", name="Hear an example").click()
    says(page, re.compile("s of speech"))
    page.wait_for_function("document.querySelector('#vx-card audio').currentTime > 0")
    expect(page.locator("#vx-text textarea")).to_have_value(re.compile("^The ferry"))
    page.reload()
    says(page, re.compile(r"^\d\.\d s of speech, spoken before$"))
    expect(page.locator("#vx-card .save")).to_be_visible()
    page.locator("#vx-card .words").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#vx-card .now")).to_contain_text("It calls")


def test_a_recording_of_a_voice_is_read_and_spoken_with(fake_server: Server, open_page: OpenPage) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server)
    choose_voice(page, "From a recording")
    expect(page.locator("#vx-own-note p")).to_have_count(0)
    speak(page, "In my own voice.")
    says(page, re.compile("^There is no recording of the voice yet: .*Your text is kept.$"))
    page.set_input_files("#vx-prompt input[type=file]", WARM_UP)
    page.locator("#vx-prompt .waveform-container").wait_for()
    page.click("#vx-read")
    expect(page.get_by_label("Transcript of the recording")).to_have_value("heard", timeout=30_000)
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))
    page.get_by_role("button", name="Voice settings").click()
    expect(page.get_by_label("range slider for Guidance")).to_be_enabled()


@pytest.mark.long
def test_a_kind_of_voice_that_is_chosen_before_the_page_is_all_there_stays(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    page.route("**/predict*", lambda _: None)
    page.reload()
    choose_voice(page, "From a recording")
    with page.expect_response(re.compile("/predict")):
        page.unroute("**/predict*")  # which lets those go on that are held
    expect(page.locator("#vx-estimate")).to_contain_text(re.compile(r"\S"))
    page.wait_for_load_state("networkidle")
    expect(page.locator("#vx-choice .choice b")).to_have_text("From a recording")
    expect(page.locator("#vx-prompt")).to_be_visible()


def test_the_keys_speak_and_cancel_and_pressed_twice_it_speaks_once(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    page.fill("#vx-text textarea", "one two three")
    page.focus("#vx-text textarea")
    page.keyboard.press("Control+Enter")
    says(page, re.compile("^Speaking"))
    expect(page.locator("#vx-cancel")).to_be_visible()
    page.keyboard.press("Escape")
    says(page, "Cancelled. Your text is kept.")
    expect(page.locator("#vx-speak")).to_be_focused()
    expect(page.locator("#vx-cancel")).to_be_hidden()
    step(fake_server, 1)
    speak(page, "only once")
    page.click("#vx-speak")
    says(page, re.compile("^Speaking"))
    page.click("#vx-speak")
    fake_server.http.post("/stage/open")
    says(page, re.compile("s of speech"))
    assert fake_server.http.get("/stage").json()["started"] == ["one two three", "only once"]


@pytest.mark.long
def test_the_line_is_seen_without_typing_a_place_in_it_is_shown_and_moves_up_and_a_page_that_is_closed_leaves_it(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    line = page.locator("#vx-estimate span")
    expect(line).to_have_text("Nobody is waiting.")
    with in_line(fake_server, "one"):
        expect(line).to_have_text(re.compile("^1 person is being served"))
        with in_line(fake_server, "two words more"):
            expect(line).to_have_text(re.compile("^2 people are ahead of you"))
            speak(page, "three")
            says(page, re.compile("^2 people ahead of you"))
            step(fake_server, 1)
            says(page, re.compile("^1 person ahead of you"))
            left = fake_server.log.count(" cancelled, by ")
    eventually(lambda: fake_server.log.count(" cancelled, by ") > left)
    step(fake_server, 1)
    says(page, re.compile("^Speaking"))
    fake_server.http.post("/stage/open")
    says(page, re.compile("s of speech"))
    expect(line).to_have_text("Nobody is waiting.")
    fake_server.http.post("/stage/reset")
    speak(page, "four")
    says(page, re.compile("^Speaking"))
    page.close()
    eventually(lambda: fake_server.in_line() == 0)


def test_a_stop_before_the_server_has_answered_stops_and_speak_right_after_one_speaks(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    answers: list[Any] = []
    page.route("**/queue/join*", lambda answer: answers.append(answer))
    speak(page, "one two three")
    expect(page.locator("#vx-card .card")).to_have_attribute("data-state", "sent")
    page.click("#vx-cancel")
    says(page, "Stopping")
    for answer in answers:
        answer.continue_()
    says(page, "Cancelled. Your text is kept.")
    page.unroute("**/queue/join*")
    fake_server.http.post("/stage/open")
    eventually(lambda: fake_server.in_line() == 0)
    for pause_ms in (0, 10, 30, 100):
        fake_server.http.post("/stage/reset")
        speak(page, "one two three")
        says(page, re.compile("^Speaking"))
        page.fill("#vx-text textarea", f"and again {pause_ms}")
        page.evaluate(
            """(pause) => {
                 document.querySelector('#vx-cancel').click();
                 setTimeout(() => document.querySelector('#vx-speak').click(), pause);
               }""",
            pause_ms,
        )
        page.wait_for_timeout(pause_ms)
        fake_server.http.post("/stage/open")
        expect(page.locator("#vx-card .words")).to_have_text(f"and again {pause_ms}")
        says(page, re.compile("s of speech, made"))
        assert fake_server.http.get("/stage").json()["started"][-1] == f"and again {pause_ms}"


def test_a_failure_is_one_sentence_each_time_and_the_text_stays_and_what_was_spoken_before_it(
    fake_server: Server, open_page: OpenPage
) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server)
    for _ in range(2):
        speak(page, "refuse")
        says(page, "This can't be said: say something else. Your text is kept.")
        expect(page.locator("#vx-text textarea")).to_have_value("refuse")
    speak(page, "raise")
    expect(page.locator("#vx-card .card")).to_have_attribute("data-state", "failed")
    assert "secret" not in page.inner_text("body")
    speak(page, "Please refuse now.")
    says(page, re.compile("s of speech"))
    expect(page.locator("#vx-card .words .note")).to_contain_text("The voice stopped after")
    expect(page.locator("#vx-card .save")).to_be_visible()
    to_tab(page, "Recognise")
    file = {"name": "noise.wav", "mimeType": "audio/wav", "buffer": b"not a recording"}
    page.set_input_files("#vx-recording input[type=file]", file)
    page.locator("#vx-recording .waveform-container").wait_for(state="attached")
    page.click("#vx-recognise")
    says(page, re.compile(r"^This file isn't audio, or is damaged\."), "#vx-heard")
    expect(page.locator("#vx-heard .card")).to_have_attribute("data-state", "failed")


@pytest.mark.long
def test_a_full_line_is_a_sentence_on_the_card_and_a_lost_server_is_told_and_that_it_is_back(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = start_server("tests/fake_app.py", VOXDEMO_QUEUE_SIZE=1)
    server.wait_until_ready()
    page = open_page(server)
    with in_line(server, "one"), in_line(server, "two"):
        speak(page, "three")
        says(page, re.compile(r"^Busy: 1 person is waiting\..*Your text is kept\.$"))
    expect(page.locator(".toast-body")).to_have_count(0)
    server.http.post("/stage/open")
    eventually(lambda: not server.in_line())
    server.http.post("/stage/reset")
    speak(page, "one two")
    says(page, re.compile("^Speaking"))
    server.stop(signal.SIGKILL)
    away = re.compile(r"^Can't reach the server \(\d+ s\)\. Retrying; your text is safe\.$")
    says(page, away)
    expect(page.locator(".chip")).to_have_text("Can't reach the server")
    page.evaluate("document.querySelector('#vx-card .say').textContent = ''")
    page.click("#vx-speak")
    says(page, away)
    to_tab(page, "Recognise")
    page.locator("#vx-recordings button").first.click()
    says(page, re.compile(r"^Can't reach the server \(\d+ s\)\. Retrying; your recording is safe\.$"), "#vx-heard")
    to_tab(page, "Batch")
    page.fill("#vx-lines textarea", "one")
    page.click("#vx-batch-start")
    says(page, "Can't reach the server. Your lines are kept. Try again in a moment.", "#vx-batch-card")
    to_tab(page, "Status")
    expect(page.locator("#vx-gist .away")).to_be_visible()
    expect(page.locator(".toast-body")).to_be_hidden()  # Gradio's own sentence, in English only
    again = start_server("tests/fake_app.py", port=server.port)
    again.wait_until_ready()
    says(page, "The server is back: press Speak again.")
    to_tab(page, "Speak")
    expect(page.locator("#vx-text textarea")).to_have_value("one two")
    again.http.post("/stage/open")
    page.click("#vx-speak")
    says(page, re.compile("s of speech"))
    expect(page.locator(".chip")).to_contain_text("ready")
    again.stop(signal.SIGKILL)
    page.evaluate("window.dispatchEvent(new Event('online'))")  # nobody waits for anything, and it is found out too
    expect(page.locator(".chip")).to_have_text("Can't reach the server")
    start_server("tests/fake_app.py", port=server.port).wait_until_ready()
    expect(page.locator(".chip")).to_contain_text("ready")
    assert page.input_value("#vx-text textarea") == "one two"


THEIRS = re.compile(r"Method not implemented\.$|WARN The input spec uses Vega-Lite")
"""What Gradio's own components write into the console: its audio player, and its plots."""


def test_the_page_asks_nothing_of_other_hosts_and_reports_no_error(server: Server, open_page: OpenPage) -> None:
    errors: list[str] = []

    def watch(page: Any) -> None:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)

    page = open_page(server, before=watch)
    for text in (SENTENCES, *(f"A short one, number {number}." for number in range(2))):
        speak(page, text)
        says(page, re.compile("s of speech"))
    for tab in ("Recognise", "Voices", "History", "Batch", "Status", "Speak"):
        to_tab(page, tab)
        page.wait_for_load_state("networkidle")
    outside = [url for url in page.asked if not url.startswith((server.url, "data:", "blob:"))]
    assert (outside, [error for error in errors if not THEIRS.match(error)]) == ([], [])
