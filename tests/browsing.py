"""Visits to the page in a real browser. Imported by the tests that need one, which are skipped where there is none."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import Server, eventually

from voxdemo.web.components.assets import MODULES

sync_api = pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright")
expect = sync_api.expect
expect.set_options(timeout=30_000)  # as for all else: on a busy machine a page takes its time
BROWSERS = "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"
"""The first of them has no window, and a visit takes it a quarter less of the processor than the second."""
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
IN_CI = "CI" in os.environ  # where .ci/run installs it, so that its absence is a failure
needs_browser = pytest.mark.skipif(CHROMIUM is None and not IN_CI, reason="the page's tests need a Chromium on PATH")

WARM_UP = Path(__file__).parent.parent / "assets" / "warm-up.flac"
SENTENCES = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-site-isolation-trials",  # this and the next: a page needs no process of its own, which saves an eighth
    "--renderer-process-limit=1",
    "--use-fake-device-for-media-stream",  # a microphone that beeps
    "--use-fake-ui-for-media-stream",  # which a page may use: the headless shell has nobody to ask
]
WATCH_SHIFTS = """() => {
  window.moved = [];
  const nodes = (shift) => shift.sources.map(({node}) => node?.parentElement?.outerHTML.slice(0, 200));
  new PerformanceObserver((list) => window.moved.push(...list.getEntries().map((shift) => [shift.value, nodes(shift)])))
    .observe({type: 'layout-shift'});
}"""
LOOKS = (PHONE, "dark"), (WIDE, "light")
"""Each viewport and each scheme."""
looks = pytest.mark.parametrize(
    ("viewport", "scheme"),
    [pytest.param(*LOOKS[0], id="phone-dark"), pytest.param(*LOOKS[1], id="wide-light", marks=pytest.mark.long)],
)
"""Each of them by itself, where one visit can't have both; the first in the short run, too."""
STILL = {"reduced_motion": "reduce"}
"""What a visitor prefers. Else what turns and drifts while a voice works takes more of the processor than the voice."""
OF_A_PAGE = {"color_scheme", "forced_colors", "permissions", "extra_http_headers", "locale", *STILL}
DROP = """([place, name, type, bytes]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], name, {type}));
  const event = {dataTransfer: files, bubbles: true, cancelable: true};
  for (const kind of ['dragenter', 'dragover', 'drop']) {
    document.querySelector(place).dispatchEvent(new DragEvent(kind, event));
  }
}"""
GRAVE = "serious", "critical"
VIOLATIONS = """(grave) => {
  const {rules, data} = axe._audit, isGrave = (check) => grave.includes(data.checks[check.id ?? check]?.impact);
  const others = rules.filter(({any, all, none}) => ![...any, ...all, ...none].some(isGrave));
  if (others.some(({id}) => id === 'color-contrast')) throw new Error('axe says otherwise what is grave');
  const off = Object.fromEntries(others.map(({id}) => [id, {enabled: false}]));
  return axe.run({resultTypes: ['violations'], rules: off}).then(({violations}) => violations);
}"""
"""Half of axe's time goes into describing what is in order, and some of it into what would keep nobody out."""
SAID = base64.b64encode(WARM_UP.read_bytes()).decode()
SPEAKS = f"""
navigator.mediaDevices.getUserMedia = async () => {{
  const context = new AudioContext(), heard = new MediaStreamAudioDestinationNode(context);
  const bytes = Uint8Array.from(atob('{SAID}'), (letter) => letter.charCodeAt(0));
  const buffer = await context.decodeAudioData(bytes.buffer);
  window.speak = () => {{
    const voice = new AudioBufferSourceNode(context, {{buffer}});
    voice.connect(heard);
    voice.addEventListener('ended', () => {{ window.isSaid = true; }});
    voice.start();
  }};
  window.speak();
  return heard.stream;
}};"""
"""A microphone that hears what is said in `WARM_UP`, and again whenever the page is told to `speak`."""
ALONE = """(act) => {
  const {WebSocket} = window, happened = [], sent = [];
  let line;
  window.WebSocket = class extends EventTarget {
    bufferedAmount = 0;
    constructor() { super(); line = this; }
    send(event) { sent.push(JSON.parse(event).type); }
    close() { happened.push('closed'); }
    hear(event) { this.dispatchEvent(new MessageEvent('message', {data: JSON.stringify(event)})); }
  };
  try {
    return act(() => line, happened, sent);
  } finally {
    window.WebSocket = WebSocket;
  }
}"""
"""Calls a function with the WebSocket that it opens, which reaches no server, what has happened, and what was sent."""
OpenPage = Callable[..., Any]


