"""How jobs end, as the log tells it: one line each, whatever becomes of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fakes import RATE, Stage

from voxdemo.errors import VoxdemoError
from voxdemo.intake.request import AskedRecording
from voxdemo.server.assemble import local_service
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Speaking, Utterance, Waiting


@pytest.fixture
def stage() -> Stage:
    return Stage(open=True)


@pytest.fixture
async def service(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[SpeechService, None]:
    caplog.set_level(logging.INFO, "voxdemo.monitoring.outcomes")
    settings = Settings(cache_dir=tmp_path / "cache", queue_size=1)
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    service.start()
    yield service
    await service.close()


async def all_of(events: AsyncGenerator[Any, None]) -> None:
    async with aclosing(events):
        async for _ in events:
            pass


async def until_it_tells(events: AsyncGenerator[Any, None], kind: type) -> None:
    async for event in events:
        if isinstance(event, kind):
            return


def endings(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name == "voxdemo.monitoring.outcomes"]


async def test_what_comes_from_the_cache_took_no_work(service: SpeechService, caplog: pytest.LogCaptureFixture) -> None:
    await all_of(service.speak(Utterance("One two three."), RequestContext("page")))
    await all_of(service.speak(Utterance("One two three."), RequestContext("openai")))
    made, given = endings(caplog)
    assert [(each["ending"], each["cached"], each["door"]) for each in (made, given)] == [
        ("done", False, "page"),
        ("done", True, "openai"),
    ]
    assert made["audio_s"] == given["audio_s"] > 0
    assert made["work_s"] > 0
    assert made["rtf"] is not None
    assert (given["work_s"], given["waiting_s"], given["rtf"]) == (0, 0, None)


async def test_a_recording_that_is_read_is_told_by_its_length(
    service: SpeechService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soundfile.write(tmp_path / "two.wav", 0.1 * np.ones(2 * RATE, dtype=np.float32), RATE)
    await all_of(service.transcribe(AskedRecording(tmp_path / "two.wav")))
    (line,) = endings(caplog)
    assert [line[name] for name in ("task", "ending", "engine", "audio_s", "characters", "first_audio_s")] == [
        "recognition", "done", "Fake recogniser", 2.0, None, None,
    ]  # fmt: skip


async def test_who_leaves_in_line_or_later_is_told_as_cancelled_and_who_finds_it_full_as_refused(
    service: SpeechService, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await all_of(service.speak(Utterance("To begin with.")))
    stage.open = False
    running = service.speak(Utterance("One that runs."))
    await until_it_tells(running, Speaking)
    waiting = service.speak(Utterance("One that waits."))
    await until_it_tells(waiting, Waiting)
    with pytest.raises(VoxdemoError):
        await all_of(service.speak(Utterance("One too many.")))
    await waiting.aclose()
    stage.open = True
    stage.steps.release(100)
    await running.aclose()
    told = [(line["ending"], line["reason"], line["levelname"]) for line in endings(caplog)[1:]]
    assert told == [("refused", "BusyError", "INFO"), ("cancelled", "", "INFO"), ("cancelled", "", "INFO")]


async def test_a_failure_is_a_warning_with_its_kind_and_half_a_sound_says_so(
    service: SpeechService, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(VoxdemoError):
        await all_of(service.speak(Utterance("raise")))
    await all_of(service.speak(Utterance("Some words raise")))
    failed, stopped = endings(caplog)
    assert (failed["ending"], failed["reason"], failed["levelname"]) == ("failed", "EngineError", "WARNING")
    assert (stopped["ending"], stopped["levelname"]) == ("stopped", "WARNING")
    assert stopped["audio_s"] > 0
    assert not any("words" in line["message"] for line in (failed, stopped))
