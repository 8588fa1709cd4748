"""Sound that is heard while it's made, by listeners who keep up, lag behind, come late or stop."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from voxdemo.live import READ_BYTES, LiveSound
from voxdemo.speech import Captions, Retaken, Segment

RATE = 1_000
ONE = Captions(0, (Segment("One.", 0.0, 1.0),))


@pytest.fixture
def sound(tmp_path: Path) -> LiveSound:
    return LiveSound(tmp_path / "speech.wav", RATE)


def level(value: float, seconds: float = 1.0) -> np.ndarray:
    return np.full(round(seconds * RATE), value / 32767, np.float32)


def levels(data: bytes) -> list[int]:
    """The values in 16-bit samples, each run once."""
    samples = np.frombuffer(data, "<i2")
    return [int(value) for value, before in zip(samples, [None, *samples], strict=False) if value != before]


async def heard(sound: LiveSound) -> list[bytes | Captions | Retaken]:
    async with aclosing(sound.listen()) as events:
        return [event async for event in events]


async def test_who_listens_from_the_start_and_who_comes_late_hear_the_same(sound: LiveSound) -> None:
    early = asyncio.ensure_future(heard(sound))
    await sound.write(level(1))
    sound.caption(ONE)
    await sound.write(level(2))
    late = asyncio.ensure_future(heard(sound))
    await sound.write(level(3))
    sound.finish()
    for listener in (await early, await late, await heard(sound)):
        assert levels(b"".join(event for event in listener if isinstance(event, bytes))) == [1, 2, 3]
        assert [event for event in listener if isinstance(event, Captions)] == [ONE]


async def test_sound_is_heard_before_it_is_over(sound: LiveSound) -> None:
    async with aclosing(sound.listen()) as events:
        for value in (1, 2):
            await sound.write(level(value))
            data = await anext(events)
            assert isinstance(data, bytes)
            assert levels(data) == [value]
    sound.finish()


async def test_a_listener_that_stops_reading_holds_nobody_up(sound: LiveSound) -> None:
    slow = sound.listen()
    await sound.write(level(1))
    await anext(slow)
    for value in range(2, 100):
        await sound.write(level(value))
    sound.finish()
    assert levels(b"".join(event for event in await heard(sound) if isinstance(event, bytes))) == list(range(1, 100))
    rest = [event async for event in slow]
    assert levels(b"".join(event for event in rest if isinstance(event, bytes))) == list(range(2, 100))
    assert max(len(event) for event in rest if isinstance(event, bytes)) <= READ_BYTES


async def test_what_is_taken_back_is_told_to_who_has_heard_of_it_and_nobody_else(sound: LiveSound) -> None:
    await sound.write(level(1))
    behind, ahead = sound.listen(), sound.listen()
    for listener in (behind, ahead):
        await anext(listener)
    await sound.write(level(2, 0.5))
    await anext(ahead)
    await sound.cut(1.0)
    await sound.write(level(3))
    sound.finish()
    assert [event for event in [event async for event in ahead] if isinstance(event, Retaken)] == [Retaken(1.0)]
    rest = [event async for event in behind]
    assert [levels(event) for event in rest if isinstance(event, bytes)] == [[3]]
    assert Retaken(1.0) not in rest
    assert sound.duration_s == 2.0


async def test_who_comes_when_all_is_over_without_a_sound_hears_nothing(sound: LiveSound) -> None:
    sound.finish()
    assert await heard(sound) == []


async def test_captions_are_replaced_from_a_place_on(sound: LiveSound) -> None:
    sound.caption(Captions(0, (Segment("One.", 0.0, 1.0), Segment("Two.", 1.0, 2.0))))
    sound.caption(Captions(1, (Segment("Two.", 1.1, 2.2),)))
    assert [caption.start_s for caption in sound.captions] == [0.0, 1.1]
    assert not sound.finish()


async def test_its_end_can_be_waited_for(sound: LiveSound, tmp_path: Path) -> None:
    waiting = asyncio.ensure_future(sound.over())
    await sound.write(level(1))
    assert not waiting.done()
    assert sound.finish()
    await asyncio.wait_for(waiting, 5)
    assert (tmp_path / "speech.wav").exists()
