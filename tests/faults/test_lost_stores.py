"""Two servers, each with its own folder, share jobs in Postgres and sounds in S3; those go away for a while."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres_server
import pytest
import s3_server
import soundfile
from serving import EVERY_JOB_ANEW, ROOT, Server, eventually

pytestmark = pytest.mark.long

RECORDING = ROOT / "assets" / "warm-up.flac"


@pytest.fixture(scope="module")
def url(postgres: Any) -> str:
    return str(postgres.new_url())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, url: str, s3: Any) -> Iterator[tuple[Server, Server]]:
    shared = {"VOXDEMO_DATABASE_URL": url, "VOXDEMO_STORAGE_URL": s3.new_url(), **s3.environment, **EVERY_JOB_ANEW}
    shared["LOOK_EVERY_S"] = "0.5"
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    first, second = (Server(folder, "tests/fake_app.py", **shared) for folder in folders)
    try:
        for server in (first, second):
            server.wait_until_ready()
        yield first, second
    finally:
        for server in (first, second):
            server.end()


def state(server: Server, url: str) -> dict[str, int]:
    counts: dict[str, int] = server.http.get(url).json()["counts"]
    return {name: count for name, count in counts.items() if count}


def notice(server: Server, of: str) -> str:
    ready = server.http.get("/ready")
    assert ready.status_code == 200
    return str(ready.json()[of])


def spoken(server: Server, text: str) -> str:
    """The address of a sound that a person has had made."""
    server.http.post("/stage/open")
    told = server.messages("generate", [text, None, "", 2.0, 10, False, False])
    path = Path(next(each for each in told if each["msg"] == "process_completed")["output"]["data"][0]["path"])
    return f"/speech/{path.parent.name}"


def test_what_is_uploaded_at_one_server_is_played_and_used_at_the_other(pair: tuple[Server, Server], s3: Any) -> None:
    first, second = pair

    def uploaded(name: str = "hello there.flac") -> str:
        sent = first.http.post("/gradio_api/upload", files={"files": (name, RECORDING.read_bytes())})
        return str(sent.raise_for_status().json()[0])

    def recognised(path: str) -> Any:
        told = second.messages("prompt_wav_recognition", [{"path": path, "meta": {"_type": "gradio.FileData"}}])
        return next(each for each in told if each["msg"] == "process_completed")["output"]

    path = uploaded()
    assert second.http.get(f"/gradio_api/file={path}").content == RECORDING.read_bytes()
    assert recognised(uploaded())["data"] == ["heard"]
    nothing = path.replace("hello", "goodbye")
    assert second.http.get(f"/gradio_api/file={nothing}").status_code in (403, 404)
    s3.kill()
    alone = uploaded("alone.flac")
    assert first.http.get(f"/gradio_api/file={alone}").status_code == 200
    away = second.http.get(f"/gradio_api/file={alone}")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "60")
    s3.start()
    eventually(lambda: not any(notice(server, "storage") for server in pair), within_s=120)


def test_what_one_server_keeps_is_heard_used_and_deleted_at_the_other(pair: tuple[Server, Server], s3: Any) -> None:
    first, second = pair
    made = spoken(first, "Heard at both.")
    whole = first.http.get(made).content
    assert second.http.get(made).content == whole
    part = second.http.get(made, headers={"Range": "bytes=44-99"})
    assert (part.status_code, part.content) == (206, whole[44:100])
    assert "Heard at both." in second.http.get(f"{made}.srt").text

    sent = {"audio_sample": RECORDING.read_bytes()}
    kept = first.http.post("/v1/audio/voices", data={"name": "Anna", "consent": "true"}, files=sent)
    assert kept.status_code == 201
    speaks = {"input": "Hello.", "voice": kept.json()["id"]}
    second.http.post("/stage/open")
    assert second.http.post("/v1/audio/speech", json=speaks).status_code == 200
    assert second.http.delete(kept.headers["Location"]).status_code == 200
    assert first.http.post("/v1/audio/speech", json=speaks).status_code == 400

    s3.kill()
    missed = spoken(first, "Made while nobody could be told.")
    assert first.http.get(missed).status_code == 200
    away = second.http.get(missed)
    assert away.status_code == 503
    assert away.json()["detail"] == "What is kept for all servers can't be reached just now: try again in a minute."
    refused = first.http.post("/v1/audio/voices", data={"name": "Ben", "consent": "true"}, files=sent)
    assert refused.status_code == 503
    assert all("store of sounds can't be reached" in notice(server, "storage") for server in pair)
    s3.start()
    told = set()

    def is_heard() -> bool:
        told.add(second.http.get(missed).status_code)
        return 200 in told

    eventually(is_heard, within_s=120)
    assert told <= {503, 200}, "it isn't gone while the first server has yet to send it"
    eventually(lambda: not any(notice(server, "storage") for server in pair), within_s=120)
    for said in (first.log, second.log, first.http.get("/ready").text):
        assert s3_server.SECRET not in said


def test_a_job_of_one_server_is_followed_heard_and_ended_at_the_other(pair: tuple[Server, Server]) -> None:
    first, second = pair
    for server in pair:
        server.http.post("/stage/reset")
    sent = {"inputs": ["One two.", "Three four.", "Five."], "response_format": "wav", "names": ["a", "b", "c"]}
    job = first.http.post("/v1/audio/jobs", json=sent).json()["url"]
    eventually(lambda: state(second, job) == {"queued": 1, "running": 2}, within_s=60)
    told = [server.http.get(job, params={"texts": True}).json() for server in pair]
    assert [item["text"] for item in told[1]["items"]] == sent["inputs"]
    assert told[0]["items"] == told[1]["items"]
    assert {sounds(server, job, number) for server in pair for number in (1, 2, 3)} == {None}
    first.http.post("/stage/steps/2")  # the words of one text: the next one waits
    eventually(lambda: state(second, job) == {"running": 2, "done": 1}, within_s=60)
    done = next(item["index"] for item in second.http.get(job).json()["items"] if item["status"] == "done")
    assert sounds(second, job, done) == sounds(first, job, done)
    assert first.http.delete(job).json()["status"] == "cancelled"  # what the second one speaks, too
    for server in pair:
        server.http.post("/stage/open")  # the step that each is at ends
    eventually(lambda: all(server.http.get("/stage").json()["running"] == 0 for server in pair), within_s=60)
    assert [state(server, job) for server in pair] == [{"done": 1, "cancelled": 2}] * 2
    for path in ("zip", "joined"):
        assert first.http.get(f"{job}/{path}").status_code == second.http.get(f"{job}/{path}").status_code == 200
    assert second.http.delete(job).json()["deleted"]
    assert {first.http.get(f"{job}{path}").status_code for path in ("", "/items/1", "/zip", "/joined")} == {404}


def test_no_accepted_text_is_lost_or_finished_twice(pair: tuple[Server, Server], postgres: Any, url: str) -> None:
    first, second = pair
    for server in pair:
        server.http.post("/stage/reset")
    accepted = first.http.post("/v1/audio/jobs", json={"inputs": ["One.", "Two.", "Three."]})
    assert accepted.status_code == 202
    job = accepted.json()["url"]
    eventually(lambda: state(second, job) == {"queued": 1, "running": 2}, within_s=60)

    postgres.stop()
    for refused in (first.http.post("/v1/audio/jobs", json={"input": "Four."}), second.http.get(job)):
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "60"
        assert refused.json()["error"]["message"] == "Jobs can't be reached just now: try again in a minute."
        assert refused.json()["error"]["values"] == {"reason": "jobs_away"}
    eventually(lambda: all(notice(server, "jobs") for server in pair), within_s=60)
    first.http.post("/stage/open")  # what it speaks ends while nobody can be told
    postgres.start()
    eventually(lambda: not any(notice(server, "jobs") for server in pair), within_s=60)
    eventually(lambda: state(first, job) == {"running": 1, "done": 2}, within_s=60)
    heard = {number: sounds(second, job, number) for number in (1, 2, 3)}
    assert sum(sound is not None for sound in heard.values()) == 2  # which the first has spoken

    second.process.send_signal(signal.SIGKILL)
    with postgres_server.psycopg.connect(url) as db:  # the time of its lease goes by
        db.execute("UPDATE owners SET until = until - 15 WHERE id IN (SELECT owner FROM texts WHERE state = 'running')")
    eventually(lambda: state(first, job) == {"done": 3}, within_s=60)
    assert all(sounds(first, job, number) for number in (1, 2, 3))
    assert first.http.get(f"{job}/zip").status_code == 200
    assert first.http.delete(job).json()["deleted"]
    for said in (first.log, second.log, first.http.get("/ready").text):
        assert postgres_server.PASSWORD not in said
    assert "Traceback" not in first.log + second.log


def sounds(server: Server, job: str, number: int) -> int | None:
    """How many samples a text's sound has; None where it hasn't been spoken."""
    sound = server.http.get(f"{job}/items/{number}")
    return soundfile.info(io.BytesIO(sound.content)).frames if sound.status_code == 200 else None
