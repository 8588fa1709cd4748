"""Several engines in one server: the voice decides which of them speaks, and each is loaded when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from asking import NO_CLONER, spoken
from fakes import CLONER, Stage, until
from pydantic import ByteSize

from voxdemo.errors import InputError, NotReadyError
from voxdemo.estimates.paces import Paces, write
from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Speaking, Spoken, Utterance, Voice, Waiting
from voxdemo.web.components import wording
from voxdemo.web.components.voice_choice import several_voices

VOICES = (Voice("tom", "en-US", "male"), Voice("Lola", "es", "female"), Voice("mei", "zh-CN", "female"))
POLYGLOT = replace(NO_CLONER, name="many", title="Many voices", languages=("en", "es", "zh"), voices=VOICES)


@pytest.fixture
def many() -> Stage:
    return Stage(open=True)


@pytest.fixture
async def several(stage: Stage, many: Stage, tmp_path: Path) -> AsyncGenerator[SpeechService, None]:
    usual = replace(NO_CLONER, voices=(Voice("usual", "en-GB"),))
    others = [many.engine(POLYGLOT), stage.engine(replace(CLONER, name="copier", title="Copier", voices=()))]
    settings = Settings(cache_dir=tmp_path / "cache")
    service = local_service(settings, [stage.engine(usual)], [stage.recognizer()], others)
    service.start()
    yield service
    many.may_load.set()
    await service.close()


def states(service: SpeechService) -> dict[str, str]:
    return {model.info.title: model.status.state for model in service.line.stats().models}


async def test_the_voice_decides_which_engine_speaks_and_it_is_loaded_then(
    several: SpeechService, stage: Stage, many: Stage
) -> None:
    await until(lambda: several.readiness().ready)
    await spoken(several, Utterance("First."))
    assert states(several) == {
        "Plain voice": "ready", "Fake recogniser": "ready", "Many voices": "resting", "Copier": "resting",
    }  # fmt: skip
    assert (many.builds, [part.text for part in stage.parts]) == (0, ["First."])
    await spoken(several, Utterance("Second.", voice="tom"))
    await spoken(several, Utterance("Third.", voice="many/lola"))
    await spoken(several, Utterance("Fourth."))
    assert [(each.text, each.voice) for each in many.utterances] == [("Second.", "tom"), ("Third.", "Lola")]
    assert [part.text for part in stage.parts] == ["First.", "Fourth."]
    assert (many.builds, states(several)["Many voices"]) == (1, "ready")


async def test_while_an_engine_loads_its_job_waits_and_those_behind_it_follow(
    several: SpeechService, stage: Stage, many: Stage
) -> None:
    await until(lambda: several.readiness().ready)
    many.may_load.clear()
    events = several.speak(Utterance("One.", voice="tom"))
    assert await anext(events) == Waiting(ahead=0, seconds=None, loading="Many voices")
    behind = asyncio.ensure_future(spoken(several, Utterance("Two.")))
    await until(lambda: states(several)["Many voices"] == "loading")
    assert several.readiness().ready
    many.may_load.set()
    assert [event async for event in events]
    await behind
    assert [part.text for part in stage.parts] == ["Two."]


@pytest.mark.parametrize("text", ["One two. 世界. Three.", "One. [mei] 世界. [usual] Two.", "[pause 1s] One. 世界."])
async def test_the_loading_of_a_model_midway_in_a_text_is_told(several: SpeechService, many: Stage, text: str) -> None:
    await until(lambda: several.readiness().ready)
    many.may_load.clear()
    events = several.speak(Utterance(text))
    told = [await anext(events)]
    while not (isinstance(event := told[-1], Speaking) and event.loading):
        told.append(await anext(events))
    assert (event.loading, event.done_fraction > 0) == ("Many voices", True)
    assert not any(each.loading for each in told[:-1] if isinstance(each, Waiting))
    many.may_load.set()
    rest = [each async for each in events]
    assert isinstance(rest[-1], Spoken)
    assert not any(each.loading for each in rest if isinstance(each, Speaking))


async def test_how_long_loading_took_here_the_last_time_is_told_after_a_restart_too(
    stage: Stage, many: Stage, tmp_path: Path
) -> None:
    settings = Settings(cache_dir=tmp_path / "cache")
    told, foretold = list[Waiting](), list[float | None]()
    for seconds in (None, 6.0, 60.0):
        if seconds:  # the fakes load in no time
            paces = Paces.load(settings.cache_dir / "paces.json")
            assert paces.load_s(POLYGLOT.title) is not None
            paces.note_load(POLYGLOT.title, seconds)
            write(settings.cache_dir / "paces.json", paces.snapshot())
        service = local_service(settings, [stage.engine(NO_CLONER)], [stage.recognizer()], [many.engine(POLYGLOT)])
        service.start()
        await until(lambda service=service: service.readiness().ready)
        many.may_load.clear()
        foretold.append(service.forecast(Utterance("Hello.", voice="tom")).own_s)
        events = service.speak(Utterance(f"Seconds: {seconds}", voice="tom"))
        told.append(cast(Waiting, await anext(events)))
        many.may_load.set()
        assert [event async for event in events]
        await service.close()
    assert {event.loading for event in told} == {"Many voices"}
    assert [event.seconds for event in told] == [None, pytest.approx(6, abs=1), pytest.approx(60, abs=1)]
    assert foretold == [None, pytest.approx(6, abs=1), pytest.approx(60, abs=1)]


async def test_an_engine_that_does_not_fit_by_itself_is_not_offered_and_the_log_says_why(
    stage: Stage, many: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(cache_dir=tmp_path / "cache", model_memory=ByteSize(2 * 10**9))
    others = [many.engine(replace(POLYGLOT, memory_bytes=size)) for size in (2 * 10**9, 3 * 10**9)]
    for choice, offered in zip(others, (True, False), strict=True):
        usual = replace(NO_CLONER, memory_bytes=5 * 10**9)  # it is loaded whatever it takes
        service = local_service(settings, [stage.engine(usual)], [stage.recognizer()], [choice])
        assert (service.catalogue.named("tom") is not None) == offered
    (told,) = caplog.messages
    assert told.startswith("Many voices takes 3.0 GB of memory and models have 2.0 GB here (VOXDEMO_MODEL_MEMORY)")


async def test_a_language_alone_finds_a_voice_that_speaks_it(several: SpeechService, many: Stage) -> None:
    await spoken(several, Utterance("Hola.", language="es"))
    await spoken(several, Utterance("早上好。", language="zh"))
    await spoken(several, Utterance("Hello.", language="en"))
    assert [each.voice for each in many.utterances] == ["Lola", "mei"]


async def test_a_recording_goes_to_an_engine_that_copies(several: SpeechService, stage: Stage, prompt: Path) -> None:
    await spoken(several, Utterance("In my voice.", prompt_audio=prompt))
    assert stage.parts[-1].prompt is not None


async def test_a_voice_that_no_engine_has_is_refused_with_those_that_there_are(several: SpeechService) -> None:
    with pytest.raises(InputError, match="This server has no voice 'ann': choose one of usual, tom, Lola, mei"):
        await spoken(several, Utterance("Hello.", voice="ann"))


async def test_letters_are_judged_by_the_language_of_the_voice(several: SpeechService) -> None:
    with pytest.raises(InputError, match="This voice speaks English only"):
        await spoken(several, Utterance("早上好。", voice="tom"))


@pytest.mark.parametrize("text", ["The word 世界 means world.", "One two three. [mei] 一二三。", "[pause 1s] One two."])
async def test_what_a_text_of_several_voices_would_take_is_reckoned_by_the_paces_of_all_of_them(
    several: SpeechService, text: str
) -> None:
    await until(lambda: several.readiness().ready)
    asked = Utterance(text)
    before = several.forecast(asked, several_voices(asked, several.catalogue)).own_s
    await spoken(several, Utterance("早上好。"))
    after = several.forecast(asked, several_voices(asked, several.catalogue)).own_s
    assert (before is None) == ("pause" not in text), "another voice's pace isn't known yet"
    assert after is not None


async def test_nobody_detects_a_language_for_the_words_at_the_head_of_the_page(
    several: SpeechService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: several.readiness().ready)
    monkeypatch.setattr("voxdemo.intake.detection.detected", lambda text: pytest.fail("it takes half a second once"))
    assert wording.notice(several).startswith("Type a text and hear it.")


async def test_what_was_learned_of_one_engine_is_not_said_of_another(several: SpeechService) -> None:
    await until(lambda: several.readiness().ready)
    assert several.forecast(Utterance("One two three.")).own_s is not None
    assert several.forecast(Utterance("One two three.", voice="tom")).own_s is None
    await spoken(several, Utterance("One.", voice="tom"))
    assert several.forecast(Utterance("One two three.", voice="tom")).own_s is not None


async def test_words_in_another_script_are_said_by_a_voice_of_their_language(
    several: SpeechService, stage: Stage, many: Stage
) -> None:
    _, made = await spoken(several, Utterance("The word 世界 means world. Bye."))
    assert [each.text for each in made.captions] == ["The word", "世界", "means world.", "Bye."]
    assert [part.text for part in stage.parts] == ["The word", "means world. Bye."]
    assert [(each.text, each.voice) for each in many.utterances] == [("世界", "mei")]
    assert made.warnings == ()
    assert (await spoken(several, Utterance("The word 世界 means world. Bye.")))[1].cached


async def test_every_voice_of_a_text_is_given_its_own_parts_as_if_the_text_were_all_of_them(
    several: SpeechService, stage: Stage, many: Stage
) -> None:
    await spoken(several, Utterance("One 一。\n\nTwo 二。\n\nThree."))
    assert [(part.text, part.index) for part in stage.parts] == [("One", 0), ("Two", 1), ("Three.", 2)]
    assert {" ".join(part.utterance.text.split()) for part in stage.parts} == {"One Two Three."}
    assert [(part.text, part.index) for part in many.parts] == [("一。", 0), ("二。", 1)]
    assert len({part.job for part in many.parts}) == 1


@pytest.mark.parametrize(
    ("text", "heard", "skipped"),
    [
        ("The word こんにちは means hello.", ["The word means hello."], "こんにちは"),  # no voice is Japanese here
        ("Привет, and 你好.", [", and"], "Привет"),
        ("A smile 😀 for you.", ["A smile for you."], "😀"),
    ],
)
async def test_what_no_voice_here_reads_is_skipped_and_named(
    several: SpeechService, stage: Stage, text: str, heard: list[str], skipped: str
) -> None:
    _, made = await spoken(several, Utterance(text))
    assert [part.text for part in stage.parts] == heard
    assert skipped[0] in made.warnings[0]


async def test_an_engine_that_cannot_be_loaded_speaks_for_nobody_who_does_not_ask_for_it(
    several: SpeechService, stage: Stage, many: Stage
) -> None:
    many.broken = True
    _, made = await spoken(several, Utterance("The word 世界 means world."))
    assert made.failure
    _, later = await spoken(several, Utterance("The word 世界 again."))
    assert later.warnings == ("Skipped “世界”: this voice can't read it.",)


async def test_a_text_that_is_left_while_another_voice_speaks_frees_the_seat(
    several: SpeechService, stage: Stage, many: Stage
) -> None:
    many.open = False
    leaving = asyncio.ensure_future(spoken(several, Utterance("Somebody said 世界 twice.")))
    await until(lambda: many.running == 1)
    leaving.cancel()
    await asyncio.wait([leaving])
    many.steps.release()
    await spoken(several, Utterance("Three."))
    assert [part.text for part in stage.parts] == ["Somebody said", "Three."]


@pytest.mark.parametrize(
    ("asked", "voice"),
    [
        (Utterance("El tren sale a las ocho de la mañana."), "Lola"),
        (Utterance("早上好，世界。"), "mei"),
        (Utterance("Der Zug fährt um acht Uhr ab."), None),  # no voice here is German
        (Utterance("Buenas."), None),  # too little to say
        (Utterance("El tren sale a las ocho de la mañana.", voice="usual"), None),
        (Utterance("El tren sale a las ocho de la mañana.", voice="tom"), "tom"),
        (Utterance("El tren sale a las ocho de la mañana.", language="en"), None),
        (Utterance("The train leaves at eight in the morning.", language="es"), "Lola"),
    ],
)
async def test_where_nobody_chose_a_voice_a_text_is_spoken_by_one_of_its_language(
    several: SpeechService, stage: Stage, many: Stage, asked: Utterance, voice: str | None
) -> None:
    await spoken(several, asked)
    assert [each.voice for each in many.utterances] == ([voice] if voice else [])
    assert bool(stage.utterances) == (voice is None)


@pytest.mark.parametrize(
    ("asked", "warnings"),
    [
        (Utterance("Der Zug fährt um acht Uhr ab."), ["This looks like German; Usual speaks English only."]),
        (
            Utterance("The train leaves at eight in the morning.", voice="Lola"),
            ["This looks like English; Lola speaks Spanish only."],
        ),
        (Utterance("El tren sale a las ocho de la mañana.", voice="Lola"), []),
        (Utterance("Guten Tag!", voice="tom"), []),
    ],
)
async def test_a_text_that_its_voice_does_not_speak_is_spoken_with_a_warning(
    several: SpeechService, asked: Utterance, warnings: list[str]
) -> None:
    _, made = await spoken(several, asked)
    assert list(made.warnings) == warnings


async def test_while_their_engine_cannot_be_loaded_the_usual_voice_speaks_what_names_none(
    several: SpeechService, stage: Stage, many: Stage
) -> None:
    many.broken = True
    asked = Utterance("El tren sale a las ocho de la mañana.")
    with pytest.raises(NotReadyError):
        await spoken(several, asked)
    _, made = await spoken(several, asked)
    assert made.warnings == ("This looks like Spanish; Usual speaks English only.",)