def launched(profile: Path) -> Iterator[Any]:
    """A browser by the context of its own profile, in which Gradio's scripts are found compiled after a few visits."""
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch_persistent_context(profile, executable_path=CHROMIUM, args=OPTIONS)
        yield running
        running.close()


def visits(home: Any) -> Iterator[OpenPage]:
    """Opens a server's page and waits until it says that it is ready, each as another visitor.

    The first visitor of a test is in the browser's own profile, without what others stored there; those beside it,
    those with options that a page alone can't have, and those that are `new`, are in a profile of their own, which
    costs twice as much. `before` is handed the page when it hasn't asked for anything yet. All are `STILL`, unless
    their options say otherwise.
    """
    opened: list[Any] = []

    def open_one(
        server: Server,
        viewport: dict[str, int] = WIDE,
        script: str = "",
        new: bool = False,
        before: Callable[[Any], object] = lambda page: None,
        **options: Any,
    ) -> Any:
        options = {**STILL, **options}
        if new or opened or not options.keys() <= OF_A_PAGE:
            page = home.browser.new_context(viewport=viewport, **options).new_page()
        else:
            page = _first_page(home, server, viewport, **options)
        opened.append(page)
        page.add_init_script(script)
        page.set_default_timeout(30_000)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        before(page)
        with _answered(page):
            page.goto(server.url)
            is_there(page)
        return page

    yield open_one
    for page in opened:
        if page.context != home:
            page.context.close()
    for page in home.pages[1:]:
        page.close()
    home.clear_permissions()


def is_there(page: Any) -> None:
    """Wait until a page that was opened or loaded again can be used."""
    expect(page.locator(".chip")).to_have_attribute("data-state", "ready", timeout=30_000)
    expect(page.locator("#vx-estimate")).to_contain_text(re.compile(r"\S"), timeout=30_000)


def _first_page(
    home: Any,
    server: Server,
    viewport: dict[str, int],
    permissions: Sequence[str] = (),
    extra_http_headers: Mapping[str, str] | None = None,
    locale: str | None = None,
    **media: str,
) -> Any:
    page = home.new_page()
    session = home.new_cdp_session(page)
    stored = {"origin": server.url, "storageTypes": "cookies,local_storage,indexeddb"}
    session.send("Storage.clearDataForOrigin", stored)
    if locale:
        agent = {"userAgent": page.evaluate("navigator.userAgent"), "acceptLanguage": locale}
        session.send("Emulation.setUserAgentOverride", agent)
        session.send("Emulation.setLocaleOverride", {"locale": locale})
    home.grant_permissions(permissions)
    page.set_extra_http_headers(extra_http_headers or {})
    page.set_viewport_size(viewport)
    page.emulate_media(**media)
    return page


@contextmanager
def _answered(page: Any) -> Iterator[None]:
    """Wait at the end until nothing that the page asked of the server is unanswered, as what the voice can do."""
    open_ones: set[Any] = set()
    page.on("request", lambda request: open_ones.add(request) if "/predict" in request.url else None)
    page.on("requestfinished", lambda request: open_ones.discard(request))
    page.on("requestfailed", lambda request: open_ones.discard(request))
    yield
    while open_ones:
        page.wait_for_timeout(10)


