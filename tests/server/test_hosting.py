"""voxdemo behind the shipped nginx, at a path below a site, and behind Caddy."""

from __future__ import annotations

import copy
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import brotli
import httpx
import pytest
import soundfile
import transcribing
from browsing import WARM_UP, OpenPage, expect, needs_browser, says, speak
from gradio_client import Client, handle_file
from listening import WORDS, frames, key_of
from proxying import PATH, behind_caddy, behind_nginx, needed
from serving import EVERY_JOB_ANEW, Server, asked, eventually
from uploading import MIB, form

from voxdemo.web.guards.bodies import MAX_FORM_BYTES

pytestmark = pytest.mark.long

DONE = re.compile(r"^\d+\.\d s of speech, made in \d+\.\d s$")
RATE_LIMIT = 60
TOO_LARGE = f"That is more than the {MAX_FORM_BYTES // MIB} MiB that can be sent here at once: send less."
SPEECH = {"model": "tts-1", "voice": "fake", "input": WORDS, "response_format": "pcm"}


@pytest.fixture(scope="module")
def _hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows the path it is served at, as it is reached through nginx.

    It believes the first address of X-Forwarded-For, whoever wrote it, so that it matters that proxies replace it.
    """
    needed("nginx", "Debian's package nginx-light")
    told = {
        "GRADIO_ROOT_PATH": PATH,
        "VOXDEMO_TRUSTED_PROXIES": "*",
        "VOXDEMO_RATE_LIMIT": f"{RATE_LIMIT}/hour",
    }
    server = Server(tmp_path_factory.mktemp("hosted"), "tests/fake_app.py", **EVERY_JOB_ANEW, **told)
    try:
        server.wait_until_ready()
        with behind_nginx(server, tmp_path_factory.mktemp("nginx")) as url:
            outside = copy.copy(server)
            outside.url = url + PATH
            with httpx.Client(base_url=outside.url, timeout=30) as outside.http:
                yield outside
    finally:
        server.end()


@pytest.fixture
def hosted(_hosted: Server) -> Iterator[Server]:
    """It takes no step until it is told to, and every test finds it at rest."""
    _hosted.http.post("/stage/reset").raise_for_status()
    yield _hosted
    _hosted.http.post("/stage/open").raise_for_status()
    eventually(lambda: not (line := _hosted.http.get("/ready").json())["running"] + line["waiting"])


@pytest.fixture
def opened(hosted: Server) -> Iterator[Client]:
    client = Client(hosted.url, verbose=False)
    yield client
    client.close()


def outside_of(hosted: Server, urls: Iterator[str] | list[str]) -> list[str]:
    inside = (hosted.url + "/", "data:", "blob:")
    return [url for url in urls if not url.startswith(inside) and url != hosted.url]


def statuses(url: str, address: str, times: int, claimed: str) -> set[int]:
    """What so many uploads are answered that come from an address, and each claim to come from another one."""
    with httpx.Client(base_url=url, timeout=30, transport=httpx.HTTPTransport(local_address=address)) as http:
        claims = ({"X-Forwarded-For": f"{claimed}.{number}"} for number in range(times))
        answers = [http.post("/gradio_api/upload", files={"files": b"x"}, headers=claim) for claim in claims]
        return {answer.status_code for answer in answers}


def test_the_page_and_what_it_names_lie_below_the_path(hosted: Server) -> None:
    moved = hosted.http.get(hosted.url, params={"a": "b"})
    assert (moved.status_code, moved.headers["location"]) == (308, f"{PATH}/?a=b")
    page = hosted.http.get("/").text
    named = [
        urljoin(f"{hosted.url}/", url)
        for url in re.findall(r"""<(?:link|script|img)[^>]+(?:src|href)="([^"]+)""", page)
    ]
    assert len(named) > 2
    assert not outside_of(hosted, named)
    assert {hosted.http.get(url).status_code for url in named} == {200}
    assert hosted.http.get("/config").json()["root"] == hosted.url


@pytest.mark.parametrize(("takes", "coding"), [("br, gzip", "br"), ("gzip", "gzip"), ("identity", None)])
def test_what_is_text_is_compressed_once(hosted: Server, takes: str, coding: str | None) -> None:
    for path in ("/", "/config", "/theme.css", "/metrics"):
        answer, sent = asked(hosted, path, takes)
        assert (answer.headers.get("content-encoding"), answer.headers["content-length"]) == (coding, str(len(sent)))
        plain = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding](sent)
        assert plain.lstrip()[:1] in b"<{#:"


def test_a_script_speaks_and_listens(hosted: Server, opened: Client) -> None:
    hosted.http.post("/stage/open")
    wav = opened.predict(WORDS, api_name="/generate")
    assert soundfile.info(wav).duration == pytest.approx(0.7, abs=0.6)
    assert opened.predict(handle_file(wav), api_name="/prompt_wav_recognition") == "heard"


def test_who_waits_is_told_so_while_nothing_moves(hosted: Server) -> None:
    def told(text: str) -> Iterator[dict[str, Any]]:
        return hosted.messages("generate", [text, None, None, 2.0, 10, False, False])

    with closing(told(WORDS)) as first, closing(told("In hand.")) as second, closing(told("In line.")) as third:
        assert next(message for message in first if message["msg"] == "process_starts")
        progress = next(message for message in second if message["msg"] == "progress")["progress_data"]
        assert progress[0]["desc"].startswith("1 person ahead of you, about ")
        assert next(message for message in third if message["msg"] == "estimation")["rank"] == 2


def test_sound_passes_while_it_is_made(hosted: Server) -> None:
    with closing(hosted.messages("speak", hosted.page_values(WORDS))) as told:
        key = key_of(told)
        with hosted.http.stream("GET", f"/live/{key}") as answer:
            heard = frames(answer)
            assert next(heard) == ({"rate": 16_000}, b"")
            hosted.http.post("/stage/steps/1")
            assert next(piece for _, piece in heard if piece)
            hosted.http.post("/stage/open")
            assert list(heard)
        assert list(told)
    finished = hosted.http.get(f"/speech/{key}.flac")
    assert soundfile.info(io.BytesIO(finished.content)).format == "FLAC"


def test_a_program_hears_the_first_sound_before_the_next_is_made(hosted: Server) -> None:
    hosted.http.post("/stage/steps/1")
    with hosted.http.stream("POST", "/v1/audio/speech", json=SPEECH) as answer:
        assert answer.status_code == 200
        sound = answer.iter_raw()
        first = next(sound)
        assert first
        hosted.http.post("/stage/open")
        assert len(first + b"".join(sound)) > len(first)


@needs_browser
def test_a_visitor_speaks_hears_and_downloads(hosted: Server, open_page: OpenPage) -> None:
    hosted.http.post("/stage/open")
    page = open_page(hosted)
    speak(page, WORDS)
    says(page, DONE)
    page.wait_for_function("document.querySelector('#vx-card audio').currentTime > 0")
    with page.expect_download() as download:
        page.click("#vx-card [data-ending=wav]")
    assert soundfile.info(download.value.path()).duration > 0.5
    page.get_by_role("tab", name="Recognise").click()
    page.set_input_files("#vx-recording input[type=file]", WARM_UP)
    expect(page.get_by_role("tabpanel")).to_be_visible()
    assert len(page.asked) > 20
    assert not outside_of(hosted, page.asked)


def test_an_upload_that_fits_passes_and_a_larger_one_is_refused_in_the_servers_words(hosted: Server) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    fits = hosted.http.post("/gradio_api/upload", content=form(199 * MIB), headers=kind)
    assert fits.status_code == 200
    length = sum(len(part) for part in form(80 * MIB, files=3))
    for told in ({"Content-Length": str(length)}, {}):
        refused = hosted.http.post("/gradio_api/upload", content=form(80 * MIB, files=3), headers={**kind, **told})
        assert (refused.status_code, refused.json()["detail"]) == (413, TOO_LARGE)


def test_who_sends_too_much_gets_the_answer_and_no_bad_gateway(hosted: Server) -> None:
    size = 8 * MIB
    told = {"Content-Type": "application/json", "Content-Length": str(size)}
    for _ in range(12):
        pieces = (bytes(MIB) for _ in range(size // MIB))
        # Each over a connection of its own: nginx closes one whose answer came before the end of what was sent.
        refused = httpx.post(f"{hosted.url}/gradio_api/queue/join", content=pieces, headers=told, timeout=30)
        assert (refused.status_code, "5 MiB" in refused.json()["detail"]) == (413, True)


def test_limits_count_who_is_in_front_of_the_proxy_whatever_they_claim(hosted: Server) -> None:
    assert statuses(hosted.url, "127.0.0.2", RATE_LIMIT, "192.0.2") == {200}
    assert statuses(hosted.url, "127.0.0.2", 3, "198.51.100") == {429}
    assert statuses(hosted.url, "127.0.0.3", 3, "192.0.2") == {200}


def test_nginx_passes_live_sessions_on(hosted: Server) -> None:
    with transcribing.opened(hosted.url, additional_headers={"X-Forwarded-For": "192.0.2.9"}) as socket:
        assert transcribing.said(socket)["type"] == "session.created"
        cleared = transcribing.said(socket, type="input_audio_buffer.clear")
        assert cleared["type"] == "input_audio_buffer.cleared"


def test_caddy_passes_sound_as_it_is_made_and_replaces_what_clients_claim(hosted: Server, tmp_path: Path) -> None:
    with behind_caddy(hosted.port, tmp_path) as url, httpx.Client(base_url=url, timeout=30) as http:
        with transcribing.opened(url) as socket:
            assert transcribing.said(socket)["type"] == "session.created"
        hosted.http.post("/stage/steps/1")
        with http.stream("POST", "/v1/audio/speech", json=SPEECH) as answer:
            sound = answer.iter_raw()
            first = next(sound)
            assert first
            hosted.http.post("/stage/open")
            assert len(first + b"".join(sound)) > len(first)
        for takes in ("br", "gzip"):
            page = http.get("/", headers={"accept-encoding": takes})
            assert (page.headers["content-encoding"], page.text[:15]) == (takes, "<!doctype html>")
        assert statuses(url, "127.0.0.4", RATE_LIMIT, "192.0.2") == {200}
        assert statuses(url, "127.0.0.4", 3, "198.51.100") == {429}
        assert statuses(url, "127.0.0.5", 3, "192.0.2") == {200}
