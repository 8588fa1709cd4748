"""An answer that is at hand is given again, and equal requests at once are one job."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
from asking import recording, spoken
from fakes import CLONER, Stage, until
from prometheus_client import generate_latest

from voxdemo.intake.request import AskedRecording, speech
from voxdemo.server.assemble import local_service
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Speaking, Spoken, Transcript, Utterance
from voxdemo.stores.answer_cache import Cache


async def test_without_a_seed_one_follows_from_the_rest_and_is_told(service: SpeechService, stage: Stage) -> None:
    _, first = await spoken(service, Utterance("Hello."))
    _, again = await spoken(service, Utterance("Hello."))
    _, other = await spoken(service, Utterance("Hello there."))
    _, named = await spoken(service, Utterance("Hello.", seed=7))
    assert first.seed == again.seed == stage.utterances[0].seed
    assert first.seed != other.seed
    assert named.seed == 7


async def test_the_same_request_has_the_same_answer_at_once(service: SpeechService, stage: Stage) -> None:
    _, first = await spoken(service, Utterance("One two three four."))
    events, again = await spoken(service, Utterance(" One two three four.\n", cfg_value=2, speed=1))  # as JSON has them
    assert events == [again]
    assert (first.cached, again.cached) == (False, True)
    assert again.path.parent != first.path.parent
    assert replace(again, path=first.path, cached=False) == first
    assert again.path.read_bytes() == first.path.read_bytes()
    assert {path.name for path in again.path.parent.iterdir()} == {path.name for path in first.path.parent.iterdir()}
    assert len(stage.utterances) == 1


@pytest.mark.parametrize(
    "other",
    [
        Utterance("One two three."),
        Utterance("One two.", seed=1),
        Utterance("One two.", cfg_value=1.5),
        Utterance("One two.", inference_timesteps=11),
        Utterance("One two.", normalize=True),
    ],
)
async def test_another_request_has_an_answer_of_its_own(service: SpeechService, stage: Stage, other: Utterance) -> None:
    await spoken(service, Utterance("One two."))
    _, result = await spoken(service, other)
    assert not result.cached
    assert len(stage.utterances) == 2


def test_what_was_cached_by_an_earlier_release_is_found(tmp_path: Path) -> None:
    (tmp_path / "voice").write_bytes(b"a voice")
    cloned = Utterance(
        "Hello.", prompt_audio=tmp_path / "voice", prompt_text="Hi.", cfg_value=3, inference_timesteps=12,
        normalize=True, denoise=True, voice="fake", speed=1,
    )  # fmt: skip
    assert speech(cloned, CLONER).key == "64cbf812104b78990ba6b1067efad162ba83a54a23a6196b9d8bbe615a075372"
    plain = speech(Utterance(" Hello. "), CLONER)
    assert plain.key == "bf7c6631f612436eb2e9e1116869d71ccd83db13ad421743a742519c92cafbb7"
    assert plain.seed == 2563127192


async def test_prompt_audio_counts_by_its_content(service: SpeechService, stage: Stage, tmp_path: Path) -> None:
    one, same, other = (
        recording(tmp_path / name, seconds) for name, seconds in (("a.wav", 2), ("b.wav", 2), ("c.wav", 3))
    )
    results = [
        (await spoken(service, Utterance("Hello.", prompt_audio=path, prompt_text="Hi.")))[1]
        for path in (one, same, other)
    ]
    assert [result.cached for result in results] == [False, True, False]
    assert results[0].seed == results[1].seed != results[2].seed


async def test_what_an_engine_ignores_does_not_count_and_is_told_all_the_same(
    plain_service: SpeechService, stage: Stage
) -> None:
    await spoken(plain_service, Utterance("Hello."))
    _, result = await spoken(plain_service, Utterance("Hello.", cfg_value=3.0))
    assert result.cached
    assert result.warnings == ("The plain voice doesn't support guidance (cfg): ignored.",)
    _, result = await spoken(plain_service, Utterance("Hello."))
    assert result.warnings == ()


async def test_what_was_stopped_cut_off_or_failed_is_not_given_again(service: SpeechService, stage: Stage) -> None:
    for text in ("one two ran-on", f"One two three four. {'Word and word again. ' * 20} Now raise it."):
        for _ in range(2):
            _, result = await spoken(service, Utterance(text))
            assert not result.cached


async def test_answers_outlive_a_restart(service: SpeechService, stage: Stage, tmp_path: Path) -> None:
    _, first = await spoken(service, Utterance("One two three four."))
    stage.may_load.clear()
    other = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    _, again = await spoken(other, Utterance("One two three four."))
    assert again.cached
    assert again.path.read_bytes() == first.path.read_bytes()


async def test_equal_requests_in_flight_are_one_job_and_each_has_files_of_their_own(
    service: SpeechService, stage: Stage
) -> None:
    await until(lambda: service.readiness().ready)
    stage.open = False
    first = asyncio.ensure_future(spoken(service, Utterance("One two three four.")))
    await asyncio.to_thread(stage.started.get, timeout=10)
    second = asyncio.ensure_future(spoken(service, Utterance("One two three four.")))
    await until(lambda: len(service.live_sounds) == 2)
    stage.steps.release(10)
    (_, one), (events, other) = await first, await second
    assert [type(event) for event in (events[0], events[-1])] == [Speaking, Spoken]
    assert len(stage.utterances) == 1
    assert one.path != other.path
    assert one.path.read_bytes() == other.path.read_bytes()
    assert service.line.stats().running == 0


async def test_one_that_leaves_keeps_what_was_heard_and_the_others_get_all(
    service: SpeechService, stage: Stage
) -> None:
    await until(lambda: service.readiness().ready)
    stage.open = False
    leaving = service.speak(Utterance("One two three four. Five six seven."))
    begun = await anext(leaving)
    assert isinstance(begun, Speaking)
    staying = asyncio.ensure_future(spoken(service, Utterance("One two three four. Five six seven.")))
    await until(lambda: len(service.live_sounds) == 2)
    stage.steps.release(2)
    share = service.live_sounds[begun.sound]
    await until(lambda: share.sound.duration_s > 0.1)
    await leaving.aclose()
    await share.over.wait()
    assert service.line.stats().running == 1
    heard = soundfile.info(share.folder / "speech.wav").duration
    assert "One two three four." in (share.folder / "speech.srt").read_text()
    stage.steps.release(10)
    _, result = await staying
    assert 0.1 < heard < result.duration_s
    assert soundfile.info(result.path).duration == pytest.approx(result.duration_s)
    assert [path.name for path in service.results.root.iterdir()].count(begun.sound) == 1


async def test_without_a_cache_every_request_is_a_job_of_its_own(stage: Stage, tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path / "cache", cache_size=0)
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    service.start()
    results = await asyncio.gather(*(spoken(service, Utterance("Hello.")) for _ in range(2)))
    assert [result.cached for _, result in results] == [False, False]
    assert len(stage.utterances) == 2
    await service.close()


async def test_a_recording_that_was_read_before_is_not_read_again(
    service: SpeechService, prompt: Path, stage: Stage
) -> None:
    async def read(path: Path, keep: bool = False) -> Transcript:
        async with aclosing(service.transcribe(AskedRecording(path), keep=keep)) as events:
            seen = [event async for event in events]
        assert isinstance(seen[-1], Transcript)
        return seen[-1]

    first = await read(prompt)
    stage.hears = "something else"
    again, kept = await read(prompt), await read(recording(prompt.with_name("same.wav"), 2), keep=True)
    assert (first.cached, again.cached, kept.cached) == (False, True, True)
    assert again.text == kept.text == "heard"
    assert kept.path
    assert not (await read(recording(prompt.with_name("longer.wav"), 3))).cached


@pytest.mark.long
async def test_what_one_server_has_spoken_or_read_another_gives_again(
    stage: Stage, prompt: Path, tmp_path: Path, redis: Any, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    shared: dict[str, Any] = {"redis_url": redis.url, "storage_url": s3.new_url()}
    services = [
        local_service(Settings(cache_dir=tmp_path / name, **shared), [stage.engine()], [stage.recognizer()])
        for name in ("first", "second")
    ]
    for service in services:
        service.start()
    first, second = services
    try:
        private = RequestContext(is_private=True)
        async with aclosing(first.speak(Utterance("Mine alone."), private)) as events:
            _ = [event async for event in events]
        _, made = await spoken(first, Utterance("One two three four."))
        shutil.copy(prompt, tmp_path / "same.wav")
        heard = [event async for event in first.transcribe(AskedRecording(prompt))][-1]
        told = f"voxdemo:answer:{(await first.recording_request(AskedRecording(prompt))).key}"
        assert first.stores.valkey
        while not await first.stores.valkey.client.exists(told):  # noqa: ASYNC110 - Redis tells no event
            await asyncio.sleep(0.01)  # what was spoken was sent before it
        assert len(await first.stores.valkey.client.keys("voxdemo:answer:*")) == 2
        events, given = await spoken(second, Utterance("One two three four."))
        again = [event async for event in second.transcribe(AskedRecording(tmp_path / "same.wav"))]
    finally:
        for service in services:
            await service.close()
            await service.stores.close()
    assert events == [given]
    assert given.cached
    assert replace(given, path=made.path, cached=False) == made
    assert given.path.read_bytes() == made.path.read_bytes()
    assert isinstance(heard, Transcript)
    assert again == [replace(heard, cached=True)]
    assert len(stage.utterances) == 2
    hits = 'voxdemo_cache_answers_total{result="hit",task="generation"} 1.0'
    assert hits in generate_latest(second.metrics.registry).decode()


async def test_an_answer_of_a_form_that_is_unknown_is_made_anew(
    service: SpeechService, stage: Stage, tmp_path: Path
) -> None:
    _, first = await spoken(service, Utterance("One two."))
    cache, key = Cache(tmp_path / "cache" / "answers", 1e9, 10**9), (await service.request(Utterance("One two."))).key
    facts = cache.fetch(key)
    assert facts
    shutil.rmtree(cache.root)
    cache.keep(key, facts.replace("duration_s", "length_s"), [first.path])
    _, again = await spoken(service, Utterance("One two."))
    assert not again.cached
    assert again.path.read_bytes() == first.path.read_bytes()
    assert len(stage.utterances) == 2
