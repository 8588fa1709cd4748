"""Servers that are killed in the midst of it all: the next one on the same folder starts, and nothing in it is half."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import soundfile
from callers import all_within, callers
from rings import AT_NIGHT
from witness import Witness, eventually

ROUNDS = 10 if AT_NIGHT else 1
TEXTS = [f"text {number} " + "word " * (5 * number) for number in range(8)]


@pytest.mark.long
async def test_what_a_killed_server_left_is_whole(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        witness = Witness(tmp_path)
        try:
            witness.server.wait_until_ready()
            await said_until_killed(witness, steps=7 * (number + 1))
        finally:
            witness.server.stop(signal.SIGKILL)
    witness = Witness(tmp_path)
    try:
        witness.wait_until_ready()
        async with callers(witness.url) as people:
            witness.stage("open")
            assert all(call.is_served for call in await all_within(60, *map(people.call, TEXTS)))
        for path in (tmp_path / "cache").glob("*/*/speech.wav"):
            assert soundfile.info(path).frames > 0
            assert soundfile.read(path)[0].any()
        witness.prove()
    finally:
        witness.stop()


async def said_until_killed(witness: Witness, steps: int) -> None:
    """Some of the texts are said, and one is half said."""
    async with callers(witness.url) as people:
        for text in TEXTS:
            await people.join(text)
        witness.stage(f"steps/{5 + steps}")
        eventually(lambda: witness.ask("GET", "/stage").json()["started"], "somebody speaks")
