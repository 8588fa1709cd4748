"""A Hugging Face hub on this machine, as much of it as downloading a model needs, with faults on demand.

It serves folders as models, the large files from another host as the real one does. It keeps a record of requests,
and holds back, cuts off or refuses what it is told to.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import forking
from serving import environment

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin", ".pth", ".pt")
"""Endings of what the real hub keeps in LFS, under its SHA-256."""
STEP_BYTES = 1 << 16
NO_PROXY = dict.fromkeys(
    ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
)
"""Variables that aren't set where a hub on this machine is to be asked by the shortest way."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    first_byte: int
    """Where the asked range begins."""
    token: str | None

    @property
    def name(self) -> str | None:
        """The file that was asked for."""
        found = re.search(r"/resolve/[^/]+/(.+)$", self.path)
        return found[1] if found else None


@dataclass
class FakeHub:
    """`models` by id are folders. The faults may be changed at any time; the record grows as it's asked."""

    models: dict[str, Path]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    status: int | None = None
    """Answer everything with this instead; `error_code` is what the hub adds to say which error it is."""
    error_code: str | None = None
    refused_files: bool = False
    """Whether `status` is for files only."""
    hold_at: int | None = None
    """Stop sending at this byte of a file until `go_on` is set."""
    go_on: threading.Event = field(default_factory=threading.Event)
    cuts: list[int] = field(default_factory=list)
    """End the connection at these bytes of a file, each once."""
    breaks: bool = False
    """Whether connections end as when a cable is pulled out; else as when the other side is done."""
    damaged: bool = False
    """Whether large files arrive with other content than they were announced with."""

    def bytes_asked(self, name: str) -> list[int]:
        """The first byte of each time that file was downloaded, or begun to."""
        return [request.first_byte for request in self.requests if request.method == "GET" and request.name == name]


@contextmanager
def serve(models: dict[str, Path]) -> Iterator[FakeHub]:
    hub = FakeHub(models)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    server.block_on_close = False
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *arguments: Any) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        first = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        request = Request(self.command, path, int(first[1]) if first else 0, self.headers.get("Authorization"))
        self.hub.requests.append(request)
        if self.hub.status and (request.name or not self.hub.refused_files):
            return self._send(self.hub.status, b"", {"X-Error-Code": self.hub.error_code})
        for model, folder in self.hub.models.items():
            if path.startswith(f"/api/models/{model}/tree/"):
                return self._send_json([_entry(folder, file) for file in _files(folder)])
            if path in (f"/api/models/{model}", f"/api/models/{model}/revision/main"):
                siblings = [{"rfilename": str(file.relative_to(folder))} for file in _files(folder)]
                return self._send_json({"id": model, "sha": COMMIT, "siblings": siblings})
            if path.startswith(f"/{model}/resolve/") and request.name and (folder / request.name).is_file():
                return self._resolve(folder / request.name, request)
            if path.startswith(f"/storage/{model}/"):
                return self._send_file(folder / path.removeprefix(f"/storage/{model}/"), request)
        known = any(path.startswith(f"/{model}/") for model in self.hub.models)
        return self._send(404, b"", {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"})

    def _send_json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _resolve(self, file: Path, request: Request) -> None:
        if not file.name.endswith(LARGE):
            return self._send_file(file, request)
        model = next(model for model, folder in self.hub.models.items() if file.is_relative_to(folder))
        large = {"X-Linked-ETag": f'"{_digest(file)}"', "X-Linked-Size": str(file.stat().st_size)}
        storage = self.hub.url.replace("127.0.0.1", "localhost")
        return self._send(
            302, b"", {**large, "X-Repo-Commit": COMMIT, "Location": f"{storage}/storage/{model}/{request.name}"}
        )

    def _send_file(self, file: Path, request: Request) -> None:
        content = file.read_bytes()
        headers = {"ETag": f'"{_digest(file)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if self.hub.damaged and file.name.endswith(LARGE):
            content = bytes(len(content))
        if not request.first_byte:
            return self._send(200, content, headers)
        headers["Content-Range"] = f"bytes {request.first_byte}-{len(content) - 1}/{len(content)}"
        return self._send(206, content[request.first_byte :], headers, request.first_byte)

    def _send(self, status: int, body: bytes, headers: dict[str, Any], first_byte: int = 0) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self._send_body(body, first_byte)

    def _send_body(self, body: bytes, first_byte: int) -> None:
        try:
            for start in range(0, len(body), STEP_BYTES):
                at = first_byte + start
                if self.hub.hold_at is not None and at >= self.hub.hold_at:
                    self.hub.go_on.wait()
                if any(at >= cut for cut in self.hub.cuts):
                    self.hub.cuts.remove(next(cut for cut in self.hub.cuts if at >= cut))
                    return self._hang_up()
                self.wfile.write(body[start : start + STEP_BYTES])
        except OSError:  # whoever asked is gone
            self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        if self.hub.breaks:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()  # lingering for no time: the other side is told that the connection broke


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _entry(folder: Path, file: Path) -> dict[str, Any]:
    size = file.stat().st_size
    entry = {"type": "file", "path": str(file.relative_to(folder)), "size": size, "oid": _git_digest(file)}
    if file.name.endswith(LARGE):
        entry["lfs"] = {"oid": _digest(file), "size": size, "pointerSize": 134}
    return entry


def _digest(file: Path) -> str:
    return _sha256(file, file.stat().st_mtime_ns) if file.name.endswith(LARGE) else _git_digest(file)


@cache
def _sha256(file: Path, changed_ns: int) -> str:
    """Asked for at every request."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _git_digest(file: Path) -> str:
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def fetched(folder: Path, url: str, engine: str) -> dict[str, Path]:
    """Where `fetch-models` says that each model is, with this engine named and the models of others here already."""
    ours = {"HF_ENDPOINT": url, "HF_HOME": folder / "home", "HF_HUB_OFFLINE": "", **NO_PROXY}
    here = {"VOXDEMO_ENGINE": engine, "VOXDEMO_VOXCPM_MODEL": folder, "VOXDEMO_SENSEVOICE_MODEL": folder}
    done = forking.run(["-m", "voxdemo.cli.fetch"], environment(folder, **ours, **here))
    assert done.returncode == 0, done.stderr
    told = (line.partition(" is in ") for line in done.stdout.decode().splitlines())
    return {name: Path(place) for name, _, place in told if place}
