"""The log as JSON: one object for every event, whose it is on every floor, how long each took, and nobody's words."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from serving import Server, eventually

from voxdemo import logs

TEXT = "Dear Anna, the parcel is late."
FROM_STDOUT = "voxdemo is at "

Line = dict[str, Any]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"VOXDEMO_CACHE_SIZE": 0, "VOXDEMO_LOG_FORMAT": "json"}
    server = Server(tmp_path_factory.mktemp("json"), "tests/guarded_app.py", **settings)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


def lines(server: Server) -> list[Line]:
    """All that it has logged: every whole line is an object."""
    written = server.log.rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in written if not line.startswith(FROM_STDOUT)]


def spoken(server: Server, text: str, number: str) -> list[Line]:
    """The lines of a request to speak this under this id, from the first to the one that ends it."""
    server.joined("generate", [text, None, "", 2.0, 10, False, False], number, **{"X-Request-ID": number})

    def all_lines() -> list[Line]:
        of_it = [line for line in lines(server) if line["request_id"] == number]
        return of_it if of_it and "ending" in of_it[-1] else []

    with server.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": number}) as events:
        for _ in events.iter_lines():
            pass
    return list(eventually(all_lines))


def test_a_finished_job_is_one_line_with_the_time_of_every_floor(guarded: Server) -> None:
    (line,) = spoken(guarded, "One two three", "well-1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert line["message"].startswith("generation of 13 characters done, by Fake voice, door ")
    told = [line[name] for name in ("level", "task", "ending", "engine", "characters", "cached")]
    assert told == ["info", "generation", "done", "Fake voice", 13, False]
    assert line["audio_s"] > 0.2
    assert 0 < line["waiting_s"] <= line["first_audio_s"] <= line["total_s"]
    assert 0 < line["work_s"] <= line["total_s"]
    assert line["rtf"] == pytest.approx(line["work_s"] / line["audio_s"], abs=0.01)


@pytest.mark.parametrize(
    ("text", "ending", "reason"),
    [("raise", "failed", "EngineError"), ("die", "failed", "ModelDiedError"), ("refuse", "refused", "InputError")],
)
def test_what_goes_wrong_on_the_thread_of_a_model_is_told_of_its_request(
    guarded: Server, text: str, ending: str, reason: str
) -> None:
    *failures, end = spoken(guarded, text, f"ill-{text}")
    assert (end["ending"], end["reason"], end["characters"]) == (ending, reason, len(text))
    assert end["level"] == ("warning" if ending == "failed" else "info")
    assert len(failures) == (0 if ending == "refused" else 2)  # it is tried twice
    for failure in failures:
        assert failure["message"] == "Fake voice failed on a job"
        assert failure["exception"].startswith("Traceback (most recent call last):\n")
        assert "fakes.py" in failure["exception"]


def test_whose_job_a_model_died_of_does_not_own_its_loading(guarded: Server) -> None:
    spoken(guarded, "All is well", "well-2")  # of three deaths in a row it would stay down
    before = len(lines(guarded))
    spoken(guarded, "die please", "ill-1")
    loads = [line for line in lines(guarded)[before:] if "is ready, loaded in" in line["message"]]
    assert loads
    assert {line["request_id"] for line in loads} == {None}


def test_of_two_jobs_each_has_its_own_lines(guarded: Server) -> None:
    *failures, end = spoken(guarded, "raise one", "turn-1")
    assert failures
    assert end["ending"] == "failed"
    assert [line["ending"] for line in spoken(guarded, "Good again", "turn-2")] == ["done"]


def test_a_failing_route_is_one_line_with_its_traceback_and_without_what_was_sent(guarded: Server) -> None:
    assert guarded.http.post("/fail", content=TEXT.encode(), headers={"X-Request-ID": "r-1"}).status_code == 500

    def of_it() -> list[Line]:
        found = [line for line in lines(guarded) if line["request_id"] == "r-1"]
        return found if len(found) > 1 else []

    ours, uvicorns = eventually(of_it)
    assert (ours["logger"], ours["message"]) == ("voxdemo.guarded", "a job failed")
    assert ours["exception"].endswith("\nValueError")
    assert (uvicorns["logger"], uvicorns["message"]) == ("uvicorn.error", "Exception in ASGI application")
    assert uvicorns["exception"].endswith("\nRuntimeError")
    assert "Anna" not in guarded.log


def made(log_text: bool = False, **extra: object) -> Line:
    """The line of an event that tells this beside its message."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("json", log_text))
    log = logging.Logger("test")
    log.addHandler(handler)
    log.error("about %s", TEXT, extra=extra)
    assert stream.getvalue().count("\n") == 1
    return dict(json.loads(stream.getvalue()))


def test_nothing_that_people_write_is_in_any_field_and_numbers_stay_numbers() -> None:
    told = made(where={"parts": [TEXT, 3]}, error=ValueError(TEXT), seconds=1.5, whole=True, none=None)
    assert "Anna" not in json.dumps(told)
    assert (told["message"], told["where"]) == (f"about {logs.LEFT_OUT}", logs.LEFT_OUT)
    assert (told["seconds"], told["whole"], told["none"]) == (1.5, True, None)


def test_fields_of_an_event_never_replace_those_of_every_line() -> None:
    told = made(log_text=True, level="mine", logger="mine", request_id="mine")
    assert (told["level"], told["logger"], told["request_id"]) == ("error", "test", None)


def test_who_runs_the_server_may_have_it_told() -> None:
    assert made(log_text=True, path=ValueError)["message"] == f"about {TEXT}"
