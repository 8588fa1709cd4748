"""The engine over the real package, on tiny random checkpoints: what they say is noise, how they say it is not."""

from __future__ import annotations

import gc
import itertools
import threading
from contextlib import closing
from dataclasses import replace
from typing import Any

import checkpoints
import numpy as np
import pytest
from speaking_voxcpm import ALL, EITHER, FIRST_TWO, HELLO, RATES, Build, beginning, calls, model_of, patches, sound

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.voxcpm import checkpoint
from voxdemo.engines.voxcpm.engine import info_for
from voxdemo.speech import Samples, Utterance


@ALL
def test_speech_comes_in_patches_at_the_rate_of_the_checkpoint(kept: Build, generation: str) -> None:
    engine = kept(generation)
    rate, patch_s, listens_at = RATES[generation]
    made = patches(engine, HELLO)
    assert (engine.info.sample_rate, engine.info.prompt_rate) == (rate, listens_at)
    assert len(made) == 4
    assert {len(patch) for patch in made} == {round(rate * patch_s)}
    assert {patch.dtype for patch in made} == {np.dtype(np.float32)}
    assert all(np.isfinite(patch).all() and np.abs(patch).max() <= 1 for patch in made)
    assert np.concatenate(made).std() > 0.01


@EITHER
def test_a_patch_is_heard_before_the_next_is_made(kept: Build, generation: str) -> None:
    engine = kept(generation, stops=False)
    with calls(model_of(engine).feat_decoder) as made, closing(engine.speak(SpeechPart(HELLO, HELLO.text))) as pieces:
        for heard in range(1, 6):
            next(pieces)
            assert made == [heard]


@EITHER
def test_closing_stops_a_voice_that_would_not_stop_within_a_patch(kept: Build, generation: str) -> None:
    import torch

    engine = kept(generation, stops=False)
    before = beginning(engine, HELLO, 4)
    gc.disable()  # nothing may be left for it to clean up
    try:
        with calls(model_of(engine).feat_decoder) as made:
            pieces = engine.speak(SpeechPart(HELLO, HELLO.text))
            list(itertools.islice(pieces, 3))
            pieces.close()
            assert made == [3]
            assert not torch.is_inference_mode_enabled()
        after = beginning(engine, HELLO, 4)
    finally:
        gc.enable()
    np.testing.assert_array_equal(after, before)


def test_nothing_is_written_to_the_terminal(kept: Build, capfd: pytest.CaptureFixture[str]) -> None:
    for generation in checkpoints.GENERATIONS:
        engine = kept(generation)
        capfd.readouterr()
        patches(engine, HELLO)
        assert capfd.readouterr() == ("", "")


@ALL
def test_it_sounds_as_the_package_does(kept: Build, generation: str) -> None:
    import torch

    engine = kept(generation)
    ours = sound(engine, HELLO)
    torch.manual_seed(7)
    theirs = model_of(engine).generate_with_prompt_cache_streaming(
        target_text="Hello.", prompt_cache=None, cfg_value=2.0, inference_timesteps=2
    )
    np.testing.assert_array_equal(ours, np.concatenate([made.squeeze(0).numpy() for made, _, _ in theirs]).clip(-1, 1))


# -- the seed
@EITHER
def test_the_seed_decides_the_sound(kept: Build, build: Build, recording: Any, generation: str) -> None:
    engine = kept(generation)
    first = sound(engine, HELLO)
    other = sound(engine, replace(HELLO, seed=8))
    assert not np.array_equal(first, other)
    sound(engine, Utterance("A voice.", seed=1, prompt_text="Another."), prompt=recording(generation))
    np.testing.assert_array_equal(sound(engine, HELLO), first)
    np.testing.assert_array_equal(sound(build(generation), HELLO), first)


