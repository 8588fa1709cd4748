"""The page in Chinese: nothing on it is left in English, whatever it shows, and people's own words stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import WARM_UP, OpenPage, in_line, needs_browser, of_module, says, speak, step, to_tab
from fakes import CLONER
from playwright.sync_api import expect
from raised_errors import ALL, Raised
from serving import Server, eventually

from voxdemo.engines.kokoro.voices import VOICES
from voxdemo.intake.validate import checked
from voxdemo.speech import Utterance
from voxdemo.web.components import card, voice_fields
from voxdemo.web.components.assets import ASSETS
from voxdemo.web.components.wording import NO_SEED
from voxdemo.web.tabs import history, recognize

pytestmark = needs_browser
CHINESE = {"locale": "zh-CN"}
TRANSLATE, SAYING = "shell/phrases.js", "({saying}, error) => saying(error)"
NAMES = (
    "voxdemo", "Fake voice", "Fake", "VoxCPM", "SenseVoice", "Heart", "WAV", "FLAC", "MP3", "Opus", "AAC", "SRT",
    "WebVTT", "CPU", "GPU", "GB", "MiB", "kHz", "ZipEnhancer", "Redis", "cfg", "API", "Apache", "UTF-8", "MB", "https",
    "Chatterbox", "WebSocket", *(voice.title for voice in VOICES),
)  # fmt: skip
FORMATS = (
    "wav、mp3、flac、m4a、ogg 或 webm",
    "wav、mp3、flac、ogg 或 m4a",
    "wav、mp3、m4a 或 txt",
    "wav、mp3 或 m4a",
    "16 kHz 单声道 wav",
    "./launch.sh",
    ".txt、.csv 或 .srt",
    ".srt",
    "（zip）",
)
LEFT_IN_ENGLISH = """(root) => {
  const TOLD_IN = ['aria-label', 'aria-valuetext', 'title', 'placeholder'];
  const found = [], skipped = '[translate=no], script, style, textarea, input, .vx-probe, [role=log]';
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = root; node; node = walk.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest(skipped)) continue;
    if (node === element) {
      if (node.closest('svg')) continue;
      for (const name of TOLD_IN) found.push(element.getAttribute(name) ?? '');
    } else found.push(node.data);
  }
  return found.filter((text) => /[a-z]{2}/i.test(text)).map((text) => text.trim());
}"""
IN_TABLES = (
    card.WORDS, recognize.WORDS, voice_fields.READING_WORDS,
    {"hint": history.HINT, "seed": NO_SEED, "browser": voice_fields.WHERE, "server": voice_fields.WHERE_ON_SERVER},
)  # fmt: skip
IN_SCRIPTS = re.compile(
    r"//.*|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<=[=(,:?&|!\s])/(?![/*\s])(?:\\.|\[(?:\\.|[^]\\\n])*\]|[^/\\[\n])+/"
    r'|("(?:\\.|[^"\\\n])*")'
)
"""What stands in double quotes, and before that what else may have such quotes in it."""
IN_HTML = re.compile(r'(?:aria-label|title|placeholder)="([^"<]+)"|>([^<>]+)<')
IN_PLACES = {
    "time": "7 s", "took": "7.0 s", "length": "7.0 s", "slot": "7.0 s", "seconds": "7.0 s",
    "people": "7 people", "language": "English", "gender": "female", "say": "Copied.", "kept": "Your text is kept.",
}  # fmt: skip
"""What stands in the places of the page's words; a 7 in all others."""


def english(page: Any) -> list[str]:
    """What of the page is in English, but for names."""
    found = page.evaluate(LEFT_IN_ENGLISH, page.query_selector("main"))
    return [text for text in found if re.search("[A-Za-z]{2}", without_names(text))]


def without_names(text: str) -> str:
    for name in (*FORMATS, *NAMES):
        text = text.replace(name, "")
    return text


