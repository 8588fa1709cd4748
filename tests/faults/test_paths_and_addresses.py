"""Names that are paths, paths that are others', addresses to call: nothing is read, written or called."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from rings import first_of
from witness import Witness, converse, is_answer, spoken_token, tells_too_much

WARM_UP = Path(__file__).parents[2] / "assets" / "warm-up.flac"
ROOT = Path(__file__).parents[2]
NAMES = [
    "../../../../evil.wav", "/etc/cron.d/evil", "..\\..\\evil.wav", "evil\0.wav", "x" * 3_000 + ".wav",
    "~/evil.wav", "$(touch evil).wav", "%2e%2e%2fevil.wav", "CON", "evil\r\nX: y.wav", "声🙂.wav", ".htaccess", "-rf",
    "results/evil.wav", "http://127.0.0.1/evil.wav", "evil.wav/", "..", "a/b/c.wav",
]  # fmt: skip
ENDPOINTS = pytest.mark.parametrize(("endpoint", "every"), first_of(("generate", 1), ("prompt_wav_recognition", 4)))
"""Both take recordings by the same code of Gradio's, so that the second is shown only every fourth."""
UP = ["..", "%2e%2e", "..%2f..", ".%2e", "....//..", "..%5c..", "..;", "%252e%252e"]


@pytest.fixture
def everything(fake: Witness) -> Iterator[Witness]:
    """Nothing may come to be outside the folders of uploads and results."""
    before = outside(fake)
    yield fake
    assert outside(fake) == before


def outside(fake: Witness) -> set[Path]:
    beside = {path for path in fake.folder.rglob("*") if "cache/files" not in str(path)}
    written = ("threads.json", "threads.json.new", "paces.json")
    checkout = {path for path in ROOT.iterdir() if not path.name.startswith(".")}
    return {path for path in beside | checkout if path.name not in written}


def test_the_name_of_an_upload_is_no_path(everything: Witness) -> None:
    for name in NAMES:
        see_it_inside(everything, name)


def see_it_inside(fake: Witness, name: str) -> None:
    """Upload a file of this name."""
    quoted = name.replace('"', "%22").encode()
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="%b"\r\n\r\n' % quoted.replace(b"\r\n", b"")
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    sent = head + WARM_UP.read_bytes() + b"\r\n--b--\r\n"
    answer = fake.ask("POST", "/gradio_api/upload", content=sent, headers=kind)
    assert answer.status_code in (200, 400, 422), (name, answer.status_code, answer.text)
    if answer.status_code == 200 and answer.json():
        [path] = answer.json()
        inside = Path(path).resolve().relative_to(fake.cache / "files")
        assert len(inside.parts) == 2, (name, inside)
        assert inside.parts[0] != "results"
        assert fake.ask("GET", f"/gradio_api/file={path}").status_code in (200, 403, 404)


def forbidden(fake: Witness) -> list[str]:
    files = fake.cache / "files"
    return [
        "/etc/passwd", "/proc/self/environ", "/proc/self/cmdline", f"{ROOT}/app.py", f"{ROOT}/pyproject.toml", "app.py",
        "voxdemo/settings.py", ".env", f"{fake.cache}", f"{fake.cache}/paces.json", f"{files}", f"{files}/",
        f"{files}/results", f"{files}/results/", f"{files}/../paces.json", f"{files}/../../server.log",
        f"{fake.folder}/server.log",
        f"{files}/results/../../paces.json", f"{files}/x/../../paces.json", f"{files}\\..\\paces.json",
        *(f"{files}/{up}/paces.json" for up in UP), f"//{str(files)[1:]}/../paces.json", f"file://{fake.cache}/paces.json",
        f"{files.parent}/FILES/../paces.json", "\\\\127.0.0.1\\share", f"{files}/results/*", "~/.bashrc", "",
    ]  # fmt: skip


def test_no_file_is_given_but_uploads_and_results(fake: Witness) -> None:
    fake.speaks()
    for path in forbidden(fake):
        for door in ("/gradio_api/file=", "/gradio_api/file/", "/file=", "/static/", "/assets/", "/gradio_api/proxy="):
            heard = asked(fake, door + path)
            status = heard.split(b" ")[1] if b" " in heard else heard
            assert status in (b"400", b"403", b"404", b"405", b"422", b"307"), (door, path, heard[:300])
            assert b"root:" not in heard


def asked(fake: Witness, path: str) -> bytes:
    """What comes back for a path as it stands here, which clients would tidy."""
    return converse(fake, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())


