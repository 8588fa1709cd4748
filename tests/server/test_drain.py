"""How a server ends that is told to: nothing that runs is lost, and whoever waits is told when to come again."""

from __future__ import annotations

import base64
import io
import json
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
import soundfile
from fakes import RATE
from gradio_client import Client
from gradio_client.client import Job
from gradio_client.exceptions import AppError
from listening import frames, key_of
from rings import AT_NIGHT, long
from serving import Server, StartServer, eventually
from transcribing import closed, opened, said
from websockets.exceptions import InvalidStatus

ROUNDS = 10 if AT_NIGHT else 1
WORD_S = 0.1
"""How long a word of the fake voice is, without the silence around."""
RESTARTING = r"The server is restarting: try again in \d+ s\."


def started(server: Server) -> list[str]:
    texts: list[str] = server.http.get("/stage").json()["started"]
    return texts


def speaking(server: Server, text: str) -> Job:
    """A job that the fake voice is at."""
    job = Client(server.url, verbose=False).submit(text, api_name="/generate")
    eventually(lambda: text in started(server))
    return job


def waiting(server: Server, text: str) -> Job:
    """A job that is in the line, behind others."""
    before = server.in_line()
    job = Client(server.url, verbose=False).submit(text, api_name="/generate")
    eventually(lambda: server.in_line() > before)
    return job


def told_to_stop(server: Server, number: int = signal.SIGTERM) -> dict[str, Any]:
    """What /ready says once the signal has arrived."""
    server.process.send_signal(number)
    answer = eventually(
        lambda: answer if (answer := server.http.get("/ready")).status_code == 503 else None, within_s=5.0
    )
    body: dict[str, Any] = answer.json()
    return body


def seconds_of(job: Job) -> float:
    """How long the sound is that the client has been given; half a text would be an error."""
    return float(soundfile.info(job.result(timeout=30)).duration)


@pytest.fixture
def fake(start_server: StartServer) -> Callable[..., Server]:
    """Starts servers with a fake voice that takes every step only when it is told to."""

    def start(**settings: object) -> Server:
        server = start_server("tests/fake_app.py", **{"VOXDEMO_DRAIN_S": 30, **settings})
        server.wait_until_ready()
        return server

    return start


def test_what_was_said_live_is_told_before_the_server_ends(fake: Callable[..., Server]) -> None:
    server, by_hand = fake(), {"audio": {"input": {"turn_detection": None}}}
    with opened(server.url) as live:
        said(live)
        said(live, type="session.update", session=by_hand)
        live.send(json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(24_000)).decode()}))
        said(live, type="session.update", session=by_hand)  # by its answer, the sound has come
        server.process.send_signal(signal.SIGTERM)
        told = [said(live)]
        while told[-1]["type"] != "error":
            told.append(said(live))
        assert closed(live)[0] == 1012
    assert told[-1]["error"]["code"] == "not_ready"
    assert told[-2]["type"].endswith("input_audio_transcription.completed")
    assert told[-2]["transcript"]


def test_what_runs_is_finished_and_who_waits_is_told_when_to_come_again(fake: Callable[..., Server]) -> None:
    server = fake()
    running = speaking(server, "one two three")
    others = [waiting(server, text) for text in ("in hand", "in the line", "behind it")]
    with opened(server.url) as live:
        assert said(live)["type"] == "session.created"
        body = told_to_stop(server)
        assert said(live)["error"]["code"] == "not_ready"
        assert closed(live)[0] == 1012
    with pytest.raises(InvalidStatus) as refused, opened(server.url):
        pass
    answers = [refused.value.response, server.http.get("/v1/realtime")]
    assert [answer.status_code for answer in answers] == [503, 503]
    for answer in answers:
        assert re.fullmatch(RESTARTING, json.loads(getattr(answer, "body", None) or answer.content)["error"]["message"])
    assert body["ready"] is False
    assert re.fullmatch(RESTARTING, body["reason"])
    for other in others:
        with pytest.raises(AppError, match=RESTARTING):
            other.result(timeout=10)
    with pytest.raises(AppError, match=RESTARTING):
        Client(server.url, verbose=False).predict("too late", api_name="/generate")
    assert server.http.get("/health").status_code == 200
    assert not running.done()
    server.http.post("/stage/open")
    assert seconds_of(running) >= 3 * WORD_S
    assert server.process.wait(timeout=15) == 0
    assert "Traceback" not in server.log


