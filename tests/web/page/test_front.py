"""The page from outside: previews of its link, its tabs in the address, its footer, browsers without scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from browsing import PHONE, OpenPage, expect, needs_browser, to_tab
from serving import Server

from voxdemo import __version__
from voxdemo.web.components import front
from voxdemo.web.components.assets import ASSETS, LOGIN, MODULES, PAGE, WORKLET, asset, needed_by, scripts

PREVIEW = re.compile(r'<meta (?:property|name)="(description|og:\w+(?::\w+)?|twitter:\w+)" content="([^"]*)">')
"""Of our own; Gradio's are written otherwise."""
WATCH_SPEAK = """
window.speakSeen = 0;
(function look() {
  if (document.querySelector('#vx-text')?.checkVisibility({visibilityProperty: true})) window.speakSeen += 1;
  requestAnimationFrame(look);
})();
"""
"""In how many frames Speak was shown since the page began."""


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ({}, None),
        ({"X-Forwarded-Host": "voice.example", "X-Forwarded-Proto": "https"}, "https://voice.example"),
    ],
)
def test_a_link_previews_as_what_it_is(fake_server: Server, headers: dict[str, str], root: str | None) -> None:
    html = fake_server.http.get("/", headers=headers).text
    head = html.partition("</head>")[0]
    told = dict(PREVIEW.findall(head))
    assert "<title>voxdemo</title>" in head
    assert told["og:title"].startswith("voxdemo")
    assert told["description"] == told["og:description"]
    assert told["og:url"] == f"{root or fake_server.url}/"
    assert told["og:image"] == f"{root or fake_server.url}/preview.png"
    assert told["twitter:card"] == "summary_large_image"
    assert len(re.findall("og:title", head)) == 1
    assert "gradio.app/" not in head
    assert "@Gradio" not in head


def test_the_picture_of_a_preview_is_there(fake_server: Server) -> None:
    picture = fake_server.http.get("/preview.png")
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_a_browser_may_keep_gradios_modules(fake_server: Server) -> None:
    module = re.findall('"modulepreload" href="./assets/(.*?)"', fake_server.http.get("/").text)[0]
    for coding in ("br", "gzip", "identity"):
        answer = fake_server.http.get(f"/assets/{module}", headers={"Accept-Encoding": coding})
        assert answer.text == front.THEIR_FILES[module].read_text()
        assert answer.headers.get("content-encoding", "identity") == coding
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/javascript")
    assert fake_server.http.get("/assets/none.js").status_code == 404


def test_a_browser_may_keep_our_script_of_this_release_alone(fake_server: Server) -> None:
    html = fake_server.http.get("/").text
    (address,) = re.findall(r'<script type="module" src="\./(scripts/.*?/page\.js)"', html)
    assert f'<link rel="modulepreload" href="./{address}">' in html
    for coding in ("br", "gzip", "identity"):
        answer = fake_server.http.get(f"/{address}", headers={"Accept-Encoding": coding})
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/javascript")
    folder = address.removesuffix("/page.js")
    for path in ("scripts/0123456789ab/page.js", f"{folder}/none.js", f"{folder}/shell/zh.json"):
        assert fake_server.http.get(f"/{path}").status_code == 404


