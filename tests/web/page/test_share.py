"""What is taken along from the page: a link that opens it with the same text and settings, and code that runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
from browsing import PHONE, WARM_UP, OpenPage, barriers, choose_voice, expect, needs_browser
from serving import Server

pytestmark = needs_browser
TEXT = 'It\'s "quoted", 世, \\ and\na second line & more.'
RUNS = {
    "python": ("speak.py", [sys.executable, "speak.py"]),
    "curl": ("speak.sh", ["bash", "speak.sh"]),
    "javascript": ("speak.mjs", ["node", "speak.mjs"]),
}
KEEP_SOUND = '\nimport { writeFile } from "node:fs/promises";\nawait writeFile("speech.wav", sound.stream());\n'


def opened(page: Any, kind: str = "link") -> str:
    """What is shown to be copied as this."""
    if not page.is_visible(".share"):
        page.get_by_role("button", name="Link and code").click()
    page.locator(f".share input[value={kind}]").check()
    return str(page.inner_text(".share .written"))


def test_a_link_has_text_and_settings_and_the_server_never_sees_them_and_the_code_speaks(
    server: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(server)
    page.fill("#vx-text textarea", TEXT)
    speed = page.get_by_label("number input for Speed")
    page.get_by_role("button", name="Voice settings").click()
    speed.fill("1.5")
    speed.press("Tab")
    link = opened(page)
    assert link.startswith(f"{server.url}/#text=It")
    assert "speed=1.5" in link
    page.fill("#vx-text textarea", "Another text.")
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#vx-text textarea")).to_have_value(TEXT)
    expect(speed).to_be_visible()  # what a link sets is seen
    expect(speed).to_have_value("1.5")
    assert page.url == f"{server.url}/"
    page.goto(f"{server.url}/#text=Odd&speed=abc&cfg_value=999&nothing=1")
    expect(page.locator("#vx-text textarea")).to_have_value("Odd")
    expect(speed).to_have_value("1")
    opened(page)
    choose_voice(page, "Dora")
    expect(page.locator(".share .written")).to_contain_text("voice=kokoro%2Fef_dora")
    link = opened(page)
    choose_voice(page, "Heart")
    expect(page.locator(".share .written")).not_to_contain_text("voice=")
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#vx-choice .choice b")).to_have_text("Dora")
    page.goto(f"{server.url}/#text=Odd&voice=kokoro%2Fnobody")
    expect(page.locator("#vx-text textarea")).to_have_value("Odd")
    expect(page.locator("#vx-choice .choice b")).to_have_text("Dora")
    choose_voice(page, "Heart")
    assert not [url for url in page.asked if "quoted" in url and "#" not in url]

    page.set_viewport_size(PHONE)
    page.fill("#vx-text textarea", "A short text.")
    opened(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".share [role=status]")).to_have_text(re.compile("op"))
    page.fill("#vx-text textarea", "word " * 2_000)
    expect(page.locator(".share .about")).to_contain_text("too long for a link")
    expect(page.locator(".share .copy")).to_be_disabled()
    assert opened(page, "python").count("word") == 2_000
    assert not barriers(page)
    page.fill("#vx-text textarea", TEXT.replace("世", "it"))
    run({kind: opened(page, kind) for kind in RUNS}, tmp_path, 1)  # the last: a program may be missing


def run(code: dict[str, str], folder: Path, least_s: float) -> None:
    """Run each kind of code, and see that it wrote a sound; skips the rest of the test where a program is missing."""
    for kind, (name, command) in RUNS.items():
        (folder / name).write_text(code[kind] + (KEEP_SOUND if kind == "javascript" else ""), encoding="utf-8")
        if not shutil.which(command[0]):
            pytest.skip(f"{command[0]} isn't here")
        subprocess.run(command, cwd=folder, check=True, timeout=60)
        assert soundfile.info(folder / "speech.wav").duration > least_s
        (folder / "speech.wav").unlink()


@pytest.mark.long
def test_the_code_sends_a_recording_of_the_voice_along(
    fake_server: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    fake_server.http.post("/stage/open")
    page = open_page(fake_server)
    page.fill("#vx-text textarea", "One two.")
    choose_voice(page, "From a recording")
    page.fill("#vx-prompt-text textarea", "What is said.")
    page.get_by_role("button", name="Voice settings").click()
    for label in ("Write out numbers and dates", "Remove noise from the recording"):
        page.get_by_label(label).check()
    opened(page)
    expect(page.locator(".share .about")).to_contain_text("without your recording")
    code = {kind: opened(page, kind) for kind in RUNS}
    for each in code.values():
        assert all(said in each for said in ("What is said.", "normalize", "denoise"))
    samples, rate = soundfile.read(WARM_UP)
    soundfile.write(tmp_path / "voice.wav", samples, rate)
    run(code, tmp_path, 0)
