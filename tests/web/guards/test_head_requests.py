"""HEAD is answered wherever GET is, with the same status and length and without a body."""

from __future__ import annotations

import httpx
import pytest
from serving import Server

PATHS = (
    "/", "/health", "/ready", "/metrics", "/config", "/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt",
    "/gradio_api/info", "/v1/models", "/v1/models/tts-1", "/v1/audio/voices", "/v1/audio/jobs", "/v1/docs",
    "/v1/openapi.json", "/v1/static-offline-docs/swagger-ui-bundle.js",
)  # fmt: skip


def both(server: Server, path: str) -> tuple[httpx.Response, httpx.Response]:
    plain = {"Accept-Encoding": "identity"}
    return server.http.head(path, headers=plain), server.http.get(path, headers=plain)


@pytest.mark.parametrize("path", PATHS)
def test_what_can_be_got_can_be_asked_for_its_head(fake_server: Server, path: str) -> None:
    head, got = both(fake_server, path)
    assert (head.status_code, got.status_code, head.content) == (200, 200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def test_so_can_the_files_of_the_page(fake_server: Server) -> None:
    page = fake_server.http.get("/").text
    address = (
        page.partition('src="./assets/')[2].partition('"')[0] or page.partition('href="./assets/')[2].partition('"')[0]
    )
    assert address
    head, got = both(fake_server, f"/assets/{address}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1/models/nope", "/v1/audio/jobs/nothing", "/speech/x"])
def test_what_is_not_there_is_not_there_for_head_either(fake_server: Server, path: str) -> None:
    head, got = both(fake_server, path)
    assert (head.status_code, got.status_code, head.content) == (404, 404, b"")


@pytest.mark.parametrize(
    "path", ["/gradio_api/queue/data?session_hash=a", "/gradio_api/heartbeat/a", "/gradio_api/call/generate/a"]
)
def test_what_would_never_end_or_end_something_is_only_for_get(fake_server: Server, path: str) -> None:
    assert fake_server.http.head(path).status_code == 405


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/transcriptions"])
def test_what_takes_neither_refuses_both(fake_server: Server, path: str) -> None:
    head, got = both(fake_server, path)
    assert (head.status_code, got.status_code, head.content) == (405, 405, b"")
    assert "POST" in head.headers["allow"]
