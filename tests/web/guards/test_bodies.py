"""How much may come through a door at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from serving import Server, eventually
from uploading import MIB, form

from voxdemo.web.guards.bodies import MAX_BODY_BYTES, MAX_FORM_BYTES


def uploaded(server: Server, content: Iterator[bytes], **headers: str) -> httpx.Response:
    headers = {"Content-Type": "multipart/form-data; boundary=b", **headers}
    return server.http.post("/gradio_api/upload", content=content, headers=headers)


def test_many_files_that_are_small_enough_one_by_one_are_too_much_together(fake_server: Server) -> None:
    before = set((fake_server.folder / "cache" / "files").rglob("*"))
    assert uploaded(fake_server, form(100 * MIB)).status_code == 200
    answer = uploaded(fake_server, form(80 * MIB, files=3))
    assert answer.status_code == 413
    assert answer.json()["detail"] == "That is more than the 201 MiB that can be sent here at once: send less."
    eventually(lambda: len(set((fake_server.folder / "cache" / "files").rglob("*")) - before) == 2)  # a folder, a file


def test_a_length_that_is_told_is_enough_to_be_refused(fake_server: Server) -> None:
    with socket.create_connection(("127.0.0.1", fake_server.port), timeout=30) as connection:
        connection.sendall(
            f"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_FORM_BYTES + 1}\r\n\r\n".encode()
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", ["queue/join", "call/generate", "cancel", "queue/data"])
def test_other_doors_take_less(fake_server: Server, path: str) -> None:
    chunks = (bytes(MIB) for _ in range(MAX_BODY_BYTES // MIB + 2))
    answer = fake_server.http.post(f"/gradio_api/{path}", content=chunks, headers={"Content-Type": "application/json"})
    assert answer.status_code in (405, 413)  # one that doesn't read a body answers before
    assert fake_server.http.get("/health").status_code == 200


def test_a_text_that_is_far_too_long_is_refused_by_its_own_words(fake_server: Server) -> None:
    told = str(list(fake_server.messages("generate", ["word " * 200_000, None, "", 2.0, 10, False, False])))
    assert "The text has 1,000,000 characters; send at most 50,000." in told


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/gradio_api/dev/reload", 404),
        ("POST", "/gradio_api/call/no_such_endpoint", 404),
        ("GET", "/openapi.json", 404),
    ],
)
def test_doors_that_nobody_needs_are_shut_in_words(fake_server: Server, method: str, path: str, status: int) -> None:
    lines = len(fake_server.log.splitlines())
    answer = fake_server.http.request(method, path, json={"data": ["private words"]} if method == "POST" else None)
    assert answer.status_code == status
    assert answer.json()["code"] == {404: "not_found", 405: "method_not_allowed"}.get(status, "bad_request")
    assert "Traceback" not in "\n".join(fake_server.log.splitlines()[lines:])


def test_what_the_page_asks_for_beside_the_line_is_not_taken_into_it(fake_server: Server) -> None:
    functions = fake_server.http.get("/config").json()["dependencies"]
    beside = [function["id"] for function in functions if function["queue"] is False and function["backend_fn"]]
    assert beside
    for number in beside:
        body = {"data": [], "fn_index": number, "session_hash": "s"}
        refused = fake_server.http.post("/gradio_api/queue/join", json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
