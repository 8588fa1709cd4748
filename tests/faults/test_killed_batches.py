"""Servers that are killed while they speak a batch: the next one goes on, and in the end each text has one result."""

from __future__ import annotations

import io
import itertools
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from rings import AT_NIGHT
from serving import Server, eventually

pytestmark = pytest.mark.long

KILLS = 10 if AT_NIGHT else 1
BATCHES, TEXTS_EACH = (5, 200) if AT_NIGHT else (3, 8)
JOBS, KILLS_EACH = (1_000, 5) if AT_NIGHT else (30, 1)
"""Of two servers over Postgres."""
SEED = 7


@contextmanager
def up(folder: Path) -> Iterator[Server]:
    server = Server(folder, "tests/guarded_app.py", VOXDEMO_CACHE_SIZE=0)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop(signal.SIGKILL)


def test_every_accepted_text_has_one_result_however_often_the_server_is_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    marks = sorted(chance.randrange(1, BATCHES * TEXTS_EACH) for _ in range(KILLS))
    with up(tmp_path) as server:
        urls = [accepted(server, number) for number in range(BATCHES)]
    for mark in marks:
        with up(tmp_path) as server:
            eventually(lambda server=server, mark=mark: sum(done(server, url) for url in urls) >= mark, within_s=240)
    with up(tmp_path) as server:
        jobs = [eventually(lambda url=url: finished(server, url), within_s=240) for url in urls]
        assert [job["status"] for job in jobs] == ["done"] * BATCHES
        for job in jobs:
            assert [item["index"] for item in job["items"]] == list(range(1, TEXTS_EACH + 1))
            assert Counter(item["status"] for item in job["items"]) == {"done": TEXTS_EACH}
            audio = server.http.get(chance.choice(job["items"])["audio_url"])
            assert soundfile.info(io.BytesIO(audio.content)).frames > 0
        files = sorted(path.name for path in (tmp_path / "cache" / "batches").glob("*/*.wav"))
        assert len(files) == BATCHES * TEXTS_EACH


class Killed:
    """Two servers over one Postgres, in one folder, and what programs leave with either of them."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        shared = {"VOXDEMO_DATABASE_URL": database, "VOXDEMO_CACHE_DIR": folder / "cache", "VOXDEMO_CACHE_SIZE": 0}
        self._settings = {**shared, "PACE": 0.1, "LOOK_EVERY_S": 0.5}
        self._http = httpx.Client(timeout=30)
        self.servers = [self._started(number) for number in range(2)]

    def _started(self, number: int, port: int = 0) -> Server:
        folder = self._folder / str(number)
        folder.mkdir(exist_ok=True)
        return Server(folder, "tests/paced_app.py", port=port, **self._settings)

    def kill(self, number: int) -> None:
        """At once; another one is started at the same address."""
        killed = self.servers[number]
        killed.stop(signal.SIGKILL)
        self.servers[number] = self._started(number, killed.port)
        self.servers[number].wait_until_ready()

    def accept(self, number: int) -> str:
        """The address of a job of one text, by a program that asks again, and the other server, until it is told."""
        pause = threading.Event()
        for again in itertools.count(number):
            server = self.servers[again % 2]
            headers, body = {"Idempotency-Key": f"job {number}"}, {"input": f"Job {number} is spoken."}
            with suppress(httpx.TransportError):
                answer = self._http.post(f"{server.url}/v1/audio/jobs", json=body, headers=headers)
                if answer.status_code == 202:
                    return str(answer.json()["url"])
                assert answer.status_code == 503, f"{answer.text}\n{server.log}"
            pause.wait(0.2)
        raise AssertionError

    def close(self) -> None:
        self._http.close()
        for server in self.servers:
            server.end()


@pytest.mark.timeout(1800 if AT_NIGHT else 300)
def test_each_of_many_jobs_at_two_servers_has_one_result_however_often_both_are_killed(tmp_path: Path) -> None:
    postgres_server = pytest.importorskip("postgres_server")
    postgres = postgres_server.PostgresServer()
    url = postgres.new_url()
    pair = Killed(tmp_path, url)
    with closing(postgres), closing(pair), ThreadPoolExecutor(8) as programs:
        for server in pair.servers:
            server.wait_until_ready()
        with postgres_server.psycopg.connect(url, autocommit=True) as db:
            postgres_server.count_finishes(db)

            def count(of: str) -> int:
                return int(db.execute(f"SELECT count(*) FROM {of}").fetchone()[0])

            accepting = [programs.submit(pair.accept, number) for number in range(JOBS)]
            for kill in range(2 * KILLS_EACH):
                mark = JOBS * (kill + 1) // (2 * KILLS_EACH + 1)
                eventually(lambda mark=mark: count("texts WHERE state = 'done'") >= mark, within_s=480)
                pair.kill(kill % 2)
            urls = [each.result(120) for each in accepting]
            eventually(lambda: count("texts WHERE state = 'done'") == JOBS, within_s=480)
            assert len({*urls}) == count("batches") == count("texts") == JOBS
            twice = db.execute(postgres_server.FINISHED_TWICE).fetchone()[0]
        heard = [pair.servers[number % 2].http.get(f"{url}/items/1") for number, url in enumerate(urls)]
        lost = sum(answer.status_code != 200 for answer in heard)
        assert (lost, twice) == (0, 0)


def accepted(server: Server, number: int) -> str:
    texts = [f"Batch {number}, text {index}." for index in range(TEXTS_EACH)]
    answer = server.http.post("/v1/audio/jobs", json={"inputs": texts, "response_format": "wav"})
    assert answer.status_code == 202
    return str(answer.json()["url"])


def done(server: Server, url: str) -> int:
    return sum(item["status"] == "done" for item in server.http.get(url).json()["items"])


def finished(server: Server, url: str) -> Any:
    job = server.http.get(url).json()
    return job["finished_at"] and job
