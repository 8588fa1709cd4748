"""Texts that are left with a server to be spoken, and fetched when they are done."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from programs import OWNERS, by
from serving import ROOT, Server, StartServer, eventually

from voxdemo.speech import SpeakOptions
from voxdemo.stores.batch_values import Order
from voxdemo.stores.batches import BatchStore

JOBS = "/v1/audio/jobs"
WARM_UP = ROOT / "assets" / "warm-up.flac"


def accepted(server: Server, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
    answer = server.http.post(JOBS, json={"response_format": "wav", **body}, headers=headers)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == told["url"] == f"{JOBS}/{told['id']}"
    return told


def test_what_is_left_out_of_texts_is_told_when_they_are_accepted(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    job = accepted(fake_server, inputs=["Fine.", "Hi \N{SKULL} there."], speed=1.5)
    assert job["warnings"] == [
        "The fake voice doesn't support a speed: ignored.",
        "Text 2 of 2: Skipped “\N{SKULL}”: this voice can't read it.",
    ]
    assert [item["warnings"] for item in job["items"]] == [[], ["Skipped “\N{SKULL}”: this voice can't read it."]]
    assert finished(fake_server, job)["status"] == "done"
    recording = base64.b64encode(WARM_UP.read_bytes()).decode()
    said = "The line is open, and the voice is ready to speak to whoever comes next."
    cloned = accepted(fake_server, inputs=["Fine."], prompt_audio=recording, prompt_text=said)
    assert cloned["warnings"] == []
    assert finished(fake_server, cloned)["status"] == "done"


def status(server: Server, job: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = server.http.get(job["url"]).json()
    return told


def finished(server: Server, job: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = eventually(lambda: (now := status(server, job))["finished_at"] and now)
    return told


def started(server: Server) -> list[str]:
    texts: list[str] = server.http.get("/stage").json()["started"]
    return texts


def message(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["message"])


def test_a_text_is_accepted_spoken_and_fetched(server: Server) -> None:
    job = accepted(server, input="The ferry leaves at nine.", response_format="mp3")
    assert job["status"] in ("queued", "running")
    done = finished(server, job)
    (item,) = done["items"]
    assert (done["status"], done["progress"], done["seconds"]) == ("done", 1.0, 0.0)
    assert (item["index"], item["status"], item["error"]) == (1, "done", None)
    audio = server.http.get(item["audio_url"])
    assert audio.headers["content-type"] == "audio/mpeg"
    assert soundfile.info(io.BytesIO(audio.content)).duration == pytest.approx(item["duration_s"], abs=0.2)


def test_a_list_comes_as_it_is_done_and_as_one_zip_at_the_end(fake_server: Server) -> None:
    job = accepted(fake_server, inputs=["one", "two words", "three"])
    assert (job["progress"], [item["status"] for item in job["items"]][1:]) == (0.0, ["queued", "queued"])
    assert fake_server.http.get(f"{job['url']}/zip").status_code == 409
    fake_server.http.post("/stage/steps/2")
    eventually(lambda: status(fake_server, job)["items"][0]["status"] == "done")
    half = status(fake_server, job)
    assert half["status"] == "running"
    assert 0 < half["progress"] < 1
    assert fake_server.http.get(half["items"][0]["audio_url"]).status_code == 200
    assert message(fake_server.http.get(f"{job['url']}/items/2")) == "This text hasn't been spoken."
    fake_server.http.post("/stage/open")
    done = finished(fake_server, job)
    for _ in range(2):
        with zipfile.ZipFile(io.BytesIO(fake_server.http.get(done["zip_url"]).content)) as packed:
            assert packed.namelist() == ["manifest.json", "0001.wav", "0002.wav", "0003.wav"]
            manifest = json.loads(packed.read("manifest.json"))
            assert [each["text"] for each in manifest] == ["one", "two words", "three"]
            assert soundfile.info(io.BytesIO(packed.read("0002.wav"))).duration > 0


def test_what_is_done_comes_as_one_file_too_each_text_at_its_time(fake_server: Server) -> None:
    texts, starts = ["one", "two words", "raise", "four"], [1.0, 2.0, 3.0, 4.0]
    job = accepted(fake_server, inputs=texts, starts=starts, names=["a", "b", "", "d/"])
    assert fake_server.http.get(f"{job['url']}/joined").status_code == 409
    fake_server.http.post("/stage/open")
    done = finished(fake_server, job)
    for _ in range(2):
        sound = fake_server.http.get(done["joined_url"])
        assert sound.headers["content-type"] == "audio/wav"
        assert soundfile.info(io.BytesIO(sound.content)).duration == pytest.approx(4.3, abs=0.1)
    with zipfile.ZipFile(io.BytesIO(fake_server.http.get(done["zip_url"]).content)) as packed:
        assert packed.namelist() == ["manifest.json", "a.wav", "b.wav", "d.wav"]
        assert [each["start_s"] for each in json.loads(packed.read("manifest.json"))] == starts


def test_of_a_job_of_which_nothing_was_spoken_there_is_no_file(fake_server: Server) -> None:
    job = accepted(fake_server, inputs=["one", "two"])
    eventually(lambda: started(fake_server))
    cancelled = fake_server.http.delete(job["url"]).json()
    assert cancelled["joined_url"] is None
    assert message(fake_server.http.get(f"{job['url']}/joined")) == "Nothing of this job has been spoken."
    fake_server.http.post("/stage/open")


def test_who_asks_often_is_told_the_whole_and_of_the_texts_only_some(fake_server: Server) -> None:
    job = accepted(fake_server, inputs=[f"text {number}" for number in range(1, 6)])
    fake_server.http.post("/stage/steps/5")
    eventually(lambda: status(fake_server, job)["counts"]["done"] == 2)
    some = fake_server.http.get(job["url"], params={"first": 2, "most": 2, "texts": True}).json()
    assert [(item["index"], item["status"], item["text"]) for item in some["items"]] == [
        (2, "done", "text 2"), (3, "running", "text 3"),
    ]  # fmt: skip
    assert some["counts"] == {"queued": 2, "running": 1, "done": 2, "failed": 0, "cancelled": 0}
    eventually(lambda: 0.4 < status(fake_server, job)["progress"] < 0.6)
    assert fake_server.http.get(job["url"], params={"most": 0}).json()["items"] == []
    assert "text" not in status(fake_server, job)["items"][0]
    assert fake_server.http.get(job["url"], params={"first": 10**30}).json()["items"] == []
    for number in (10**30, -(10**30)):
        assert message(fake_server.http.get(f"{job['url']}/items/{number}")) == "This text hasn't been spoken."
    fake_server.http.post("/stage/open")
    finished(fake_server, job)


def test_texts_stand_in_line_one_at_a_time_and_the_lists_take_turns(fake_server: Server) -> None:
    long = accepted(fake_server, inputs=[f"long-{number}" for number in range(4)])
    short = accepted(fake_server, inputs=["short-0", "short-1"])
    eventually(lambda: started(fake_server))
    line = fake_server.http.get("/ready").json()
    assert line["running"] + line["waiting"] == 1
    fake_server.http.post("/stage/open")
    finished(fake_server, long)
    finished(fake_server, short)
    assert started(fake_server) == ["long-0", "short-0", "long-1", "short-1", "long-2", "long-3"]


def test_one_that_is_cancelled_frees_the_generator_and_keeps_what_was_spoken(fake_server: Server) -> None:
    fake_server.http.post("/stage/steps/2")
    job = accepted(fake_server, inputs=["one", "two and more words", "three"])
    eventually(lambda: started(fake_server) == ["one", "two and more words"])
    told = fake_server.http.delete(job["url"]).json()
    assert told["status"] == "cancelled"
    assert [item["status"] for item in told["items"]] == ["done", "cancelled", "cancelled"]
    fake_server.http.post("/stage/steps/1")
    eventually(lambda: not fake_server.http.get("/ready").json()["running"])
    assert fake_server.http.get(told["items"][0]["audio_url"]).status_code == 200
    assert fake_server.http.delete(job["url"]).json()["deleted"] is True
    assert fake_server.http.get(job["url"]).status_code == 404
    assert fake_server.http.get(told["items"][0]["audio_url"]).status_code == 404


def test_the_same_request_by_its_key_is_the_same_job(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    key = {"Idempotency-Key": "order-1"}
    first, again = (accepted(fake_server, key, input="Only once.") for _ in range(2))
    assert first["id"] == again["id"]
    another = accepted(fake_server, {"Idempotency-Key": "order-2"}, input="Only once.")
    assert another["id"] != first["id"]
    other = fake_server.http.post(JOBS, json={"input": "Another."}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert [finished(fake_server, job)["status"] for job in (first, another)] == ["done", "done"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Send either input, a text, or inputs, a list of texts."),
        ({"input": "a", "inputs": ["b"]}, "Send either input, a text, or inputs, a list of texts."),
        ({"inputs": []}, "inputs: list should have at least 1 item"),
        ({"inputs": ["word"] * 1001}, "inputs: list should have at most 1000 items"),
        ({"inputs": ["Fine.", " ", "Fine."]}, "Text 2 of 3: There is no text yet: write what should be spoken."),
        ({"inputs": ["Fine.", *[" "] * 7]}, "Texts 2, 3, 4, 5, 6 and 2 more of 8 can't be spoken. Text 2: There is no"),
        ({"inputs": ["Hi.", "Ho."], "speed": 7}, "Speed must be from 0.25 to 4"),
        ({"inputs": ["a", "b"], "starts": [1.0]}, "starts must have one for each of inputs: 1 for 2 texts don't fit."),
        (
            {"inputs": ["a", "b"], "names": ["x"] * 3},
            "names must have one for each of inputs: 3 for 2",
        ),
        ({"inputs": ["a", "b"], "starts": [2.0, 1.0]}, "starts must be seconds from 0 to 6 hours"),
        ({"inputs": ["a", "b"], "starts": [0, 1e9]}, "starts must be seconds from 0 to 6 hours"),
        ({"input": "Hi.", "speed": 7}, "Speed must be from 0.25 to 4"),
        ({"input": "Hi.", "response_format": "pcm"}, "must be one of wav, flac, mp3, opus, aac, not 'pcm'."),
    ],
)
def test_what_cannot_be_said_refuses_all_of_it(fake_server: Server, body: dict[str, Any], sentence: str) -> None:
    answer = fake_server.http.post(JOBS, json={"response_format": "wav", **body})
    assert answer.status_code == 400
    assert sentence in message(answer)
    assert not started(fake_server)


def test_what_no_database_takes_of_texts_that_fail_is_left_out(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    body = b'{"inputs": ["One.", "\\ud83d two"], "skip_unspeakable": true}'
    answer = fake_server.http.post(JOBS, content=body, headers={"Content-Type": "application/json"})
    told = finished(fake_server, answer.raise_for_status().json())
    assert told["counts"]["failed"] == 1
    texts = fake_server.http.get(told["url"], params={"texts": True}).json()["items"]
    assert [item["text"] for item in texts] == ["One.", "? two"]


def test_a_lone_job_has_nobody_ahead_and_odd_letters_in_its_manner_do_no_harm(fake_server: Server) -> None:
    body = json.dumps({"input": "one two three", "prompt_text": "x\ud800", "response_format": "wav"})
    answer = fake_server.http.post(JOBS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202
    job = answer.json()
    assert job["ahead"] == 0
    eventually(lambda: started(fake_server))
    assert (status(fake_server, job)["status"], status(fake_server, job)["ahead"]) == ("running", 0)
    fake_server.http.post("/stage/open")
    assert finished(fake_server, job)["status"] == "done"


def test_one_text_that_fails_is_told_and_the_others_are_spoken(fake_server: Server) -> None:
    server = fake_server
    server.http.post("/stage/open")
    job = finished(server, accepted(server, inputs=["One.", "raise", "Some words raise", "Two."]))
    assert job["status"] == "done"
    assert [item["status"] for item in job["items"]] == ["done", "failed", "failed", "done"]
    assert "could not do this" in job["items"][1]["error"]
    told = [(item["error_code"], item["error_values"]) for item in job["items"]]
    assert told[:2] == [(None, None), ("model_failed", {"title": "Fake voice"})]
    assert "secret" not in json.dumps(job)
    assert finished(server, accepted(server, input="raise"))["status"] == "failed"


def test_too_many_requests_and_texts_say_when_to_come_again_and_the_same_request_again_costs_nothing(
    start_server: StartServer,
) -> None:
    server = start_server("tests/fake_app.py", VOXDEMO_RATE_LIMIT="4/hour")
    server.wait_until_ready()
    key = {"Idempotency-Key": "chapter-1"}
    body = {"inputs": ["One.", "Two \N{SKULL}."], "response_format": "wav"}
    first, *again = [server.http.post(JOBS, json=body, headers=key) for _ in range(6)]
    assert [(answer.status_code, answer.json()["id"]) for answer in again] == [(202, first.json()["id"])] * 5
    assert all(answer.json()["warnings"] == first.json()["warnings"] != [] for answer in again)
    assert server.http.post(JOBS, json={"input": "Other."}, headers=key).status_code == 409
    for count in (1000, 998):
        accepted(server, inputs=["word"] * count)
    full = server.http.post(JOBS, json={"input": "One too many."})
    assert (full.status_code, full.headers["retry-after"]) == (503, "60")
    assert message(full) == (
        "So many of your texts wait already that these don't fit: send them when some are done, or cancel a job."
    )
    assert server.http.post(JOBS, json={"input": "And another."}).status_code == 429
    assert server.http.post(JOBS, json=body, headers=key).status_code == 202


@pytest.mark.parametrize("recording", [b"no sound", b"", b"RIFF" + bytes(60), WARM_UP.read_bytes()[:200]])
def test_a_recording_that_cannot_be_read_refuses_the_job(fake_server: Server, recording: bytes) -> None:
    sent = base64.b64encode(recording).decode() or "===="
    answer = fake_server.http.post(JOBS, json={"input": "In that voice.", "prompt_audio": sent})
    assert answer.status_code == 400
    assert any(word in message(answer) for word in ("audio", "recording"))


def test_what_is_null_counts_as_left_out(fake_server: Server) -> None:
    fields = ("inputs", "starts", "names", "voice", "speed", "response_format", "instructions", "seed", "prompt_audio")
    job = fake_server.http.post(JOBS, json={"input": "one", **dict.fromkeys(fields)})
    assert (job.status_code, job.json()["format"], job.json()["warnings"]) == (202, "mp3", [])
    assert fake_server.http.post(JOBS, json={"input": None, "inputs": ["one"]}).status_code == 202
    fake_server.http.post("/stage/open")


def test_a_speed_beyond_what_the_voice_can_is_told_when_a_job_is_accepted(server: Server) -> None:
    job = accepted(server, inputs=["A bound for jobs.", "Another."], speed=4, response_format="aac")
    assert job["warnings"] == ["A speed of 4 is out of reach: spoken at 2."]
    done = finished(server, job)
    assert done["warnings"] == job["warnings"]
    assert [item["warnings"] for item in done["items"]] == [[], []]
    audio = server.http.get(done["items"][0]["audio_url"])
    assert audio.headers["content-type"] == "audio/aac"
    assert audio.content[0] == 0xFF


@pytest.mark.parametrize("owner", OWNERS[::2])
def test_nobody_else_reads_cancels_lists_or_fetches_a_job(shared_server: Server, owner: str) -> None:
    body = {"inputs": ["One.", "Two."], "response_format": "wav"}
    repeated = {"Idempotency-Key": "the same for all"}
    with by(shared_server, owner) as mine:
        job = mine.post(JOBS, json=body, headers=repeated).json()
        eventually(lambda: mine.get(job["url"]).json()["finished_at"])
        paths = [job["url"], *(f"{job['url']}/{rest}" for rest in ("items/1", "zip", "joined"))]
        for other in OWNERS:
            if other == owner:
                continue
            with by(shared_server, other) as theirs:
                assert [theirs.get(path).status_code for path in paths] == [404] * 4
                assert [theirs.head(path).status_code for path in paths] == [404] * 4
                assert theirs.delete(job["url"]).status_code == 404
                assert message(theirs.get(job["url"])) == message(theirs.get(f"{JOBS}/nothing"))
                assert job["id"] not in theirs.get(JOBS).text
                assert theirs.get(JOBS, params={"after": job["id"]}).status_code == 400
                assert theirs.post(JOBS, json=body, headers=repeated).json()["id"] != job["id"]
        assert [mine.get(path).status_code for path in paths] == [200] * 4
        assert [mine.head(path).status_code for path in paths] == [200] * 4
        assert mine.get(JOBS).json()["data"][0]["id"] == job["id"]
        assert mine.delete(job["url"]).json()["deleted"]


def test_jobs_are_listed_page_by_page_the_newest_first(shared_server: Server) -> None:
    with by(shared_server, OWNERS[0]) as mine:
        made = [mine.post(JOBS, json={"input": f"Number {number}."}).json()["id"] for number in range(5)][::-1]
        first = mine.get(JOBS, params={"limit": 2}).json()
        assert (first["object"], first["has_more"]) == ("list", True)
        assert [job["id"] for job in first["data"]] == [first["first_id"], first["last_id"]] == made[:2]
        assert first["data"][0].keys() >= {"status", "progress", "seconds", "url", "counts", "created_at"}
        rest = mine.get(JOBS, params={"limit": 100, "after": first["last_id"]}).json()
        assert [job["id"] for job in rest["data"]][:3] == made[2:]
        assert not rest["has_more"]
        for wrong in ({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"after": "nothing"}):
            assert mine.get(JOBS, params=wrong).status_code == 400  # type: ignore[arg-type]


def test_without_keys_jobs_are_reached_by_their_id_and_not_listed(fake_server: Server) -> None:
    job = accepted(fake_server, input="one")
    listed = fake_server.http.get(JOBS).json()
    assert listed["data"] == []
    assert "keep the ids of yours" in listed["warnings"][0]
    assert fake_server.http.get(job["url"]).status_code == 200
    fake_server.http.post("/stage/open")


def test_a_store_from_before_gives_the_jobs_of_keys_to_their_keys(tmp_path: Path) -> None:
    store = BatchStore(tmp_path)
    ids = [store.accept(Order(who, SpeakOptions(), ["One."], [4.0], "digest")) for who in ("key-1234", "192.0.2.1")]
    store.close()
    with sqlite3.connect(tmp_path / "batches.sqlite3") as database:
        database.execute("DROP INDEX batches_by_reader")
        for column in ("reader", "warnings"):
            database.execute(f"ALTER TABLE batches DROP COLUMN {column}")
    database.close()
    again = BatchStore(tmp_path)
    assert [bool(again.batch(each, "key-5678")) for each in ids] == [False, True]
    assert [bool(again.batch(each, "key-1234")) for each in ids] == [True, True]
    assert [bool(again.batch(each)) for each in ids] == [False, True]
    again.close()


def test_how_a_batch_is_to_be_spoken_stays_as_it_was_written_by_earlier_releases(tmp_path: Path) -> None:
    options = SpeakOptions(prompt_audio=tmp_path, prompt_text="Hi.", control="low", seed=5, format="mp3")
    written = {
        "format": "mp3", "prompt_text": "Hi.", "cfg_value": 2.0, "inference_timesteps": 10, "normalize": False,
        "denoise": False, "control": "low", "voice": None, "seed": 5, "speed": 1.0, "has_prompt": True,
    }  # fmt: skip
    store = BatchStore(tmp_path)
    id = store.accept(Order("somebody", options, ["One."], [4.0], "digest", prompt=b"sound"))
    with sqlite3.connect(tmp_path / "batches.sqlite3") as database:
        assert json.loads(database.execute("SELECT manner FROM batches").fetchone()[0]) == written
    database.close()
    taken = store.take()
    assert taken
    assert taken[1] == replace(options, prompt_audio=store.prompt(id))
    store.close()


@pytest.mark.long
def test_a_restart_goes_on_where_the_last_one_stopped(start_server: StartServer) -> None:
    server = start_server("tests/fake_app.py", VOXDEMO_DRAIN_S=5)
    server.wait_until_ready()
    server.http.post("/stage/steps/2")
    job = accepted(server, inputs=["one", "two and more words", "three"])
    eventually(lambda: started(server) == ["one", "two and more words"])
    server.http.post("/stage/open")
    assert server.stop() == 0
    again = start_server("tests/guarded_app.py", VOXDEMO_CACHE_DIR=server.folder / "cache")
    again.wait_until_ready()
    assert [item["status"] for item in finished(again, job)["items"]] == ["done"] * 3
    assert "ERROR" not in server.log + again.log


def test_old_ones_go_with_their_files_once_they_are_finished(tmp_path: Path) -> None:
    store = BatchStore(tmp_path)
    order = Order("somebody", SpeakOptions(), ["One."], [4.0], "digest", prompt=b"sound")
    ended, unfinished = store.accept(order), store.accept(order)
    assert store.prompt(ended).read_bytes() == b"sound"
    store.cancel(ended)
    store.delete_old(60)
    assert store.batch(ended)
    store.delete_old(-1)
    assert store.batch(ended) is None
    assert not store.folder(ended).exists()
    assert store.batch(unfinished)
    assert store.folder(unfinished).exists()
    store.close()


def test_of_several_servers_one_takes_a_text_and_what_a_dead_one_had_is_free_again(tmp_path: Path) -> None:
    first, second = BatchStore(tmp_path), BatchStore(tmp_path)
    first.accept(Order("somebody", SpeakOptions(), ["One.", "Two."], [4.0, 4.0], "digest"))
    taken = [store.take() for store in (first, second, first)]
    assert [each and each[0].text for each in taken] == ["One.", "Two.", None]
    assert second.reclaim() == 0
    first.close()
    assert second.reclaim() == 1
    one = second.take()
    assert one
    assert one[0].text == "One."
    assert second.finish(replace(one[0], state="done"))
    assert not second.finish(replace(one[0], state="done"))
    second.close()
