"""Batches whose texts can't be spoken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from fakes import until

from voxdemo.batches.runner import Batches
from voxdemo.errors import BusyError, EngineError, NotReadyError, UnavailableError
from voxdemo.speech import SpeakOptions, SpeechEvent, Utterance
from voxdemo.stores.batch_values import Batch, Order
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