def test_the_seed_decides_the_sound_while_another_engine_speaks(build: Build) -> None:
    first, second = build("0.5B", stops=False), build("0.5B", stops=False)
    alone = beginning(first, HELLO, 12)
    made: list[Samples] = []

    def speak_beside() -> None:
        for _ in range(3):
            made.append(beginning(second, replace(HELLO, seed=99), 12))

    beside = threading.Thread(target=speak_beside)
    beside.start()
    together = [beginning(first, HELLO, 12) for _ in range(3)]
    beside.join()
    assert all(np.array_equal(take, alone) for take in together)
    assert all(np.array_equal(take, made[0]) for take in made)


def test_without_a_seed_every_take_is_another(kept: Build) -> None:
    engine, utterance = kept("0.5B"), replace(HELLO, seed=None)
    assert not np.array_equal(sound(engine, utterance), sound(engine, utterance))


# -- what can be asked for
@EITHER
@pytest.mark.parametrize(
    "change", [{"cfg_value": 3.0}, {"inference_timesteps": 6}], ids=lambda change: next(iter(change))
)
def test_guidance_and_steps_change_the_sound(kept: Build, generation: str, change: dict[str, Any]) -> None:
    engine = kept(generation)
    assert not np.array_equal(sound(engine, replace(HELLO, **change)), sound(engine, HELLO))


@EITHER
def test_white_space_changes_nothing(kept: Build, generation: str) -> None:
    engine = kept(generation)
    np.testing.assert_array_equal(sound(engine, HELLO, " a,\n b\t "), sound(engine, HELLO, "a, b"))


@EITHER
def test_a_line_without_a_stop_gets_one(kept: Build, generation: str) -> None:
    engine = kept(generation)
    np.testing.assert_array_equal(sound(engine, HELLO, "a\nb"), sound(engine, HELLO, "a. b"))


def test_quotes_and_dashes_of_print_are_said_as_those_of_a_keyboard(kept: Build) -> None:
    typed, printed = sound(kept("2"), HELLO, '"It\'s" - so'), sound(kept("2"), HELLO, "“It’s” — so")
    np.testing.assert_array_equal(printed, typed)


@pytest.mark.long
@pytest.mark.parametrize(
    ("written", "spoken"), [("3 cats", "three cats"), ("我有3个苹果。", "我有三个苹果。"), ("`code`", "`code`")]
)
def test_a_normalised_text_is_said_as_it_is_read(kept: Build, written: str, spoken: str) -> None:
    engine, normalized = kept("2"), replace(HELLO, normalize=True)
    np.testing.assert_array_equal(sound(engine, normalized, written), sound(engine, HELLO, spoken))


def test_voxcpm2_follows_instructions(kept: Build) -> None:
    engine = kept("2")
    whispered = sound(engine, replace(HELLO, control=" whispering\n"))
    assert not np.array_equal(whispered, sound(engine, HELLO))
    np.testing.assert_array_equal(whispered, sound(engine, HELLO, "(whispering)Hello."))


@FIRST_TWO
def test_earlier_generations_pass_over_instructions(kept: Build, generation: str) -> None:
    engine = kept(generation)
    np.testing.assert_array_equal(sound(engine, replace(HELLO, control="whispering")), sound(engine, replace(HELLO)))


@ALL
def test_the_description_says_what_is_honoured(kept: Build, folder_of: Any, generation: str) -> None:
    engine = kept(generation)
    info = info_for(checkpoint.read(folder_of(generation)), "cuda:0", "bfloat16")
    common = {"prompt_audio", "prompt_text", "cfg_value", "inference_timesteps", "normalize", "seed"}
    assert info.honours == (common | {"control"} if generation == "2" else common)
    assert info.needs_transcript == (generation != "2")
    assert len(info.languages) == (30 if generation == "2" else 2)
    assert (info.device, info.precision) == ("cuda:0", "bfloat16")
    assert info.absent.keys() == {"denoise"}
    assert info.title in info.version
    assert replace(engine.info, device="cuda:0", precision="bfloat16", weights="") == info
    assert len(engine.info.weights) == 64
