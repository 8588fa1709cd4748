"""Two real servers: what one says in the other's voice is the same as what that says itself."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import soundfile
from serving import EVERY_JOB_ANEW, Server, StartServer, eventually

pytestmark = pytest.mark.long
APP = "tests/without_whisper.py"
KEY = "0123456789abcdef"
WORDS = "The boats come in at six. By seven the fish is sold."


def spoken(server: Server, voice: str, **headers: str) -> np.ndarray:
    body = {"input": WORDS, "voice": voice, "response_format": "wav"}
    answer = server.http.post("/v1/audio/speech", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    samples, rate = soundfile.read(io.BytesIO(answer.content))
    assert rate == 24_000
    return np.asarray(samples)


def by_tag_each_has_its_part_of_the_other_s_text(here: Server, other: Server, length: int) -> None:
    first, second = WORDS.split(". ")
    for host, guest in (("there/heart", "builtin/heart"), ("builtin/heart", "there/heart")):
        said_there = other.log.count("generation of")
        body = {"input": f"{first}. [{guest}] {second}", "voice": host, "response_format": "wav"}
        answer = here.http.post("/v1/audio/speech", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.headers.get("x-voxdemo-warning") is None
        assert abs(len(soundfile.read(io.BytesIO(answer.content))[0]) - length) < 24_000
        assert other.log.count("generation of") == said_there + 1


def test_another_voxdemo_speaks_as_it_does_itself_and_the_built_in_voice_while_it_is_away(
    start_server: StartServer,
) -> None:
    other = start_server(APP, VOXDEMO_ENGINE="builtin", VOXDEMO_API_KEYS=KEY, **EVERY_JOB_ANEW)
    other.wait_until_ready()
    there = json.dumps([{"name": "there", "url": f"{other.url}/v1", "key": KEY, "title": "Over there", "at_once": 2}])
    here = start_server(APP, VOXDEMO_REMOTE_ENGINES=there, VOXDEMO_ENGINE="there", **EVERY_JOB_ANEW)
    here.wait_until_ready()
    eventually(lambda: here.http.get("/ready").json()["engine"] == "there")

    voices = here.http.get("/v1/audio/voices").json()["voices"]
    assert [voice["id"] for voice in voices if voice["model"] == "over-there"] == ["there/heart"]
    heard, own = spoken(here, "there/heart"), spoken(other, "heart", Authorization=f"Bearer {KEY}")
    assert abs(len(heard) - len(own)) < 2_400
    shorter = min(len(heard), len(own))
    assert np.corrcoef(heard[:shorter], own[:shorter])[0, 1] > 0.9

    by_tag_each_has_its_part_of_the_other_s_text(here, other, len(own))

    other.stop()
    answers = [
        here.http.post("/v1/audio/speech", json={"input": f"Number {number}.", "voice": "there/heart"})
        for number in range(3)
    ]
    assert {answer.json()["error"]["code"] for answer in answers} <= {"engine_unreachable", "not_ready"}
    eventually(lambda: here.http.get("/ready").json()["engine"] == "builtin")
    assert here.http.post("/v1/audio/speech", json={"input": WORDS}).status_code == 200
    assert KEY not in here.log
    assert other.url not in "".join(answer.text for answer in answers)