@pytest.mark.long
def test_nothing_is_left_in_english_on_the_way_through_the_page(open_page: OpenPage, server: Server) -> None:
    page = open_page(server, **CHINESE)
    assert english(page) == []
    page.get_by_role("button", name="声音设置").click()
    speak(page, "The birch canoe slid on the smooth planks.")
    says(page, re.compile("的语音"))
    page.get_by_text("详情", exact=True).first.click()
    assert "The birch canoe slid" in page.inner_text("#vx-card .words")
    assert english(page) == []
    speak(page, "世界")
    says(page, "这个声音只说英语，读不了“世界”。请用英语写。文字已保留。")
    page.locator("#vx-own-note").get_by_text("怎样启用").click()
    assert english(page) == []

    page.get_by_role("tab", name="识别").click()
    page.click("#vx-recognise")
    says(page, re.compile("还没有录音"), "#vx-heard")
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.wait_for_selector("#vx-recording .waveform-container")
    page.click("#vx-recognise")
    says(page, re.compile("英语"), "#vx-heard")
    assert page.input_value("#vx-said textarea").startswith("The line is open")
    page.get_by_role("tab", name="状态").click()
    expect(page.locator("#vx-gist")).to_contain_text("一切正常。")
    expect(page.locator("#vx-plots")).to_contain_text("分钟，0 为现在")
    assert english(page) == []

    page.get_by_role("tab", name="声音").first.click()
    expect(page.locator("#vx-new")).to_contain_text("模仿声音需要 VoxCPM")
    page.get_by_role("button", name="试听").first.click()
    expect(page.locator("#vx-ready .play-one").first).to_have_class(re.compile("playing"))
    assert english(page) == []
    page.get_by_role("tab", name="批量").first.click()
    page.fill("#vx-lines textarea", "世界\n世界")
    page.click("#vx-batch-start")
    says(page, "2 行中读不了的：1, 2。第 1 行：这个声音只说英语，读不了“世界”。请用英语写。", "#vx-batch-card")
    page.fill("#vx-lines textarea", "世界\nGood morning.\n世界")
    page.click("#vx-batch-start")
    says(page, "3 行读好了 1 行，2 行失败。", "#vx-batch-card")
    assert english(page) == []
    page.fill("#vx-lines textarea", "Good morning.\nGood night.")
    page.click("#vx-batch-start")
    says(page, "2 行都读好了。", "#vx-batch-card")
    assert page.locator("#vx-batch-card li p").first.inner_text() == "Good morning."
    assert english(page) == []


@pytest.mark.long
def test_the_place_in_line_is_told_in_chinese(open_page: OpenPage, fake_server: Server) -> None:
    page = open_page(fake_server, locale="zh-TW")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    speak(page, "one two three")
    expect(page.locator("#vx-card .card")).to_have_attribute("data-state", "speaking")
    assert english(page) == []
    page.click("#vx-cancel")
    says(page, "已取消。文字已保留。")
    step(fake_server, 1)
    eventually(lambda: fake_server.in_line() == 0)
    with in_line(fake_server, "one two three"):
        speak(page, "four")
        says(page, re.compile("前面有 1 人|下一个就是你"))
        assert english(page) == []
        page.click("#vx-cancel")
        says(page, "已取消。文字已保留。")
    fake_server.http.post("/stage/open")
    speak(page, "refuse")  # whose sentence is in no list
    says(page, "这个声音只说英语，读不了“refuse”。请用英语写。文字已保留。")
    page.evaluate("document.querySelector('[data-tab-id=recognise]').click()")
    expect(page.locator("#vx-recording").get_by_label("上传文件")).to_be_visible()


def test_all_of_the_page_is_in_one_language_that_it_names_and_the_other_is_one_click_away_and_stays(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server, locale="de-DE")
    expect(page.locator("#vx-speak")).to_have_text("Speak")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.evaluate("document.querySelector('[data-tab-id=recognise]').click()")
    expect(page.locator("#vx-recording").get_by_label("Upload file")).to_be_visible()
    expect(page.locator("#vx-recording .upload-container")).to_contain_text("Drop Audio Here - or - Click to Upload")
    to_tab(page, "Speak")
    page.fill("#vx-text textarea", "Still here.")
    page.locator(".head").get_by_role("button", name="中文").click()
    expect(page.locator("#vx-speak")).to_have_text("朗读")
    expect(page.locator("#vx-text textarea")).to_have_value("Still here.")
    page.reload()
    expect(page.locator("#vx-speak")).to_have_text("朗读")
    page.locator(".head").get_by_role("button", name="English").click()
    expect(page.locator("#vx-speak")).to_have_text("Speak")
    assert page.evaluate("document.documentElement.lang") == "en"


