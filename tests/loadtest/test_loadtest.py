"""The load test: what its report makes of runs, and short runs against a server whose pace is set."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from forking import Forked
from rings import first_of, long
from serving import ROOT, Server, eventually
from typer.testing import CliRunner

from voxdemo.loadtest.__main__ import app
from voxdemo.loadtest.doors import DOORS
from voxdemo.loadtest.measured import Moment, Request, Run
from voxdemo.loadtest.report import LoadTest, prediction, recommendation


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


@pytest.mark.parametrize(
    ("worked_s", "address_seats", "minute"),
    [(7.5, 0, 40), (10.0, 0, 30), (99.0, 0, 30), (None, 0, 30), (0.0, 0, 30), (0.0, 2, 30), (0.5, 2, 30)],
)
def test_what_a_result_takes_on_its_way_is_no_work_of_the_generator(
    worked_s: float | None, address_seats: int, minute: int
) -> None:
    """By the server's count, which may hold others' work, too, but nothing of addresses; else by what clients see."""
    run = run_of([0.0, 2.0, 4.0, 4.0, 4.0], 2.0, users=3)
    if worked_s is not None:
        busy = ("voxdemo_generator_busy_seconds_total", ())
        seats = {("voxdemo_address_seats", (("model", "Afar"),)): float(address_seats)} if address_seats else {}
        run.moments = [Moment(0.0, {busy: 1.0, **seats}), Moment(9.0, {busy: 1.0 + worked_s, **seats})]
    said = " ".join(recommendation(LoadTest("url", "gradio", 0, 1.0, False, [run])))
    assert f"1 generator can serve {minute} a minute." in said
    assert ("takes up to 2 requests at once at addresses" in said) == (address_seats == 2)


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
    (tmp_path / "texts.txt").write_text("one")
    told, complaints = tmp_path / "out", tmp_path / "err"
    words = ["--text-file", str(tmp_path / "texts.txt"), "--output", str(tmp_path / "report"), "--users", "2"]
    process = Forked(
        ["-m", "voxdemo.loadtest", fake_server.url, *words], os.environ, (os.devnull, str(told), str(complaints))
    )
    try:
        eventually(lambda: complaints.exists() and complaints.read_text().startswith("2 users: 1 of 20\n"))
        eventually(lambda: fake_server.http.get("/ready").json()["running"])
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
    assert "Stopped early" in told.read_text()
    assert "requests completed in" in told.read_text()
    assert "Traceback" not in complaints.read_text()
