"""What those are shown who watch a server: /metrics, /v1/stats, and warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from serving import Server, eventually

from voxdemo.monitoring.alarms import NEARLY_FULL_S, Alarms
from voxdemo.monitoring.history import FEW, History
from voxdemo.monitoring.outcomes import Ended


def ended(**values: Any) -> Ended:
    return Ended(**{"task": "generation", "door": "page", "engine": "Fake", "ending": "done", **values})


class Readings:
    """What a server's /metrics says: `readings(name, label=value…)` is one number, 0 where there is none yet."""

    def __init__(self, server: Server) -> None:
        self.families = list(text_string_to_metric_families(server.http.get("/metrics").text))

    def __call__(self, name: str, **labels: str) -> float:
        samples = [sample for family in self.families for sample in family.samples if sample.name == f"voxdemo_{name}"]
        assert not labels or all(labels.keys() <= sample.labels.keys() for sample in samples)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("watched"), "tests/guarded_app.py", VOXDEMO_RATE_LIMIT="1000/minute")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


def test_prometheus_own_parsers_read_it_and_every_name_is_explained_and_ours(watched: Server) -> None:
    families = Readings(watched).families
    assert len(families) > 25
    for family in families:
        assert re.fullmatch(r"voxdemo_[a-z_]+", family.name)
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
    answer = watched.http.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert {family.name for family in open_metrics(answer.text)} >= {family.name for family in families}


