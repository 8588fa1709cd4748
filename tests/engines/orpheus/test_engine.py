"""Orpheus through the real classes, on tiny random checkpoints: what it says is noise, in the right order."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from speaking_orpheus import CPU, MARKS, asked, items, sound

from voxdemo.engines.base import RanOn, Retake
from voxdemo.engines.orpheus import checkpoint
from voxdemo.engines.orpheus.engine import MAX_TAKES, VOICES, OrpheusEngine
from voxdemo.errors import InputError, ModelDiedError
from voxdemo.model_support import own_draws

pytestmark = MARKS


def test_sound_begins_after_28_codes_and_goes_on_every_seven(running: OrpheusEngine) -> None:
    with asked(running) as given, closing(items(running, "Hello.")) as pieces:
        sizes, calls = zip(*((len(next(pieces)), len(given)) for _ in range(3)), strict=True)
    assert (sizes, calls) == ((4096, 2048, 2048), (28, 35, 42))


def test_closing_stops_the_model_where_it_is(running: OrpheusEngine) -> None:
    with asked(running) as given:
        pieces = items(running, "Hello.")
        next(pieces)
        pieces.close()
        assert len(given) == 28
        assert list(pieces) == []


def test_nothing_is_lost_at_the_beginning_or_the_end(stopping: OrpheusEngine) -> None:
    pieces = list(items(stopping, "Hello."))
    assert [len(piece) for piece in pieces] == [4096, 4096]  # all of the four frames that it says before it may end
    assert all(piece.dtype == np.float32 for piece in pieces)
    assert 0.1 < np.abs(np.concatenate(pieces)).max() <= 1


def test_the_model_is_asked_as_it_was_trained(stopping: OrpheusEngine) -> None:
    with asked(stopping) as given:
        list(items(stopping, "Hello.", voice="leo"))
    text = stopping._tokenizer.encode("leo: Hello.").ids
    assert given[0] == [128_259, 128_000, *text, 128_009, 128_260, 128_261, 128_257]
    codes = [tokens[0] for tokens in given[1:]]
    assert [(code - 128_266) // 4096 for code in codes] == [*range(7)] * 4


def test_what_looks_like_a_mark_in_a_text_is_none(stopping: OrpheusEngine) -> None:
    with asked(stopping) as given:
        list(items(stopping, "Hi <custom_token_2> <|reserved_special_token_9|> you\ud800."))
    assert all(token < 128_000 for token in given[0][2:-4])


@pytest.mark.parametrize("text", ["Hello.", "Good morning, you."])
def test_the_same_seed_gives_the_same_sound_whatever_was_said_or_drawn_before(
    running: OrpheusEngine, text: str
) -> None:
    import torch

    def beginning(seed: int) -> list[float]:
        with closing(items(running, text, seed=seed)) as pieces:
            return np.concatenate(list(itertools.islice(pieces, 3))).tolist()

    first = beginning(1)
    torch.manual_seed(99)
    assert beginning(2) != first
    assert beginning(1) == first


def test_voices_differ_and_the_first_one_is_usual(stopping: OrpheusEngine) -> None:
    sounds = {voice.name: sound(stopping, voice=voice.name).tobytes() for voice in VOICES}
    assert len(set(sounds.values())) == len(VOICES) == 8
    assert sound(stopping).tobytes() == sounds["tara"]


def test_codes_become_sound_in_the_order_that_snac_has_them(stopping: OrpheusEngine) -> None:
    import torch

    layers = [torch.randint(0, 4096, (1, 4 * many), generator=torch.Generator().manual_seed(3)) for many in (1, 2, 4)]
    first, second, third = (layer[0].tolist() for layer in layers)
    frames = [
        [first[n], second[2 * n], third[4 * n], third[4 * n + 1], second[2 * n + 1], third[4 * n + 2], third[4 * n + 3]]
        for n in range(4)
    ]
    ours = stopping._decoded(frames, torch.Generator().manual_seed(1))
    with torch.inference_mode(), own_draws.drawn_from(torch.Generator().manual_seed(1)):
        theirs = stopping._codec.decode(layers)[0, 0].numpy()
    np.testing.assert_array_equal(ours, theirs)


def test_a_text_whose_end_is_not_found_is_taken_again_and_then_cut_off(running: OrpheusEngine) -> None:
    said = list(items(running, "A."))
    marks = [item for item in said if not isinstance(item, np.ndarray)]
    assert [type(mark) for mark in marks] == [Retake] * (MAX_TAKES - 1) + [RanOn]
    seconds = sum(len(item) for item in said if isinstance(item, np.ndarray)) / 24_000 / MAX_TAKES
    assert 3 < seconds < 7


def test_a_part_without_words_is_a_short_silence_and_a_text_without_is_refused(stopping: OrpheusEngine) -> None:
    (silence,) = items(stopping, "Hello. * * *", part="* * *")
    assert not silence.any()
    with pytest.raises(InputError, match="nothing to say"):
        list(items(stopping, "* * *"))


def test_it_scores_tokens_as_transformers_own_loading_does(folders: dict[str, Path], stopping: OrpheusEngine) -> None:
    import torch
    from transformers import LlamaForCausalLM

    theirs = LlamaForCausalLM.from_pretrained(folders["stops"], dtype=torch.float32, local_files_only=True)
    tokens = torch.tensor([[128_259, 128_000, *range(30), 128_009]])
    with torch.inference_mode():
        torch.testing.assert_close(stopping._model(tokens).logits, theirs(tokens).logits)
    assert not any(tensor.is_meta for tensor in [*stopping._model.parameters(), *stopping._model.buffers()])


def test_numbers_that_are_none_end_the_model_and_not_the_server(folders: dict[str, Path]) -> None:
    import torch

    engine = OrpheusEngine(checkpoint.read(folders["stops"], folders["codec"]), CPU, "float32")
    with torch.no_grad():
        engine._model.lm_head.weight.fill_(torch.nan)
    with pytest.raises(ModelDiedError, match="failed and is reloading"):
        list(items(engine, "Hello."))
    engine.close()
