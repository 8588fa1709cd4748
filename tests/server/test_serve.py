"""The server as a process: how it comes up, what it says of itself, how it goes."""

from __future__ import annotations

import ctypes
import re
import signal
import socket
import threading
from pathlib import Path

import psutil
import pytest
from gradio_client import Client
from serving import Server, StartServer

SLOW_PAGE = """
import gradio.networking, httpx

def head(*_, **__):
    raise httpx.ReadTimeout("as after 3 s on a machine that is busy")

gradio.networking.httpx = type("httpx", (), {**vars(httpx), "head": staticmethod(head)})
"""
"""A sitecustomize by which Gradio, which looks for its page when it starts, gets no answer in time."""


def test_it_is_alive_before_it_is_ready_says_why_it_is_not_and_ends_quietly_with_no_child_left(
    start_server: StartServer,
) -> None:
    server = start_server("tests/fake_app.py", LOADING="held")
    server.wait_for("/health")
    answer = server.http.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["reason"] in ("Fake voice is loading.", "Fake recogniser is loading.")
    server.http.post("/stage/load")
    server.wait_until_ready()
    assert server.http.get("/ready").json()["ready"] is True
    assert server.http.get("/").status_code == 200
    Client(server.url, verbose=False).submit("A sentence, and then another one. " * 100, api_name="/generate")
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert server.stop() == 0
    assert "Traceback" not in server.log
    assert not any(child.is_running() for child in children)


def test_ready_says_what_serves(server: Server) -> None:
    body = server.http.get("/ready").json()
    assert (body["engine"], body["recognizer"], body["generators"]) == ("builtin", "builtin", 1)
    assert server.http.get("/health").json()["alive"] is True


def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(start_server: StartServer) -> None:
    server = start_server()
    threading.Event().wait(1.0)  # in the midst of its imports, on any machine
    server.stop(signal.SIGINT)
    assert "Traceback" not in server.log


@pytest.mark.long
def test_a_page_that_is_slow_while_models_load_does_not_end_the_start_and_any_thread_may_be_given_the_signal(
    start_server: StartServer, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_PAGE)
    server = start_server("tests/fake_app.py", PYTHONPATH=tmp_path, VOXDEMO_DRAIN_S=60)
    server.wait_until_ready()
    assert server.http.get("/").status_code == 200
    tgkill = getattr(ctypes.CDLL(None), "tgkill", None)
    if tgkill is None:
        pytest.skip("only glibc can choose the thread")
    others = [int(task.name) for task in Path(f"/proc/{server.process.pid}/task").iterdir()]
    assert tgkill(server.process.pid, max(others), signal.SIGTERM) == 0
    assert server.process.wait(timeout=30) == 0  # and it waits for nobody where nobody is


@pytest.mark.long
def test_what_keeps_it_from_starting_is_one_sentence(start_server: StartServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for settings, sentence in (
            ({"VOXDEMO_PORT": taken.getsockname()[1]}, r"Port \d+ on 127.0.0.1 is taken: stop .*"),
            ({"VOXDEMO_GENERATORS": 3}, "VOXDEMO_GENERATORS is '3', but it must be a number from 1 to 2."),
            (
                {"VOXDEMO_REDIS_URL": "redis://:secret@h:x", "VOXDEMO_RATE_LIMIT": "1/second"},
                "VOXDEMO_REDIS_URL can't be understood: write it such as .*",
            ),
            ({"VOXDEMO_CACHE_DIR": tmp_path / "file" / "cache"}, ".* must be a folder that can be written to."),
        ):
            server = start_server(**settings)
            assert server.process.wait(timeout=180) == 2
            assert re.fullmatch(rf"voxdemo can't start: {sentence}\n", server.log)