def test_every_request_is_counted_once_by_its_door_and_how_it_ended(watched: Server) -> None:
    client = Client(watched.url, verbose=False)
    before = Readings(watched)
    client.predict("One two three.", api_name="/generate")
    client.predict("One two three.", api_name="/generate")
    for wrong in ("", "raise"):
        with pytest.raises(AppError):
            client.predict(wrong, api_name="/generate")
    list(watched.messages("speak", watched.page_values("Four words are these.")))
    after = Readings(watched)

    def gained(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    spoken = {"task": "generation", "door": "gradio"}
    assert gained("requests_total", **spoken, outcome="done") == 2
    assert gained("requests_total", **spoken, outcome="refused") == 1
    assert gained("requests_total", **spoken, outcome="failed") == 1
    assert gained("requests_total", task="generation", door="page", outcome="done") == 1
    assert gained("requests_total") == 5
    assert gained("refusals_total", door="gradio", reason="InputError") == gained("refusals_total") == 1
    assert (gained("cache_answers_total", result="hit"), gained("cache_answers_total", result="miss")) == (1, 2)
    assert gained("request_seconds_count", task="generation") == 3
    for of_work in ("wait_seconds_count", "work_seconds_count", "real_time_factor_count"):
        assert gained(of_work) == 2
    assert 0.7 <= gained("audio_seconds_total") < 2  # a tenth of a second a word, and pauses
    assert gained("generator_busy_seconds_total") > 0


def test_a_recording_is_counted_as_recognition(watched: Server, tmp_path: Any) -> None:
    soundfile.write(tmp_path / "two.wav", 0.1 * np.ones(32_000, dtype=np.float32), 16_000)
    before = Readings(watched)("audio_seconds_total", task="recognition")
    Client(watched.url, verbose=False).predict(handle_file(tmp_path / "two.wav"), api_name="/prompt_wav_recognition")
    after = Readings(watched)
    assert after("requests_total", task="recognition", door="gradio", outcome="done") == 1
    assert after("audio_seconds_total", task="recognition") - before == pytest.approx(2.0)


def test_who_leaves_while_they_wait_in_line_is_counted_and_their_wait_told(fake_server: Server) -> None:
    def cancelled() -> float:
        return Readings(fake_server)("requests_total", door="gradio", outcome="cancelled")

    before = cancelled()
    texts = [[f"job-{number}", None, "", 2, 10, False, False] for number in range(3)]
    streams = [fake_server.messages("generate", text) for text in texts]
    for number, stream in enumerate(streams):
        next(stream)
        eventually(lambda number=number: Readings(fake_server)("jobs_running") + waiting(fake_server) == number + 1)
    streams[2].close()
    eventually(lambda: cancelled() == before + 1)
    assert waiting(fake_server) == 1


def waiting(server: Server) -> float:
    return Readings(server)("jobs_waiting")


def test_models_that_die_and_machines_are_told(watched: Server) -> None:
    before = Readings(watched)
    with pytest.raises(AppError):
        Client(watched.url, verbose=False).predict("die", api_name="/generate")
    voice = {"task": "speech", "model": "fake", "number": "0"}
    eventually(lambda: Readings(watched)("model_up", **voice))
    after = Readings(watched)
    assert after("model_deaths_total", **voice) > before("model_deaths_total", **voice)
    assert after("model_loads_total", **voice) > before("model_loads_total", **voice) >= 1
    assert after("generators") == after("generators_ready") == 1
    assert after("jobs_waiting_limit") == 20
    assert 10e6 < after("process_resident_bytes") < after("memory_available_bytes") + after("process_resident_bytes")
    assert after("disk_free_bytes") > 0
    assert after("cache_bytes") > 0
    assert after("build_info") == 1


def test_nothing_that_people_send_becomes_a_label(watched: Server) -> None:
    def labels() -> set[tuple[str, ...]]:
        samples = (sample for family in Readings(watched).families for sample in family.samples)
        return {(sample.name, *sample.labels.values()) for sample in samples}

    client = Client(watched.url, verbose=False)
    client.predict("A word.", api_name="/generate")
    before = labels()
    for number in range(5):
        client.predict(f"Zanzibar{number} word.", cfg_value_input=2 + number / 10, api_name="/generate")
    assert labels() == before


def test_people_are_shown_plain_numbers(watched: Server) -> None:
    Client(watched.url, verbose=False).predict("To be sure of one.", api_name="/generate")
    answer = watched.http.get("/v1/stats")
    stats = answer.json()
    assert (stats["ready"], stats["queue_length"], stats["queue_size"], stats["generators"]) == (True, 0, 20, 1)
    assert 0 < stats["latency_s"]["average"] <= 60
    assert stats["latency_s"]["p95"] >= stats["latency_s"]["average"] / 2
    assert stats["requests_per_minute"] > 0
    assert stats["warnings"] == []
    assert answer.headers["cache-control"] == "no-store"


def test_history_reckons_from_what_was_lately() -> None:
    now = [100.0]
    history = History(lambda: now[0])
    assert history.told()["latency_s"] == {"average": None, "p95": None, "of": 0}
    for second in range(1, 101):
        history.add(ended(total_s=float(second), cached=second % 2 == 0))
    history.add(ended(total_s=5_000.0, ending="refused"))
    now[0] += 30.0
    told = history.told()
    assert told["latency_s"] == {"average": 50.5, "p95": 95.0, "of": 100}
    assert told["cache_hit_rate"] == 0.5
    assert told["requests_per_minute"] == 202.0  # 101 within the half minute that it has been up
    now[0] += 61.0
    assert history.told()["requests_per_minute"] == 0


def test_failures_are_a_share_of_the_last_jobs_that_came_to_a_model() -> None:
    history = History()
    history.add(ended(ending="failed"))
    assert history.failure_rate == 1 / FEW  # one that fails first is no crisis
    for _ in range(FEW - 1):
        history.add(ended(ending="refused"))
        history.add(ended())
    assert history.failure_rate == 1 / FEW
    history.add(ended())
    assert history.failure_rate == 0


def test_a_line_that_stays_nearly_full_and_jobs_that_fail_raise_alarms_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    now = [0.0]
    alarms = Alarms(lambda: now[0])
    for waiting, passes_s in [(16, 9.0), (15, 0.0), (16, NEARLY_FULL_S - 0.1)]:
        alarms.look(waiting, 20, 0.1)
        now[0] += passes_s
    alarms.look(17, 20, 0.1)
    assert alarms.warnings == ()
    now[0] += 0.2
    alarms.look(17, 20, 0.1)
    alarms.look(18, 20, 0.15)
    assert alarms.warnings == (
        "The queue is nearly full: 18 of 20 places are taken.",
        "15% of the last jobs failed; the server's log says why.",
    )
    alarms.look(3, 20, 0.1)
    assert alarms.warnings == ()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO", "INFO"]
