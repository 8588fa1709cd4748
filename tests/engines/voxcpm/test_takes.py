"""Takes that don't end, memory that doesn't suffice, and what fails in the package."""

from __future__ import annotations

import itertools
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from speaking_voxcpm import EITHER, HELLO, Build, beginning, calls, failing, hooked, model_of, patches, sound, tokens

from voxdemo.engines.base import RanOn, Retake, SpeechPart
from voxdemo.engines.voxcpm.engine import MARKS, MAX_TAKES
from voxdemo.errors import InputError, ModelDiedError


@pytest.mark.long
@EITHER
def test_speech_without_an_end_is_said_anew_and_then_cut_off(kept: Build, generation: str) -> None:
    engine = kept(generation, stops=False)
    items = list(engine.speak(SpeechPart(HELLO, "A")))
    limit = 6 * tokens(engine, "A") + 10
    kinds = [type(item) for item in items]
    assert kinds == [*[np.ndarray] * limit, Retake, *[np.ndarray] * limit, Retake, *[np.ndarray] * limit, RanOn]
    assert kinds.count(Retake) == MAX_TAKES - 1
    takes = [items[start : start + limit] for start in (0, limit + 1, 2 * (limit + 1))]
    for number, take in enumerate(takes):
        other = beginning(engine, replace(HELLO, seed=7 + number), 4, "A")
        np.testing.assert_array_equal(take[:4], other)


@EITHER
def test_speech_that_ends_at_the_limit_has_ended(kept: Build, generation: str) -> None:
    import torch

    engine = kept(generation, stops=False)
    limit = 6 * tokens(engine, "A") + 10
    asked = itertools.count(1)

    def stop_at_the_limit(module: Any, arguments: Any, output: Any) -> Any:
        return torch.tensor([[0.0, 1.0]]) if next(asked) == limit else output

    with hooked(model_of(engine).stop_head, stop_at_the_limit):
        items = list(engine.speak(SpeechPart(HELLO, "A")))
    assert [type(item) for item in items] == [np.ndarray] * limit


@pytest.mark.long
def test_a_job_that_ran_on_leaves_no_voice_behind(kept: Build) -> None:
    engine = kept("1.5", stops=False)
    whole = replace(HELLO, text="A. B.")
    assert isinstance(list(engine.speak(SpeechPart(whole, "A.", "a job")))[-1], RanOn)
    in_it, alone = (beginning(engine, whole, 4, "B.", job=name, index=1) for name in ("a job", "another"))
    np.testing.assert_array_equal(in_it, alone)


@EITHER
def test_too_much_to_keep_in_mind_is_refused_before_a_sound(build: Build, recording: Any, generation: str) -> None:
    engine = build(generation, kv_cache=256)
    long = replace(HELLO, prompt_text="Good day.")
    with calls(model_of(engine).base_lm) as used:
        with pytest.raises(InputError, match="send less text or a shorter recording"):
            patches(engine, HELLO, "word " * 60)
        with pytest.raises(InputError, match="send less text or a shorter recording"):
            patches(engine, long, "word " * 10, prompt=recording(generation, 1, 10.0))
        assert used == [0]
    assert patches(engine, HELLO)


@pytest.mark.long
@pytest.mark.parametrize("generation", ["1.5", "2"])
def test_speech_may_get_as_long_as_there_is_room_but_no_longer(build: Build, generation: str) -> None:
    engine = build(generation, stops=False, kv_cache=64)
    text = "to " * 5
    room = 64 - MARKS - tokens(engine, text.strip())
    assert room < 6 * tokens(engine, text.strip()) + 10
    items = beginning(engine, HELLO, room + 2, text)
    assert [type(item) for item in items] == [*[np.ndarray] * room, Retake, np.ndarray]


@pytest.mark.parametrize("text", ["", " \n", "\ud800"])
def test_a_text_that_cannot_be_read_is_the_senders_fault(kept: Build, text: str) -> None:
    for normalize in (False, True):
        with pytest.raises(InputError):
            list(kept("2").speak(SpeechPart(replace(HELLO, normalize=normalize), text)))


@EITHER
def test_running_out_of_memory_is_said_so(build: Build, generation: str) -> None:
    import torch

    engine = build(generation)
    cause = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    with failing(model_of(engine).feat_decoder, cause), pytest.raises(ModelDiedError, match="out of memory") as died:
        patches(engine, HELLO)
    assert died.value.__cause__ is cause
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    "cause",
    [
        RuntimeError("MPS backend out of memory (MPS allocated: 17.97 GB). Tried to allocate 12.00 MB."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4096 bytes."),
        MemoryError(),
    ],
)
def test_other_devices_run_out_of_memory_too(kept: Build, cause: Exception) -> None:
    engine = kept("2")
    with failing(model_of(engine).feat_encoder, cause), pytest.raises(ModelDiedError, match="out of memory"):
        patches(engine, HELLO)


@EITHER
def test_whatever_fails_in_the_package_ends_the_model(build: Build, generation: str) -> None:
    engine = build(generation)
    cause = ValueError("KV cache is full")
    with failing(model_of(engine).residual_lm, cause), pytest.raises(ModelDiedError, match="press Speak again") as died:
        patches(engine, HELLO)
    assert died.value.__cause__ is cause
    assert str(cause) not in str(died.value)


@EITHER
def test_sound_that_is_no_number_ends_the_model(kept: Build, generation: str) -> None:
    engine = kept(generation)
    decoder = model_of(engine).audio_vae.decoder
    with hooked(decoder, lambda *args: args[-1] * float("nan")), pytest.raises(ModelDiedError):
        patches(engine, HELLO)


@EITHER
def test_sound_that_is_too_loud_is_clipped(kept: Build, generation: str) -> None:
    engine = kept(generation)
    with hooked(model_of(engine).audio_vae.decoder, lambda *args: args[-1] * 100):
        assert np.abs(sound(engine, HELLO)).max() == 1


@EITHER
def test_a_closed_engine_gives_its_memory_back_even_after_a_failure(build: Build, generation: str) -> None:
    engine = build(generation)
    model = weakref.ref(model_of(engine))
    with failing(model_of(engine).feat_decoder, RuntimeError("broken")), pytest.raises(ModelDiedError) as died:
        patches(engine, HELLO)
    engine.close()
    assert model() is None
    assert died.value.__cause__
