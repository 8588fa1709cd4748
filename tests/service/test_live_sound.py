"""Sound that is heard while it's made, by listeners who keep up, lag behind, come late or stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxdemo.service.live_sound import READ_BYTES, LiveSound, SharedSound
from voxdemo.speech import Captions, Retaken, Segment, SpeechEvent
from voxdemo.stores.results import Results, made_in, speech_file
from voxdemo.threads import COPYING

RATE = 1_000
ONE = Captions(0, (Segment("One.", 0.0, 1.0),))


@pytest.fixture
def sound(tmp_path: Path) -> LiveSound:
    return LiveSound(tmp_path / "speech.wav", RATE, 1)


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
    sound.finish()


async def test_its_end_has_a_file_and_what_players_need_beside_it(sound: LiveSound, tmp_path: Path) -> None:
    await sound.write(level(1))
    assert not sound.is_over
    assert not (tmp_path / "speech.wav").exists()
    sound.finish()
    assert sound.is_over
    assert all((tmp_path / f"speech.{ending}").exists() for ending in ("wav", "srt", "vtt", "json"))


async def test_what_there_is_so_far_can_be_copied(sound: LiveSound, tmp_path: Path) -> None:
    await sound.write(level(1))
    sound.caption(Captions(0, (Segment("One.", 0.0, 9.0), Segment("Two.", 9.0, 12.0))))
    copy = tmp_path / "copy" / "speech.wav"
    copy.parent.mkdir()
    sound.copy(copy)
    await sound.write(level(2))
    sound.finish()
    assert soundfile.read(copy, dtype="int16")[0].tobytes() == (level(1) * 32767).round().astype("<i2").tobytes()
    assert "One." in copy.with_suffix(".srt").read_text()
    assert "Two." not in copy.with_suffix(".srt").read_text()


async def test_a_sound_that_is_put_away_before_it_is_opened_ends_and_breaks_nothing_off(sound: LiveSound) -> None:
    await sound.write(level(1))
    listening = sound.listen()
    sound.finish()
    sound.path.unlink()
    assert [event async for event in listening] == []


@pytest.mark.parametrize("is_over", [True, False])
async def test_a_client_that_leaves_while_its_sound_is_handed_on_keeps_it_and_leaves_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_over: bool
) -> None:
    workshop, results, held = tmp_path / "workshop", Results(tmp_path / "results"), threading.Event()
    workshop.mkdir()
    sound = LiveSound(speech_file(workshop), RATE, 1)
    await sound.write(level(1))
    if is_over:
        sound.finish()

    async def nothing() -> AsyncGenerator[SpeechEvent, None]:
        return
        yield

    async def leave_twice() -> None:
        with results.new() as folder:
            async with shared.listener(folder):
                await asyncio.Event().wait()

    shared = SharedSound(workshop, sound, nothing(), lambda: None)
    pool = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(pool)
    for busy in (pool, COPYING):
        busy.submit(held.wait)
    async with shared.listener(tmp_path):  # it stays
        client = asyncio.ensure_future(leave_twice())
        for _ in range(3):
            await asyncio.sleep(0)
            client.cancel()
        await asyncio.sleep(0)
        held.set()
        await asyncio.wait([client])
        if not is_over:
            sound.finish()
    assert client.cancelled()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    (folder,) = results.root.iterdir()
    assert {file.name for file in made_in(folder)} == {f"speech.{ending}" for ending in ("wav", "srt", "vtt", "json")}