def test_no_result_is_had_by_a_path(fake: Witness) -> None:
    token = spoken_token(fake, "a secret")
    other = token.swapcase()
    guesses = [
        "", ".", "..", "*", token[:-1], token[:8], f"{token}x", f"{token}/", f"{token}/speech", f"{token}%00",
        f"%20{token}", f"{token}%0a", f"{token}.wav%00", f"{token}.wav/..", f"{token}.prompt", f"{token}.",
        f"../results/{token}",
        f"..%2fresults%2f{token}", f"{token}%2fspeech.wav", f"{token}%2f.", *([] if other == token else [other]),
        *(f"{up}/{token}" for up in UP), "." * 22, "/etc/passwd", "%2fetc%2fpasswd",
    ]  # fmt: skip
    for door, guess in product(("/speech/", "/live/"), guesses):
        heard = asked(fake, door + guess)
        assert heard.split(b" ")[1] in (b"400", b"404", b"307"), (door, guess, heard[:300])
        assert not tells_too_much(heard.decode("latin-1"))
    for rest in ("", "/", "/*", "/.", "/other.wav"):
        path = f"/gradio_api/file={fake.cache}/files/results/{token}{rest}"
        assert fake.ask("GET", path).status_code in (403, 404), path


def prompts(fake: Witness) -> list[Any]:
    """Recordings that nobody has sent."""
    paths = [path for path in forbidden(fake) if path]
    file_data = {"meta": {"_type": "gradio.FileData"}}
    return [
        *({"path": path, **file_data} for path in paths),
        *({"path": "x.wav", "url": f"file://{path}", **file_data} for path in paths[:3]),
        *paths[:3],
        {"path": None, **file_data}, {"path": ["/etc/passwd"], **file_data},
        {"path": "/etc/passwd", "is_stream": True, **file_data},
        {"path": "/etc/passwd", "orig_name": "a.wav", "size": -1, "mime_type": "audio/wav", **file_data},
    ]  # fmt: skip


@ENDPOINTS
def test_no_recording_is_read_but_uploads(fake: Witness, endpoint: str, every: int) -> None:
    fake.stage("open")
    for prompt in prompts(fake)[::every]:
        answer = called(fake, endpoint, prompt)
        assert "event: complete" not in answer, (prompt, answer)
        assert not tells_too_much(answer.replace("/etc/passwd", "")), (prompt, answer)
    assert "with a voice" not in fake.ask("GET", "/stage").json()["started"]


def called(fake: Witness, endpoint: str, prompt: Any) -> str:
    """Everything that is told to who calls this endpoint with a recording."""
    data = ["with a voice", prompt] if endpoint == "generate" else [prompt]
    joined = fake.ask("POST", f"/gradio_api/call/{endpoint}", json={"data": data})
    if joined.status_code != 200:
        assert is_answer(joined)
        return joined.text
    return fake.ask("GET", f"/gradio_api/call/{endpoint}/{joined.json()['event_id']}").text


class Canary(BaseHTTPRequestHandler):
    """Notes that it was called."""

    def do_GET(self) -> None:
        self.server.called.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(WARM_UP.read_bytes())

    do_HEAD = do_POST = do_GET  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def canary() -> Iterator[HTTPServer]:
    """A server on loopback that must never be called."""
    server = HTTPServer(("127.0.0.1", 0), Canary)
    server.called = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
        assert server.called == []  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def addresses(canary: HTTPServer) -> list[str]:
    port = canary.server_address[1]
    hosts = ["127.0.0.1", "localhost", "127.1", "0.0.0.0", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "[::1]"]
    urls = [f"http://{host}:{port}/a.wav" for host in hosts]
    here = f"127.0.0.1:{port}"
    odd = [f"HTTP://{here}/a.wav", f"http:/{here}/a.wav", f"//{here}/a.wav", f"tcp://{here}"]
    return [*urls, *odd, f"http://example.org@{here}/a.wav", f"http://{here}/\r\nX: y"]


@ENDPOINTS
def test_no_address_is_called_for_a_recording(fake: Witness, canary: HTTPServer, endpoint: str, every: int) -> None:
    fake.stage("open")
    for url in addresses(canary)[::every]:
        for prompt in (
            url,
            {"path": url, "meta": {"_type": "gradio.FileData"}},
            {"path": url, "url": url, "is_file": True, "meta": {"_type": "gradio.FileData"}},
            {"path": "a.wav", "url": url, "meta": {"_type": "gradio.FileData"}},
            {"path": "", "url": url, "meta": {"_type": "gradio.FileData"}},
            {"url": url},
        ):
            answer = called(fake, endpoint, prompt)
            assert "event: complete" not in answer, (prompt, answer)


def test_no_address_is_called_for_who_asks_for_a_file(fake: Witness, canary: HTTPServer) -> None:
    for url in addresses(canary):
        for door in ("/gradio_api/file=", "/gradio_api/file/", "/gradio_api/proxy=", "/speech/", "/live/"):
            heard = converse(
                fake, f"GET {door}{url.splitlines()[0]} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
            )
            assert not heard.startswith((b"HTTP/1.1 200", b"HTTP/1.1 5")), (door, url, heard[:300])
