"""Servers that are killed while they speak a batch: the next one goes on, and in the end each text has one result."""

from __future__ import annotations

import io
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
from serving import Server, eventually
from witness import LONG

pytestmark = pytest.mark.long

KILLS = 10 if LONG else 1
BATCHES, TEXTS_EACH = (5, 200) if LONG else (3, 8)
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
