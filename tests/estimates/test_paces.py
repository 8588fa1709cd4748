from __future__ import annotations

import json
import logging
import os
import random
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import CLONER

from voxdemo.estimates import paces
from voxdemo.estimates.paces import KEPT_MODELS, REMEMBERED_JOBS, Pace, Paces, speech_units, write
from voxdemo.speech import Utterance
from voxdemo.text.length import spoken_length

MODEL = "VoxCPM2 cuda:0 bfloat16"


# A pace


def learned(*jobs: tuple[float, float]) -> Pace:
    pace = Pace()
    for units, seconds in jobs:
        pace.learn(units, seconds)
    return pace


def test_nothing_is_known_before_the_first_job() -> None:
    assert Pace().seconds(100) is None


def test_one_job_gives_a_proportion() -> None:
    assert learned((100, 2.0)).seconds(50) == pytest.approx(1.0)


def test_jobs_of_different_sizes_tell_the_fixed_part_from_the_part_per_unit() -> None:
    pace = learned(*((units, 3.0 + 0.1 * units) for units in (10, 20, 100, 200)))
    assert pace.seconds(50) == pytest.approx(8.0, rel=0.05)
    assert pace.seconds(10) == pytest.approx(4.0, rel=0.05)


def test_sizes_too_alike_say_nothing_of_a_fixed_part() -> None:
    pace = learned((100, 2.0), (110, 2.0), (105, 2.1))
    assert pace.seconds(5_000) == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("jobs", [[(10, 5.0), (100, 1.0)], [(10, 5.0), (20, 0.1), (400, 3.0)], [(1, 9.0), (500, 9.0)]])
def test_no_jobs_however_odd_make_a_larger_one_take_less(jobs: list[tuple[float, float]]) -> None:
    pace = learned(*jobs)
    told = [pace.seconds(units) or 0.0 for units in (0, 1, 50, 500, 25_000)]
    assert told == sorted(told)
    assert told[0] >= 0


def test_a_text_far_larger_than_any_before_is_expected_to_take_far_longer() -> None:
    pace = learned(*((units, 1.0 + 0.001 * units) for units in range(10, 200, 10)))
    assert 5 * (pace.seconds(200) or 0) < (pace.seconds(50 * 200) or 0) < 50 * (pace.seconds(200) or 0)


@pytest.mark.parametrize(("fixed", "per_unit"), [(0.0, 0.0003), (1.0, 0.01), (3.0, 0.1)])
def test_one_job_in_five_on_a_busy_machine_changes_little(fixed: float, per_unit: float) -> None:
    chance = random.Random(3)
    pace = Pace()
    for number in range(REMEMBERED_JOBS):
        units = 30 * 100 ** chance.random()
        slower = 5 if number % 5 == 4 else 1
        pace.learn(units, slower * chance.uniform(0.95, 1.05) * (fixed + per_unit * units))
    for units in (30, 300, 3_000):
        assert pace.seconds(units) == pytest.approx(fixed + per_unit * units, rel=0.2)


@pytest.mark.parametrize("factor", [4.0, 0.25])
def test_it_follows_a_machine_that_changes_within_ten_jobs(factor: float) -> None:
    pace = learned(*[(100, 1.0)] * REMEMBERED_JOBS, *[(100, factor)] * 10)
    assert pace.seconds(100) == pytest.approx(factor)


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf")])
def test_what_took_no_time_or_had_no_size_teaches_nothing(bad: float) -> None:
    pace = learned((100, 2.0), (bad, 1.0), (100, bad))
    assert pace.jobs == ((100, 2.0),)


def test_a_warm_up_that_agrees_is_a_job_like_any_other() -> None:
    pace = learned(*((units, 1.0 + 0.1 * units) for units in range(10, 210, 10)))
    pace.learn_warm_up(50, 6.6)
    assert len(pace.jobs) == 21
    assert pace.seconds(100) == pytest.approx(11.0, rel=0.05)


def test_a_warm_up_that_contradicts_corrects_what_was_kept_but_not_its_shape() -> None:
    pace = learned(*((units, 1.0 + 0.1 * units) for units in range(10, 210, 10)))
    pace.learn_warm_up(50, 3 * 6.0)
    assert pace.seconds(50) == pytest.approx(18.0, rel=0.1)
    assert pace.seconds(200) == pytest.approx(63.0, rel=0.1)


def test_a_warm_up_that_was_disturbed_is_forgotten_after_few_jobs() -> None:
    pace = learned(*[(100, 1.0)] * 20)
    pace.learn_warm_up(80, 6.0)
    for _ in range(6):
        pace.learn(100, 1.0)
    assert pace.seconds(100) == pytest.approx(1.0)


def test_the_first_warm_up_is_enough() -> None:
    pace = Pace()
    pace.learn_warm_up(80, 2.0)
    assert pace.seconds(160) == pytest.approx(4.0)


# What a job comes to


def units(text: str, honours: set[str], **options: Any) -> float:
    return speech_units(Utterance(text, **options), replace(CLONER, honours=frozenset(honours)))


