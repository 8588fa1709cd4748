"""Batches whose texts can't be spoken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
from fakes import until

from voxdemo.batches.runner import Batches
from voxdemo.errors import BusyError, EngineError, NotReadyError, UnavailableError
from voxdemo.speech import SpeakOptions, SpeechEvent, Utterance, Waiting
from voxdemo.stores.batch_values import Batch, Load, Order, Text, away
from voxdemo.stores.batches import Store


async def test_only_texts_for_a_server_that_stays_away_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.0)
    monkeypatch.setattr("voxdemo.batches.runner.GIVE_UP_S", 0.0)
    asked: list[str] = []

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        asked.append(utterance.text)
        reason = "engine_down" if utterance.voice == "far" else "not_loaded"
        raise NotReadyError("{title} can't be used just now.", reason=reason, title="Far")
        yield

    async def batch(id: str) -> Batch:
        found = await batches.ask(lambda store: store.batch(id))
        assert found
        return found

    batches = Batches(lambda: Store(tmp_path), speak, lambda options: False, at_once=1, keep_s=60.0)
    working = asyncio.create_task(batches.run())
    far, near = [
        await batches.accept(Order("somebody", SpeakOptions(voice=voice), texts, [4.0] * 2, "digest"))
        for voice, texts in (("far", ["One.", "Two."]), ("near", ["Three.", "Four."]))
    ]
    await until(lambda: asked.count("Three.") > 3 and "Two." in asked[:-1])
    told = [text.error for text in (await batch(far)).texts]
    assert [error and error["message"] for error in told] == ["Far can't be used just now."] * 2
    assert (await batch(near)).tally("failed").texts == 0
    working.cancel()
    await asyncio.wait({working})


@pytest.mark.parametrize(
    "error",
    [
        NotReadyError("{title} can't be used just now.", 60.0, reason="engine_down", title="Far"),
        NotReadyError("{title} is busy.", reason="engine_busy", title="Far"),
        NotReadyError("{title} can't be loaded just now.", reason="not_loaded", title="Far"),
        BusyError.full(9, 30.0),
    ],
)
async def test_a_batch_that_cannot_be_gone_on_with_costs_the_others_no_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: UnavailableError
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 1000.0)
    asked: list[str | None] = []

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        asked.append(utterance.voice)
        raise error if utterance.voice == "far" else EngineError("It was asked.")
        yield

    batches = Batches(lambda: Store(tmp_path), speak, lambda options: False, at_once=1, keep_s=60.0)
    for voice in ("far", "near", "far"):
        await batches.accept(Order("somebody", SpeakOptions(voice=voice), ["One.", "Two."], [4.0] * 2, "digest"))
    working = asyncio.create_task(batches.run())
    await until(lambda: len(asked) == 4)
    assert sorted(asked, key=str) == ["far", "far", "near", "near"]
    await batches.accept(Order("somebody", SpeakOptions(voice="new"), ["Three."], [4.0], "digest"))
    await until(lambda: asked[4:] == ["new"])
    working.cancel()
    await asyncio.wait({working})


async def test_texts_for_a_server_that_is_away_take_no_turn_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.001)
    asked: list[str | None] = []
    looked: list[str | None] = []
    is_back = False

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        asked.append(utterance.voice)
        raise EngineError("It was asked.")
        yield

    def is_away(options: SpeakOptions) -> bool:
        looked.append(options.voice)
        return options.voice == "far" and not is_back

    batches = Batches(lambda: Store(tmp_path), speak, is_away, at_once=1, keep_s=60.0)
    for voice in ("far", "near"):
        await batches.accept(Order("somebody", SpeakOptions(voice=voice), ["One.", "Two."], [4.0] * 2, "digest"))
    working = asyncio.create_task(batches.run())
    await until(lambda: looked.count("far") > 5)
    assert asked == ["near", "near"]
    is_back = True
    await until(lambda: asked[2:] == ["far", "far"])
    working.cancel()
    await asyncio.wait({working})


async def never_spoken(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
    await asyncio.Event().wait()
    yield Waiting(0)


async def test_a_server_helps_with_what_another_has_accepted_and_stops_what_is_cancelled_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.LOOK_EVERY_S", 0.01)
    batches = Batches(lambda: Store(tmp_path), never_spoken, lambda options: False, at_once=1, keep_s=60.0)
    working = asyncio.create_task(batches.run())
    await batches.ask(lambda store: store.loads())  # it has looked, and found nothing
    other = Store(tmp_path)
    ids = [other.accept(Order("somebody", SpeakOptions(), ["One."], [4.0], "digest")) for _ in range(2)]
    await until(lambda: {key[0] for key in batches._running} == {ids[0]})
    other.cancel(ids[0])
    await until(lambda: {key[0] for key in batches._running} == {ids[1]})
    assert not batches.notice
    working.cancel()
    await asyncio.wait({working})
    other.close()


async def test_a_database_that_hangs_is_told_in_time_and_hears_of_what_was_spoken_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fake of the database: how a real one hangs isn't told in a time that a test could wait for."""
    monkeypatch.setattr("voxdemo.batches.runner.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.0)
    answers, is_there, spoken = threading.Event(), threading.Event(), asyncio.Event()
    answers.set()
    is_there.set()

    class Hanging(Store):
        patience_s = 0.1

        def finish(self, text: Text) -> bool:
            if not is_there.is_set():
                raise away()
            return super().finish(text)

        def loads(self) -> Sequence[Load]:
            answers.wait()
            return super().loads()

    async def fails(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        await spoken.wait()
        raise EngineError("It can't be said.")
        yield

    batches = Batches(lambda: Hanging(tmp_path), fails, lambda options: False, at_once=1, keep_s=60.0)
    working = asyncio.create_task(batches.run())
    id = await batches.accept(Order("somebody", SpeakOptions(), ["One."], [4.0], "digest"))
    await until(lambda: batches.in_line == 1)
    answers.clear()
    with pytest.raises(UnavailableError, match=r"^Jobs can't be reached just now"):
        await batches.ask(lambda store: store.loads())
    assert batches.notice.startswith("The database of jobs can't be reached")
    answers.set()
    await until(lambda: not batches.notice)
    is_there.clear()
    spoken.set()
    await until(lambda: bool(batches.notice))
    assert batches.in_line == 1
    is_there.set()
    await until(lambda: batches.in_line == 0)
    ended = await batches.ask(lambda store: store.batch(id))
    assert ended
    assert [text.state for text in ended.texts] == ["failed"]
    working.cancel()
    await asyncio.wait({working})
