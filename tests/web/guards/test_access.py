"""Access: programs with keys, people with a login, everybody where neither is asked for."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsing import STILL, WARM_UP, barriers, expect, looks, needs_browser, says, speak
from gradio_client import Client, handle_file
from serving import Server, StartServer

from voxdemo import settings as voxdemo_settings
from voxdemo.web.guards import access, logins
from voxdemo.web.guards.logins import Logins

KEY, OTHER_KEY = "a-key-of-some-length", "another-key-of-some-length"
RIGHT = {"Authorization": f"Bearer {KEY}"}
WRONG = {"Authorization": "Bearer a-key-of-some-lengtH"}
SIGNED = {"VOXDEMO_AUTH": "ann:pass:word", "VOXDEMO_LINE_SECRET": "the-secret-of-all-servers"}
"""Of servers that believe each other's logins."""


def ready(server: Server) -> Server:
    server.wait_until_ready()
    return server


@pytest.fixture(scope="module")
def asks_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("keys")
    server = Server(folder, "tests/guarded_app.py", VOXDEMO_API_KEYS=f"{OTHER_KEY}, {KEY}")
    try:
        yield ready(server)
    finally:
        server.end()


@pytest.fixture(scope="module")
def asks_both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("both")
    server = Server(folder, "tests/guarded_app.py", VOXDEMO_API_KEYS=KEY, VOXDEMO_AUTH="ann:pass:word, bob:änder")
    try:
        yield ready(server)
    finally:
        server.end()


@pytest.fixture(scope="module")
def asks_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("login"), "tests/guarded_app.py", **SIGNED)
    try:
        yield ready(server)
    finally:
        server.end()


def client(server: Server, folder: Path, **options: Any) -> Client:
    return Client(server.url, verbose=False, download_files=folder, **options)


def use_everything(program: Client) -> None:
    """Config, upload, join, the stream of events, and the download."""
    sound = program.predict("one two three", handle_file(WARM_UP), "", api_name="/generate")
    assert Path(sound).stat().st_size > 1000
    assert program.predict(handle_file(WARM_UP), api_name="/prompt_wav_recognition") == "heard"


def generate(server: Server, **options: Any) -> httpx.Response:
    data = {"data": ["one two", None, "", 2, 10, False, False]}
    return server.http.post("/gradio_api/call/generate", json=data, **options)


def sentence(answer: httpx.Response) -> str:
    """What a refusal says, in the form of Gradio's clients or of OpenAI's."""
    said = answer.json()
    if answer.request.url.path.startswith("/v1/"):
        return str(said["error"]["message"])
    assert said["error"] == said["detail"]
    return str(said["detail"])


def test_a_right_key_opens_everything(asks_keys: Server, asks_both: Server, tmp_path: Path) -> None:
    for server in (asks_keys, asks_both):
        use_everything(client(server, tmp_path, headers=RIGHT))


def test_a_request_tells_its_key_by_an_id_that_is_not_the_key(asks_keys: Server) -> None:
    ids = {
        key: asks_keys.http.get("/v1/seen", headers={"authorization": f"bearer  {key}"}).json()["key"]
        for key in (KEY, OTHER_KEY)
    }
    assert len(set(ids.values())) == 2
    for key, number in ids.items():
        assert number.startswith("key-")
        assert len(number) == 14
        assert number not in key
        assert key not in asks_keys.log


