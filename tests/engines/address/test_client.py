"""Servers at an address: every way in which one answers, against a real one on this machine."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from fakes import until
from serving import free_port
from speaking_elsewhere import BAD, KEY, NO_STREAM, SECRET, TONE_HZ, WHOLE, Elsewhere

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.address.client import MOST_BESIDE_S, AddressEngine, voices_in
from voxdemo.engines.address.config import Address
from voxdemo.engines.base import RanOn, SpeechPart
from voxdemo.errors import AddressError, InputError, NotReadyError, VoxdemoError
from voxdemo.speech import Samples, Utterance

RATE = 22_050
MakeEngine = Callable[..., AddressEngine]


@pytest.fixture
async def engine(elsewhere: Elsewhere, elsewhere_url: str) -> AsyncGenerator[MakeEngine, None]:
    made: list[AddressEngine] = []

    def make(quiet_s: float = 20.0, **fields: Any) -> AddressEngine:
        address = Address(**{"name": "other", "url": elsewhere_url, "key": KEY, "title": "The other", **fields})
        made.append(AddressEngine(address, quiet_s))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def said(engine: AddressEngine, voice: str, text: str = "one two three four five", **options: Any) -> list[Any]:
    prompt = options.pop("prompt", None)
    part = SpeechPart(Utterance(text, voice=voice, **options), text, prompt=prompt)
    async with aclosing(engine.speak(part, RATE)) as pieces:
        return [piece async for piece in pieces]


def pitch_hz(samples: Samples) -> float:
    return float(np.sum(np.diff(np.signbit(samples))) / 2 / len(samples) * RATE)


@pytest.mark.parametrize("kind", WHOLE)
async def test_speech_in_every_format_and_at_every_rate_is_the_same(engine: MakeEngine, kind: str) -> None:
    heard = np.concatenate(await said(engine(), kind))
    assert heard.dtype == np.float32
    assert len(heard) == pytest.approx(0.5 * RATE, abs=0.1 * RATE)
    assert pitch_hz(heard[4000:10_000]) == pytest.approx(TONE_HZ, rel=0.03)
    assert 0.2 < np.abs(heard[4000:8000]).max() < 0.4


async def test_it_is_heard_before_it_is_all_there_and_closing_it_hangs_up(
    engine: MakeEngine, elsewhere: Elsewhere
) -> None:
    part = SpeechPart(Utterance("one two", voice="waits"), "one two")
    async with aclosing(engine().speak(part, RATE)) as pieces:
        assert len(await anext(pieces)) > 0
    await until(lambda: elsewhere.hung_up == 1)


@pytest.mark.parametrize(
    ("voice", "code", "again"),
    [
        *(
            (voice, "engine_silent" if voice == "no-sound" else "engine_odd_answer", voice == "no-sound")
            for voice in BAD
        ),
        ("dies", "engine_broke_off", True),
        ("stalls", "engine_silent", True),
        ("500", "engine_failed", True),
        ("503", "engine_failed", True),
        ("401", "engine_refused", False),
        ("404", "engine_refused", False),
        ("redirect", "engine_refused", False),
    ],
)
async def test_its_faults_are_told_in_our_words(engine: MakeEngine, voice: str, code: str, again: bool) -> None:
    with pytest.raises(AddressError) as failed:
        await said(engine(quiet_s=0.5 if voice == "stalls" else 20.0), voice)
    assert (failed.value.code, failed.value.again) == (code, again)
    assert_discreet(failed.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, InputError), (413, InputError), (422, InputError), (429, NotReadyError)]
)
async def test_what_it_refuses_of_a_text_is_told(engine: MakeEngine, status: int, kind: type[VoxdemoError]) -> None:
    with pytest.raises(kind) as refused:
        await said(engine(), str(status))
    assert_discreet(refused.value)


def assert_discreet(error: VoxdemoError) -> None:
    assert error.sentence.startswith("The other ")
    assert not any(word in str(error.described) for word in (SECRET, KEY, "127.0.0.1", "html"))


async def test_where_nobody_listens_it_cannot_be_reached(engine: MakeEngine) -> None:
    with pytest.raises(AddressError) as failed:
        await said(engine(url=f"http://127.0.0.1:{free_port()}"), "wav")
    assert failed.value.code == "engine_unreachable"


async def test_sound_without_an_end_is_cut_off_and_hung_up_on(engine: MakeEngine, elsewhere: Elsewhere) -> None:
    *heard, last = await said(engine(), "endless", "one two")
    assert isinstance(last, RanOn)
    assert MOST_BESIDE_S < sum(map(len, heard)) / RATE < MOST_BESIDE_S + 5


async def test_its_key_is_sent_and_goes_nowhere_else(engine: MakeEngine, elsewhere: Elsewhere) -> None:
    other = engine()
    await said(other, "wav")
    assert elsewhere.keys[-1] == f"Bearer {KEY}"
    assert KEY not in repr(other.address) + str(other.address) + str(other.info)


async def test_what_it_is_asked_for(engine: MakeEngine, elsewhere: Elsewhere) -> None:
    await said(engine(model="kokoro"), "wav")
    await said(engine(), "wav", speed=1.5)
    usual = {"model": "kokoro", "input": "one two three four five", "voice": "wav", "response_format": "wav"}
    assert elsewhere.heard[0] == {**usual, "stream_format": "audio"}
    assert elsewhere.heard[1] == {**usual, "model": "tts-1", "speed": 1.5}


RECORDING = PromptAudio(np.full(2_400, 0.25, np.float32), 24_000)


@pytest.mark.parametrize(
    ("copies", "sound", "words"), [(True, "prompt_audio", "prompt_text"), ("ref_audio", "ref_audio", "ref_text")]
)
async def test_a_recording_goes_along_where_it_copies(
    engine: MakeEngine, elsewhere: Elsewhere, copies: Any, sound: str, words: str
) -> None:
    await said(engine(copies=copies), "wav", prompt=RECORDING, prompt_text="what is said")
    asked = elsewhere.heard[-1]
    start, _, data = asked[sound].partition(",")
    assert (start, asked[words]) == ("data:audio/wav;base64", "what is said")
    assert len(base64.b64decode(data)) == 44 + 2 * 2_400
    await said(engine(), "wav", prompt=RECORDING, prompt_text="what is said")
    assert not {"prompt_audio", "ref_audio"} & elsewhere.heard[-1].keys()


@pytest.mark.parametrize(
    ("prompt", "prompt_text", "fields"),
    [
        (None, "", set()),
        (RECORDING, "", {"ref_audio_wav_base64", "ref_audio_wav_format"}),
        (RECORDING, "what is said", {"prompt_wav_base64", "prompt_wav_format", "prompt_text"}),
    ],
)
async def test_nanovllm_is_asked_in_its_own_way(
    engine: MakeEngine, elsewhere: Elsewhere, prompt: PromptAudio | None, prompt_text: str, fields: set[str]
) -> None:
    other = engine(kind="nanovllm")
    heard = np.concatenate(await said(other, "", prompt=prompt, prompt_text=prompt_text, seed=7))
    assert pitch_hz(heard[4000:10_000]) == pytest.approx(TONE_HZ, rel=0.03)
    assert elsewhere.heard[-1].keys() == {"target_text", "cfg_value", "seed"} | fields
    assert {"prompt_audio", "prompt_text", "seed", "cfg_value"} == other.info.honours


async def test_it_is_asked_for_its_voices_and_says_how_it_sounds(engine: MakeEngine, elsewhere: Elsewhere) -> None:
    other = engine()
    assert other.info.voices == ()
    await other.check("The line is open.")
    assert [(voice.name, voice.language, voice.gender) for voice in other.info.voices] == [
        ("wav", "", ""),
        ("mp3", "", ""),
        ("af_heart", "en-US", "female"),
    ]
    assert (elsewhere.heard[-1]["voice"], other.info.sample_rate, other.info.languages) == ("wav", 24_000, ("en",))


async def test_a_format_that_it_refuses_is_not_asked_for_again(engine: MakeEngine, elsewhere: Elsewhere) -> None:
    other = engine(voices=["only-mp3"])
    await other.check("The line is open.")
    await said(other, "only-mp3")
    assert [asked["response_format"] for asked in elsewhere.heard] == ["wav", "wav", "pcm", "mp3", "mp3"]


@pytest.mark.parametrize(("voice", "streams"), [("streams", True), *((voice, False) for voice in NO_STREAM)])
async def test_a_stream_is_asked_for_where_that_is_understood(
    engine: MakeEngine, elsewhere: Elsewhere, voice: str, streams: bool
) -> None:
    other = engine(voices=[voice])
    await other.check("The line is open.")
    heard = np.concatenate(await said(other, voice))
    assert elsewhere.heard[-1].get("stream", False) is streams
    assert len(heard) == pytest.approx(0.5 * RATE, abs=0.1 * RATE)


async def test_what_it_is_asked_for_stays_while_it_is_checked_again(engine: MakeEngine, elsewhere: Elsewhere) -> None:
    there = engine(voices=["only-mp3"])
    await there.check("one two")
    checking = asyncio.ensure_future(there.check("one two"))
    await until(lambda: elsewhere.heard[3:])
    assert await said(there, "only-mp3")
    await checking
    elsewhere.down.add("all")
    with pytest.raises(AddressError):
        await there.check("one two")
    elsewhere.down.clear()
    assert await said(there, "only-mp3")


@pytest.mark.parametrize("voice", ["wav-8000", "wav-float"])
async def test_its_own_rate_is_kept_unless_another_is_given(engine: MakeEngine, voice: str) -> None:
    free, told = engine(voices=[voice]), engine(voices=[voice], sample_rate=16_000)
    await free.check("one two")
    await told.check("one two")
    assert (free.info.sample_rate, told.info.sample_rate) == (8_000 if voice == "wav-8000" else 48_000, 16_000)


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"voices": ["af_heart", "am_puck"]}, ["af_heart", "am_puck"]),  # Kokoro-FastAPI, vllm-omni
        ({"voices": [{"id": "alloy", "name": "Alloy, a voice"}]}, ["alloy"]),  # open-webui
        ({"voices": [{"id": "builtin/heart", "name": "heart", "model": "built-in-voice"}], "clones": True}, ["heart"]),
        ({"data": [{"voice_id": "nova"}]}, ["nova"]),
        ([{"name": "tara"}, "tara", "", None, {"id": 3}, "x" * 101, "two\nlines"], ["tara"]),
        ({"voices": None}, []),
    ],
)
def test_voices_are_understood_in_every_shape(told: Any, names: list[str]) -> None:
    assert [voice.name for voice in voices_in(told)] == names
