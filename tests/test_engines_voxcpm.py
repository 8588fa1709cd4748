"""The engine over the real package, on tiny random checkpoints: what they say is noise, how they say it is not."""

from __future__ import annotations

import gc
import itertools
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import checkpoints
import numpy as np
import pytest
from fakes import CLONER
from rings import first_of

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.base import RanOn, Retake, SpeechPart
from voxdemo.engines.voxcpm import checkpoint, loading
from voxdemo.engines.voxcpm.engine import MARKS, MAX_TAKES, VoxCPMEngine, info_for
from voxdemo.engines.voxcpm.prompts import OwnVoice, Recordings
from voxdemo.engines.voxcpm.prompts import patches as prompt_patches
from voxdemo.errors import InputError, ModelDiedError
from voxdemo.lanes.jobs import SpeakJob
from voxdemo.model_support.devices import Device
from voxdemo.speech import Samples, Utterance

RATES = {"0.5B": (16_000, 0.08, 16_000), "1.5": (44_100, 0.16, 44_100), "2": (48_000, 0.16, 16_000)}
"""What it speaks at, seconds of a patch, what it listens at."""
HELLO = Utterance("Hello.", seed=7, inference_timesteps=2)
ALL = pytest.mark.parametrize("generation", first_of(*checkpoints.GENERATIONS))
FIRST_TWO = pytest.mark.parametrize("generation", first_of("0.5B", "1.5"))

Build = Callable[..., VoxCPMEngine]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Builds engines; those of the same generation share one checkpoint on disk."""
    folder = tmp_path_factory.mktemp("checkpoints")
    built: list[VoxCPMEngine] = []

    def build(generation: checkpoints.Generation, stops: bool = True, kv_cache: int = 512) -> VoxCPMEngine:
        place = folder / f"{generation}-{stops}"
        if not place.exists():
            checkpoints.voxcpm(place, generation, stops=stops)
        found = checkpoint.read(place)
        plan = loading.plan(found, Device("cpu", "Processor", 2**34), "none", kv_cache)
        built.append(VoxCPMEngine(found, plan))
        return built[-1]

    yield build
    for engine in built:
        engine.close()


@pytest.fixture(scope="module")
def kept(build: Build) -> Callable[..., VoxCPMEngine]:
    """The same, but one engine for all tests, as a server has it."""
    engines: dict[tuple[str, bool], VoxCPMEngine] = {}

    def kept(generation: checkpoints.Generation, stops: bool = True) -> VoxCPMEngine:
        if (generation, stops) not in engines:
            engines[generation, stops] = build(generation, stops)
        return engines[generation, stops]

    return kept


@pytest.fixture
def recording() -> Callable[..., PromptAudio]:
    """Recordings of noise, one voice per number."""

    def record(generation: str, voice: int = 1, seconds: float = 1.0) -> PromptAudio:
        rate = RATES[generation][2]
        noise = np.random.default_rng(voice).normal(0, 0.1, round(seconds * rate))
        return PromptAudio(noise.astype(np.float32), rate)

    return record


def patches(engine: VoxCPMEngine, utterance: Utterance, text: str = "", **of: Any) -> list[Samples]:
    """What it says for a part; `of` are the part's other fields."""
    part = SpeechPart(utterance, text or utterance.text, **of)
    return [item for item in engine.speak(part) if isinstance(item, np.ndarray)]


def sound(engine: VoxCPMEngine, utterance: Utterance, text: str = "", **of: Any) -> Samples:
    return np.concatenate(patches(engine, utterance, text, **of))


def beginning(engine: VoxCPMEngine, utterance: Utterance, count: int, text: str = "", **of: Any) -> list[Any]:
    """The first items of a voice that may not stop."""
    with closing(engine.speak(SpeechPart(utterance, text or utterance.text, **of))) as items:
        return list(itertools.islice(items, count))


def job(*texts: str, **utterance: Any) -> list[SpeechPart]:
    """The parts of a job, each as it arrives from another process."""
    whole = replace(HELLO, text=" ".join(texts), **utterance)
    asked = SpeakJob(CLONER, whole, texts, None)
    return [pickle.loads(pickle.dumps(asked.part(index))) for index in range(len(texts))]


def said(engine: VoxCPMEngine, part: SpeechPart) -> Samples:
    return np.concatenate([item for item in engine.speak(part) if isinstance(item, np.ndarray)])


