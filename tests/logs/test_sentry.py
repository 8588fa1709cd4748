"""What Sentry is told, by its real SDK to a server on this machine: errors and their requests, and nobody's words."""

from __future__ import annotations

import gzip
import json
import logging
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import brotli
import pytest
from serving import StartServer

from voxdemo.logs import sentry

pytestmark = pytest.mark.long

TEXT = "Dear Bartholomew, raise the parcel on Tuesday"
DECOMPRESS = {"br": brotli.decompress, "gzip": gzip.decompress}
SECRETS = ("Bartholomew", "parcel", "Tuesday", "hush-hush", "biscuit")


class Collector:
    """Takes envelopes as Sentry does; `events` has those that tell of errors."""

    def __init__(self, port: int) -> None:
        self.dsn = f"http://key@127.0.0.1:{port}/1"
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.envelopes = ""

    def take(self, envelope: bytes) -> None:
        self.envelopes += envelope.decode()
        lines = [json.loads(line) for line in envelope.splitlines() if line]
        for header, item in zip(lines[1::2], lines[2::2], strict=True):
            if header["type"] == "event":
                self.events.put(item)

    def next_event(self) -> dict[str, Any]:
        return self.events.get(timeout=30)


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(DECOMPRESS[self.headers["Content-Encoding"]](body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        collector = Collector(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def test_errors_of_routes_and_of_models_threads_arrive_with_their_request_and_without_what_was_sent(
    collector: Collector, start_server: StartServer
) -> None:
    server = start_server(
        "tests/guarded_app.py", SENTRY_DSN=collector.dsn, SENTRY_ENVIRONMENT="somewhere", no_proxy="127.0.0.1"
    )
    server.wait_until_ready()
    secrets = {"X-Request-ID": "r-1", "Authorization": "Bearer hush-hush", "Cookie": "biscuit=hush-hush"}
    assert server.http.post("/fail?to=Bartholomew", content=TEXT.encode(), headers=secrets).status_code == 500
    told = [collector.next_event(), collector.next_event()]
    assert [event["exception"]["values"][-1]["type"] for event in told] == ["ValueError", "RuntimeError"]
    assert told[0]["exception"]["values"][-1]["value"] == "[left out]"
    for event in told:
        assert event["tags"] == {"request_id": "r-1"}
        assert event["environment"] == "somewhere"
        assert event["release"].startswith("voxdemo@")
        assert not {"server_name", "request", "user"} & event.keys()
        frames = [frame for value in event["exception"]["values"] for frame in value["stacktrace"]["frames"]]
        assert frames
        assert not any("vars" in frame for frame in frames)
    server.joined("generate", [TEXT, None, "", 2.0, 10, False, False], "s", **{"X-Request-ID": "r-2"})
    event = collector.next_event()
    assert event["logentry"]["formatted"] == "Fake voice failed on a job"
    assert event["tags"] == {"request_id": "r-2"}
    assert not [secret for secret in SECRETS if secret in collector.envelopes]


def test_without_its_package_the_log_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    sentry.start("https://key@localhost/1")
    assert [record.getMessage() for record in caplog.records] == [
        "Sentry is told nothing, for its package is missing: run .venv/bin/pip install sentry-sdk."
    ]


def test_nothing_is_sent_where_nobody_says_so(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sentry_sdk

    monkeypatch.setenv("SENTRY_DSN", collector.dsn)  # which the SDK would take by itself
    sentry.start("")
    logging.getLogger("voxdemo.test").error("it failed")
    assert not sentry_sdk.get_client().is_active()
    assert len(caplog.records) == 1
