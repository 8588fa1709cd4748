"""What answers say in their headers, and what a browser makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from browsing import PHONE, WARM_UP, WIDE, OpenPage, expect, needs_browser, says, speak
from rings import first_of
from serving import Server

GUARDED = ("content-security-policy", "x-content-type-options", "referrer-policy", "permissions-policy")
WATCH = """addEventListener('securitypolicyviolation', (event) => {
  (window.violations ??= []).push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`);
});"""


class Page(SimpleHTTPRequestHandler):
    """Some page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Elsewhere</title>")

    def log_message(self, *_: Any) -> None:
        pass


def site() -> Iterator[str]:
    """The origin of another site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as other:
        thread = Thread(target=other.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}"
        other.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def friend() -> Iterator[str]:
    """A site whose pages may call."""
    yield from site()


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    yield from site()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, friend: str) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("guarded")
    server = Server(folder, "tests/guarded_app.py", VOXDEMO_CORS_ORIGINS=f"https://example.org, {friend}")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/config", 200),
        ("GET", "/ready", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/ready", 405),
        ("POST", "/gradio_api/queue/join", 422),
        ("POST", "/fail", 500),
    ],
)
def test_every_answer_is_guarded(guarded: Server, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, guarded.url + path)  # its own connection, which failures close
    assert answer.status_code == status
    assert all(answer.headers.get_list(name) and len(answer.headers.get_list(name)) == 1 for name in GUARDED)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x-request-id" in answer.headers


def test_spaces_may_show_the_page_in_a_frame_and_others_not(guarded: Server) -> None:
    headers = guarded.http.get("/").headers
    directives = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert directives["frame-ancestors"].split() == ["'self'", "https://huggingface.co", "https://*.hf.space"]
    assert "x-frame-options" not in headers


def test_what_a_route_says_itself_stands(guarded: Server) -> None:
    headers = guarded.http.get("/own").headers
    assert headers.get_list("content-security-policy") == ["sandbox"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_stream_comes_as_it_is_made(guarded: Server) -> None:
    with guarded.http.stream("GET", "/drip") as answer:
        letters = answer.iter_raw()
        assert next(letters) == b"a"
        guarded.http.post("/drip")
        assert b"".join(letters) == b"b"


def test_a_well_formed_request_id_is_kept_and_another_replaced(guarded: Server) -> None:
    kept = guarded.http.get("/v1/seen", headers={"X-Request-ID": "a-Z_0.9"})
    assert (kept.headers["x-request-id"], kept.json()["request_id"]) == ("a-Z_0.9", "a-Z_0.9")
    for other in ("a b", "x" * 65, "é", "", 'a"\t<script>'):
        answer = guarded.http.get("/v1/seen", headers={"X-Request-ID": other.encode()})
        assert re.fullmatch("[0-9a-f]{12}", answer.headers["x-request-id"])
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_other_sites_are_told_nothing_and_friends_what_they_need(guarded: Server, friend: str) -> None:
    told = guarded.http.get("/config", headers={"Origin": friend}).headers
    assert told["access-control-allow-origin"] == friend
    assert told["access-control-expose-headers"] == "Retry-After, X-Request-ID, X-Voxdemo-Seed, X-Voxdemo-Warning"
    assert "access-control-allow-credentials" not in told
    assert "access-control-allow-origin" not in guarded.http.get("/config").headers
    for host in ("demo.example.com", "127.0.0.1"):
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "https://example.org.evil.example"):
            headers = {"Origin": origin, "Host": host}
            assert "access-control-allow-origin" not in guarded.http.get("/config", headers=headers).headers
            asked = {**headers, "Access-Control-Request-Method": "POST"}
            assert guarded.http.options("/gradio_api/queue/join", headers=asked).status_code == 400


def test_a_friend_is_told_beforehand_what_it_may_send(guarded: Server) -> None:
    asked = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    for path in ("/gradio_api/queue/join", "/v1/seen"):
        answer = guarded.http.options(path, headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        assert answer.headers["access-control-allow-headers"] == "authorization, content-type"


def test_a_page_behind_a_proxy_calls_its_own_origin(guarded: Server) -> None:
    headers = {"Origin": "https://demo.example.com", "Host": "demo.example.com", "X-Forwarded-Proto": "https"}
    assert guarded.http.get("/config", headers=headers).status_code == 200


def errors_of(page: Any) -> list[str]:
    """What the page complains of, in a list that grows."""
    errors: list[str] = []
    page.on("console", lambda told: told.type in ("error", "warning") and errors.append(told.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.reload()
    expect(page.locator(".chip")).to_contain_text("ready", timeout=30_000)
    expect(page.locator("#vx-estimate")).to_contain_text(re.compile("Ready|waiting"), timeout=30_000)
    return errors


def assert_at_peace(page: Any, errors: list[str], server: Server) -> None:
    assert page.evaluate("window.violations ?? []") == []
    assert [error for error in errors if "Content Security Policy" in error or "ermissions policy" in error] == []
    outside = [url for url in page.asked if not url.startswith((server.url, "data:", "blob:"))]
    assert outside == []


@needs_browser
@pytest.mark.parametrize(("viewport", "scheme"), first_of((WIDE, "light"), (PHONE, "dark")))
def test_the_page_lives_with_its_policy(
    guarded: Server, open_page: OpenPage, viewport: dict[str, int], scheme: str
) -> None:
    page = open_page(guarded, viewport, WATCH, color_scheme=scheme)
    errors = errors_of(page)
    speak(page, "one two three four. five six seven.")
    says(page, re.compile("s of speech"))
    page.wait_for_function("document.querySelector('#vx-card audio').readyState >= 1")
    page.evaluate("document.querySelector('#vx-card audio').play()")
    with page.expect_download() as download:
        page.click("#vx-card .save")
    assert Path(download.value.path()).stat().st_size > 1000
    page.get_by_role("tab", name="Recognise").click()
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.locator("#vx-recording .waveform-container").wait_for()
    page.locator("#vx-recording").get_by_label("Trim audio to selection").click()
    page.locator("#vx-recording").get_by_role("button", name="Trim").click()
    page.locator("#vx-recording").get_by_label("Trim audio to selection").wait_for()
    page.click("#vx-recognise")
    says(page, re.compile("s of audio, "), "#vx-heard")
    assert_at_peace(page, errors, guarded)


@pytest.mark.long
@needs_browser
def test_a_recording_can_be_made_under_the_policy(guarded: Server, open_page: OpenPage) -> None:
    page = open_page(guarded, script=WATCH, permissions=["microphone"])
    errors = errors_of(page)
    page.get_by_role("tab", name="Recognise").click()
    page.locator("#vx-recording").get_by_label("Record audio").click()
    page.locator("#vx-recording .record-button").click()
    page.wait_for_function("/0:0[1-9]/.test(document.querySelector('#vx-recording').innerText)")
    page.locator("#vx-recording .stop-button").first.click()
    page.locator("#vx-recording .waveform-container").wait_for()
    page.click("#vx-recognise")
    says(page, re.compile("s of audio, "), "#vx-heard")
    assert_at_peace(page, errors, guarded)


CALL = """async (url) => {
  const post = {method: 'POST', headers: {'Content-Type': 'application/json', 'Authorization': 'Bearer none'}};
  const joined = await fetch(`${url}/gradio_api/call/generate`,
    {...post, body: JSON.stringify({data: ['one two', null, '', 2, 10, false, false]})});
  const {event_id} = await joined.json();
  const told = await (await fetch(`${url}/gradio_api/call/generate/${event_id}`)).text();
  const sound = JSON.parse(told.split('event: complete\\ndata: ')[1].split('\\n')[0])[0].url;
  const heard = await fetch(sound);
  return [heard.status, (await heard.arrayBuffer()).byteLength, heard.headers.get('X-Request-ID')];
}"""


@needs_browser
def test_a_friends_page_can_speak_and_a_strangers_cannot(
    guarded: Server, browser: Any, friend: str, stranger: str
) -> None:
    page = browser.new_page()
    page.goto(friend)
    status, size, number = page.evaluate(CALL, guarded.url)
    assert (status, len(number)) == (200, 12)
    assert size > 1000
    page.goto(stranger)
    asked = "(url) => fetch(url).then((answer) => answer.status, (error) => error.message)"
    assert page.evaluate(asked, f"{guarded.url}/ready") == "Failed to fetch"
    assert page.evaluate(asked, f"{guarded.url}/config") == "Failed to fetch"
    page.close()


@pytest.mark.long
@needs_browser
def test_a_strangers_page_cannot_show_this_one_in_a_frame(guarded: Server, browser: Any, stranger: str) -> None:
    page = browser.new_page()
    page.goto(stranger)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.set_content(f'<iframe src="{guarded.url}"></iframe>')
    page.wait_for_load_state("networkidle")
    assert any("frame-ancestors" in words for words in told)
    page.close()


def test_without_friends_all_other_sites_are_strangers(fake_server: Server) -> None:
    answer = fake_server.http.get("/ready", headers={"Origin": "https://example.org"})
    assert "access-control-allow-origin" not in answer.headers