def tokens(engine: VoxCPMEngine, text: str) -> int:
    return len(engine._model.text_tokenizer(text))


@contextmanager
def calls(module: Any) -> Iterator[list[int]]:
    """Counts how often a part of the model is used."""
    count = [0]

    def add(*_: Any) -> None:
        count[0] += 1

    hook = module.register_forward_hook(add)
    yield count
    hook.remove()


@contextmanager
def hooked(module: Any, hook: Callable[..., Any]) -> Iterator[None]:
    """Lets something happen after a part of the model was used."""
    handle = module.register_forward_hook(hook)
    yield
    handle.remove()


@contextmanager
def failing(module: Any, error: Exception) -> Iterator[None]:
    def fail(*_: Any) -> None:
        raise error

    with hooked(module, fail):
        yield


# -- what comes out
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


@ALL
def test_a_patch_is_heard_before_the_next_is_made(kept: Build, generation: str) -> None:
    engine = kept(generation, stops=False)
    with calls(engine._model.feat_decoder) as made, closing(engine.speak(SpeechPart(HELLO, HELLO.text))) as pieces:
        for heard in range(1, 6):
            next(pieces)
            assert made == [heard]


@ALL
def test_closing_stops_a_voice_that_would_not_stop_within_a_patch(kept: Build, generation: str) -> None:
    import torch

    engine = kept(generation, stops=False)
    before = beginning(engine, HELLO, 4)
    gc.disable()  # nothing may be left for it to clean up
    try:
        with calls(engine._model.feat_decoder) as made:
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
    theirs = engine._model.generate_with_prompt_cache_streaming(
        target_text="Hello.", prompt_cache=None, cfg_value=2.0, inference_timesteps=2
    )
    np.testing.assert_array_equal(ours, np.concatenate([made.squeeze(0).numpy() for made, _, _ in theirs]).clip(-1, 1))


# -- the seed
@ALL
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
@ALL
@pytest.mark.parametrize(
    "change", [{"cfg_value": 3.0}, {"inference_timesteps": 6}], ids=lambda change: next(iter(change))
)
def test_guidance_and_steps_change_the_sound(kept: Build, generation: str, change: dict[str, Any]) -> None:
    engine = kept(generation)
    assert not np.array_equal(sound(engine, replace(HELLO, **change)), sound(engine, HELLO))


@ALL
def test_white_space_changes_nothing(kept: Build, generation: str) -> None:
    engine = kept(generation)
    np.testing.assert_array_equal(sound(engine, HELLO, " a,\n b\t "), sound(engine, HELLO, "a, b"))


@ALL
def test_a_line_without_a_stop_gets_one(kept: Build, generation: str) -> None:
    engine = kept(generation)
    np.testing.assert_array_equal(sound(engine, HELLO, "a\nb"), sound(engine, HELLO, "a. b"))


def test_quotes_and_dashes_of_print_are_said_as_those_of_a_keyboard(kept: Build) -> None:
    typed, printed = sound(kept("2"), HELLO, '"It\'s" - so'), sound(kept("2"), HELLO, "“It’s” — so")
    np.testing.assert_array_equal(printed, typed)


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
def test_the_description_says_what_is_honoured(kept: Build, generation: str) -> None:
    engine = kept(generation)
    info = info_for(engine._checkpoint, "cuda:0", "bfloat16")
    common = {"prompt_audio", "prompt_text", "cfg_value", "inference_timesteps", "normalize", "seed"}
    assert info.honours == (common | {"control"} if generation == "2" else common)
    assert info.needs_transcript == (generation != "2")
    assert len(info.languages) == (30 if generation == "2" else 2)
    assert (info.device, info.precision) == ("cuda:0", "bfloat16")
    assert info.absent.keys() == {"denoise"}
    assert info.title in info.version
    assert replace(engine.info, device="cuda:0", precision="bfloat16", weights="") == info
    assert len(engine.info.weights) == 64


# -- voices
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


