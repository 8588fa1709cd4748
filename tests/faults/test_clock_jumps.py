"""The wall clock jumps while people wait, and files come from the future or from long ago: nobody notices."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from callers import Call, Callers, callers
from witness import StartWitness, Witness, eventually, new_text, spoken_token

pytestmark = pytest.mark.long

DAY_S = 86_400.0
NOW_S = 1_790_000_000.0


@pytest.fixture
def jumping(fake: Witness) -> Iterator[Witness]:
    """The server that all tests share, whose clock is right again at the end."""
    yield fake
    fake.set_clock(0)


@pytest.mark.parametrize("off_s", [3 * DAY_S, -3 * DAY_S, -NOW_S])
async def test_waits_stay_sensible_and_jobs_go_on(jumping: Witness, off_s: float) -> None:
    token = spoken_token(jumping, "before the jump")
    jumping.stage("reset")
    async with callers(jumping.url) as people:
        calls = [await people.join(new_text("one two")) for _ in range(4)]
        eventually(lambda: jumping.in_line() == 4, "four are in the line")
        jumping.set_clock(off_s)
        calls.append(await people.join(new_text("after the jump")))
        jumping.stage("steps/1")
        jumping.stage("open")
        for call in calls:
            assert all(0 <= seconds < 60 for seconds in await told_seconds(people, call))
            assert call.is_served
    jumping.speaks()
    assert jumping.ask("GET", f"/speech/{token}").status_code == 200


async def told_seconds(people: Callers, call: Call) -> list[float]:
    """All the seconds that somebody is told until the end."""
    told: list[float] = []
    async for message in people.messages(call):
        told += [message[name] for name in ("eta", "rank_eta") if isinstance(message.get(name), float)]
        if message["msg"] == "process_completed":
            call.outcome = message
    return told


def test_nothing_of_today_goes_and_nothing_of_old_stays(start_witness: StartWitness, tmp_path: Path) -> None:
    files = tmp_path / "cache" / "files"
    ages = {"from-the-past": -40 * DAY_S, "of-today": -60.0, "from-the-future": 40 * DAY_S, "from-1970": -time.time()}
    for name, age_s in ages.items():
        (files / name).mkdir(parents=True)
        (files / name / "voice.wav").write_bytes(b"sound")
        for path in (files / name / "voice.wav", files / name):
            os.utime(path, (time.time() + age_s, time.time() + age_s))
    (files.parent / "paces.json").write_text("not JSON")
    witness = start_witness(folder=tmp_path)
    assert (files / "of-today" / "voice.wav").exists()
    assert (files / "from-the-future" / "voice.wav").exists()
    eventually(lambda: not (files / "from-the-past").exists(), "what is old is gone")
    eventually(lambda: not (files / "from-1970").exists(), "what is older is gone")
    witness.prove()


def test_a_jump_while_sound_is_listened_to(jumping: Witness) -> None:
    with closing(jumping.server.messages("speak", jumping.server.page_values(new_text("one two three")))) as told:
        next(told)
        jumping.set_clock(DAY_S)
        jumping.stage("open")
        assert any(message["msg"] == "process_completed" and message["success"] for message in told)
