"""Chatterbox through the real classes, on tiny random checkpoints: what it says is noise, but drawn as it should be."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from speaking_chatterbox import CPU, MARKS, items, recording, sound

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.base import RanOn, Step
from voxdemo.engines.chatterbox import checkpoint, engine
from voxdemo.engines.chatterbox.engine import LANGUAGES, MIN_CODES, ChatterboxEngine
from voxdemo.errors import InputError, ModelDiedError
from voxdemo.server.assemble import RECORDING
from voxdemo.speech import CFG_WEIGHT, EXAGGERATION, TEMPERATURE, Dial, Utterance

pytestmark = MARKS


def test_a_part_comes_as_one_sound_after_a_step_for_each_code(stopping: ChatterboxEngine) -> None:
    *steps, heard = items(stopping, "Hello.")
    assert steps == [Step()] * MIN_CODES
    assert (len(heard), heard.dtype) == ((MIN_CODES - 1) * 960, np.float32)
    assert 0.001 < np.abs(heard).max() <= 1


def test_closing_stops_the_model_where_it_is(running: ChatterboxEngine) -> None:
    asked = 0

    def count(*_: Any) -> None:
        nonlocal asked
        asked += 1

    hook = running._model.t3.tfmr.register_forward_pre_hook(count)
    said = items(running, "Hello.")
    assert list(itertools.islice(said, 3)) == [Step()] * 3
    said.close()
    hook.remove()
    assert (asked, list(said)) == (3, [])


@pytest.mark.parametrize("has_recording", [False, True])
def test_the_same_seed_gives_the_same_sound_whatever_was_said_or_drawn_before(
    stopping: ChatterboxEngine, has_recording: bool
) -> None:
    import torch

    prompt = recording() if has_recording else None
    first = sound(stopping, seed=1, prompt=prompt)
    torch.manual_seed(99)
    assert not np.array_equal(sound(stopping, seed=2, prompt=prompt), first)
    sound(stopping, "Something else.", prompt=recording(300.0))
    assert np.array_equal(sound(stopping, seed=1, prompt=prompt), first)


def test_each_recording_gives_a_voice_and_none_the_models_own(stopping: ChatterboxEngine) -> None:
    prompts = (None, recording(120.0), recording(240.0), recording(120.0, seconds=2.0))
    assert len({sound(stopping, prompt=prompt).tobytes() for prompt in prompts}) == 4


@pytest.mark.parametrize("seconds", [0.2, 0.53, 1.01, 30.0])
def test_recordings_of_every_length_are_listened_to(stopping: ChatterboxEngine, seconds: float) -> None:
    assert sound(stopping, prompt=recording(seconds=seconds)).any()


def clicks(*at: int) -> PromptAudio:
    samples = np.zeros(24_000, np.float32)
    samples[list(at)] = 1.0
    return PromptAudio(samples, 24_000)


@pytest.mark.parametrize(
    "prompt", [clicks(), clicks(500), clicks(12_000, 12_100), PromptAudio(np.zeros(0, np.float32), 24_000)]
)
def test_a_recording_without_a_voice_is_refused_and_the_model_lives(
    stopping: ChatterboxEngine, prompt: PromptAudio
) -> None:
    with pytest.raises(InputError, match="The recording of the voice is silent"):
        sound(stopping, prompt=prompt)
    assert sound(stopping).any()


def test_what_it_says_has_the_watermark_which_speech_has_not(running: ChatterboxEngine) -> None:
    heard, (speech, rate) = sound(running), soundfile.read(RECORDING, dtype="float32")
    assert running._watermarker.get_watermark(heard, sample_rate=24_000) == 1
    assert running._watermarker.get_watermark(speech, sample_rate=rate) == 0


def test_a_text_whose_end_is_not_found_is_taken_again_and_then_cut_off(running: ChatterboxEngine) -> None:
    *steps, heard, last = items(running, "A.")
    assert (set(map(type, steps)), last) == ({Step}, RanOn())
    limit = len(steps) // engine.MAX_TAKES
    assert (len(steps), len(heard)) == (engine.MAX_TAKES * limit, (limit - 1) * 960)
    assert 3 < len(heard) / 24_000 < 7


def test_a_part_without_words_is_a_short_silence_and_a_text_without_is_refused(stopping: ChatterboxEngine) -> None:
    (silence,) = items(stopping, "Hello. * * *", part="* * *")
    assert not silence.any()
    with pytest.raises(InputError, match="nothing to say"):
        list(items(stopping, "* * *"))


@pytest.mark.parametrize(
    ("exaggeration", "cfg_weight", "temperature"),
    [(0.5, 0.5, 0.8), (0.5, 0.0, 0.8), (2.0, 1.0, 0.05), (0.25, 0.2, 5.0)],
)
def test_codes_are_those_of_the_packages_own_loop(
    running: ChatterboxEngine, exaggeration: float, cfg_weight: float, temperature: float
) -> None:
    import torch
    from chatterbox.models.t3 import t3
    from torch.nn.functional import pad

    how = Utterance("", exaggeration=exaggeration, cfg_weight=cfg_weight, temperature=temperature)
    ours, theirs = (running._voices.voice(None, exaggeration).t3 for _ in range(2))
    tokens = running._tokens("hello there", "en")
    codes = list(itertools.islice(running._codes(ours, tokens, how, torch.Generator().manual_seed(5)), 20))
    text = pad(pad(torch.tensor([tokens] * 2), (1, 0), value=255), (0, 1), value=0)
    drawn, bars = torch.get_rng_state(), t3.tqdm
    torch.manual_seed(5)
    try:
        vars(t3)["tqdm"] = lambda steps, **_: steps
        said = running._model.t3.inference(
            t3_cond=theirs, text_tokens=text, max_new_tokens=20, temperature=temperature, cfg_weight=cfg_weight,
            repetition_penalty=engine.REPETITION_PENALTY, min_p=engine.MIN_P, top_p=1.0,
        )  # fmt: skip
    finally:
        vars(t3)["tqdm"] = bars
        torch.set_rng_state(drawn)
    assert said[0].tolist() == codes


@pytest.mark.parametrize("dial", [CFG_WEIGHT, TEMPERATURE], ids=lambda dial: dial.name)
def test_each_dial_changes_what_is_said_from_end_to_end_of_its_range(running: ChatterboxEngine, dial: Dial) -> None:
    ends = [beginning(running, **{dial.name: value}) for value in (dial.low, dial.default, dial.high)]
    assert ends[0] != ends[1] != ends[2] != ends[0]


@pytest.mark.parametrize("prompt", [None, recording()], ids=["own voice", "recording"])
def test_a_voice_is_given_to_the_model_with_the_exaggeration_that_is_asked_for(
    stopping: ChatterboxEngine, prompt: PromptAudio | None
) -> None:
    given: list[float] = []
    encoder = stopping._model.t3.cond_enc
    hook = encoder.register_forward_pre_hook(lambda module, asked: given.append(float(asked[0].emotion_adv)))
    for exaggeration in (EXAGGERATION.low, EXAGGERATION.high, EXAGGERATION.default):
        sound(stopping, prompt=prompt, exaggeration=exaggeration)
    hook.remove()
    assert given == [EXAGGERATION.low, EXAGGERATION.high, EXAGGERATION.default]


def beginning(engine: ChatterboxEngine, **how: Any) -> list[int]:
    """The first codes of a text."""
    import torch

    utterance = Utterance("", **how)
    voice, own = engine._voices.voice(None, utterance.exaggeration).t3, torch.Generator().manual_seed(5)
    return list(itertools.islice(engine._codes(voice, engine._tokens("hello", "en"), utterance, own), 40))


TEXTS = {"en": "Hello, “you” — 12…", "de": "Grüße: Äpfel; Öl", "es": "¿Qué tal?", "ko": "가나 다", "hi": "नमस्ते"}


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_becomes_the_tokens_that_the_package_makes_of_it(stopping: ChatterboxEngine, language: str) -> None:
    from chatterbox.models.tokenizers.tokenizer import MTLTokenizer
    from chatterbox.mtl_tts import punc_norm

    theirs = MTLTokenizer.__new__(MTLTokenizer)  # making it asks the hub for what Chinese needs
    theirs.tokenizer = stopping._tokenizer
    ours = stopping._tokens(TEXTS[language], language)
    assert ours == theirs.encode(punc_norm(TEXTS[language]), language_id=language)
    assert ours[0] == stopping._tokenizer.token_to_id(f"[{language}]")


@pytest.mark.parametrize("words", ["Hi [STOP] you", "[es] Hi", "a [START] [SPACE]"])
def test_what_looks_like_a_mark_in_a_text_is_none(stopping: ChatterboxEngine, words: str) -> None:
    marks = {stopping._tokenizer.token_to_id(mark) for mark in ("[STOP]", "[START]", "[es]")}
    assert not marks & set(stopping._tokens(words, "en"))


def test_the_language_that_is_asked_for_is_spoken_else_english(running: ChatterboxEngine) -> None:
    by_language = {each: sound(running, "Hola.", language=each).tobytes() for each in (None, "en", "es")}
    assert by_language[None] == by_language["en"] != by_language["es"]


def test_its_languages_are_of_those_that_the_model_knows() -> None:
    from chatterbox import SUPPORTED_LANGUAGES

    assert set(SUPPORTED_LANGUAGES) - set(LANGUAGES) == {"zh", "he", "ja"}
    assert set(LANGUAGES) < set(SUPPORTED_LANGUAGES)


@pytest.mark.parametrize("words", [unicodedata.normalize("NFD", "é"), "𝔘", "\ud800a", "a\u200bb"])
def test_odd_letters_are_said_somehow(stopping: ChatterboxEngine, words: str) -> None:
    assert sound(stopping, words).any()


def test_numbers_that_are_none_end_the_model_and_not_the_server(folders: dict[str, Path]) -> None:
    import torch

    broken = ChatterboxEngine(checkpoint.read(folders["stops"]), CPU, "float32")
    with torch.no_grad():
        broken._model.t3.speech_head.weight.fill_(torch.nan)
    with pytest.raises(ModelDiedError, match="failed and is reloading"):
        list(items(broken, "Hello."))
    broken.close()
