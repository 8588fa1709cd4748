"""The Batch tab in a real browser: lines in, progress line by line, a zip or one sound out."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import soundfile
from browsing import MODULE, PHONE, WATCH_SHIFTS, OpenPage, barriers, expect, needs_browser, step, to_tab
from serving import Server, eventually

pytestmark = needs_browser

CARD = "#vx-batch-card"
FIELD = "#vx-lines textarea"
ESTIMATE = "#vx-batch-estimate"
NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})"
SRT = """\ufeff1
00:00:01,000 --> 00:00:01,200
<i>one</i>
two three four five six

3
00:00:02.500 --> 00:00:03.000
{\\an8}last

2
00:00:01,400 --> 00:00:02,000
second
"""
LINES = MODULE % "batch/lines.js"


def open_tab(page: Any) -> Any:
    to_tab(page, "Batch")
    expect(page.locator(ESTIMATE)).to_contain_text(re.compile("Ready|login"))
    return page


def start(page: Any, *lines: str) -> None:
    page.fill(FIELD, "\n".join(lines))
    page.click("#vx-batch-start")


def says(page: Any, words: str | re.Pattern[str]) -> None:
    expect(page.locator(f"{CARD} .say")).to_have_text(words, timeout=30_000)


def row(page: Any, number: int) -> Any:
    return page.locator(f"{CARD} li").nth(number - 1)


def choose(page: Any, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.set_input_files("#vx-batch-file input[type=file]", file)


def downloaded(page: Any, whole: str) -> tuple[str, bytes]:
    with page.expect_download() as download:
        page.click(f"{CARD} [data-whole={whole}]")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def sent(page: Any) -> list[str]:
    return [url for url in page.asked if url.endswith("/v1/audio/jobs")]


def asked_within(page: Any, seconds: int) -> int:
    """How often the server is asked how the batch is, while the page's clock goes on by so many seconds."""
    before = len(page.asked)
    for _ in range(seconds):
        page.clock.run_for(1_000)
        page.evaluate("fetch('health').then((answer) => answer.text())")  # answers come in their order
    return sum("?first=" in url for url in page.asked[before:])


def test_lines_are_spoken_one_by_one_heard_at_once_and_fetched_whole(fake_server: Server, open_page: OpenPage) -> None:
    page = open_tab(open_page(fake_server))
    expect(page.locator(ESTIMATE)).to_have_text("Ready.Nobody is waiting.")
    page.fill(FIELD, "one\n\n  two words  \n\nraise\n")
    expect(page.locator(ESTIMATE)).to_contain_text(re.compile(r"\b3 lines, 17 characters(, about \d+ s)?\."))
    page.evaluate(WATCH_SHIFTS)
    page.click("#vx-batch-start")
    says(page, re.compile(r"^Speaking line 1 of 3(, about \d+ s left)?$"))
    assert page.locator(f"{CARD} li .told").all_text_contents() == ["speaking", "waiting", "waiting"]
    step(fake_server, 1)
    expect(row(page, 1).locator(".told")).to_have_text("0.3 s")
    row(page, 1).get_by_role("button", name="Play line 1").click()
    page.wait_for_function("document.querySelector('#vx-batch-card audio').currentTime > 0")
    assert row(page, 1).locator(".fetch").get_attribute("download") == "0001.mp3"
    assert page.locator(f"{CARD} .whole").is_hidden()
    fake_server.http.post("/stage/open")
    says(page, "2 of 3 lines are spoken, 1 failed.")
    expect(row(page, 3).locator(".told")).to_contain_text("could not do this")
    assert page.evaluate("window.moved") == []
    assert barriers(page) == []
    name, content = downloaded(page, "zip")
    assert re.fullmatch(r"voxdemo-batch-\d{4}-\d\d-\d\d\.zip", name)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.namelist() == ["manifest.json", "0001.mp3", "0002.mp3"]
    name, content = downloaded(page, "joined")
    assert name.endswith(".mp3")
    assert soundfile.info(io.BytesIO(content)).duration == pytest.approx(1.1, abs=0.15)


