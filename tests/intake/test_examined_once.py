"""What was found out about a request at its door is handed on, and worked out on threads of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fakes import CLONER, RATE, Stage, until
from rings import first_of

from voxdemo.audio.reading import decode, prompt
from voxdemo.intake import request
from voxdemo.intake.request import AskedRecording
from voxdemo.server.assemble import local_service
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance
from voxdemo.stores.limits import Limits
from voxdemo.text import pasted, split
from voxdemo.web.line.admission import Admission

LONG = "One of ten thousand characters. " * 320


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[SpeechService, None]:
    stage = Stage(open=True)
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    service.start()
    await until(lambda: service.readiness().ready)
    yield service
    await service.close()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What of the costly work is done, and by which threads."""
    done: list[tuple[str, str]] = []

    def watched(module: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(module, name)

        def watching(*args: Any, **options: Any) -> Any:
            done.append((f"{module.__name__.rpartition('.')[2]}.{name}", threading.current_thread().name))
            return function(*args, **options)

        monkeypatch.setattr(module, name, watching)

    for module, name in ((pasted, "plain"), (split, "parts"), (request, "content"), (prompt, "read"), (decode, "read")):
        watched(module, name)
    return done


@pytest.fixture
def recording(service: SpeechService) -> Path:
    """Two seconds of sound that somebody sent."""
    path = service.files / "sent" / "recording.wav"
    path.parent.mkdir(parents=True)
    sound = 0.1 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)
    soundfile.write(path, sound.astype(np.float32), RATE)
    return path


async def admitted(service: SpeechService, asked: request.Asked) -> RequestContext:
    context = RequestContext("openai")
    await Admission(service, Limits("", "")).admit(lambda: asked, context)
    assert context.ticket
    return context


async def spoken(service: SpeechService, utterance: Utterance, context: RequestContext | None) -> None:
    async with aclosing(service.speak(utterance, context)) as events:
        [event async for event in events]


@pytest.mark.parametrize("by_a_door", first_of(True, False), ids=["by a door", "in process"])
async def test_texts_are_cleaned_and_planned_on_the_threads_that_are_kept_for_it(
    service: SpeechService, calls: list[tuple[str, str]], by_a_door: bool
) -> None:
    utterance = Utterance(LONG)
    await spoken(service, utterance, await admitted(service, utterance) if by_a_door else None)
    assert {name for name, _ in calls} == {"pasted.plain", "split.parts"}
    assert [thread for _, thread in calls if not thread.startswith("reading")] == []


async def test_a_text_is_cleaned_cut_and_hashed_once(
    service: SpeechService, calls: list[tuple[str, str]], recording: Path
) -> None:
    utterance = Utterance("Hello there.", prompt_audio=recording, prompt_text="Hi.")
    await spoken(service, utterance, await admitted(service, utterance))
    once = ("pasted.plain", "split.parts", "request.content", "prompt.read")
    counted = Counter(name for name, _ in calls)
    assert [counted[name] for name in once] == [1] * len(once)


async def test_a_text_that_is_planned_waits_no_more_for_what_others_send(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch
) -> None:
    utterance = Utterance("Hello there.")
    context = await admitted(service, utterance)
    never = ThreadPoolExecutor(1)
    never.shutdown()
    monkeypatch.setattr("voxdemo.service.generation.READING", never)
    await spoken(service, utterance, context)


async def test_a_recording_is_hashed_and_decoded_once_even_if_it_is_kept(
    service: SpeechService, calls: list[tuple[str, str]], recording: Path
) -> None:
    context = await admitted(service, request.AskedRecording(recording))
    async with aclosing(service.transcribe(AskedRecording(recording), keep=True, context=context)) as events:
        [event async for event in events]
    counted = Counter(name for name, _ in calls)
    assert (counted["request.content"], counted["decode.read"]) == (1, 1)


async def test_what_was_examined_for_another_engine_or_request_is_examined_again(service: SpeechService) -> None:
    utterance = Utterance("Hello there.")
    examined = (await admitted(service, utterance)).examined
    assert examined
    assert isinstance(examined.plan, request.Plan)
    assert examined.of(utterance, service.engine_info) is examined
    assert examined.of(utterance, replace(CLONER, version="2")) is None
    assert examined.of(Utterance("Hello."), service.engine_info) is None
