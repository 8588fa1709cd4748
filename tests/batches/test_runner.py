"""Batches whose texts can't be spoken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from fakes import until

from voxdemo.batches.runner import Batches
from voxdemo.errors import NotReadyError
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

    batches = Batches(lambda: Store(tmp_path), speak, at_once=1, keep_s=60.0)
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
