"""The load test: its theory against known values, and short runs against a server whose pace is set."""

from __future__ import annotations

import heapq
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from rings import first_of, long
from serving import ROOT, Server, eventually
from typer.testing import CliRunner

from voxdemo.loadtest import theory
from voxdemo.loadtest.__main__ import app
from voxdemo.loadtest.doors import DOORS
from voxdemo.loadtest.measured import Request, Run
from voxdemo.loadtest.report import LoadTest, prediction, recommendation


@pytest.mark.parametrize(
    ("servers", "load", "waiting"), [(1, 0.5, 0.5), (2, 1.0, 1 / 3), (5, 4.0, 0.5541), (10, 8.0, 0.4092)]
)
def test_erlangs_c_is_that_of_the_tables(servers: int, load: float, waiting: float) -> None:
    assert theory.erlang_c(servers, load) == pytest.approx(waiting, abs=1e-4)


def test_waits_with_exponential_services_are_those_of_the_closed_form() -> None:
    rng = random.Random(1)
    services = [rng.expovariate(1.0) for _ in range(200_000)]
    assert theory.open_wait(services, 0.8, 1, 0.95) == pytest.approx(math.log(0.8 / 0.05) / 0.2, rel=0.05)
    assert theory.open_wait(services, 0.04, 1, 0.95) == 0.0
    assert theory.open_wait(services, 1.1, 1, 0.95) == math.inf


@pytest.mark.parametrize("servers", [1, 2])
def test_an_open_line_waits_as_a_simulation_does(servers: int) -> None:
    rng = random.Random(2)
    services = [rng.uniform(4, 16) for _ in range(1_000)]
    per_s = 0.8 * servers / statistics.fmean(services)
    free, now, waits = [0.0] * servers, 0.0, []
    for _ in range(100_000):
        now += rng.expovariate(per_s)
        begun = max(now, heapq.heappop(free))
        heapq.heappush(free, begun + rng.choice(services))
        waits.append(begun - now)
    assert theory.open_wait(services, per_s, servers, 0.95) == pytest.approx(theory.percentile(waits, 0.95), rel=0.15)


def test_in_a_closed_line_one_waits_for_all_the_others() -> None:
    services = [1.0, 2.0, 6.0]
    waits = theory.closed_waits(services, users=10, servers=1, think_s=0, rng=random.Random(3))
    rng = random.Random(4)
    sums = [sum(rng.choices(services, k=9)) for _ in range(20_000)]
    assert statistics.fmean(waits) == pytest.approx(9 * 3.0, rel=0.02)
    assert theory.percentile(waits, 0.95) == pytest.approx(theory.percentile(sums, 0.95), rel=0.03)
    assert max(theory.closed_waits(services, 2, 2, 0, random.Random(5))) == 0


def test_people_and_places_are_as_many_as_the_wait_allows() -> None:
    services = [10.0] * 50
    people = [theory.most_people(services, 1 / 60, 1, wait_s) for wait_s in (1.0, 30.0, 3_600.0)]
    assert people[0] < people[1] < people[2] == 5  # 90 % of the six that one generator can do a minute
    assert theory.queue_size(services, 0.5 / 10, 1) == 9  # 0.5 to the 10th is a thousandth


def run_of(waits_s: list[float], service_s: float, users: int) -> Run:
    run = Run(users, None, 0.0)
    for at, wait_s in enumerate(waits_s):
        started_at = at + wait_s
        run.requests.append(Request(float(at), started_at, None, started_at + service_s, "done"))
    return run


def test_the_first_request_of_each_user_does_not_count_for_the_steady_part() -> None:
    run = run_of([0.0, 2.0, 4.0, 4.0, 4.0], 2.0, users=3)
    assert prediction(run, 0) == (4.0, 4.0)
    said = " ".join(recommendation(LoadTest("url", "gradio", 0, 1.0, False, [run])))
    assert "A request occupies a generator for 2.0 s on average; 1 generator can serve 30 a minute." in said
    assert "At 3 users, theory predicts that 95 % of waits are at most 4.00 s; 4.00 s were measured (meas" in said
    assert "(measured/predicted 1.00; 2 requests)." in said


def test_without_a_request_nothing_is_recommended() -> None:
    assert recommendation(LoadTest("url", "gradio", 0, 1.0, True, [])) == [
        "No recommendation: no request was measured from start to end."
    ]


ENDED = "Words that nobody has thought of yet."


@pytest.mark.parametrize("door", list(DOORS))
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("busy", "refused"),
        ("rate_limit_exceeded", "refused"),
        ("not_ready", "refused"),
        ("model_failed", "failed"),
        ("unexpected", "failed"),
    ],
)
async def test_a_refusal_is_counted_by_its_code_whatever_its_words(door: str, code: str, outcome: str) -> None:
    """Both doors, against a server that answers as ours does."""
    error = {"message": ENDED, "code": code, "values": {}}
    last = {"gradio": {"msg": "process_completed", "success": False, "output": {"error": ENDED}, **error},
            "openai": {"type": "error", "error": error}}[door]  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/config":
            return httpx.Response(200, json={"dependencies": [{"id": 0, "api_name": "generate"}]})
        if request.url.path.endswith("/join"):
            return httpx.Response(200, json={"event_id": "1"})
        return httpx.Response(200, content=f"data: {json.dumps(last)}\n\n")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://server") as client:
        request = await DOORS[door]().ask(client, "one")
    assert (request.outcome, request.reason) == (outcome, ENDED)