def words() -> Iterator[str]:
    """All that the page says: what cards say each in its own way, then what stands in its scripts and HTML."""
    for table in IN_TABLES:
        yield from table.values()
    for script in ASSETS.rglob("*.js"):
        yield from (json.loads(quoted) for quoted in IN_SCRIPTS.findall(script.read_text(encoding="utf-8")) if quoted)
    for part in ASSETS.glob("*/*.html"):
        if part.parent.name != "shell":
            found = IN_HTML.findall(part.read_text(encoding="utf-8"))
            yield from ({(named or text).strip() for named, text in found} - {"Python", "curl", "JavaScript"})


def told(said: str) -> str:
    """Words of the page with their places filled; those that go on from others, behind others."""
    whole = re.sub(r"{(\w+)}", lambda place: IN_PLACES.get(place[1], "7"), said)
    if whole[0] == "\n":
        return f"Speaking, about 7 s left{whole}"
    return f"{'Speaking' if whole.endswith('left') else 'You are next'}{whole}" if whole[0] == "," else whole


def everything_is_told_in_chinese(page: Any) -> None:
    """All that the page says and that can go wrong."""
    said = sorted({told(each) for each in words() if re.search("[A-Za-z]{2}", each) and not each.startswith("./")})
    assert len(said) > 300
    chinese = dict(zip(said, of_module(page, TRANSLATE, "({say}, all) => all.map(say)", said), strict=True))
    shown = {each.key: each for each in ALL if each.is_on_the_page}
    errors = [as_told(each) for each in shown.values()]
    spoken = of_module(page, TRANSLATE, "({saying}, all) => all.map((each) => saying(each))", errors)
    chinese |= dict(zip(shown, spoken, strict=True))
    assert {english: said for english, said in chinese.items() if re.search("[A-Za-z]{2}", without_names(said))} == {}

    unsupported = Utterance(
        "x",
        prompt_audio=Path("x"),
        prompt_text="x",
        cfg_value=2.5,
        inference_timesteps=11,
        normalize=True,
        denoise=True,
    )
    voxcpm = replace(CLONER, title="VoxCPM", honours=frozenset())
    (note,) = checked(replace(unsupported, control="x", seed=1, speed=2), voxcpm)
    told_note = of_module(page, TRANSLATE, "({say}, note) => say(note)", note)
    assert re.search("[A-Za-z]{2}", without_names(told_note)) is None, told_note


def as_told(error: Raised) -> dict[str, Any]:
    """An error as the page gets it, with a 7 in every place, whose sentence has been written anew since."""
    code, _, reason = error.key.partition(".")
    values = dict.fromkeys(error.places | {"waiting", "most"}, 7) | ({"reason": reason} if reason else {})
    return {"message": "Words that nobody has thought of.", "code": code, "values": values}


def test_all_is_told_in_chinese_and_an_error_by_its_code_and_values_whatever_its_sentence(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(server, **CHINESE)
    everything_is_told_in_chinese(page)
    letters = {"message": "Other words.", "code": "unsayable", "values": {"languages": "English", "letters": "世 {界}"}}
    spoken = {"message": "Other words.", "code": "stopped_early", "values": {"where": "the beginning", "why": letters}}
    waiting = {"message": "In 5 s.", "code": "rate_limit_exceeded", "values": {"time": "5 s"}}
    unsayable = "这个声音只说英语，读不了“世 {界}”。请用英语写。"
    assert of_module(page, TRANSLATE, SAYING, spoken) == f"声音在开头之后停了。{unsayable}"
    assert (
        of_module(page, TRANSLATE, "({saying}, error) => saying(error, '3 s')", waiting) == "请求太多：请 3 秒后再试。"
    )
    for unknown in ({"code": None, "values": None}, {"code": "new", "values": {}}, {"code": "busy", "values": {}}):
        assert of_module(page, TRANSLATE, SAYING, {"message": "Cancelled.", **unknown}) == "已取消。"

    values = {"named": "1, 3", "texts": [1, 3], "count": 3, "first": 1, "why": letters}
    refused = {"error": {"message": "Other words.", "code": "texts_unspeakable", "values": values}}
    page.route("**/v1/audio/jobs", lambda route: route.fulfill(status=400, json=refused))
    page.get_by_role("tab", name="批量").first.click()
    page.fill("#vx-lines textarea", "one\ntwo\nthree")
    page.click("#vx-batch-start")
    says(page, f"3 行中读不了的：1, 3。第 1 行：{unsayable}", "#vx-batch-card")
    states = page.locator("#vx-batch-card li").evaluate_all("(rows) => rows.map(({dataset}) => dataset.state ?? '')")
    assert states == ["failed", "", "failed"]
    assert english(page) == []