def test_a_batch_survives_a_reload_a_cancel_keeps_what_was_spoken_and_one_that_is_gone_is_told(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_tab(open_page(fake_server))
    step(fake_server, 1)
    start(page, "one", "two words", "three")
    says(page, re.compile("^Speaking line 2 of 3"))
    page.reload()
    open_tab(page)
    says(page, re.compile("^Speaking line 2 of 3"))
    expect(page.locator(ESTIMATE)).not_to_contain_text("ahead")  # it's this batch that is served
    assert page.locator(f"{CARD} li p").all_text_contents() == ["one", "two words", "three"]
    fake_server.http.post("/stage/open")
    says(page, "All 3 lines are spoken.")
    expect(page.get_by_role("button", name="Play line 3")).to_be_visible()

    fake_server.http.post("/stage/reset")
    step(fake_server, 2)
    start(page, "one", "two and more words", "three")
    expect(page.get_by_role("button", name="Play line 1")).to_be_visible()
    page.get_by_role("button", name="Cancel").locator("visible=true").click()
    says(page, "Cancelled. 1 of 3 lines are spoken and kept.")
    fake_server.http.post("/stage/open")
    expect(page.locator(ESTIMATE)).to_contain_text("Nobody is waiting.")
    assert page.locator(f"{CARD} li .told").all_text_contents() == ["0.3 s", "cancelled", "cancelled"]
    assert len(zipfile.ZipFile(io.BytesIO(downloaded(page, "zip")[1])).namelist()) == 2
    assert page.input_value(FIELD) == "one\ntwo and more words\nthree"
    start(page, "again")
    says(page, "The line is spoken.")

    fake_server.http.post("/stage/reset")
    start(page, "one two")
    says(page, re.compile("^Speaking line 1"))
    page.route(re.compile(r"/v1/audio/jobs/[^/]+\?first"), lambda route: route.abort())
    fake_server.http.post("/stage/open")
    job = page.evaluate("localStorage.getItem('voxdemo-batch')")
    eventually(lambda: fake_server.http.get(f"/v1/audio/jobs/{job}").json()["finished_at"])
    page.click("#vx-batch-cancel")  # too late, so that it deletes nothing
    says(page, "The line is spoken.")
    assert fake_server.http.delete(f"/v1/audio/jobs/{job}").json()["deleted"]
    page.unroute_all()
    page.reload()
    open_tab(page)
    says(page, "This batch no longer exists: it was deleted or has expired.")
    assert page.evaluate("localStorage.getItem('voxdemo-batch')") is None


def test_files_are_read_as_people_save_them(fake_server: Server, open_page: OpenPage) -> None:
    page = open_tab(open_page(fake_server))
    odd = 'text,id\r\n"Say ""Ahoy"", twice",a1\r\n"two\r\nlines",b2\r\n,empty\r\nlast,c3\r\n'
    for name, content, lines in (
        ("a.txt", "\ufeffOne\r\n\r\n Two \rThree".encode(), ["One", "Two", "Three"]),
        ("b.TXT", "Grüße\nÀ bientôt".encode("utf-16"), ["Grüße", "À bientôt"]),
        ("c.txt", b"\xfe\xff" + "清晨".encode("utf-16-be"), ["清晨"]),
        ("d.txt", "„Grüße“ – naïve".encode("cp1252"), ["„Grüße“ – naïve"]),
        ("d.txt", "清晨好。\nOK，第二行 2".encode("gb18030"), ["清晨好。", "OK，第二行 2"]),
        ("e.csv", odd.encode("utf-8-sig"), ['Say "Ahoy", twice', "two\nlines", "last"]),
        ("f.csv", b"no;heading\nsecond;row", ["no", "second"]),
        ("g.csv", b"name\tline\nx\tOne", ["One"]),
        ("g.csv", b"ID;File_Name;Sentence\n1;x;One", ["One"]),
        ("g.csv", "编号,文件名,文本\n1,a,早上好".encode(), ["早上好"]),
        ("h.srt", SRT.encode(), ["one two three four five six", "second", "last"]),
    ):
        choose(page, name, content)
        page.wait_for_function(
            f"(lines) => JSON.stringify({LINES}.current().map(({{text}}) => text)) === lines",
            arg=json.dumps(lines, ensure_ascii=False, separators=(",", ":")),
        )
        expect(page.locator(".file .wrong")).to_have_text("")
    for name, content, sentence in (
        ("i.csv", b"\n\n", "i.csv is empty."),
        ("j.srt", b"Only words.", re.compile(r"^j\.srt has no times\. ")),
        ("k.pdf", b"%PDF", "k.pdf isn't a list of lines. Choose a .txt, .csv or .srt file."),
        ("l.txt", b"\x00\x01PNG", "l.txt isn't text. Save it as text, in UTF-8, and choose it again."),
        ("m.txt", b"RIFF\xff\x00\x00\x00WAVE\x80", re.compile(r"^m\.txt isn't text\. ")),
    ):
        choose(page, name, content)
        expect(page.locator(".file .wrong")).to_have_text(sentence)
    assert page.input_value(FIELD).startswith("one two")  # what was there before stays
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(FIELD)).to_have_value("")
    expect(page.locator(FIELD)).to_be_editable()


