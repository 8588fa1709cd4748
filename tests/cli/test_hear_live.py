"""`hear --live` with a microphone that brings more than can be read."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from voxdemo.cli import live
from voxdemo.errors import InputError
from voxdemo.service.live_sessions import LiveSession


class Full:
    """A session that takes no more."""

    def __init__(self) -> None:
        self.is_finished = asyncio.Event()

    def feed(self, _: Any) -> None:
        if not self.is_finished.is_set():
            raise InputError("Too much.")

    def finish(self) -> None:
        self.is_finished.set()


async def test_more_than_can_be_read_is_told_once_and_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    brings: list[Any] = []

    def opened(*_: Any, callback: Any, **__: Any) -> Any:
        brings.append(callback)
        return nullcontext()

    monkeypatch.setitem(
        sys.modules,
        "sounddevice",
        SimpleNamespace(InputStream=opened, PortAudioError=OSError),  # type: ignore[arg-type]
    )
    session = Full()
    with live._microphone()(cast(LiveSession, session)):
        for _ in range(3):
            brings[0](np.zeros((1600, 1), np.float32))
        await session.is_finished.wait()
        await asyncio.sleep(0)
    assert capsys.readouterr().err.count("Too much.") == 1
