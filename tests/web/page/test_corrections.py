"""A recording that was read: it is heard with its words marked, and what people correct is in the files of it."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from browsing import PHONE, WARM_UP, WATCH_SHIFTS, OpenPage, expect, needs_browser, of_module, says, to_tab
from serving import Server

pytestmark = needs_browser
ONE, TWO, THREE = "The canoe slid on the planks.", "Glue the sheet to it.", "The well is deep."
ALL = f"{ONE} {TWO} {THREE}"
ENGLISH, CHINESE = [ONE, TWO, THREE], ["你好世界。", "今天天气很好。"]
CORRECTIONS = [
    (ENGLISH, ALL, ENGLISH),
    (ENGLISH, ALL.replace(". ", ".\n\n"), ENGLISH),
    (ENGLISH, ALL.replace("Glue", "Blue"), [ONE, "Blue the sheet to it.", THREE]),
    (ENGLISH, ALL.replace("slid", "slid, slowly,"), ["The canoe slid, slowly, on the planks.", TWO, THREE]),
    (ENGLISH, ALL.replace("planks. Glue", "planks, glue"), [ONE.replace(".", ","), TWO.replace("G", "g"), THREE]),
    (ENGLISH, f"{ONE} {THREE}", [ONE, "", THREE]),
    (ENGLISH, f"So: {ALL} The end.", [f"So: {ONE}", TWO, f"{THREE} The end."]),
    (ENGLISH, "", ["", "", ""]),
    (CHINESE, "你好，世界。明天天气很好！", ["你好，世界。", "明天天气很好！"]),
    ([], "Something", []),
]


CORRECTED = "({corrected}, [captions, text]) => corrected(captions, text)"


def saved(page: Any, name: str) -> tuple[str, str]:
    """The name and the words of a file of the transcript."""
    with page.expect_download() as download:
        page.locator("#vx-heard").get_by_text(name, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


def test_a_recording_is_heard_with_its_words_marked_and_corrections_are_in_the_files_of_its_transcript(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server)
    for captions, text, wanted in CORRECTIONS:
        timed = [[number, number + 1, words] for number, words in enumerate(captions)]
        corrected = of_module(page, "job/transcript.js", CORRECTED, [timed, text])
        assert corrected == [[number, number + 1, words] for number, words in enumerate(wanted)], text

    to_tab(page, "Recognise")
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.wait_for_selector("#vx-recording .waveform-container")
    page.evaluate(WATCH_SHIFTS)
    page.click("#vx-recognise")
    says(page, re.compile("^English, 4.7 s of audio"), "#vx-heard")
    page.wait_for_function("document.querySelector('#vx-heard audio').readyState >= 1")
    assert page.evaluate("document.querySelector('#vx-heard audio').paused")
    assert page.evaluate("document.querySelector('#vx-heard audio').duration") == pytest.approx(4.7, abs=0.1)
    page.locator("#vx-heard").get_by_label("Play", exact=True).click()
    expect(page.locator("#vx-heard .words .now")).to_contain_text(re.compile("line is open", re.IGNORECASE))
    field = page.locator("#vx-said textarea")
    expect(field).to_have_value(re.compile("^The line is open"))
    before = field.input_value()
    theirs = {name: saved(page, name) for name in ("SRT", "WebVTT", "Text")}
    assert page.evaluate("window.moved") == []
    for name, ending in (("SRT", "srt"), ("WebVTT", "vtt"), ("Text", "txt")):
        assert re.fullmatch(rf"voxdemo-[\w-]+\.{ending}", theirs[name][0])
    assert theirs["Text"][1] == f"{before}\n"
    field.fill(f"{before} ")  # from here on the files are the browser's
    assert [saved(page, name) for name in theirs] == list(theirs.values())
    field.fill(f"{before.replace('The line', 'Ampersands & lines', 1)} <Applause>")
    for name, marks in (("SRT", "‹Applause›"), ("WebVTT", "&lt;Applause&gt;"), ("Text", "<Applause>")):
        file_name, content = saved(page, name)
        assert file_name == theirs[name][0]
        assert re.findall("-->.*", content) == re.findall("-->.*", theirs[name][1])
        assert "Ampersands & lines is open" in " ".join(html.unescape(content).split())
        assert content.rstrip().endswith(marks)
    field.fill(before)
    assert saved(page, "SRT") == theirs["SRT"]

    page.set_viewport_size(PHONE)
    end = page.locator("#vx-heard [data-ending=vtt]").bounding_box()
    card = page.locator("#vx-heard").bounding_box()
    assert end["x"] + end["width"] <= card["x"] + card["width"] - 16