@pytest.mark.long
def test_a_table_names_its_files_and_its_columns_can_be_chosen(fake_server: Server, open_page: OpenPage) -> None:
    fake_server.http.post("/stage/open")
    page = open_tab(open_page(fake_server))
    choose(page, "lines.csv", b"id,text,note\nintro,one,uno\nend,two,due\n")
    expect(page.locator(FIELD)).to_have_value("one\ntwo")
    page.locator(".file .texts").select_option(label="note")
    expect(page.locator(FIELD)).to_have_value("uno\ndue")
    page.get_by_label("The first row names the columns").uncheck()
    expect(page.locator(FIELD)).to_have_value("note\nuno\ndue")
    page.get_by_label("The first row names the columns").check()
    page.click("#vx-batch-start")
    says(page, "All 2 lines are spoken.")
    assert row(page, 1).locator(".fetch").get_attribute("download") == "intro.mp3"
    names = zipfile.ZipFile(io.BytesIO(downloaded(page, "zip")[1])).namelist()
    assert names == ["manifest.json", "intro.mp3", "end.mp3"]
    for table, files in (
        (b"id,file name,sentence\n1,hello,One\n2,goodbye,Two\n", ["hello", "goodbye"]),
        (b"ID\tTitle\tText\n7\tfirst\tOne\n8\tsecond\tTwo\n", ["first", "second"]),
        (b"text,id,filename\nOne,7,a\nTwo,8,b\n", ["a", "b"]),  # the column that is most surely their name
    ):
        choose(page, "my lines.csv", table)
        page.click("#vx-batch-start")
        expect(row(page, 1).locator(".fetch")).to_have_attribute("download", f"{files[0]}.mp3")
        says(page, "All 2 lines are spoken.")
        name, content = downloaded(page, "zip")
        assert name == "my lines.zip"
        assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["manifest.json", *(f"{each}.mp3" for each in files)]
    page.reload()
    open_tab(page)
    says(page, "All 2 lines are spoken.")
    assert downloaded(page, "joined")[0] == "my lines.mp3"


def test_subtitles_are_joined_at_their_times_and_a_line_that_is_too_long_is_told(
    fake_server: Server, open_page: OpenPage
) -> None:
    fake_server.http.post("/stage/open")
    page = open_tab(open_page(fake_server))
    transfer = page.evaluate_handle(
        "text => { const data = new DataTransfer(); data.items.add(new File([text], 'film.srt')); return data; }", SRT
    )
    page.dispatch_event("#vx-batch-card", "drop", {"dataTransfer": transfer})
    expect(page.locator(".file .told")).to_have_text("film.srt")
    expect(page.locator(FIELD)).not_to_be_editable()
    page.click("#vx-batch-start")
    says(page, "All 3 lines are spoken.")
    expect(row(page, 1).locator(".told")).to_have_text("0.8 s, longer than its 0.4 s")
    assert page.locator(f"{CARD} .at").all_text_contents() == ["0:01", "0:01", "0:02"]
    expect(page.locator(f"{CARD} .note")).to_have_text(
        "1 line is longer than its time. In one file, the lines after it start later."
    )
    assert soundfile.info(io.BytesIO(downloaded(page, "joined")[1])).duration == pytest.approx(2.8, abs=0.15)

    long = "two three four five six seven eight nine ten"  # the last one, behind which nothing starts later
    times = f"1\n00:00:01,000 --> 00:00:03,000\none\n\n2\n01:00:03,000 --> 01:00:03,500\n{long}\n".encode()
    choose(page, "film.srt", times)
    page.click("#vx-batch-start")
    last_is_told(page)
    page.reload()
    last_is_told(open_tab(page))


def last_is_told(page: Any) -> None:
    says(page, "All 2 lines are spoken.")
    expect(row(page, 2).locator(".told")).to_have_text(re.compile(r"^\d\.\d s, longer than its 0\.5 s$"))
    assert page.locator(f"{CARD} .at").all_text_contents() == ["0:01", "1:00:03"]