def to_tab(page: Any, name: str) -> None:
    """Open this tab, which may be in the menu of those that a narrow page has no room for.

    A page that was opened just now moves tabs there once it has measured them: also while one of them is being clicked.
    """
    in_row = page.locator("#vx-tabs .tab-container:not(.visually-hidden) button:visible", has_text=name)
    in_row.or_(page.locator("#vx-tabs .overflow-menu > button:visible")).first.click()
    in_menu = page.locator("#vx-tabs .overflow-dropdown button:visible", has_text=name)
    chosen = page.locator("#vx-tabs [role=tab][aria-selected=true]", has_text=name)
    in_menu.or_(chosen).first.wait_for(state="attached")
    if in_menu.count():
        in_menu.click()


MODULE = f"{MODULES}['%s']"
"""What one of the page's modules exports, by its path below assets/, as an expression in JavaScript."""


def of_module(page: Any, path: str, script: str, argument: Any = None) -> Any:
    """What a function in JavaScript makes of one of the page's modules and an argument."""
    return page.evaluate(f"(argument) => ({script})({MODULE % path}, argument)", argument)


def speak(page: Any, text: str) -> None:
    page.fill("#vx-text textarea", text)
    page.click("#vx-speak")


def step(server: Server, count: int) -> None:
    """Let the fake engine of a `fake_server` take so many steps."""
    server.http.post(f"/stage/steps/{count}")


def choose_voice(page: Any, title: str, where: str = "#vx-choice") -> None:
    """Have this voice speak, from the sheet of the Speak tab or of another one."""
    page.click(f"{where} .change")
    sheet = page.get_by_role("dialog", name="Choose a voice")
    sheet.locator(".pick").filter(has=page.get_by_text(title, exact=True)).first.click()
    expect(sheet).to_be_hidden()
    expect(page.locator(f"{where} .choice b")).to_have_text(title)


def says(page: Any, words: str | re.Pattern[str], card: str = "#vx-card") -> None:
    expect(page.locator(f"{card} .say")).to_have_text(words, timeout=60_000)


def drop(page: Any, place: str, name: str, kind: str, content: bytes) -> None:
    page.evaluate(DROP, [place, name, kind, list(content)])


@contextmanager
def in_line(server: Server, text: str) -> Iterator[None]:
    """Somebody else who has this text spoken, and is served or waits from now on; goes away again at the end."""
    others = server.in_line()
    messages = server.messages("speak", server.page_values(text))
    with closing(messages):
        next(messages)
        eventually(lambda: server.in_line() > others)
        yield


def barriers(page: Any, *looks: tuple[dict[str, int], str]) -> list[tuple[str, list[str]]]:
    """What axe finds that keeps people out; in each of these looks, of which the last one stays."""
    if not looks:
        return _barriers(page)
    found = []
    for viewport, scheme in looks:
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        found += _barriers(page)
    return found


def _barriers(page: Any) -> list[tuple[str, list[str]]]:
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="needs axe-core-python").Axe()
    if page.evaluate("!window.axe"):
        page.evaluate(axe.axe_script)
    page.evaluate("""async () => {
      const frame = () => new Promise(requestAnimationFrame);
      await frame().then(frame);  // in which the page hears of another look, and begins to change to it
      await Promise.all(document.getAnimations().map(
        (one) => one.effect.getTiming().iterations < 99 && one.finished.catch(() => {})));
    }""")
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in page.evaluate(VIOLATIONS, GRAVE)
        if rule["impact"] in GRAVE
    ]


def open_tab(page: Any, name: str = "Voices") -> None:
    to_tab(page, name)
    if name == "Voices":
        page.locator("#vx-ready .catalogue").wait_for()


def sent_prompts(page: Any) -> list[Any]:
    """What was sent to be spoken with, of all that was spoken."""
    joined: list[Any] = []
    page.on("request", lambda request: joined.append(request.post_data_json) if "queue/join" in request.url else None)
    return joined