@pytest.mark.parametrize("door", list(DOORS))
async def test_what_a_server_cannot_do_has_failed_and_is_told_with_its_code(fake_server: Server, door: str) -> None:
    fake_server.http.post("/stage/open")
    async with httpx.AsyncClient(base_url=fake_server.url, timeout=30) as client:
        request = await DOORS[door]().ask(client, "raise")
        spoken = await DOORS[door]().ask(client, "one two")
    assert (request.outcome, request.reason) == (
        "failed",
        "Fake voice could not do this: change it a little and try again.",
    )
    assert spoken.outcome == "done"
    assert spoken.started_at
    with closing(fake_server.messages("generate", ["raise", None, "", 2.0, 10, False, False])) as messages:
        last = next(message for message in messages if message["msg"] == "process_completed")
    assert (last["code"], last["values"]) == ("model_failed", {"title": "Fake voice"})


def words_for(url: str, folder: Path, *more: str) -> list[str]:
    """What follows `python -m voxdemo.loadtest`, for texts of one and two words."""
    (folder / "texts.txt").write_text("one two\n\nthree\n")
    return [url, "--text-file", str(folder / "texts.txt"), "--output", str(folder / "report"), *more]


def loadtest(url: str, folder: Path, *more: str) -> Result:
    return CliRunner().invoke(app, words_for(url, folder, *more))


@pytest.mark.parametrize("door", first_of("openai", "gradio"))
def test_a_run_through_each_door_is_told_measured_and_counted(paced_server: Server, tmp_path: Path, door: str) -> None:
    paced_server.http.post("/pace/0.1")
    ended = loadtest(paced_server.url, tmp_path, "--door", door, "--users", "1,3", "--requests", "6")
    assert ended.exit_code == 0, ended.stderr
    assert "3 users: 6 of 6" in ended.stderr
    assert "## 1 user\n" in ended.stdout
    report = tmp_path / "report"
    assert ended.stdout == (report / "report.md").read_text() + "\n"
    assert ended.stdout.count("The server's own counts match, outcome by outcome.") == 2
    for name in ("latency.png", "waits.png", "timeline.png"):
        assert (report / name).read_bytes().startswith(b"\x89PNG")
    told = json.loads((report / "report.json").read_text())
    alone, three = told["runs"]
    assert [len(run["requests"]) for run in (alone, three)] == [6, 6]
    assert {request["outcome"] for run in (alone, three) for request in run["requests"]} == {"done"}
    assert three["times_s"]["wait"]["p50"] > alone["times_s"]["wait"]["p50"]
    assert set(three["times_s"]) == {"latency", "wait", "service"} | ({"first audio"} if door == "openai" else set())
    assert three["server"]["busy"] > 0  # which two clocks read: how much says little on a busy machine
    assert three["p95_wait_s"]["predicted"] > 0


@pytest.mark.long
def test_arrivals_by_chance_are_reported_whatever_a_terminal_can_show(paced_server: Server, tmp_path: Path) -> None:
    paced_server.http.post("/pace/0.1")
    ended = subprocess.run(
        [sys.executable, "-m", "voxdemo.loadtest",
         *words_for(paced_server.url, tmp_path, "--rate", "600", "--requests", "5")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},  # which has neither Greek letters nor multiplication signs
        timeout=120,
        check=True,
    )  # fmt: skip
    assert "## 600 requests a minute" in ended.stdout
    assert "mean wait C/(c\\u03bc-\\u03bb)\\xb7(1+CV\\xb2)/2" in ended.stdout
    assert "cμ-λ" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")


def test_mistakes_are_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(bytes(range(256)))
    for words, code, sentence in [
        (["--users", "some"], 2, "--users must be numbers of 1 or more"),
        (["--door", "back"], 2, "--door must be gradio or openai"),
        (["--text-file", str(tmp_path / "sound.wav")], 2, "--text-file must be a text file in UTF-8.\n"),
        ([], 3, "can't be reached"),
    ]:
        ended = loadtest("http://127.0.0.1:1", tmp_path, *words)
        assert (ended.exit_code, sentence in ended.stderr, ended.stderr.count("\n")) == (code, True, 1)


@long
def test_ctrl_c_ends_it_with_a_report(fake_server: Server, tmp_path: Path) -> None:
    fake_server.http.post("/stage/steps/60")
    texts: dict[str, Any] = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    (tmp_path / "texts.txt").write_text("one")
    words = ["--text-file", str(tmp_path / "texts.txt"), "--output", str(tmp_path / "report"), "--users", "2"]
    with subprocess.Popen([sys.executable, "-m", "voxdemo.loadtest", fake_server.url, *words], **texts) as process:
        assert process.stderr
        assert process.stderr.readline() == "2 users: 1 of 20\n"
        eventually(lambda: fake_server.http.get("/ready").json()["running"])
        process.send_signal(signal.SIGINT)
        told, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped early" in told
    assert "requests completed in" in told
    assert "Traceback" not in complaints