@ALL
def test_a_voice_is_encoded_once(build: Build, recording: Any, generation: str) -> None:
    engine = build(generation)
    cloned, voice = replace(HELLO, prompt_text="Good day."), recording(generation)
    with calls(engine._model.audio_vae.encoder) as encoded:
        first = sound(engine, cloned, prompt=voice)
        assert encoded == [1]
        np.testing.assert_array_equal(sound(engine, cloned, prompt=pickle.loads(pickle.dumps(voice))), first)
        sound(engine, replace(cloned, prompt_text="Good night."), prompt=voice)
        assert encoded == [1]
        sound(engine, cloned, prompt=recording(generation, 2))
        assert encoded == [2]


def test_the_voices_used_last_are_remembered(kept: Build, recording: Any) -> None:
    model = kept("2")._model
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
    assert Recordings(engine._model).prompt(recording("2"), said)["prompt_text"] == before


def test_a_recording_without_sound_is_the_senders_fault(kept: Build, recording: Any) -> None:
    with pytest.raises(InputError, match="recording of the voice"):
        patches(kept("2"), HELLO, prompt=recording("2", 1, 0.0))


@ALL
def test_the_parts_of_a_job_are_said_in_one_voice(kept: Build, generation: str) -> None:
    engine, texts = kept(generation), ("One.", "Two.", "One.")
    first = [said(engine, part) for part in job(*texts)]
    alone = [sound(engine, HELLO, text) for text in texts]
    np.testing.assert_array_equal(first[0], alone[0])
    assert not np.array_equal(first[1], alone[1])
    assert not np.array_equal(first[2], alone[2]), "a sentence that comes again is no new beginning"
    for part, before in zip(job(*texts), first, strict=True):
        np.testing.assert_array_equal(said(engine, part), before)


def test_equal_jobs_have_a_voice_each(kept: Build) -> None:
    engine, (first, second) = kept("1.5"), job("One.", "Two.")
    said(engine, first)
    (_, other) = job("One.", "Two.")
    assert not np.array_equal(said(engine, other), said(engine, second))


def test_a_voice_of_its_own_survives_jobs_that_are_served_between_its_parts(kept: Build) -> None:
    engine, texts = kept("1.5"), ("One.", "Two.", "Three.")
    alone = [said(engine, part) for part in job(*texts)]
    for part, before in zip(job(*texts), alone, strict=True):
        np.testing.assert_array_equal(said(engine, part), before)
        for other in job("Four.", "Five.", seed=3):
            said(engine, other)


def test_a_voice_of_its_own_grows_until_it_can_be_told_well(kept: Build) -> None:
    import torch

    voice, parts = OwnVoice(kept("2")._model, patch_s=0.16), job("One.", "Two.", "Three.", "Four.", "Five.")
    lengths = []
    for part in parts:
        voice.heard(part, part.text, [torch.zeros(1, 1, 4, 8)] * 30)
        lengths.append(prompt_patches(voice.prompt(parts[2])))
    assert lengths == [30, 60, 90, 90, 90]  # 62 of them are the 10 s that are enough
    assert voice.prompt(parts[0]) is None
    assert voice.prompt(replace(parts[2], job="another")) is None


def test_a_voice_of_its_own_is_left_where_there_is_no_room_for_it(build: Build) -> None:
    engine = build("1.5", kv_cache=256)
    first, long = job("One two three four.", "word " * 12)
    said(engine, first)
    spoken = said(engine, long)
    np.testing.assert_array_equal(said(engine, long), spoken)
    np.testing.assert_array_equal(said(engine, replace(long, job="another")), spoken)


# -- takes that don't end
@ALL
def test_speech_without_an_end_is_said_anew_and_then_cut_off(kept: Build, generation: str) -> None:
    engine = kept(generation, stops=False)
    items = list(engine.speak(SpeechPart(HELLO, "Hi.")))
    limit = 6 * tokens(engine, "Hi.") + 10
    kinds = [type(item) for item in items]
    assert kinds == [*[np.ndarray] * limit, Retake, *[np.ndarray] * limit, Retake, *[np.ndarray] * limit, RanOn]
    assert kinds.count(Retake) == MAX_TAKES - 1
    takes = [items[start : start + limit] for start in (0, limit + 1, 2 * (limit + 1))]
    for number, take in enumerate(takes):
        other = beginning(engine, replace(HELLO, seed=7 + number), limit, "Hi.")
        np.testing.assert_array_equal(take, other)


