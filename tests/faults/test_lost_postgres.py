"""Two servers work off one queue of jobs; the database is away for a while, and one of them is killed."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import soundfile
from serving import EVERY_JOB_ANEW, Server, StartServer, eventually

pytestmark = pytest.mark.long

postgres_server = pytest.importorskip("postgres_server", exc_type=ImportError)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    server = postgres_server.PostgresServer()
    yield server
    server.close()


def state(server: Server, url: str) -> dict[str, int]:
    counts: dict[str, int] = server.http.get(url).json()["counts"]
    return {name: count for name, count in counts.items() if count}


def jobs_notice(server: Server) -> str:
    ready = server.http.get("/ready")
    assert ready.status_code == 200
    return str(ready.json()["jobs"])


def test_no_accepted_text_is_lost_or_finished_twice(start_server: StartServer, postgres: Any) -> None:
    url = postgres.new_url()
    first = start_server("tests/fake_app.py", VOXDEMO_DATABASE_URL=url, **EVERY_JOB_ANEW)
    shared = first.folder / "cache"
    second = start_server("tests/fake_app.py", VOXDEMO_DATABASE_URL=url, VOXDEMO_CACHE_DIR=shared, **EVERY_JOB_ANEW)
    for server in (first, second):
        server.wait_until_ready()
    accepted = first.http.post("/v1/audio/jobs", json={"inputs": ["One.", "Two.", "Three."]})
    assert accepted.status_code == 202
    job = accepted.json()["url"]
    eventually(lambda: state(second, job) == {"queued": 1, "running": 2}, within_s=60)

    postgres.stop()
    for refused in (first.http.post("/v1/audio/jobs", json={"input": "Four."}), second.http.get(job)):
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "10"
        assert refused.json()["error"]["message"] == "Jobs can't be reached just now: try again in a minute."
        assert refused.json()["error"]["values"] == {"reason": "jobs_away"}
    eventually(lambda: all(map(jobs_notice, (first, second))), within_s=60)
    first.http.post("/stage/open")  # what it speaks ends while nobody can be told
    postgres.start()
    eventually(lambda: not any(map(jobs_notice, (first, second))), within_s=60)
    eventually(lambda: state(first, job) == {"running": 1, "done": 2}, within_s=60)

    second.process.send_signal(signal.SIGKILL)
    with postgres_server.psycopg.connect(url) as db:  # the time of its lease goes by
        db.execute("UPDATE owners SET until = until - 15 WHERE id IN (SELECT owner FROM texts WHERE state = 'running')")
    eventually(lambda: state(first, job) == {"done": 3}, within_s=60)
    for number in (1, 2, 3):
        sound = first.http.get(f"{job}/items/{number}")
        assert soundfile.info(io.BytesIO(sound.content)).frames > 0
    for said in (first.log, second.log, first.http.get("/ready").text):
        assert postgres_server.PASSWORD not in said
    assert "Traceback" not in first.log + second.log