def test_a_script_has_every_module_once_and_after_what_it_imports() -> None:
    for entry in (PAGE, LOGIN):
        script = scripts()[entry]
        paths = re.findall(rf"^{re.escape(MODULES)}\['(.*?)'\] = ", script, re.MULTILINE)
        assert paths == list(dict.fromkeys(needed_by(entry)))
        assert not re.search("^(?:import|export) ", script, re.MULTILINE)
    every = {path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.js")}
    assert every == {*needed_by(PAGE), *needed_by(LOGIN), WORKLET}


def test_a_browser_without_scripts_is_told_what_is_missing(fake_server: Server) -> None:
    body = fake_server.http.get("/").text.partition("<body")[2]
    told = re.findall("<noscript>(.*?)</noscript>", body)
    assert len(told) == 1
    assert "voxdemo needs JavaScript" in told[0]
    assert 'href="./v1/docs"' in told[0]


def test_gradios_page_is_ours_in_a_process_that_makes_several() -> None:
    front.put_in_place()
    front.put_in_place()
    environment = gr.routes.templates.env
    source, _, _ = environment.loader.get_source(environment, front.TEMPLATE)
    assert source.count('href="./manifest.json"') == 1


@needs_browser
def test_a_tab_is_in_the_address_and_back_and_reload_lead_to_it(fake_server: Server, open_page: OpenPage) -> None:
    page = open_page(fake_server, script=WATCH_SPEAK)
    inside = {"speak": "#vx-text", "recognise": "#vx-recording", "batch": "#vx-lines", "status": "#vx-gist"}

    def is_at(tab: str, written: str) -> None:
        expect(page.locator(inside[tab])).to_be_visible()
        page.wait_for_function("(hash) => location.hash === hash", arg=written)

    to_tab(page, "Recognise")
    is_at("recognise", "#recognise")
    to_tab(page, "Batch")
    is_at("batch", "#batch")
    page.reload()
    is_at("batch", "#batch")
    assert page.evaluate("window.speakSeen") == 0
    page.go_back()
    is_at("recognise", "#recognise")
    page.go_back()
    is_at("speak", "")
    page.go_forward()
    is_at("recognise", "#recognise")
    page.evaluate("location.hash = '#status'")
    is_at("status", "#status")
    page.evaluate("location.hash = '#text=Good+night.&seed=7'")
    is_at("speak", "")
    expect(page.locator("#vx-text textarea")).to_have_value("Good night.")
    page.set_viewport_size(PHONE)
    to_tab(page, "Batch")
    is_at("batch", "#batch")
    for nothing in ("#nothing", "#Recognise"):
        page.evaluate("(hash) => { location.hash = hash; }", nothing)
        expect(page.locator("#vx-text")).to_be_visible()
        to_tab(page, "Recognise")
        is_at("recognise", "#recognise")
    page.goto("about:blank")
    page.goto(f"{fake_server.url}/#constructor")
    expect(page.locator("#vx-text")).to_be_visible()
    foot_leads_to_the_api_and_names_licence_and_version(page.locator("#vx-foot"))


def foot_leads_to_the_api_and_names_licence_and_version(foot: Any) -> None:
    expect(foot).to_contain_text(f"voxdemo {__version__}")
    expect(foot.get_by_role("link", name="Licence: Apache-2.0")).to_be_visible()
    address = foot.get_by_role("link", name="API").evaluate("(link) => link.href")
    assert httpx.get(address).status_code == 200
    assert foot.get_by_role("link", name="Source").count() == 0  # there is a public one only of a Space


@needs_browser
def test_all_modules_that_the_page_asks_for_until_it_can_be_used_are_linked_in_its_head(
    server: Server, open_page: OpenPage
) -> None:
    def without_links(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r'<link rel="modulepreload"[^>]*>', "", answer.text()))

    page = open_page(server, before=lambda page: page.route(f"{server.url}/", without_links))
    asked = {url.rpartition("/assets/")[2] for url in page.asked if "/assets/" in url and url.endswith(".js")}
    assert asked == set(asset("shell/gradio_modules.txt").split())
    head = server.http.get("/").text
    assert all(f'href="./assets/{name}"' in head for name in asked)


def test_what_stands_in_for_an_unused_file_of_gradios_has_its_names(fake_server: Server) -> None:
    theirs = Path(gr.__file__).parent / "templates" / "frontend" / "assets" / front.UNUSED
    names = set(re.findall(r" as (\w+)", theirs.read_text().rpartition("export{")[2]))
    answer = fake_server.http.get(f"/assets/{front.UNUSED}")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert names == set(re.findall(r"(\w+) = ", answer.text))


def test_gradios_clocks_run_only_while_they_are_shown(fake_server: Server) -> None:
    theirs = front.THEIR_FILES[front.CLOCKS].read_text(encoding="utf-8")
    ours = fake_server.http.get(f"/assets/{front.CLOCKS}").text
    assert theirs.count(front.GOES_ON) == ours.count(front.WHILE_SHOWN) == 1
    assert ours.replace(front.WHILE_SHOWN, front.GOES_ON) == theirs
