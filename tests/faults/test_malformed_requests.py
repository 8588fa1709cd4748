"""Requests as no honest client sends them: malformed uploads, tricks with headers, half requests."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from witness import Witness, connected, converse, is_answer, spoken_token, tells_too_much

pytestmark = pytest.mark.long

UPLOAD = "/gradio_api/upload"
FORM = "multipart/form-data; boundary=b"
FIELD = 'Content-Disposition: form-data; name="files"'
PART = 'Content-Disposition: form-data; name="files"; filename="a.wav"'


def multipart(*lines: str, boundary: str = "b") -> tuple[str, bytes]:
    return f"multipart/form-data; boundary={boundary}", "\r\n".join(lines).encode()


WHOLE = {
    "no boundary in the header": ("multipart/form-data", b"--b\r\n"),
    "another boundary": multipart("--c", PART, "", "x", "--c--", ""),
    "an empty boundary": multipart("--", PART, "", "x", "----", "", boundary=""),
    "nothing": multipart(""),
    "no parts": multipart("--b--", ""),
    "no disposition": multipart("--b", "Content-Type: audio/wav", "", "x", "--b--", ""),
    "no name": multipart("--b", 'Content-Disposition: form-data; filename="a"', "", "x", "--b--", ""),
    "no colon": multipart("--b", "Content-Disposition", "", "x", "--b--", ""),
    "a header of 100 kB": multipart("--b", PART, "X: " + "x" * 100_000, "", "x", "--b--", ""),
    "10,000 headers": multipart("--b", PART, *(f"X{n}: y" for n in range(10_000)), "", "x", "--b--", ""),
    "5,000 fields": multipart(*['--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny'] * 5_000, "--b--", ""),
    "broken off in its headers": multipart("--b", "Content-Disposition: form-da"),
    "an unknown charset": (f"{FORM}; charset=klingon", multipart("--b", PART, "", "x", "--b--", "")[1]),
    "not multipart": ("application/json", b"{}"),
    "an empty type": ("", b"x"),
    "a name in no encoding": (FORM, multipart("--b", PART, "", "x", "--b--", "")[1].replace(b"a.wav", b"\xff\xfe")),
}  # fmt: skip
FAILING = {
    "a boundary of 5,000 letters": multipart("--b", boundary="b" * 5_000),
    "a field of 2 MB": multipart("--b", FIELD, "", "x" * 2_000_000, "--b--", ""),
}  # fmt: skip
BROKEN_OFF = {
    "before its end": multipart("--b", PART, "", "x" * 5_000),
    "in its boundary": multipart("--b", PART, "", "x" * 5_000, "--"),
}
TOO_MANY = multipart(*[f"--b\r\n{PART}\r\n\r\ny"] * 1_500, "--b--", "")


def sent(fake: Witness, form: tuple[str, bytes], path: str = UPLOAD) -> None:
    kind, body = form
    answer = fake.ask("POST", path, content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 200 or is_answer(answer), body[:200]  # who sent a file is told where it lies


def test_a_malformed_upload_is_refused(fake: Witness) -> None:
    for form in (*WHOLE.values(), *FAILING.values(), TOO_MANY):
        sent(fake, form)


@pytest.mark.parametrize("form", BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_an_upload_that_breaks_off_leaves_nothing(fake: Witness, form: tuple[str, bytes]) -> None:
    sent(fake, form)
    fake.prove(settle_s=1)


def test_an_upload_whose_progress_is_asked_for_may_have_fields(fake: Witness) -> None:
    field = multipart("--b", 'Content-Disposition: form-data; name="x"', "", "y", "--b--", "")
    sent(fake, field, f"{UPLOAD}?upload_id=x")


def request(*lines: str, body: str = "") -> bytes:
    return "\r\n".join([*lines, "", body]).encode("latin-1")


CANCEL = "POST /gradio_api/cancel HTTP/1.1"
WEBSOCKET = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x")
TRICKS = {
    "a header of 200 kB": request("GET /ready HTTP/1.1", "Host: a", "X: " + "x" * 200_000),
    "20,000 headers": request("GET /ready HTTP/1.1", "Host: a", *(f"X-{n}: y" for n in range(20_000))),
    "an address of 200 kB": request(f"GET /ready?{'x' * 200_000} HTTP/1.1", "Host: a"),
    "no host": request("GET /ready HTTP/1.1"),
    "two hosts": request("GET /ready HTTP/1.1", "Host: a", "Host: b"),
    "two lengths": request(CANCEL, "Host: a", "Content-Length: 2", "Content-Length: 3", body="{}"),
    "a length below zero": request(CANCEL, "Host: a", "Content-Length: -1"),
    "a length that is no number": request(CANCEL, "Host: a", "Content-Length: 0x2", body="{}"),
    "a huge length": request(CANCEL, "Host: a", f"Content-Length: {10**30}", body="{}"),
    "an unknown coding": request(CANCEL, "Host: a", "Transfer-Encoding: identity, chunked", body="0\r\n\r\n"),
    "a chunk below zero": request(CANCEL, "Host: a", "Transfer-Encoding: chunked", body="-1\r\nx\r\n0\r\n\r\n"),
    "a folded header": request("GET /ready HTTP/1.1", "Host: a", "X: y", " z"),
    "a bare line feed": b"GET /ready HTTP/1.1\nHost: a\n\n",
    "a zero in a header": request("GET /ready HTTP/1.1", "Host: a", "X: a\0b"),
    "an unknown method": request("BREW /ready HTTP/1.1", "Host: a"),
    "an unknown version": request("GET /ready HTTP/9.9", "Host: a"),
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "an upgrade": request("GET /ready HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: h2c"),
    "a websocket": request("GET /ready HTTP/1.1", "Host: a", *WEBSOCKET),
}  # fmt: skip


def test_a_trick_with_headers_is_refused_or_answered(fake: Witness) -> None:
    for name, trick in TRICKS.items():
        heard = converse(fake, trick.replace(b"Host: a", b"Host: a\r\nConnection: close", 1)).decode("latin-1")
        assert not re.search(r"^HTTP/1\.\d 5", heard, re.MULTILINE), (name, heard[:500])
        assert not tells_too_much(heard), name
        assert heard.count("HTTP/1.1 200") <= 1, name


def test_no_second_request_is_hidden_in_the_body_of_a_first(fake: Witness) -> None:
    hidden = "0\r\n\r\nGET /stage HTTP/1.1\r\nHost: a\r\n\r\n"
    lines = ["Host: a", "Content-Type: application/json", f"Content-Length: {len(hidden)}"]
    for coding in ("chunked", "Chunked", " chunked", "x, chunked", "chunked, identity", "\tchunked"):
        heard = converse(fake, request("POST /health HTTP/1.1", *lines, f"Transfer-Encoding:{coding}", body=hidden))
        assert b"most_running" not in heard, coding


HOSTS = ["evil.example", "", "a b", "127.0.0.1:99999", "[::1", "x" * 5_000, "a/../b", "<script>", "ü"]


def test_an_odd_host_breaks_nothing(fake: Witness) -> None:
    for host in HOSTS:
        for path in ("/", "/config", "/ready", "/gradio_api/info"):
            heard = converse(fake, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert not re.match(rb"HTTP/1\.1 5", heard), (host, path, heard[:500])
            assert b"Traceback" not in heard
    for host in ("a:b:c", "[::"):
        assert fake.ask("GET", "/", headers={"X-Forwarded-Host": host}).status_code < 500, host


FORWARDED = {
    "x-forwarded-for": ["1.2.3.4", "::1", "unknown", ", ,", "1.2.3.4," * 2_000, "'; drop table", "127.0.0.1"],
    "x-forwarded-proto": ["https", "javascript", "https, http", ""],
    "x-forwarded-host": ["evil.example", "a, b", ""],
    "x-forwarded-prefix": ["/../..", "//evil.example"],
    "forwarded": ["for=1.2.3.4;host=evil.example;proto=https"],
    "x-original-url": ["/stage"],
    "x-http-method-override": ["DELETE"],
    "x-gradio-server": ["http://127.0.0.1:1/"],
    "x-ip-token": ["x"],
    "cookie": ["access-token=x; access-token-unsecure-x=y", "=" * 4_000],
    "authorization": ["Bearer x", "Basic !!!"],
    "origin": ["http://evil.example", "null"],
}


def test_what_proxies_say_breaks_nothing(fake: Witness) -> None:
    for name, values in FORWARDED.items():
        for value in values:
            for path in ("/", "/ready"):  # the page has the configuration in it
                answer = fake.ask("GET", path, headers={name: value})
                assert answer.status_code < 500, (path, name, value, answer.text[-500:])
                assert "Traceback" not in answer.text


RANGES = {
    "bytes=0-0": 206, "bytes=-1": 206, "bytes=0-": 206, "bytes=99999999-": 416, "bytes=5-1": None, "bytes=x-y": None,
    "lines=0-1": None, "bytes=": None, f"bytes=0-{10**30}": 206,}  # fmt: skip


def test_ranges_of_every_kind_cost_no_more_than_the_sound(fake: Witness) -> None:
    token = spoken_token(fake, "word " * 100)
    whole = fake.ask("GET", f"/speech/{token}").content
    for door in (f"/speech/{token}", f"/gradio_api/file={fake.cache}/files/results/{token}/speech.wav"):
        for asked, status in RANGES.items():
            answer = fake.ask("GET", door, headers={"Range": asked})
            assert answer.status_code == (status or answer.status_code), (door, asked)
            assert answer.status_code in (200, 206, 400, 416), (door, asked)
            assert len(answer.content) <= len(whole) + 500, (door, asked)


MANY_RANGES = [f"bytes={'0-0,' * 1_500}1-1", "bytes=" + ",".join(f"{n}-" for n in range(1_500))]


def test_many_ranges_cost_no_more_than_the_sound_and_those_that_gradio_does_not_know_are_refused(fake: Witness) -> None:
    token = spoken_token(fake, "word " * 100)
    for asked in MANY_RANGES:
        answer = fake.ask("GET", f"/speech/{token}", headers={"Range": asked})
        assert answer.status_code in (200, 206, 400, 416)
        assert len(answer.content) <= 400_000
    path = f"{fake.cache}/files/results/{token}/speech.wav"
    for asked in ("bytes=--1", MANY_RANGES[0]):
        assert fake.ask("GET", f"/gradio_api/file={path}", headers={"Range": asked}).status_code < 500


HALVES = [
    b"G",
    b"GET /ready HTTP/1.1\r\n",
    b"POST /gradio_api/cancel HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
]


def test_half_a_request_holds_nobody_up(fake: Witness) -> None:
    with ExitStack() as held:
        for half in HALVES:
            held.enter_context(connected(fake)).sendall(half)
        fake.speaks()
