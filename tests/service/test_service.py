"""Texts become sounds, with all that is told on the way, and what is left of one that fails."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from asking import recording, spoken
from fakes import CLONER, RATE, Stage, until

from voxdemo.audio.join import Joiner
from voxdemo.audio.wav import GrowingWav
from voxdemo.errors import EngineError, InputError, StorageError, UnavailableError
from voxdemo.lanes.line import Claim, LineTicket
from voxdemo.lanes.turns import Size
from voxdemo.server.assemble import local_service
from voxdemo.service import generation
from voxdemo.service import service as service_module
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Captions, Speaking, Spoken, Utterance, Waiting


async def test_an_utterance_becomes_a_wav_with_captions_that_lie_on_it(service: SpeechService) -> None:
    events, result = await spoken(service, Utterance("One two three four. Five six seven."))
    sound, rate = soundfile.read(result.path)
    assert rate == RATE
    assert len(sound) / rate == result.duration_s
    assert [caption.text for caption in result.captions] == ["One two three four.", "Five six seven."]
    starts = [(caption.start_s, caption.end_s) for caption in result.captions]
    assert starts[0] == (pytest.approx(0, abs=0.05), pytest.approx(0.4, abs=0.05))
    assert starts[1][0] > starts[0][1]
    fractions = [event.done_fraction for event in events if isinstance(event, Speaking)]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


async def test_a_job_that_comes_while_models_load_does_not_hold_up_the_loop(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported_on: list[threading.Thread] = []
    making = Joiner.__init__

    def make(joiner: Joiner, rate: int) -> None:
        imported_on.append(threading.current_thread())
        making(joiner, rate)

    monkeypatch.setattr(Joiner, "__init__", make)  # which loads scipy when it is made for the first time
    stage.may_load.clear()
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    service.start()
    events = service.speak(Utterance("Hello."))
    assert await anext(events) == Waiting(ahead=0, seconds=None, loading="Fake voice")
    assert threading.main_thread() not in imported_on
    stage.may_load.set()
    assert isinstance([event async for event in events][-1], Spoken)
    await service.close()


async def test_captions_that_cannot_be_written_are_no_failure(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    _, result = await spoken(service, Utterance("One two three four."))
    assert result.path.exists()


async def test_captions_lie_beside_the_sound_as_files(service: SpeechService) -> None:
    _, result = await spoken(service, Utterance("One two three four. Five six seven."))
    for ending, mark in (("srt", "1\n00:00:00,"), ("vtt", "WEBVTT")):
        written = result.path.with_suffix(f".{ending}").read_text()
        assert written.startswith(mark)
        assert "Five six seven." in written


async def test_it_can_be_heard_while_it_is_made_and_not_after(service: SpeechService, stage: Stage) -> None:
    await until(lambda: service.readiness().ready)
    stage.open = False
    events = service.speak(Utterance("One two three."))
    begun = await anext(events)
    assert isinstance(begun, Speaking)
    stage.steps.release()
    listener = service.live_sounds[begun.sound].sound.listen()
    heard = [event async for event in _until_sound(listener)]
    assert isinstance(heard[0], Captions)
    assert len(heard[-1]) > 0
    stage.open = True
    stage.steps.release(10)
    result = [event async for event in events][-1]
    assert isinstance(result, Spoken)
    assert result.path.parent.name == begun.sound
    assert dict(service.live_sounds) == {}
    rest = b"".join([event async for event in listener if isinstance(event, bytes)])
    assert soundfile.read(result.path, dtype="int16")[0].tobytes() == heard[-1] + rest


async def test_what_was_spoken_before_a_stop_is_kept(service: SpeechService, stage: Stage, prompt: Path) -> None:
    await until(lambda: service.readiness().ready)
    stage.open = False
    events = service.speak(Utterance("One two three four. Five six seven.", prompt_audio=prompt))
    begun = await anext(events)
    assert isinstance(begun, Speaking)
    stage.steps.release(2)
    await until(lambda: service.live_sounds[begun.sound].sound.duration_s > 0.1)
    await events.aclose()
    stage.open = True
    stage.steps.release(10)
    (folder,) = service.results.root.iterdir()
    assert folder.name == begun.sound
    assert sorted(path.name for path in folder.iterdir()) == ["speech.json", "speech.srt", "speech.vtt", "speech.wav"]
    assert soundfile.info(folder / "speech.wav").duration > 0.1
    assert "One two three four." in (folder / "speech.srt").read_text()
    summary = json.loads((folder / "speech.json").read_text())
    assert [words for _, _, words, _ in summary["captions"]] == ["One two three four."]
    assert summary["captions"][-1][1] <= summary["total"]
    assert summary["total"] == pytest.approx(soundfile.info(folder / "speech.wav").duration, abs=0.01)


async def test_a_part_that_fails_for_good_ends_the_job_with_what_there_is(service: SpeechService, stage: Stage) -> None:
    text = f"One two three four. {'Word and word again. ' * 20} Now raise it. And this is never said."
    _, result = await spoken(service, Utterance(text))
    said = re.match(
        r"The voice stopped after “…(.*)”\. Fake voice could not do this", (result.failure or {})["message"]
    )
    assert said
    whole = [caption for caption in result.captions if caption.end_s < result.duration_s]
    assert whole[-1].text.endswith(said[1])
    assert result.captions[0].text == "One two three four."
    assert result.captions[-1].end_s <= result.duration_s + 1e-6
    assert "never said" not in " ".join(caption.text for caption in result.captions)
    assert soundfile.info(result.path).duration == pytest.approx(result.duration_s)
    assert result.duration_s > 1


@pytest.mark.parametrize("writes", [0, 2])
async def test_a_full_disk_is_said_and_keeps_what_was_written(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    write, left = GrowingWav.write, [None] * writes

    def fills_up(wav: GrowingWav, samples: np.ndarray) -> None:
        if not left:
            raise OSError(28, "No space left on device")
        left.pop()
        write(wav, samples)

    monkeypatch.setattr(GrowingWav, "write", fills_up)
    text = Utterance("One two three four. Five six seven. Eight nine ten.")
    if not writes:
        with pytest.raises(StorageError, match="no room left"):
            await spoken(service, text)
        assert list(service.results.root.iterdir()) == []
    else:
        _, result = await spoken(service, text)
        assert "no room left" in (result.failure or {})["message"]
        assert soundfile.info(result.path).duration == pytest.approx(result.duration_s)


async def test_a_failure_before_any_sound_is_an_error(service: SpeechService) -> None:
    with pytest.raises(EngineError):
        await spoken(service, Utterance("raise this"))
    assert list(service.results.root.iterdir()) == []


async def test_what_was_learned_of_speed_outlives_a_restart(
    service: SpeechService, stage: Stage, tmp_path: Path
) -> None:
    await until(lambda: service.readiness().ready)
    await spoken(service, Utterance("One two three four. Five six seven."))
    await until((tmp_path / "cache" / "paces.json").exists)
    stage.may_load.clear()
    other = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    assert other.speaking_s(10.0, other.engine_info) is not None


async def test_bad_input_is_refused_before_it_takes_a_place(service: SpeechService, stage: Stage) -> None:
    with pytest.raises(InputError, match="There is no text yet"):
        await spoken(service, Utterance("  \n "))
    assert stage.started.empty()


async def test_prompt_audio_reaches_the_engine_as_mono_samples_of_at_most_thirty_seconds(
    service: SpeechService, stage: Stage, tmp_path: Path
) -> None:
    long = recording(tmp_path / "long.wav", seconds=40)
    _, result = await spoken(service, Utterance("Hello.", prompt_audio=long, prompt_text="Hello."))
    (part,) = stage.parts
    assert part.prompt
    assert part.utterance.prompt_audio is None
    assert (part.prompt.samples.dtype, part.prompt.samples.ndim) == (np.float32, 1)
    assert len(part.prompt.samples) == 30 * part.prompt.sample_rate
    assert result.warnings == (
        "The prompt audio is longer than 30 s: only its beginning is used, without the transcript.",
    )


async def test_a_prompt_without_the_transcript_that_the_voice_needs_is_read_and_that_is_said(
    stage: Stage, tmp_path: Path, prompt: Path
) -> None:
    needy = stage.engine(replace(CLONER, needs_transcript=True))
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [needy], [stage.recognizer()])
    service.start()
    _, result = await spoken(service, Utterance("Hello.", prompt_audio=prompt))
    assert stage.utterances[-1].prompt_text == "heard"
    assert result.warnings == ("The transcript was made from the prompt audio: “heard”",)
    _, result = await spoken(service, Utterance("Hello.", prompt_audio=prompt, prompt_text="Given."))
    assert stage.utterances[-1].prompt_text == "Given."
    assert result.warnings == ()
    await service.close()


async def test_a_transcript_without_its_recording_is_left_out_with_a_warning(service: SpeechService) -> None:
    _, result = await spoken(service, Utterance("Hello.", prompt_text="Hi."))
    assert result.warnings == ("The transcript is left out: there is no prompt audio that it belongs to.",)


async def test_what_an_engine_took_back_is_not_in_the_sound_and_what_it_cut_off_is_told(
    service: SpeechService,
) -> None:
    _, result = await spoken(service, Utterance("one one one one retake two ran-on"))
    assert result.duration_s < 0.4
    assert "didn't find the end" in result.warnings[0]


async def test_a_prompt_for_a_voice_that_cannot_clone_is_a_warning(plain_service: SpeechService, prompt: Path) -> None:
    _, result = await spoken(plain_service, Utterance("Hello.", prompt_audio=prompt, prompt_text="Hi.", cfg_value=3.0))
    assert result.warnings == (
        "The plain voice doesn't support prompt audio, a transcript of the prompt audio and guidance (cfg): ignored.",
    )


async def test_a_prompt_that_is_no_audio_is_refused_whatever_the_engine(
    plain_service: SpeechService, tmp_path: Path
) -> None:
    text = tmp_path / "prompt.wav"
    text.write_text("not audio")
    with pytest.raises(InputError):
        await spoken(plain_service, Utterance("Hello.", prompt_audio=text))


async def test_an_abandoned_job_leaves_no_files(service: SpeechService, stage: Stage, prompt: Path) -> None:
    stage.open = False
    events = service.speak(Utterance("Hello there.", prompt_audio=prompt))
    assert isinstance(await anext(events), Speaking)
    await events.aclose()
    stage.open = True
    stage.steps.release(10)
    assert list(service.results.root.iterdir()) == []


async def test_a_forecast_counts_all_who_have_a_ticket(service: SpeechService, stage: Stage) -> None:
    await until(lambda: service.readiness().ready)
    await spoken(service, Utterance("Hello."))
    stage.open = False
    running = asyncio.ensure_future(spoken(service, Utterance("Hello there.")))
    await asyncio.to_thread(stage.started.get, timeout=10)
    await asyncio.to_thread(stage.started.get, timeout=10)
    tickets = [service.line.take(Claim(Size(seconds)), time.monotonic()) for seconds in (1.0, 2.0)]
    forecast = service.forecast(Utterance("Hello."))
    assert forecast.ahead == 3
    assert forecast.own_s is not None
    assert forecast.wait_s is not None
    assert forecast.wait_s >= 3.0
    for ticket in tickets:
        service.line.leave(ticket)
    stage.steps.release(10)
    await running


async def test_it_is_ready_only_when_every_model_has_spoken(stage: Stage, tmp_path: Path) -> None:
    stage.may_load.clear()
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    service.start()
    assert service.readiness().reason == "Fake voice is loading."
    stage.may_load.set()
    await until(lambda: service.readiness().ready)
    await service.close()
    assert not service.readiness().ready


async def test_nothing_is_left_in_the_workshop(service: SpeechService, stage: Stage, tmp_path: Path) -> None:
    await spoken(service, Utterance("One two."))
    with pytest.raises(EngineError):
        await spoken(service, Utterance("raise"))
    with pytest.raises(InputError):
        await spoken(service, Utterance("早上好。"))
    assert list((tmp_path / "cache" / "workshop").iterdir()) == []


async def test_it_is_not_ready_while_sounds_cannot_be_written_and_finds_out_itself_when_they_can(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(generation, "TRY_EVERY_S", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(GrowingWav, "write", full)
        with pytest.raises(StorageError):
            await spoken(service, Utterance("One two."))
        assert (service.readiness().ready, "no room left" in service.readiness().reason) == (False, True)
    await until(lambda: service.readiness().ready)
    _, result = await spoken(service, Utterance("One two."))
    assert result.path.exists()


@pytest.mark.parametrize("fault", ["no folder", "no header"])
async def test_a_disk_that_takes_no_files_holds_up_nothing_once_it_takes_them_again(
    service: SpeechService, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    taken: list[LineTicket] = []

    def take(*arguments: Any) -> LineTicket:
        taken.append(taking(*arguments))
        return taken[-1]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    taking, workshop = service.line.take, tmp_path / "cache" / "workshop"
    monkeypatch.setattr(service.line, "take", take)
    monkeypatch.setattr(generation, "TRY_EVERY_S", 0.01)
    await until(lambda: service.readiness().ready)
    with monkeypatch.context() as patch:
        if fault == "no folder":
            workshop.parent.mkdir(exist_ok=True)
            workshop.write_text("a file in its place, which stops root, too")
        else:
            patch.setattr(GrowingWav, "__init__", full)
        for text in ("One two.", "Three four."):
            with pytest.raises(StorageError):
                await spoken(service, Utterance(text))
        await until(lambda: len(taken) > 4)  # more have been tried than people asked for
        assert service.line.stats().waiting == 0
    if fault == "no folder":
        workshop.unlink()
    await until(lambda: service.readiness().ready)
    _, result = await spoken(service, Utterance("One two."))
    assert result.path.exists()
    assert service.line.stats().waiting == 0
    assert list(workshop.iterdir()) == []


@pytest.mark.parametrize("why", ["it is full", "it stops"])
async def test_nothing_is_left_of_a_text_that_the_line_takes_no_more(stage: Stage, tmp_path: Path, why: str) -> None:
    settings = Settings(cache_dir=tmp_path / "cache", queue_size=1)
    service = local_service(settings, [stage.engine()], [stage.recognizer()])
    tickets = [service.line.take(Claim(Size(None)), time.monotonic()) for _ in range(2)]
    if why == "it stops":
        service.line.refuse_all(within_s=1.0)
    with pytest.raises(UnavailableError):  # its answer was at hand when it came, and isn't any more
        async with aclosing(service.speak(Utterance("Hello."), RequestContext("openai"))) as events:
            [event async for event in events]
    assert list((tmp_path / "cache" / "workshop").glob("*")) == []
    for ticket in tickets:
        service.line.leave(ticket)
    await service.close()


@pytest.mark.parametrize("by", ["speak", "prepare"])
async def test_a_text_whose_sound_cannot_be_begun_gives_its_ticket_back(
    service: SpeechService, tmp_path: Path, by: str
) -> None:
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "cache" / "workshop").write_text("")
    context = RequestContext("openai")
    context.ticket = service.line.take(Claim(Size(None)), time.monotonic())
    utterance = Utterance("Hello.")
    with pytest.raises(StorageError):
        await (service.prepare(utterance) if by == "prepare" else anext(service.speak(utterance, context)))
    service.leave(context)
    assert service.line.stats().waiting == 0


async def test_a_short_text_does_not_overtake_a_long_one_that_came_before_it(
    service: SpeechService, stage: Stage, prompt: Path
) -> None:
    await until(lambda: service.readiness().ready)
    long = Utterance("First of many words. " * 400, prompt_audio=prompt, prompt_text="Hi.")
    jobs = [asyncio.ensure_future(spoken(service, utterance)) for utterance in (long, Utterance("Short."))]
    await asyncio.gather(*jobs)
    assert stage.utterances[0].text.startswith("First of many words.")


async def test_what_is_old_is_deleted_when_no_job_runs(
    service: SpeechService, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: service.readiness().ready)
    stage.open = False
    running = asyncio.ensure_future(spoken(service, Utterance("Hello there.")))
    await asyncio.to_thread(stage.started.get, timeout=10)
    old = service.files / "old"
    old.mkdir(parents=True)
    (old / "recording").write_bytes(b"RIFF")
    stands_aside = threading.Event()

    def sleep(seconds: float) -> None:
        stands_aside.set()
        time.sleep(seconds)

    monkeypatch.setattr(service_module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    cleaning = asyncio.ensure_future(service.clean(older_than_s=-60))  # so that what is new is old
    await until(stands_aside.is_set)
    assert old.exists()
    stage.steps.release(2)
    await running
    await cleaning
    assert not old.exists()


async def _until_sound(listener: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    async for event in listener:
        yield event
        if isinstance(event, bytes):
            return