@ALL
def test_speech_that_ends_at_the_limit_has_ended(kept: Build, generation: str) -> None:
    import torch

    engine = kept(generation, stops=False)
    limit = 6 * tokens(engine, "Hi.") + 10
    asked = itertools.count(1)

    def stop_at_the_limit(module: Any, arguments: Any, output: Any) -> Any:
        return torch.tensor([[0.0, 1.0]]) if next(asked) == limit else output

    with hooked(engine._model.stop_head, stop_at_the_limit):
        items = list(engine.speak(SpeechPart(HELLO, "Hi.")))
    assert [type(item) for item in items] == [np.ndarray] * limit


def test_a_job_that_ran_on_leaves_no_voice_behind(kept: Build) -> None:
    engine = kept("1.5", stops=False)
    whole = replace(HELLO, text="A. B.")
    assert isinstance(list(engine.speak(SpeechPart(whole, "A.", "a job")))[-1], RanOn)
    in_it, alone = (beginning(engine, whole, 4, "B.", job=name, index=1) for name in ("a job", "another"))
    np.testing.assert_array_equal(in_it, alone)


# -- room
@ALL
def test_too_much_to_keep_in_mind_is_refused_before_a_sound(build: Build, recording: Any, generation: str) -> None:
    engine = build(generation, kv_cache=256)
    long = replace(HELLO, prompt_text="Good day.")
    with calls(engine._model.base_lm) as used:
        with pytest.raises(InputError, match="send less text or a shorter recording"):
            patches(engine, HELLO, "word " * 60)
        with pytest.raises(InputError, match="send less text or a shorter recording"):
            patches(engine, long, "word " * 10, prompt=recording(generation, 1, 10.0))
        assert used == [0]
    assert patches(engine, HELLO)


@pytest.mark.parametrize("generation", first_of("2", "1.5"))
def test_speech_may_get_as_long_as_there_is_room_but_no_longer(build: Build, generation: str) -> None:
    engine = build(generation, stops=False, kv_cache=128)
    text = "to " * 9
    room = 128 - MARKS - tokens(engine, text.strip())
    assert room < 6 * tokens(engine, text.strip()) + 10
    items = beginning(engine, HELLO, room + 2, text)
    assert [type(item) for item in items] == [*[np.ndarray] * room, Retake, np.ndarray]


# -- faults
@pytest.mark.parametrize("text", ["", " \n", "\ud800"])
def test_a_text_that_cannot_be_read_is_the_senders_fault(kept: Build, text: str) -> None:
    for normalize in (False, True):
        with pytest.raises(InputError):
            list(kept("2").speak(SpeechPart(replace(HELLO, normalize=normalize), text)))


@ALL
def test_running_out_of_memory_is_said_so(build: Build, generation: str) -> None:
    import torch

    engine = build(generation)
    cause = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    with failing(engine._model.feat_decoder, cause), pytest.raises(ModelDiedError, match="out of memory") as died:
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
    with failing(engine._model.feat_encoder, cause), pytest.raises(ModelDiedError, match="out of memory"):
        patches(engine, HELLO)


@ALL
def test_whatever_fails_in_the_package_ends_the_model(build: Build, generation: str) -> None:
    engine = build(generation)
    cause = ValueError("KV cache is full")
    with failing(engine._model.residual_lm, cause), pytest.raises(ModelDiedError, match="press Speak again") as died:
        patches(engine, HELLO)
    assert died.value.__cause__ is cause
    assert str(cause) not in str(died.value)


@ALL
def test_sound_that_is_no_number_ends_the_model(kept: Build, generation: str) -> None:
    engine = kept(generation)
    with hooked(engine._model.audio_vae.decoder, lambda *args: args[-1] * float("nan")), pytest.raises(ModelDiedError):
        patches(engine, HELLO)


@ALL
def test_sound_that_is_too_loud_is_clipped(kept: Build, generation: str) -> None:
    engine = kept(generation)
    with hooked(engine._model.audio_vae.decoder, lambda *args: args[-1] * 100):
        assert np.abs(sound(engine, HELLO)).max() == 1


@ALL
def test_a_closed_engine_gives_its_memory_back_even_after_a_failure(build: Build, generation: str) -> None:
    engine = build(generation)
    model = weakref.ref(engine._model)
    with failing(engine._model.feat_decoder, RuntimeError("broken")), pytest.raises(ModelDiedError) as died:
        patches(engine, HELLO)
    engine.close()
    assert model() is None
    assert died.value.__cause__
