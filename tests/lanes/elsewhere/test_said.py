"""What a voice keeps of its jobs, and for how long."""

from __future__ import annotations

import errno
import gc
from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from voxdemo.errors import StorageError
from voxdemo.lanes import wire
from voxdemo.lanes.elsewhere import said as module
from voxdemo.lanes.elsewhere.said import Said


async def job(count: int = 6) -> AsyncGenerator[Any, None]:
    for number in range(count):
        yield f"{number}" * 40


async def heard(said: Said) -> list[Any]:
    return [event async for event in wire.values(said.heard()) if event is not None]


def test_one_that_nobody_begins_to_hear_is_past_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    said = Said(job())
    unheard = said.heard()
    now[0] += module.KEPT_S - 1
    assert not said.is_past
    now[0] += 2
    assert said.is_past
    said.close()
    del unheard
    gc.collect()


async def test_one_that_is_heard_late_is_kept_from_its_end_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    said = Said(job())
    said._made_at = now[0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    now[0] += module.KEPT_S - 1
    await heard(said)
    now[0] += 2
    assert not said.is_past
    said.close()


async def test_what_is_too_long_for_memory_is_heard_from_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 200)
    said = Said(job())
    told = [f"{number}" * 40 for number in range(6)]
    assert [await heard(said), await heard(said)] == [told, told]
    said.close()


class Full:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self._file, self._room = module.BytesIO(), room
        self.seek, self.read, self.close = self._file.seek, self._file.read, self._file.close

    def write(self, content: memoryview) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._file.write(content[: self._room])
        self._room -= written
        return written


def no_folder(**_: Any) -> Any:
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")


@pytest.mark.parametrize("file", [lambda **_: Full(0), lambda **_: Full(100), lambda **_: Full(333), no_folder])
async def test_a_full_disk_is_said_and_logged(
    file: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 200)
    monkeypatch.setattr(module, "TemporaryFile", file)
    said = Said(job())
    for _ in range(2):  # one that comes later hears as much
        *before, last = await heard(said)
        assert isinstance(last, StorageError)
        assert before == [f"{number}" * 40 for number in range(len(before))]
        assert before
    assert "can't be kept" in caplog.text
    said.close()