def test_what_does_not_fit_is_said_before_anything_is_sent(fake_server: Server, open_page: OpenPage) -> None:
    page = open_tab(open_page(fake_server))
    page.click("#vx-batch-start")
    says(page, "There are no lines yet. Write some or choose a file, then press Start.")
    many = "1,001 lines: 1 more than the 1,000 that fit. Make several batches of them."
    choose(page, "many.txt", b"word\n" * 1001)
    expect(page.locator(ESTIMATE)).to_have_text(many)
    page.click("#vx-batch-start")
    says(page, many)
    page.fill(FIELD, f"short\n\n{'a' * 50_001}\nshort")
    long = "Line 2 has 50,001 characters: 1 more than the 50,000 that fit."
    expect(page.locator(ESTIMATE)).to_have_text(long)
    page.click("#vx-batch-start")
    says(page, long)
    page.fill(FIELD, "short")
    page.fill("#vx-batch-seed textarea, #vx-batch-seed input", "often")
    page.click("#vx-batch-start")
    says(page, "The seed must be a whole number: write another one, or leave it empty.")
    assert sent(page) == []
    page.fill("#vx-batch-seed textarea, #vx-batch-seed input", "")
    start(page, "\N{SKULL}")
    says(page, re.compile("can't read"))  # which only the server knows
    expect(page.locator(f"{CARD} li")).to_have_count(1)
    start(page, "fine", "\N{SKULL}", "fine", "\N{SKULL}")
    expect(page.locator(f"{CARD} li[data-state=failed] p")).to_have_text(["\N{SKULL}", "\N{SKULL}"])
    says(page, re.compile("^Speaking line 1 of 4"))  # the others are spoken
    fake_server.http.post("/stage/open")
    says(page, "2 of 4 lines are spoken, 2 failed.")
    expect(row(page, 2).locator(".told")).to_contain_text("can't read “\N{SKULL}”")
    page.reload()
    open_tab(page)
    expect(row(page, 4).locator(".told")).to_contain_text("can't read “\N{SKULL}”")
    start(page, "\N{SKULL}", "\N{SKULL}")
    says(page, re.compile(r"^Lines 1, 2 of 2 can't be spoken\. Line 1: "))  # all of them
    fake_server.http.post("/stage/open")
    start(page, "fine", "one \N{SKULL}", "two \N{SKULL}")
    left_out = "Line 2 of 3: Skipped “\N{SKULL}”: this voice can't read it. 1 more such notes."
    expect(page.locator(f"{CARD} .note")).to_have_text(left_out)
    says(page, "All 3 lines are spoken.")


@pytest.mark.long
def test_a_long_batch_is_asked_after_in_windows_and_only_while_it_goes_on(
    fake_server: Server, open_page: OpenPage
) -> None:
    page = open_tab(open_page(fake_server))
    page.clock.install()
    start(page, *(f"line{number}" for number in range(1, 251)))
    says(page, re.compile("^Speaking line 1 of 250"))
    with page.expect_response(re.compile(r"\?first=1&most=200$")) as told:
        page.clock.run_for(2_000)
    assert len(told.value.json()["items"]) == 200
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    assert asked_within(page, 12) <= 2
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.click("#vx-batch-cancel")
    says(page, "Cancelled. 0 of 250 lines are spoken and kept.")
    fake_server.http.post("/stage/open")
    asked_within(page, 2)
    assert asked_within(page, 20) == 0


@pytest.mark.long
def test_on_a_dark_phone_that_keeps_nothing_all_of_it_can_be_reached_and_that_is_told(
    fake_server: Server, open_page: OpenPage
) -> None:
    fake_server.http.post("/stage/open")
    page = open_tab(open_page(fake_server, PHONE, script=NO_STORAGE, color_scheme="dark"))
    choose(page, "lines.csv", b"id,text\nintro,one two three\n")
    page.locator(FIELD).focus()
    page.keyboard.press("Control+Enter")
    says(page, "The line is spoken.")
    expect(page.locator(f"{CARD} .note")).to_have_text(
        "This browser doesn't store data. Stay on this page until you have downloaded the batch."
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = """() => [...document.querySelectorAll('#vx-batch :is(button, a, select):not([hidden])')]
      .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 44)
      .filter((each) => !each.closest('.block')?.querySelector('input[type=range]')).map((each) => each.outerHTML)"""
    assert page.evaluate(small) == []
    assert barriers(page) == []