@pytest.mark.parametrize("path", ["/", "/ready", "/config", "/v1/seen", "/gradio_api/info"])
def test_a_wrong_key_is_refused_everywhere(asks_keys: Server, path: str) -> None:
    for sent in ("Bearer a-key-of-some-lengtH", "Bearer", f"Bearer {KEY}x", "bearer é"):
        answer = asks_keys.http.get(path, headers={"Authorization": sent.encode("latin-1")})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert sentence(answer) == access.WRONG_KEY
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_programs_without_a_key_are_asked_for_one(asks_keys: Server, tmp_path: Path) -> None:
    for answer in (
        asks_keys.http.get("/v1/seen"),
        asks_keys.http.get("/v1/nothing"),
        generate(asks_keys),
        generate(asks_keys, headers={"Authorization": "Basic YTpi"}),
        asks_keys.http.post("/gradio_api/call/speak", json={"data": []}),
        asks_keys.http.post("/gradio_api/call/v2/generate", json={"text_input": "one"}),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert sentence(answer) == access.NO_KEY
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        use_everything(client(asks_keys, tmp_path))
    for path in ("/v1/docs", "/v1/openapi.json"):
        assert asks_keys.http.get(path).status_code == 200


def test_a_program_that_logs_in_still_needs_its_key(asks_both: Server, tmp_path: Path) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        use_everything(client(asks_both, tmp_path, auth=("ann", "pass:word")))
    use_everything(client(asks_both, tmp_path, auth=("ann", "pass:word"), headers=RIGHT))


@needs_browser
def test_the_page_needs_no_key(asks_keys: Server, open_page: Any) -> None:
    page = open_page(asks_keys)
    speak(page, "one two three")
    says(page, re.compile("s of speech"))
    page.get_by_role("tab", name="Recognise").click()
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    page.locator("#vx-recording .waveform-container").wait_for()
    page.click("#vx-recognise")
    says(page, re.compile("s of audio, "), "#vx-heard")


@needs_browser
def test_people_log_in_on_the_page(asks_both: Server, browser: Any) -> None:
    visit = browser.new_context(**STILL)
    page = visit.new_page()
    page.goto(asks_both.url)
    log_in(page, "ann", "word")
    expect(page.get_by_role("alert")).to_have_text("Wrong name or password.")
    expect(page.get_by_label("Name")).to_be_focused()
    assert page.locator("#vx-text").count() == 0
    log_in(page, "ann", "pass:word")
    expect(page.locator(".chip")).to_contain_text("ready", timeout=30_000)
    speak(page, "one two three")
    says(page, re.compile("s of speech"))
    assert page.evaluate("fetch('/v1/seen').then((answer) => answer.status)") == 401
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.locator("#vx-text").count() == 0
    log_in(page, "bob", "änder")
    expect(page.locator("#vx-text textarea")).to_have_value("")  # what ann wrote isn't for bob
    expect(page.get_by_role("button", name="Log out")).to_have_attribute("title", "Logged in as bob")
    visit.close()


def log_in(page: Any, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


@pytest.mark.long
@needs_browser
@looks
def test_the_login_has_the_look_of_the_page(
    asks_both: Server, browser: Any, viewport: dict[str, int], scheme: str
) -> None:
    visit = browser.new_context(**STILL, viewport=viewport, color_scheme=scheme)
    page = visit.new_page()
    page.goto(asks_both.url)
    expect(page.locator(".brand")).to_contain_text("voxdemo")
    for field, completed in (("Name", "username"), ("Password", "current-password")):
        box = page.get_by_label(field)
        expect(box).to_have_attribute("autocomplete", completed)
        expect(box).to_have_css("border-top-width", "1px")
        assert box.bounding_box()["height"] >= 44
    expect(page.get_by_role("button", name="Log in")).to_have_css(
        "background-color", {"light": "rgb(11, 110, 100)", "dark": "rgb(79, 209, 189)"}[scheme]
    )
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.close()


@needs_browser
def test_the_login_speaks_chinese_and_offers_english(asks_both: Server, browser: Any) -> None:
    visit = browser.new_context(**STILL, locale="zh-CN")
    page = visit.new_page()
    page.goto(asks_both.url)
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    visit.close()


def test_a_logout_ends_one_login_and_only_where_the_page_asks_for_it(asks_both: Server) -> None:
    with httpx.Client(base_url=asks_both.url) as here, httpx.Client(base_url=asks_both.url) as there:
        for person in (here, there):
            person.post("/login", data={"username": "ann", "password": "pass:word"})
        assert here.post("/logout", headers={"Origin": "http://evil.example"}).status_code == 401
        assert here.get("/config").status_code == 200
        kept = dict(here.cookies)
        assert here.post("/logout").status_code == 204
        assert not here.cookies
        assert there.get("/config").status_code == 200
        header = "; ".join(f"{name}={value}" for name, value in kept.items())
        assert httpx.get(f"{asks_both.url}/config", headers={"Cookie": header}).status_code == 401
        assert there.post("/logout").status_code == there.post("/logout").status_code == 204


@pytest.mark.long
def test_a_login_at_one_server_holds_at_another_with_the_same_secret_until_it_is_ended_there(
    asks_both: Server, asks_login: Server, start_server: StartServer
) -> None:
    other = ready(start_server("tests/guarded_app.py", **SIGNED))

    def status(server: Server, cookies: dict[str, str], path: str = "/config") -> int:
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return httpx.get(f"{server.url}{path}", headers={"Cookie": header}).status_code

    with httpx.Client(base_url=asks_login.url) as person:
        person.post("/login", data={"username": "ann", "password": "pass:word"})
        cookies = dict(person.cookies)
    assert [status(server, cookies) for server in (asks_login, other)] == [200, 200]
    assert status(other, cookies, "/v1/audio/jobs") == 200
    assert status(asks_both, cookies) == 401  # it has another secret
    forged = {name: value[:-1] + ("0" if value[-1] != "0" else "1") for name, value in cookies.items()}
    assert status(other, forged) == 401
    with httpx.Client(base_url=other.url, cookies=cookies) as person:
        assert person.post("/logout").status_code == 204
    assert [status(server, cookies) for server in (asks_login, other)] == [200, 401]


def test_a_login_ends_with_its_time_wherever_it_was_used_before(asks_login: Server) -> None:
    paths = ("/config", "/v1/seen", "/gradio_api/info")
    with httpx.Client(base_url=asks_login.url) as person:
        person.post("/login", data={"username": "ann", "password": "pass:word"})
        assert [person.get(path).status_code for path in paths] == [200] * 3
        asks_login.http.post("/later", content=str(logins.LASTS_S + 1))
        try:
            assert [person.get(path).status_code for path in paths] == [401] * 3
            assert person.post("/login", data={"username": "ann", "password": "pass:word"}).status_code == 200
            assert person.get("/config").status_code == 200
        finally:
            asks_login.http.post("/later", content="0")


def test_a_login_is_good_for_its_time_its_password_and_until_it_is_ended() -> None:
    now = [1000.0]
    here = Logins("the secret", {"änn.": "one", "bob": "two"}, lambda: now[0])
    token, other = here.begun("änn.", "one") or "", here.begun("änn.", "one") or ""
    assert here.begun("änn.", "two") is here.begun("nobody", "") is None
    there = Logins("the secret", {"änn.": "one"}, lambda: now[0])
    assert there[token] == "änn."
    assert there.cookie_id == here.cookie_id != Logins("another", {}).cookie_id
    assert Logins("the secret", {"änn.": "three"}).get(token) is None
    assert Logins("another", {"änn.": "one"}).get(token) is None
    assert there.get(here.begun("bob", "two") or "") is None
    for odd in ("", "a", "....", "=.x.y.z", f"{token}0", token[1:], "ä.1.2.3"):
        assert odd not in here
        assert here.pop(odd, None) is None
    assert here.pop(token) == "änn."
    assert (here.get(token), here.get(other), there.get(token)) == (None, "änn.", "änn.")
    now[0] += logins.LASTS_S + 1
    assert (here.get(other), there.get(token)) == (None, None)


def test_a_login_opens_the_page_s_jobs_to_the_page_and_to_no_other_site_s(
    asks_both: Server, asks_login: Server
) -> None:
    for server, spoken in ((asks_both, 401), (asks_login, 200)):
        with httpx.Client(base_url=server.url) as person:
            assert _jobs_answer_the_page_alone(person) == spoken


def _jobs_answer_the_page_alone(person: httpx.Client) -> int:
    """What a browser is answered that has logged in and asks what programs ask, /v1/audio/speech."""
    body, own_origin = {"input": "One."}, str(person.base_url).rstrip("/")
    assert person.post("/v1/audio/jobs", json=body).status_code == 401
    person.post("/login", data={"username": "ann", "password": "pass:word"})
    own = [{}, {"Origin": own_origin}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.example"}]
    foreign = [
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": own_origin},
    ]  # fmt: skip
    answers = [person.post("/v1/audio/jobs", json=body, headers=headers) for headers in (*own, *foreign)]
    assert [answer.status_code for answer in answers] == [202] * 3 + [401] * 4
    assert {sentence(answer) for answer in answers[3:]} == {access.ELSEWHERE}
    url = answers[0].json()["url"]
    assert person.get(url).status_code == 200
    assert person.delete(url, headers=foreign[0]).status_code == 401
    return person.post("/v1/audio/speech", json=body).status_code


def test_what_needs_a_login_is_closed_without_and_the_rest_open(asks_both: Server) -> None:
    for path in ("/config", "/gradio_api/info", "/gradio_api/file=x", "/gradio_api/queue/data?session_hash=x"):
        assert asks_both.http.get(path).status_code == 401
    joined = {"data": [], "fn_index": 0, "session_hash": "x"}
    assert asks_both.http.post("/gradio_api/queue/join", json=joined).status_code == 401
    assert asks_both.http.post("/gradio_api/upload", files={"files": b"x"}).status_code == 401
    for path in ("/health", "/ready", "/"):
        assert asks_both.http.get(path).status_code == 200
    assert asks_both.http.get("/speech/unknown").status_code == 404
    assert asks_both.http.get("/live/unknown").status_code == 404
    config = asks_both.http.get("/").text
    assert "auth_required" in config
    assert "vx-text" not in config
    (login,) = set(re.findall(r'"\./(scripts/.*?)"', config))
    assert asks_both.http.get(f"/{login}").status_code == 200
    folder = login.removesuffix("/login.js")
    assert asks_both.http.get(f"/{folder}/page.js").status_code == 401
    page = asks_both.http.get(f"/{folder}/page.js", headers=RIGHT)
    assert (page.status_code, page.headers["cache-control"].partition(",")[0]) == (200, "private")


def test_a_key_wins_over_a_cookie_that_is_no_more(asks_both: Server) -> None:
    app = asks_both.http.post("/login", data={"username": "bob", "password": "änder"})
    cookies = dict(app.cookies)
    assert set(cookies) == {name for name in cookies if name.startswith("access-token-")}
    asks_both.http.cookies.clear()
    stale = dict.fromkeys(cookies, "gone")
    header = "; ".join(f"{name}={value}" for name, value in stale.items())
    assert asks_both.http.get("/config", headers={"Cookie": header}).status_code == 401
    assert asks_both.http.get("/config", headers={"Cookie": header, **RIGHT}).status_code == 200


def test_a_login_without_keys_guards_the_paths_for_programs_too(asks_login: Server, tmp_path: Path) -> None:
    server = asks_login
    refused = server.http.get("/v1/seen", headers=RIGHT)
    assert (refused.status_code, sentence(refused)) == (401, access.NO_LOGIN)
    assert server.http.get("/v1seen").status_code == 404
    with httpx.Client(base_url=server.url) as person:
        cookies = person.post("/login", data={"username": "ann", "password": "pass:word"}).headers.get_list(
            "set-cookie"
        )
        assert any("HttpOnly" in cookie and "SameSite=none; Secure" in cookie for cookie in cookies)  # in a frame
        assert any("HttpOnly" in cookie and "Secure" not in cookie for cookie in cookies)  # without TLS
        assert person.get("/v1/seen").status_code == 200
        assert person.get("/config", headers=WRONG).status_code == 200  # no keys, so it says nothing
    use_everything(client(server, tmp_path, auth=("ann", "pass:word")))


def test_without_keys_any_authorization_is_ignored(fake_server: Server, tmp_path: Path) -> None:
    fake_server.http.post("/stage/open")
    use_everything(client(fake_server, tmp_path, headers=WRONG))
    use_everything(client(fake_server, tmp_path, token="hf_for_another_place"))
    assert fake_server.http.get("/v1/audio/voices", headers=WRONG).status_code == 200
    assert "Everybody" not in fake_server.log


@pytest.mark.parametrize(
    ("host", "others", "warns"),
    [
        ("0.0.0.0", {}, True),
        ("::", {}, True),
        ("demo.example.com", {}, True),
        ("127.0.0.1", {}, False),
        ("127.1.2.3", {}, False),
        ("::1", {}, False),
        ("localhost", {}, False),
        ("0.0.0.0", {"VOXDEMO_API_KEYS": KEY}, False),
        ("0.0.0.0", {"VOXDEMO_AUTH": "ann:word"}, False),
    ],
)
def test_an_open_demo_that_others_can_reach_is_told_in_the_log(
    host: str,
    others: dict[str, str],
    warns: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in {"VOXDEMO_HOST": host, **others}.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.WARNING):
        access.warn_if_open(voxdemo_settings.load())
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warns
    assert all("VOXDEMO_AUTH" in record.message and "VOXDEMO_API_KEYS" in record.message for record in caplog.records)
