"""Whether /health and /ready tell the truth of a loop that stalls and a step that hangs."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from serving import Server, eventually

from voxdemo.monitoring.event_loop import STALL_S


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that gives a part of a text one second."""
    server = Server(tmp_path_factory.mktemp("health"), "tests/fake_app.py", VOXDEMO_JOB_TIMEOUT_S=1)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


def refused(server: Server) -> Any:
    """What /health says when it isn't well."""
    answer = server.http.get("/health")
    return answer.json() if answer.status_code == 503 else None


def test_health_fails_while_a_step_hangs_and_ready_proves_that_it_works_again(server: Server) -> None:
    with pytest.raises(AppError, match="took longer than 1 s"):
        Client(server.url, verbose=False).predict("slow", api_name="/generate")
    assert refused(server) == {
        "alive": False,
        "reason": "Fake voice hangs in a job that is past its deadline: see the server's log.",
        "version": server.http.get("/health").json()["version"],
    }
    ready = server.http.get("/ready")
    assert (ready.status_code, ready.json()["reason"]) == (
        503, "Fake voice didn't end a job in time and is being checked."
    )  # fmt: skip
    server.http.post("/stage/open")
    eventually(lambda: server.http.get("/ready").status_code == 200)
    assert server.http.get("/health").status_code == 200
    assert Client(server.url, verbose=False).predict("fine", api_name="/generate")


@pytest.mark.long
def test_health_fails_while_the_event_loop_stalls_and_a_while_longer(server: Server) -> None:
    stalling = threading.Thread(target=server.http.post, args=[f"/stall/{STALL_S + 1}"])
    stalling.start()
    answer = eventually(lambda: refused(server))  # asked while it stalls, answered after
    stalling.join()
    assert re.fullmatch(r"The server stood still for \d+ s: its log says where\.", answer["reason"])
    assert "in stall\n" in server.log
    assert server.http.get("/ready").status_code == 200
