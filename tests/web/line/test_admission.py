"""Admission to the line: what is at hand passes it by; clients that ask for too much are told when to come again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from browsing import WARM_UP
from gradio_client import Client, handle_file
from gradio_client.client import Job
from gradio_client.exceptions import AppError
from serving import Server, eventually

QUEUE = 6
MOST = 4
"""Requests an hour that the limited server lets a client ask for, and twice as many as may wait."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """The page over a fake engine, started once for each kind of settings."""
    servers: dict[str, Server] = {}

    def one(**settings: object) -> Server:
        key = str(settings)
        if key not in servers:
            settings = {"VOXDEMO_QUEUE_SIZE": QUEUE, **settings}
            servers[key] = Server(tmp_path_factory.mktemp("admission"), "tests/fake_app.py", **settings)
            servers[key].wait_until_ready()
        return servers[key]

    yield one
    for server in servers.values():
        server.end()


@pytest.fixture
def server(started: Callable[..., Server]) -> Iterator[Server]:
    """Takes no step until it is told to, and is found at rest."""
    yield from at_rest(started())


@pytest.fixture
def limited(started: Callable[..., Server]) -> Iterator[Server]:
    """The same with limits, behind a proxy: its clients are told apart by X-Forwarded-For."""
    limits = {"VOXDEMO_RATE_LIMIT": f"{MOST}/hour", "VOXDEMO_MAX_WAITING_PER_CLIENT": MOST // 2}
    yield from at_rest(started(**limits, VOXDEMO_TRUSTED_PROXIES="127.0.0.1"))


def at_rest(server: Server) -> Iterator[Server]:
    server.http.post("/stage/reset")
    yield server
    server.http.post("/stage/open")
    eventually(lambda: not server.in_line())


def client_of(server: Server) -> Client:
    return Client(server.url, verbose=False, download_files=False)


def submitted(server: Server, text: str) -> Job:
    """A job that has arrived."""
    before = server.in_line()
    job = client_of(server).submit(text, api_name="/generate")
    eventually(lambda: server.in_line() > before)
    return job


def join(server: Server, text: str, client: str = "", **headers: str) -> Any:
    return server.http.post(
        "/gradio_api/call/generate", json={"data": asking(text)}, headers={**forwarded(client), **headers}
    )


def forwarded(client: str) -> dict[str, str]:
    return {"X-Forwarded-For": client} if client else {}


def asking(text: str) -> list[Any]:
    return [text, None, "", 2.0, 10, False, False]


def test_what_is_at_hand_does_not_wait_in_a_full_line(server: Server) -> None:
    server.http.post("/stage/steps/2")
    assert client_of(server).predict("said before", api_name="/generate")
    assert client_of(server).predict(handle_file(WARM_UP), api_name="/prompt_wav_recognition") == "heard"
    jobs = [submitted(server, f"job-{number}") for number in range(QUEUE + 1)]
    with pytest.raises(AppError, match=rf"Busy: {QUEUE} people are waiting. Try again in (about \d+ s|a minute)."):
        client_of(server).predict("said never", api_name="/generate")
    assert client_of(server).predict("said before", api_name="/generate")
    assert client_of(server).predict(handle_file(WARM_UP), api_name="/prompt_wav_recognition") == "heard"
    told = list(server.messages("speak", server.page_values("said before")))
    places = [message for message in told if message["msg"] == "estimation"]
    assert all((place["rank"], place["queue_size"]) == (0, 1) for place in places)
    assert '"cached": true' in json.dumps(told)
    assert not any(job.done() for job in jobs)
    server.http.post("/stage/open")
    assert all(job.result(timeout=30) for job in jobs)


def test_ready_says_who_is_in_line_and_for_how_long(server: Server) -> None:
    assert server.http.get("/ready").json()["wait_s"] == 0
    jobs = [submitted(server, f"someone who says quite a lot, for the {number}th time") for number in range(2)]
    line = server.http.get("/ready").json()
    assert (line["running"], line["waiting"]) == (1, 1)
    assert line["wait_s"] is not None  # next to nothing, with this voice
    server.http.post("/stage/open")
    assert all(job.result(timeout=30) for job in jobs)


def test_in_a_rush_no_more_wait_than_may_whichever_door_they_come_by(server: Server) -> None:
    def by_gradio(words: str) -> bool:
        answer = server.http.get(f"/gradio_api/call/generate/{join(server, words).json()['event_id']}")
        return "event: complete" in answer.text

    def by_http(words: str) -> bool:
        speech = {"input": words, "model": "tts-1", "voice": "alloy"}
        return server.http.post("/v1/audio/speech", json=speech).status_code == 200

    people = 4 * QUEUE
    with ThreadPoolExecutor(people) as pool:
        asked = [pool.submit((by_gradio, by_http)[number % 2], f"rush {number}") for number in range(people)]
        eventually(lambda: sum(one.done() for one in asked) >= people - QUEUE - 1)
        assert server.in_line() == QUEUE + 1
        server.http.post("/stage/open")
    assert sum(one.result() for one in asked) == QUEUE + 1


def test_who_waits_for_the_same_follows_when_the_first_one_begins(server: Server) -> None:
    before = [submitted(server, text) for text in ("first", "second")]
    same = [submitted(server, "the same words") for _ in range(3)]
    last = submitted(server, "last")
    late = client_of(server)
    with ThreadPoolExecutor(1) as pool:
        speech = {"input": "the same words", "model": "tts-1", "voice": "alloy"}
        program = pool.submit(server.http.post, "/v1/audio/speech", json=speech)
        eventually(lambda: server.in_line() == 7)
        server.http.post("/stage/steps/3")  # one for each before, one of three for the same
        assert all(job.result(timeout=30) for job in before)
        eventually(lambda: "the same words" in server.http.get("/stage").json()["started"])
        joining = late.submit("the same words", api_name="/generate")
        eventually(lambda: joining.status().progress_data)
        server.http.post("/stage/steps/2")
        assert program.result(timeout=30).status_code == 200  # before the last one, which came before it
    files = [job.result(timeout=30)["path"] for job in (*same, joining)]
    assert len(set(files)) == 4
    server.http.post("/stage/steps/1")
    assert last.result(timeout=30)
    assert server.http.get("/stage").json()["started"] == ["first", "second", "the same words", "last"]


def test_one_of_those_who_follow_may_leave(server: Server) -> None:
    leaving = server.messages("generate", asking("one who leaves"))
    eventually(lambda: next(leaving)["msg"] == "process_starts")
    staying = client_of(server).submit("one who leaves", api_name="/generate")
    eventually(lambda: staying.status().progress_data)
    leaving.close()
    server.http.post("/stage/steps/3")
    assert staying.result(timeout=30)
    assert server.http.get("/stage").json()["started"] == ["one who leaves"]


@pytest.mark.parametrize("door", ["call", "join", "page"])
def test_who_asks_for_too_much_is_told_when_to_come_again(limited: Server, door: str) -> None:
    limited.http.post("/stage/open")
    client = {"call": "192.0.2.1", "join": "192.0.2.2", "page": "192.0.2.3"}[door]
    for number in range(MOST):
        assert join(limited, f"{door} {number}", client).status_code == 200
        eventually(lambda: not limited.in_line())
    if door == "call":
        answer = join(limited, "one too many", client)
    else:
        data = asking("one too many") if door == "join" else limited.page_values("one too many")
        answer = limited.joined({"join": "generate", "page": "speak"}[door], data, **forwarded(client))
    assert answer.status_code == 429
    assert 3500 < int(answer.headers["Retry-After"]) <= 3600
    assert re.fullmatch(r"Too many requests: try again in \d+ min\.", answer.json()["detail"])
    assert join(limited, f"{door} 0", client).status_code == 200  # which is at hand, and free


TOO_MANY = r"^Too many requests: try again in \d+ (s|min)\.$"


def test_a_script_is_told_by_gradio_client_when_to_come_again_and_counted_whatever_it_claims_to_be(
    started: Callable[..., Server],
) -> None:
    server = started(VOXDEMO_RATE_LIMIT="2/hour", VOXDEMO_QUEUE_SIZE=QUEUE + 1)
    server.http.post("/stage/open")
    script = client_of(server)
    for number in range(2):
        assert script.predict(f"within {number}", api_name="/generate")
    with pytest.raises(AppError, match=TOO_MANY):
        script.predict("one too many", api_name="/generate")
    with pytest.raises(AppError, match=TOO_MANY):
        script.submit("and another", api_name="/generate").result(timeout=30)
    for _ in range(3):  # the third upload is one too many by itself
        with pytest.raises(AppError, match=TOO_MANY):
            script.predict(handle_file(WARM_UP), api_name="/prompt_wav_recognition")
    with pytest.raises(AppError, match=TOO_MANY):
        script.predict("in that voice", handle_file(WARM_UP), "", api_name="/generate")
    assert script.predict("within 0", api_name="/generate")  # which is at hand, and free
    for answer in (join(server, "by raw HTTP"), server.http.post("/gradio_api/upload", files={"files": b"a"})):
        assert answer.status_code == 429
        assert 3500 < int(answer.headers["Retry-After"]) <= 3600
    claims = [join(server, f"text {number}", f"192.0.2.{number}", Cookie=f"session={number}") for number in range(5)]
    assert [answer.status_code for answer in claims] == [429] * 5
    assert re.search(
        r'voxdemo_refusals_total{door="gradio",reason="LimitError"} [1-9]', server.http.get("/metrics").text
    )
    assert not server.in_line()
    assert "ERROR" not in server.log


def test_behind_a_proxy_that_is_trusted_everybody_is_counted_apart(limited: Server) -> None:
    limited.http.post("/stage/open")
    answers = []
    for number in range(2 * MOST + 2):
        answers.append(join(limited, f"text {number}", f"198.51.100.1, 203.0.113.{number % 2}").status_code)
        eventually(lambda: not limited.in_line())
    assert answers == [200] * (2 * MOST) + [429] * 2


def test_one_client_cannot_fill_the_line(limited: Server) -> None:
    for number in range(MOST // 2 + 1):  # the first one runs, the next is at the lane already, and the last one waits
        joined = join(limited, f"waiting {number}", "192.0.2.4")
        assert joined.status_code == 200, joined.text
        eventually(lambda number=number: limited.in_line() == number + 1)
    refused = join(limited, "one too many", "192.0.2.4")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["detail"].startswith("You already have 2 jobs waiting")
    assert join(limited, "somebody else's", "192.0.2.5").status_code == 200


def test_a_recording_in_another_language_is_another_request(limited: Server) -> None:
    """Its answer without a language, which the cache has, doesn't let it pass the line and the limits."""
    limited.http.post("/stage/open")

    def heard(**form: str) -> int:
        file = {"file": WARM_UP.read_bytes()}
        return limited.http.post(
            "/v1/audio/transcriptions", files=file, data=form, headers=forwarded("192.0.2.9")
        ).status_code

    assert [heard(), heard(), heard(language="en"), heard(language="en")] == [200] * 4  # two of which are counted
    texts = [join(limited, f"a text after {number} recordings", "192.0.2.9") for number in range(MOST - 1)]
    assert [answer.status_code for answer in texts] == [200, 200, 429]


