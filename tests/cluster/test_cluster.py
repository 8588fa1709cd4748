"""A cluster on one machine, on Ray: what it says goes on when its line and a voice are killed, and nothing is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from line_elsewhere import SECRET, sound_of
from programs import samples_of
from rings import long
from serving import Server, StartServer, eventually

pytest.importorskip("ray", reason="needs Ray, from requirements-ray.txt; ./launch.sh test --all installs it")

TEXTS = ("one two waita three four five", "six seven waita eight nine ten")
AT_LAST_S = 120.0
"""Within which Ray has started a process, on any machine."""


def named(processes: list[psutil.Process], words: str) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and words in " ".join(each.cmdline())]


def speech(server: Server, text: str) -> httpx.Response:
    body = {"input": text, "response_format": "pcm"}
    return server.http.post("/v1/audio/speech", json=body, timeout=AT_LAST_S)


def is_said(data: bytes, text: str) -> bool:
    """Whether this text is heard whole, and nothing twice."""
    samples, _ = samples_of(data, "pcm")
    words, length = text.split(), len(sound_of(""))
    middles = samples[length // 2 :: length]
    return len(middles) == len(words) and np.allclose(middles, [sound_of(word)[0] for word in words], atol=0.002)


@long
def test_a_cluster_says_all_though_its_line_and_a_voice_are_killed_and_leaves_no_process(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server("tests/cluster_of_fakes.py", VOXDEMO_LINE_SECRET=SECRET, WORD_S=0.01, GO=tmp_path)
    server.wait_until_ready()
    with ThreadPoolExecutor() as people:
        answers = [people.submit(speech, server, text) for text in TEXTS]
        eventually(lambda: server.http.get("/ready").json()["running"] == 2, AT_LAST_S)
        processes = psutil.Process(server.process.pid).children(recursive=True)
        for killed in (*named(processes, "ray::ServeReplica:line"), named(processes, "ray::ServeReplica:voices")[0]):
            killed.kill()
        (tmp_path / "waita").touch()
        heard = [answer.result().content for answer in answers]
    assert [is_said(data, text) for data, text in zip(heard, TEXTS, strict=True)] == [True, True]
    processes += psutil.Process(server.process.pid).children(recursive=True)
    assert server.stop() == 0
    assert [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []
