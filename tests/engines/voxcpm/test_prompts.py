"""In whose voice the engine speaks: a recording's, or its own over all parts of a job."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from speaking_voxcpm import ALL, EITHER, FIRST_TWO, HELLO, Build, calls, job, model_of, patches, said, sound

from voxdemo.engines.voxcpm.prompts import OwnVoice, Recordings
from voxdemo.engines.voxcpm.prompts import patches as prompt_patches
from voxdemo.errors import InputError


@ALL
def test_a_voice_with_a_transcript_is_continued(kept: Build, recording: Any, generation: str) -> None:
    engine = kept(generation)
    cloned, voice = replace(HELLO, prompt_text="Good day."), recording(generation, 1)
    sounds = [
        sound(engine, HELLO),
        sound(engine, cloned, prompt=voice),
        sound(engine, cloned, prompt=recording(generation, 2)),
        sound(engine, replace(cloned, prompt_text="Good night."), prompt=voice),
    ]
    assert not any(np.array_equal(one, another) for one, another in itertools.combinations(sounds, 2))
    np.testing.assert_array_equal(sound(engine, cloned, prompt=voice), sounds[1])


def test_voxcpm2_copies_a_voice_without_a_transcript(kept: Build, recording: Any) -> None:
    engine = kept("2")
    voice = recording("2", 1)
    sounds = [
        sound(engine, HELLO),
        sound(engine, HELLO, prompt=voice),
        sound(engine, HELLO, prompt=recording("2", 2)),
        sound(engine, replace(HELLO, prompt_text="Good day."), prompt=voice),
        sound(engine, replace(HELLO, control="whispering"), prompt=voice),
    ]
    assert not any(np.array_equal(one, another) for one, another in itertools.combinations(sounds, 2))


@FIRST_TWO
def test_earlier_generations_ask_for_a_transcript(kept: Build, recording: Any, generation: str) -> None:
    with pytest.raises(InputError, match="needs a transcript of the recording"):
        patches(kept(generation), replace(HELLO, prompt_text=" "), prompt=recording(generation))


def test_instructions_and_a_transcript_together_are_refused(kept: Build, recording: Any) -> None:
    asked = replace(HELLO, prompt_text="Good day.", control="whispering")
    with pytest.raises(InputError, match="leave one of them empty"):
        patches(kept("2"), asked, prompt=recording("2"))


@EITHER
def test_a_voice_is_encoded_once(build: Build, recording: Any, generation: str) -> None:
    engine = build(generation)
    cloned, voice = replace(HELLO, prompt_text="Good day."), recording(generation)
    with calls(model_of(engine).audio_vae.encoder) as encoded:
        first = sound(engine, cloned, prompt=voice)
        assert encoded == [1]
        np.testing.assert_array_equal(sound(engine, cloned, prompt=pickle.loads(pickle.dumps(voice))), first)
        sound(engine, replace(cloned, prompt_text="Good night."), prompt=voice)
        assert encoded == [1]
        sound(engine, cloned, prompt=recording(generation, 2))
        assert encoded == [2]


def test_the_voices_used_last_are_remembered(kept: Build, recording: Any) -> None:
    model = model_of(kept("2"))
    voices = Recordings(model, kept=2)
    with calls(model.audio_vae.encoder) as encoded:
        for voice in (1, 2, 1, 3, 1):  # the third drives out the second, which was used before the first
            voices.prompt(recording("2", voice), "")
        assert encoded == [3]
        voices.prompt(recording("2", 2), "")
        assert encoded == [4]
        voices.prompt(recording("2", 2), "To be continued, it is encoded otherwise.")
        assert encoded == [5]


@pytest.mark.parametrize(
    ("said", "before"),
    [("Good day.", "Good day. "), ("yes", "yes "), ("你好。", "你好。"), ("好", "好"), ("네", "네 ")],
)
def test_what_was_said_does_not_run_into_what_follows(kept: Build, recording: Any, said: str, before: str) -> None:
    engine = kept("2")
    assert Recordings(model_of(engine)).prompt(recording("2"), said)["prompt_text"] == before


def test_a_recording_without_sound_is_the_senders_fault(kept: Build, recording: Any) -> None:
    with pytest.raises(InputError, match="recording of the voice"):
        patches(kept("2"), HELLO, prompt=recording("2", 1, 0.0))


@EITHER
def test_the_parts_of_a_job_are_said_in_one_voice(kept: Build, generation: str) -> None:
    engine, texts = kept(generation), ("One.", "Two.", "One.")
    first = [said(engine, part) for part in job(*texts)]
    alone = [sound(engine, HELLO, text) for text in texts]
    np.testing.assert_array_equal(first[0], alone[0])
    assert not np.array_equal(first[1], alone[1])
    assert not np.array_equal(first[2], alone[2]), "a sentence that comes again is no new beginning"
    for part, before in zip(job(*texts), first, strict=True):
        np.testing.assert_array_equal(said(engine, part), before)


@pytest.mark.long
def test_equal_jobs_have_a_voice_each(kept: Build) -> None:
    engine, (first, second) = kept("1.5"), job("One.", "Two.")
    said(engine, first)
    (_, other) = job("One.", "Two.")
    assert not np.array_equal(said(engine, other), said(engine, second))


@pytest.mark.long
def test_a_voice_of_its_own_survives_jobs_that_are_served_between_its_parts(kept: Build) -> None:
    engine, texts = kept("1.5"), ("One.", "Two.", "Three.")
    alone = [said(engine, part) for part in job(*texts)]
    for part, before in zip(job(*texts), alone, strict=True):
        np.testing.assert_array_equal(said(engine, part), before)
        for other in job("Four.", "Five.", seed=3):
            said(engine, other)


def test_a_voice_of_its_own_grows_until_it_can_be_told_well(kept: Build) -> None:
    import torch

    voice, parts = OwnVoice(model_of(kept("2")), patch_s=0.16), job("One.", "Two.", "Three.", "Four.", "Five.")
    lengths = []
    for part in parts:
        voice.heard(part, part.text, [torch.zeros(1, 1, 4, 8)] * 30)
        lengths.append(prompt_patches(voice.prompt(parts[2])))
    assert lengths == [30, 60, 90, 90, 90]  # 62 of them are the 10 s that are enough
    assert voice.prompt(parts[0]) is None
    assert voice.prompt(replace(parts[2], job="another")) is None


@pytest.mark.long
def test_a_voice_of_its_own_is_left_where_there_is_no_room_for_it(build: Build) -> None:
    engine = build("1.5", kv_cache=256)
    first, long = job("One two three four.", "word " * 12)
    said(engine, first)
    spoken = said(engine, long)
    np.testing.assert_array_equal(said(engine, long), spoken)
    np.testing.assert_array_equal(said(engine, replace(long, job="another")), spoken)