def test_steps_and_speed_count_only_where_the_engine_honours_them() -> None:
    text, length = "It is a fine day.", spoken_length("It is a fine day.")
    both = {"inference_timesteps", "speed"}
    assert units(text, both, inference_timesteps=10) == length
    assert units(text, both, inference_timesteps=5) == pytest.approx(0.75 * length)
    assert units(text, both, inference_timesteps=30, speed=2.0) == pytest.approx(length)
    assert units(text, {"speed"}, inference_timesteps=30, speed=2.0) == pytest.approx(length / 2)
    assert units(text, set(), inference_timesteps=30, speed=2.0) == length


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_is_none_is_left_out(speed: float) -> None:
    assert units("Well.", {"speed"}, speed=speed) == spoken_length("Well.")


# What is kept


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "paces.json"


def filled() -> Paces:
    paces = Paces()
    for units in (10, 50, 200):
        paces.speech(MODEL).learn(units, 1 + units / 7)
        paces.listening("SenseVoiceSmall cpu").learn(units, units / 90)
    paces.note_load("VoxCPM2", 50.0)
    paces.note_load("VoxCPM2", 41.2345)
    return paces


def test_a_restart_remembers_every_model(path: Path) -> None:
    write(path, filled().snapshot())
    paces = Paces.load(path)
    assert paces.speech(MODEL).seconds(100) == pytest.approx(filled().speech(MODEL).seconds(100), rel=1e-3)
    assert paces.listening("SenseVoiceSmall cpu").seconds(90) == pytest.approx(1.0, rel=0.05)
    assert paces.speech("another").seconds(100) is None
    assert (paces.load_s("VoxCPM2"), paces.load_s("another")) == (41.23, None)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_first_start_is_silent(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Paces.load(path).speech(MODEL).seconds(1) is None
    assert not caplog.records


def kept(jobs: object) -> str:
    return json.dumps({"format": paces.FORMAT, "speech": {MODEL: jobs}, "listening": {}})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        "17",
        "{}",
        "\x00" * 1000,
        "[" * 100_000,
        kept([[1, 2]]) + " " * paces.MAX_FILE_BYTES + "x",
        kept([[1, 2, 3]]),
        kept([[1, "two"]]),
        kept([[1, -2]]),
        kept([[0, 2]]),
        kept([[1, float("nan")]]),
        kept([[1, 1e300]]),
        kept([[1, 10**400]]),
        kept([None]),
        kept(None),
        kept({"a": 1}),
        kept([[1, 2]]).replace(MODEL, "x" * 1000),
        json.dumps({"format": paces.FORMAT, "speech": [], "listening": {}}),
        json.dumps({"format": paces.FORMAT, "speech": {}}),
    ],
)
def test_a_damaged_file_is_forgotten_with_one_warning(
    path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_text(content)
    paces = Paces.load(path)
    assert paces.speech(MODEL).seconds(1) is None
    assert paces.snapshot() == Paces().snapshot()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_bytes_that_are_no_text_and_a_folder_are_forgotten_too(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir(parents=True)
    assert Paces.load(path).snapshot() == Paces().snapshot()
    path.rmdir()
    path.write_bytes(b"\xff\xfe\x80{}")
    assert Paces.load(path).snapshot() == Paces().snapshot()
    assert len(caplog.records) == 2


def test_what_was_measured_in_other_units_is_forgotten(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(path, filled().snapshot().replace(f'"format": {paces.FORMAT}', '"format": 0'))
    assert Paces.load(path).snapshot() == Paces().snapshot()
    assert not caplog.records


def test_the_file_stays_small_and_keeps_the_models_that_were_used_last(path: Path) -> None:
    paces = Paces()
    for number in range(20):
        for job in range(1, REMEMBERED_JOBS + 5):
            paces.speech(f"model-{number}").learn(job / 3, job / 7)
            paces.listening(f"model-{number}").learn(job / 3, job / 7)
        paces.speech("model-0")
    snapshot = paces.snapshot()
    assert len(snapshot) < 20_000
    write(path, snapshot)
    again = Paces.load(path)
    assert len(again.speech("model-19").jobs) == REMEMBERED_JOBS
    assert again.speech("model-0").jobs
    assert not again.speech(f"model-{19 - KEPT_MODELS}").jobs


def test_a_folder_that_takes_no_file_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    for _ in range(3):
        write(tmp_path / "file" / "paces.json", filled().snapshot())
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_failed_write_leaves_what_was_there_and_no_litter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, filled().snapshot())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    write(path, Paces().snapshot())
    assert path.read_text() == filled().snapshot()
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208 - independent of what is patched
    assert stat.S_ISREG(path.stat().st_mode)


@pytest.mark.parametrize(
    ("usual", "learned_s", "is_instant"),
    [(None, None, None), (0.02, None, True), (0.9, None, False), (0.02, 40.0, False), (None, 0.5, True)],
)
def test_whether_a_voice_is_instant_is_learned_and_until_then_known_of_it(
    usual: float | None, learned_s: float | None, is_instant: bool | None
) -> None:
    known, engine = Paces(), replace(CLONER, usual_factor=usual)
    if learned_s:
        known.speech(engine.key).learn(120, learned_s)
    assert known.is_instant(engine) is is_instant