@pytest.mark.long
def test_the_page_hears_all_of_what_runs(fake: Callable[..., Server]) -> None:
    server = fake()
    told = server.messages("speak", server.page_values("one two three"))
    key = key_of(told)
    told_to_stop(server)
    with server.http.stream("GET", f"/live/{key}") as live:
        server.http.post("/stage/open")
        heard = sum(len(sound) for _, sound in frames(live)) / 2 / RATE
    assert list(told)[-2]["success"]
    whole = soundfile.info(io.BytesIO(server.http.get(f"/speech/{key}").content)).duration
    assert heard == pytest.approx(whole)
    assert whole >= 3 * WORD_S
    assert server.process.wait(timeout=15) == 0


@long
def test_a_job_that_takes_too_long_is_stopped_in_words_and_what_was_spoken_is_kept(
    fake: Callable[..., Server],
) -> None:
    server = fake(VOXDEMO_DRAIN_S=1)
    running = speaking(server, "one two three")
    server.http.post("/stage/steps/2")
    told_to_stop(server)
    with pytest.raises(AppError, match=rf"The voice stopped after .* {RESTARTING} The part spoken so far"):
        running.result(timeout=20)
    assert server.process.wait(timeout=25) == 0
    assert "Traceback" not in server.log
    [kept] = (server.folder / "cache" / "files").rglob("*.wav")
    assert 0 < soundfile.info(kept).duration < 3 * WORD_S


@pytest.mark.long
def test_without_time_to_drain_a_running_job_ends_at_once_in_words(fake: Callable[..., Server]) -> None:
    server = fake(VOXDEMO_DRAIN_S=0)
    running = speaking(server, "one two three")
    server.process.send_signal(signal.SIGTERM)
    with pytest.raises(AppError, match=RESTARTING):
        running.result(timeout=10)
    assert server.process.wait(timeout=25) == 0


def test_a_second_signal_ends_it_at_once(fake: Callable[..., Server]) -> None:
    server = fake()
    speaking(server, "one two three")
    told_to_stop(server, signal.SIGINT)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=15) == 128 + signal.SIGTERM
    assert "Traceback" not in server.log


@pytest.mark.long
def test_while_models_load_it_ends_promptly_and_says_so_to_who_waits_for_them(start_server: StartServer) -> None:
    server = start_server("tests/fake_app.py", LOADING="held", VOXDEMO_DRAIN_S=30)
    server.wait_for("/health")
    early = waiting(server, "early")
    server.process.send_signal(signal.SIGTERM)
    with pytest.raises(AppError, match=RESTARTING):
        early.result(timeout=10)
    assert server.process.wait(timeout=10) == 0
    assert "Traceback" not in server.log


@pytest.mark.long
@pytest.mark.parametrize("turn", range(1, ROUNDS + 1))
def test_under_load_no_running_job_is_lost(fake: Callable[..., Server], turn: int) -> None:
    server = fake(VOXDEMO_GENERATORS=2)
    texts = [f"job {number} " + "w " * (3 + number) for number in range(8)]
    jobs = {text.strip(): Client(server.url, verbose=False).submit(text, api_name="/generate") for text in texts}
    eventually(lambda: len(started(server)) == 2)
    for _ in range(3 * turn):  # so that the signal comes at another moment in each round
        server.http.post("/stage/steps/1")
    ran = {text for text in started(server) if text in jobs}
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: _is_turned_away(server))
    server.http.post("/stage/open")
    for text, job in jobs.items():
        if text in ran:
            assert seconds_of(job) >= len(text.split()) * WORD_S
        else:
            _ends_well_or_in_words(job)
    assert server.process.wait(timeout=20) == 0
    assert "Traceback" not in server.log


def _is_turned_away(server: Server) -> bool:
    try:
        return server.http.get("/ready").status_code == 503
    except httpx.TransportError:  # all had ended already
        return True


def _ends_well_or_in_words(job: Job) -> None:
    with suppress(AppError):  # or it began between our look and the signal
        job.result(timeout=30)
        return
    with pytest.raises(AppError, match=RESTARTING):
        job.result(timeout=0)
