"""Gradio's queue over our line, seen by real clients of a server whose engine steps when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.client import Job
from gradio_client.exceptions import AppError
from gradio_client.utils import Status
from serving import EVERY_JOB_ANEW, ROOT, Server, StartServer, eventually

WARM_UP = ROOT / "assets" / "warm-up.flac"


@pytest.fixture
def clients(fake_server: Server) -> Iterator[Callable[[], Client]]:
    opened = []

    def new() -> Client:
        opened.append(Client(fake_server.url, verbose=False))
        return opened[-1]

    yield new
    fake_server.http.post("/stage/open")
    for client in opened:
        client.close()


def told(server: Server, metric: str) -> float:
    """The value of a metric, by the beginning of its line; 0 where there is none yet."""
    lines = server.http.get("/metrics").text.splitlines()
    return next((float(line.removeprefix(metric)) for line in lines if line.startswith(metric)), 0.0)


def submitted(client: Client, text: str) -> Job:
    """A job that the server has taken in."""
    job = client.submit(text, api_name="/generate")
    eventually(lambda: job.status().code in (Status.IN_QUEUE, Status.PROCESSING, Status.PROGRESS) or job.done())
    return job


def test_ten_clients_at_once_are_served_in_order_of_arrival(fake_server: Server, clients: Callable[[], Client]) -> None:
    jobs = [submitted(clients(), f"job-{number}") for number in range(10)]
    fake_server.http.post("/stage/open")
    assert all(Path(job.result(timeout=60)).exists() for job in jobs)
    stage = fake_server.http.get("/stage").json()
    assert stage["started"] == [f"job-{number}" for number in range(10)]
    assert stage["most_running"] == 1


def test_a_script_sees_its_place_its_seconds_and_its_progress(
    fake_server: Server, clients: Callable[[], Client]
) -> None:
    client = clients()
    fake_server.http.post("/stage/steps/2")
    client.predict("one two", api_name="/generate")  # from which the next ones' seconds are learned
    running = submitted(clients(), "one two three four")
    in_hand = submitted(clients(), "second")
    third, fourth = submitted(clients(), "third"), submitted(clients(), "fourth")
    assert (third.status().code, third.status().rank) == (Status.IN_QUEUE, 2)
    assert (fourth.status().rank, fourth.status().queue_size) == (3, 4)
    assert fourth.status().eta >= third.status().eta > 0
    assert in_hand.status().progress_data[0].desc.startswith("1 person ahead of you, about ")
    fake_server.http.post("/stage/steps/1")
    progress = eventually(lambda: [unit for unit in running.status().progress_data or [] if unit.progress])
    assert progress[0].desc.startswith("Speaking")


def test_speech_and_recognition_share_the_line(fake_server: Server, clients: Callable[[], Client]) -> None:
    speaking = submitted(clients(), "first")
    listening = clients().submit(handle_file(WARM_UP), api_name="/prompt_wav_recognition")
    eventually(lambda: fake_server.in_line() == 2)
    assert not listening.done()
    fake_server.http.post("/stage/open")
    assert listening.result(timeout=30) == "heard"
    assert speaking.result(timeout=30)


def test_a_recognition_does_not_wait_for_all_the_generations_before_it(
    fake_server: Server, clients: Callable[[], Client]
) -> None:
    speaking = [submitted(clients(), f"job-{number}") for number in range(4)]
    listening = clients().submit(handle_file(WARM_UP), api_name="/prompt_wav_recognition")
    eventually(lambda: fake_server.in_line() == 5)
    fake_server.http.post("/stage/steps/1")
    eventually(lambda: listening.done() or listening.status().progress_data)  # before two that came earlier
    fake_server.http.post("/stage/steps/1")
    assert listening.result(timeout=30) == "heard"
    assert not speaking[2].done()
    fake_server.http.post("/stage/open")
    assert all(job.result(timeout=30) for job in speaking)


def test_a_cancelled_script_leaves_the_line_and_frees_the_generator(
    fake_server: Server, clients: Callable[[], Client]
) -> None:
    running, waiting = submitted(clients(), "one two three"), submitted(clients(), "never")
    third = submitted(clients(), "third")
    cancelled = 'voxdemo_requests_total{door="gradio",outcome="cancelled",task="generation"} '
    before = told(fake_server, cancelled)
    waiting.cancel()
    running.cancel()
    eventually(lambda: told(fake_server, cancelled) == before + 2)
    fake_server.http.post("/stage/steps/1")
    fake_server.http.post("/stage/steps/1")
    assert third.result(timeout=30)
    assert fake_server.http.get("/stage").json()["started"] == ["one two three", "third"]
    eventually(lambda: fake_server.in_line() == 0)


def test_a_script_that_vanishes_frees_the_generator(fake_server: Server, clients: Callable[[], Client]) -> None:
    long_text = "w " * 1000  # several parts, of which the first would take all the steps allowed below
    vanishing = fake_server.messages("generate", [long_text, None, "", 2.0, 10, False, False])
    eventually(lambda: next(vanishing)["msg"] == "process_starts")
    eventually(lambda: fake_server.http.get("/stage").json()["running"])
    waiting = submitted(clients(), "next")
    vanishing.close()
    eventually(lambda: fake_server.http.post("/stage/steps/1") and waiting.done())
    started = fake_server.http.get("/stage").json()["started"]
    assert (started[-1], len(started) < 5) == ("next", True)


def test_what_cannot_be_said_is_refused_without_waiting_in_line(
    fake_server: Server, clients: Callable[[], Client]
) -> None:
    jobs = [submitted(clients(), f"job-{number}") for number in range(3)]
    with pytest.raises(AppError, match="There is no text yet"):
        clients().predict(" ", api_name="/generate")
    assert not any(job.done() for job in jobs)
    assert fake_server.in_line() == 3


def test_two_generators_speak_at_once(start_server: StartServer) -> None:
    server = start_server("tests/fake_app.py", VOXDEMO_GENERATORS=2)
    server.wait_until_ready()
    client = Client(server.url, verbose=False)
    jobs = [submitted(client, f"job-{number}") for number in range(3)]
    eventually(lambda: server.http.get("/stage").json()["running"] == 2)
    server.http.post("/stage/open")
    assert all(job.result(timeout=30) for job in jobs)
    assert server.http.get("/stage").json()["most_running"] == 2


@pytest.mark.long
def test_two_real_clients_at_once_both_hear_their_own_words(server: Server) -> None:
    texts = ["The first client speaks about apples.", "The second client asks for a ferry."]

    def there_and_back(text: str) -> str:
        client = Client(server.url, verbose=False)
        sound = client.predict(text, api_name="/generate")
        return str(client.predict(handle_file(sound), api_name="/prompt_wav_recognition"))

    with ThreadPoolExecutor(2) as pool:
        apples, ferry = pool.map(there_and_back, texts)
    assert "apples" in apples.lower()
    assert "ferry" in ferry.lower()


def test_the_run_route_does_not_walk_round_the_queue(fake_server: Server) -> None:
    answer = fake_server.http.post("/gradio_api/run/generate", json={"data": ["Hello."]})
    assert answer.status_code >= 400


@pytest.mark.parametrize("number", [99_999, -1])
def test_a_function_that_isn_t_there_is_no_endpoint(fake_server: Server, number: int) -> None:
    body = {"data": [], "fn_index": number, "session_hash": "x"}
    answer = fake_server.http.post("/gradio_api/queue/join", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_sentence_waits_for_a_part_of_a_long_text_at_any_door(start_server: StartServer) -> None:
    server = start_server("tests/paced_app.py", PACE=1, **EVERY_JOB_ANEW)
    server.wait_until_ready()
    server.http.post("/pace/0.1")
    text = " ".join(["Nobody waits for all of it to be said."] * 20)
    other = text.replace("Nobody", "Somebody")
    long, waiting = (submitted(Client(server.url, verbose=False), words) for words in (text, other))
    eventually(lambda: texts(server) == [text])
    told = [
        message
        for message in server.messages("generate", ["By Gradio.", None, "", 2.0, 10, False, False])
        if message["msg"] == "estimation"
    ]
    assert told[0]["rank"] == 1  # and not the one who waits
    assert told[0]["rank_eta"] < 15  # a turn, and its own
    assert not long.done()
    speech = {"input": "By HTTP.", "model": "tts-1", "voice": "alloy"}
    server.http.post("/v1/audio/speech", json=speech).raise_for_status()
    assert texts(server)[:4] == [text, "By Gradio.", text, "By HTTP."]
    assert not long.done()
    server.http.post("/pace/0")
    durations = [soundfile.info(job.result(timeout=60)).duration for job in (long, waiting)]
    assert min(durations) >= 160 * 0.4  # nothing is missing
    assert durations[0] == pytest.approx(durations[1], abs=0.1)


def texts(server: Server) -> list[str]:
    return [asked["text"] for asked in server.http.get("/asked").json()]
