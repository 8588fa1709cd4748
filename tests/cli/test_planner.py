"""The command `plan`, as people and programs use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rings import first_of
from serving import ROOT, environment
from typer.testing import CliRunner

from voxdemo import cli
from voxdemo.errors import SettingsError, VoxdemoError


def plan(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["plan", *words])


def told(*words: str) -> Any:
    ended = plan("--format", "json", *words)
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def report(folder: Path, service_s: float, memory_gb: float | None = None, **changed: Any) -> Path:
    """As a load test with one user writes it."""
    requests = [
        {"begun_at": at, "started_at": at, "ended_at": at + service_s, "outcome": "done", "reason": ""}
        for at in (0.0, 100.0, 200.0)
    ]
    run = {
        "name": "1 user", "users": 1, "per_minute": None, "think_s": 0.0, "generators": 1, "worked": 1.0,
        "server": {"memory_gb": memory_gb}, "requests": requests, **changed,
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps({"url": "http://there", "door": "gradio", "runs": [run]}))
    return folder / "report.json"


def test_the_usual_stages_and_the_asked_one_are_told_to_people_and_programs() -> None:
    said = told("--users", "3000")
    assert [stage["users"] for stage in said["stages"]] == [100, 500, 2_000, 3_000, 10_000]
    assert said["work"]["source"].startswith("benchmarks/README.md")
    assert said["machine"]["source"].startswith("an example")
    text = plan("--users", "3000").stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("|")][2:]
    assert [(row[1], row[4], row[5]) for row in rows] == [
        (f"{stage['users']:,}", str(stage["machines"]), str(stage["generators"])) for stage in said["stages"]
    ]
    assert f"A single machine serves up to {said['one_machine_serves']:,} users with 2 generators" in text
    assert all(" ".join(change.split()) in " ".join(text.split()) for change in said["changes"])
    assert "Erlang C" in text


def test_each_step_is_said_and_only_what_changes() -> None:
    assert told()["changes"] == [
        "100 users: 1 machine, VOXDEMO_GENERATORS=1 and VOXDEMO_QUEUE_SIZE=20.",
        "500 users: nothing changes.",
        "2,000 users: VOXDEMO_GENERATORS=2 and VOXDEMO_QUEUE_SIZE=27.",
        "10,000 users: 4 machines instead of 1; VOXDEMO_QUEUE_SIZE=57; a balancer that keeps everybody on one machine"
        " (sticky sessions), VOXDEMO_REDIS_URL for limits that count together, and VOXDEMO_DATABASE_URL and"
        " VOXDEMO_STORAGE_URL (or a VOXDEMO_CACHE_DIR that all share) for one queue of jobs of many texts, and for"
        " results and voices that are there for all.",
    ]


def test_a_load_test_is_believed_before_the_figures_that_are_shipped(tmp_path: Path) -> None:
    quick, slow = told("--report", str(report(tmp_path, 0.1, 4.0)), "--recordings", "0"), None
    assert quick["work"]["mean_s"] == pytest.approx(0.1)
    assert quick["stages"][0]["memory_gb"] == 4.0
    slow = told("--report", str(report(tmp_path, 20.0).parent), "--recordings", "0")  # its folder will do
    assert slow["work"]["source"] == "3 requests of the load test's run with 1 user"
    assert slow["stages"][-1]["machines"] > 20 * quick["stages"][-1]["machines"]
    shared = told("--report", str(report(tmp_path, 20.0, worked=0.5)), "--recordings", "0")
    assert shared["work"]["mean_s"] == pytest.approx(10.0)
    for unknown in (None, 0.0):  # as where a voice at an address spoke
        afar = told("--report", str(report(tmp_path, 20.0, worked=unknown)), "--recordings", "0")
        assert afar["work"]["mean_s"] == pytest.approx(20.0)


def test_a_gpu_is_planned_by_its_real_time_factor_and_prices_by_ones_own_table(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        "machine,is,generators,memory_gb,per_month,currency,date,source\n"
        "gpu,ours,1,64,1000,USD,2026-11-30,our bill\nbalancer,ours,0,4,1,USD,2026-11-30,our bill\n"
    )
    said = told("--real-time-factor", "0.16", "--prices", str(tmp_path / "own.csv"), "--users", "5000")
    assert (said["machine"]["machine"], said["machine"]["currency"]) == ("gpu", "USD")
    stage = next(stage for stage in said["stages"] if stage["users"] == 5_000)
    assert stage["per_month"] == 1_000 * stage["machines"] + 1
    assert "USD/month" in plan("--real-time-factor", "0.16", "--prices", str(tmp_path / "own.csv")).stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--voice", "tara"], "There are no figures of a voice 'tara': take builtin or kokoro, or give --real-time"),
        (["--machine", "moon"], "The price table has no machine 'moon': name one of cpu, gpu, balancer."),
        (["--machine", "balancer"], "'balancer' can't hold a generator"),
        (["--prices", "/nowhere.csv"], "'/nowhere.csv' can't be read (No such file or directory): check its name."),
        (["--prices", "."], "'.' can't be read (Is a directory)"),
        (["--report", "/nowhere"], "'/nowhere' can't be read"),
        (["--report", "README.md"], "README.md isn't a load test's report: name the report.json that it wrote."),
        (["--report", "assets/warm-up.flac"], "warm-up.flac isn't UTF-8"),
        (["--format", "xml"], "--format must be one of text, json, not 'xml'."),
        (["--simulate"], "Say with --users for how many people the day is to be simulated."),
        (["--simulate", "--most", "1", "--least", "2", "--users", "9"], "--least 2 is more than --most 1"),
        (["--users", "10000000", "--characters", "100000"], "users would keep more than 100,000 generators busy"),
    ],
)
def test_mistakes_are_said_in_a_sentence(words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    ended = plan(*words)
    assert isinstance(ended.exception, VoxdemoError), ended.output
    assert sentence in ended.exception.sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--users 9 --simulate --least 2", "--least does nothing without --most: add --most, or leave out --least."),
        ("--users 9 --simulate --target 10", "--target does nothing without --most"),
        ("--users 9 --simulate --start 2", "--start does nothing without --most"),
        ("--users 9 --simulate --idle 2", "--idle does nothing without --most"),
        ("--users 9 --seed 0", "--seed does nothing without --simulate: add --simulate, or leave out --seed."),
        ("--users 9 --most 3 --least 1", "--most does nothing without --simulate"),
        ("--report README.md --characters 300", "--characters does nothing beside --report, which says how"),
        ("--report README.md --real-time-factor 1", "leave out --real-time-factor, and name --machine gpu."),
        ("--voice builtin --real-time-factor 1", "which says how long requests take: leave out --voice."),
    ],
)  # fmt: skip
def test_no_flag_is_ignored_without_a_word(words: str, sentence: str) -> None:
    """Not even one that says what would be meant without it."""
    ended = plan(*words.split())
    assert isinstance(ended.exception, VoxdemoError), ended.output
    assert sentence in ended.exception.sentence


@pytest.mark.parametrize(
    "words",
    [
        "--users 0", "--users -5", "--users 1.5", "--users many", "--peak-share 0", "--peak-share 101", "--cached 100",
        "--cached -1", "--wait -1", "--wait nan", "--wait inf", "--real-time-factor 0", "--characters 0",
        "--recordings 200", "--each-per-minute 0", "--target 0", "--start -1", "--idle nan", "--seed x",
        "--most 0",
    ],
)  # fmt: skip
def test_impossible_numbers_are_refused_by_the_name_of_their_flag(words: str) -> None:
    ended = plan(*words.split())
    assert ended.exit_code == 2
    assert f"Invalid value for '{words.split()[0]}'" in ended.stderr


def test_a_report_without_a_served_request_is_no_measure(tmp_path: Path) -> None:
    ended = plan("--report", str(report(tmp_path, 1.0, requests=[])))
    assert isinstance(ended.exception, VoxdemoError)
    assert ended.exception.sentence.startswith("No request was served in the load test of report.json")


def test_the_process_ends_as_other_commands_do(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "voxdemo", "plan", "--voice", "tara"],
        env=dict(environment(tmp_path, PYTHONPATH=ROOT)), cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)


def test_without_simpy_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simpy", None)
    for name in ("voxdemo.planning.simulation", "voxdemo.planning.days"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(name, raising=False)
    ended = plan("--users", "100", "--simulate")
    assert isinstance(ended.exception, SettingsError)
    assert ended.exception.sentence.endswith("run .venv/bin/pip install -r requirements-plan.txt, then try again.")
    assert plan("--users", "100").exit_code == 0  # what needs none of it goes on


def test_the_same_seed_prints_the_same_day() -> None:
    pytest.importorskip("simpy", reason="needs SimPy, from requirements-plan.txt")
    words = ("--users", "60", "--simulate", "--seed")
    assert plan(*words, "4").stdout == plan(*words, "4").stdout != plan(*words, "5").stdout


def test_a_day_on_the_planned_machines_and_one_whose_generators_come_and_go() -> None:
    pytest.importorskip("simpy", reason="needs SimPy, from requirements-plan.txt")
    words = ("--voice", "kokoro", "--users", "150", "--simulate")
    fixed, moving = plan(*words).stdout, told(*words, "--most", "9")["day"]
    assert "A day of 150 users, played with the seed 0: 2 lines with 2 generators each." in fixed
    assert "96 hours of generators cost" in fixed
    assert "This version doesn't start" not in fixed
    assert (moving["lines"], moving["generator_s"] < 96 * 3600) == (1, True)
    assert sum(hour["requests"] for hour in moving["hours"]) == moving["whole"]["requests"] > 5_000


@pytest.mark.parametrize(
    "words",
    first_of("--users 100 --most 1", "--users 2000 --most 2 --least 1", "--voice kokoro --users 50 --most 2 --least 2"),
)
def test_an_elastic_line_with_as_many_generators_as_the_plan_is_not_the_plan(words: str) -> None:
    pytest.importorskip("simpy", reason="needs SimPy, from requirements-plan.txt")
    said = plan("--simulate", *words.split()).stdout
    assert "A line on Ray starts and stops generators by this rule" in said
    assert "planned, by the formula" not in said
