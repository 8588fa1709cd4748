"""Having answers to the examples at hand before anybody asks, so that it costs nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import CLONER, Stage, until

from voxdemo.audio.reading import decode
from voxdemo.recognizers.builtin import BuiltinRecognizer
from voxdemo.server import examples_ahead
from voxdemo.server.assemble import local_service
from voxdemo.server.examples_ahead import Patience
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import ELSEWHERE, Utterance, Voice
from voxdemo.web.components import examples
from voxdemo.web.components.examples import RECORDINGS, SAMPLES, TEXTS


@pytest.fixture
async def service(stage: Stage, tmp_path: Path) -> AsyncGenerator[SpeechService, None]:
    settings = Settings(_env_file=None, cache_dir=tmp_path)  # type: ignore[call-arg]
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    service.start()
    await until(lambda: service.readiness().ready)
    yield service
    stage.open = True
    stage.steps.release(1000)
    await service.close()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def ahead(service: SpeechService) -> AsyncGenerator[None, None]:
    """What works ahead, for a voice that is taken to be slow, without its minute of patience."""
    patience = Patience(look_every_s=0.0, quiet_s=0.0, instant=0.0, at_once_s=0.0)
    working = asyncio.create_task(examples_ahead.have_at_hand(service, patience))
    yield
    working.cancel()
    await asyncio.wait({working})


def turned_to(stage: Stage) -> list[str]:
    return [utterance.text for utterance in stage.utterances]


async def test_a_slow_voice_makes_texts_ahead_and_nothing_that_cannot_be_given_up(
    service: SpeechService, stage: Stage, ahead: None
) -> None:
    stage.open = True
    stage.steps.release(1000)
    texts = [*(text.words for text in TEXTS if text.language == "en" and not text.prompt), SAMPLES["en"]]
    await until(lambda: [text for text in dict.fromkeys(turned_to(stage)) if not service.running] == texts)
    for words in texts[:-1]:
        assert await service.is_at_hand(await service.request(Utterance(words)))
    assert await service.is_at_hand(await service.request(Utterance(texts[-1], voice="fake")))


async def test_whoever_comes_goes_before_examples_within_one_step(
    service: SpeechService, stage: Stage, ahead: None
) -> None:
    await until(lambda: turned_to(stage) == [TEXTS[0].words])
    coming = asyncio.create_task(_spoken(service, "Hello."))
    await until(lambda: service.running == 1)  # the example is given up, and its step goes on
    assert turned_to(stage) == [TEXTS[0].words]
    stage.steps.release(1)
    await until(lambda: turned_to(stage)[1:] == ["Hello."])
    stage.open = True
    stage.steps.release(1000)
    await coming
    await until(lambda: turned_to(stage)[2:3] == [TEXTS[0].words])


async def _spoken(service: SpeechService, words: str) -> None:
    async with aclosing(service.speak(Utterance(words))) as events:
        [event async for event in events]


async def test_nothing_is_made_ahead_for_an_instant_voice_nor_soon_after_somebody_came(
    service: SpeechService, stage: Stage
) -> None:
    assert await examples_ahead.made(service)  # the fake voice is instant
    assert not await examples_ahead.made(service, Patience(instant=0.0))
    assert not turned_to(stage)


@pytest.mark.parametrize("is_usual", [True, False])
async def test_nothing_is_made_ahead_at_an_address(is_usual: bool, stage: Stage, tmp_path: Path) -> None:
    far = Stage(open=True)
    stage.open = True
    voices = (Voice("anna", "en-GB"), Voice("fake", "en-US"))  # one of which is called as one that is here
    there = far.engine(replace(CLONER, name="far", title="Far", device=ELSEWHERE, voices=voices))
    usual, other = (there, stage.engine()) if is_usual else (stage.engine(), there)
    settings = Settings(_env_file=None, cache_dir=tmp_path)  # type: ignore[call-arg]
    service = local_service(settings, [usual], [stage.recognizer()], [other])
    service.start()
    await until(lambda: service.readiness().ready)
    for voice in ("fake/fake", "far/anna"):
        async with aclosing(service.speak(Utterance("Hello.", voice=voice))) as events:
            [event async for event in events]
    assert await examples_ahead.made(service, Patience(quiet_s=0.0, instant=0.0, at_once_s=0.0))
    assert turned_to(far) == ["Hello."]
    assert len(turned_to(stage)) > 1
    await service.close()


@pytest.mark.long
@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_the_transcripts_that_come_along_are_what_the_built_in_recogniser_reads(
    recording: examples.ExampleRecording, recognizer: BuiltinRecognizer
) -> None:
    sound = decode.read(recording.path, 60, rate=recognizer.info.sample_rate)
    read = list(recognizer.transcribe(sound.samples, sound.sample_rate))[-1]
    kept = examples_ahead.transcripts(recognizer.info.name)[recording.path.stem]
    assert (kept.text, kept.language, kept.duration_s) == (read.text, read.language, read.duration_s)
    ends = [(round(segment.start_s), round(segment.end_s)) for segment in read.segments]
    assert [(round(segment.start_s), round(segment.end_s)) for segment in kept.segments] == ends


@pytest.fixture(scope="module")
def recognizer() -> Iterator[BuiltinRecognizer]:
    recognizer = BuiltinRecognizer()
    yield recognizer
    recognizer.close()


@pytest.mark.parametrize(
    ("changed", "is_done"), [({}, True), ({"cache_size": 0}, False), ({"examples_ahead": False}, False)]
)
def test_it_is_done_where_it_is_wanted_and_answers_are_kept(
    changed: dict[str, Any], is_done: bool, tmp_path: Path
) -> None:
    settings = Settings(_env_file=None, cache_dir=tmp_path, **changed)  # type: ignore[call-arg]
    stage = Stage()
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    assert bool(examples_ahead.work(service, settings)) == is_done