def test_a_script_whose_jobs_wait_already_is_told_so_by_gradio_client(limited: Server) -> None:
    script = Client(limited.url, verbose=False, download_files=False, headers={"X-Forwarded-For": "192.0.2.6"})
    jobs = [script.submit(f"script {number}", api_name="/generate") for number in range(MOST // 2 + 1)]
    eventually(lambda: limited.in_line() == len(jobs))
    with pytest.raises(AppError, match=r"^You already have 2 jobs waiting"):
        script.predict("one too many", api_name="/generate")
    limited.http.post("/stage/open")
    assert all(job.result(timeout=30) for job in jobs)


def test_a_key_is_asked_of_scripts_and_counted_by_itself(started: Callable[..., Server]) -> None:
    keys = "0123456789abcdef", "fedcba9876543210"
    server = started(VOXDEMO_API_KEYS=",".join(keys), VOXDEMO_RATE_LIMIT="1/hour")
    server.http.post("/stage/open")
    assert server.joined("generate", asking("without a key")).status_code == 401
    assert join(server, "without a key").status_code == 401
    bearers = [{"Authorization": f"Bearer {key}"} for key in keys]
    answers = [join(server, f"text {number}", **bearers[number % 2]).status_code for number in range(4)]
    assert answers == [200, 200, 429, 429]
    assert server.joined("speak", server.page_values("a person on the page")).status_code == 200


def test_a_tab_that_closes_takes_only_its_own_job_out_of_a_shared_one(server: Server) -> None:
    with closing(server.messages("speak", server.page_values("a tab closes"))) as tab:
        key = next(found[1] for message in tab if (found := re.search(r'"sound": "([\w-]{22})"', json.dumps(message))))
        staying = client_of(server).submit("a tab closes", api_name="/generate")
        eventually(lambda: staying.status().progress_data)
        server.http.post("/stage/steps/2")
        with server.http.stream("GET", f"/live/{key}") as answer:
            assert any(b'"sound"' in piece for piece in answer.iter_bytes())
    heard = server.http.get(f"/speech/{key}.json").json()
    assert 0 < heard["total"] < 0.5
    server.http.post("/stage/open")
    assert staying.result(timeout=30)


def test_an_empty_session_is_as_good_as_none(server: Server) -> None:
    server.http.post("/stage/open")
    assert server.joined("generate", asking("of nobody"), session="").status_code == 200
