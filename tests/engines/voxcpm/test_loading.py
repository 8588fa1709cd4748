"""The model in memory: the package's own sound, at less cost, on the device and in the precision that fit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints
import pytest

from voxdemo.engines.voxcpm import checkpoint, loading
from voxdemo.engines.voxcpm.checkpoint import Classes
from voxdemo.errors import SettingsError, WeightsError
from voxdemo.model_support.devices import Device
from voxdemo.model_support.process_wide import quiet

pytestmark = pytest.mark.long

CPU = Device("cpu", "a processor", 2**34)
SHORT = {"target_text": "Hello there, you.", "prompt_cache": None, "max_len": 12, "inference_timesteps": 2}


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
@pytest.mark.parametrize("generation", checkpoints.GENERATIONS)
def test_it_sounds_bit_by_bit_like_the_package(tmp_path: Path, generation: Any, precision: Any) -> None:
    import torch

    folder = checkpoints.voxcpm(tmp_path / "m", generation, stops=False)
    ours = _load(folder, precision)
    assert torch.equal(_say(ours), _say(_upstream(folder, precision)))


@pytest.mark.parametrize("generation", checkpoints.GENERATIONS)
def test_int8_sounds_nearly_like_the_package_that_decodes_everything_at_once(
    folder_of: Callable[..., Path], tmp_path: Path, generation: Any
) -> None:
    import torch

    folder = checkpoints.voxcpm(tmp_path / "m", generation, stops=False)
    ours, theirs = _say(_load(folder, "int8")), _whole(_upstream(folder, "float32"))
    assert ours.shape == theirs.shape
    assert not torch.equal(ours, theirs)
    assert (ours - theirs).abs().max() < 0.01 * theirs.abs().max()


def test_int8_keeps_its_place_in_the_sound_from_one_utterance_to_the_next(folder_of: Callable[..., Path]) -> None:
    import torch

    model = _load(folder_of("0.5B", stops=False), "int8")
    first = _say(model, seed=1)
    assert not torch.equal(first, _say(model, seed=2))
    assert torch.equal(first, _say(model, seed=1))


def test_the_layers_are_quantised_and_nothing_else(folder_of: Callable[..., Path]) -> None:
    import torch

    model = _load(folder_of("2", stops=False), "int8")
    left = [name for name, module in model.named_modules() if type(module) is torch.nn.Linear]
    assert left
    assert not any(loading.LAYERS in name for name in left)
    assert "Quantized" in repr(model.base_lm.layers[0])


def test_no_weight_is_left_out(folder_of: Callable[..., Path]) -> None:
    for generation in checkpoints.GENERATIONS:
        model = _load(folder_of(generation, stops=False), "float32")
        assert not any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()])
        assert not any(tensor.requires_grad for tensor in model.parameters())


def test_weights_that_changed_since_they_were_checked_are_refused(tmp_path: Path) -> None:
    found = checkpoint.read(checkpoints.voxcpm(tmp_path / "m", "2"))
    found.weights.write_bytes(found.weights.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="cut short or damaged"):
        loading.load(found, loading.plan(found, CPU, "none", 512))


@pytest.mark.parametrize(
    ("device", "quantize", "precision"),
    [("cuda:1", "none", "bfloat16"), ("mps", "none", "float32"), ("cpu", "int8", "int8")],
)
def test_the_precision_fits_the_device(
    folder_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, device: str, quantize: str, precision: str
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda name: (9, 0))
    made = loading.plan(checkpoint.read(folder_of("2", stops=False)), Device(device, device, 2**34), quantize, 300)
    assert (made.precision, made.kv_cache) == (precision, 300)
    assert not made.compiled or device.startswith("cuda")


@pytest.mark.parametrize("device", ["cuda:0", "mps"])
def test_int8_off_the_processor_is_refused(folder_of: Callable[..., Path], device: str) -> None:
    with pytest.raises(SettingsError, match="VOXDEMO_QUANTIZE is 'int8'"):
        loading.plan(checkpoint.read(folder_of("2", stops=False)), Device(device, device, 2**34), "int8", 300)


def test_no_more_is_kept_in_mind_than_the_model_was_made_for(folder_of: Callable[..., Path]) -> None:
    assert loading.plan(checkpoint.read(folder_of("2", stops=False)), CPU, "none", 32_768).kv_cache == 512


def test_room_is_rounded_up_bounded_and_kept_while_it_is_the_same(folder_of: Callable[..., Path]) -> None:
    found = checkpoint.read(folder_of("2", stops=False))
    plan = loading.plan(found, CPU, "none", 300)
    model = loading.load(found, plan)
    lengths = []
    for steps in (1, 64, 65, 1000):
        loading.make_room(model, plan, steps)
        lengths.append((model.base_lm.kv_cache.max_length, model.residual_lm.kv_cache.max_length))
    assert lengths == [(64, 64), (64, 64), (128, 128), (300, 300)]
    kept = model.base_lm.kv_cache
    loading.make_room(model, plan, 299)
    assert model.base_lm.kv_cache is kept
    loading.make_room(model, dataclasses.replace(plan, compiled=True), 1)
    assert model.base_lm.kv_cache is kept


def test_the_length_of_the_room_does_not_change_the_sound(folder_of: Callable[..., Path]) -> None:
    import torch

    found = checkpoint.read(folder_of("1.5", stops=False))
    plan = loading.plan(found, CPU, "none", 512)
    model = loading.load(found, plan)
    wide = _say(model)
    loading.make_room(model, plan, 64)
    torch.testing.assert_close(_say(model), wide, atol=1e-3, rtol=0)


def test_memory_grows_with_what_takes_it(folder_of: Callable[..., Path]) -> None:
    found = dataclasses.replace(checkpoint.read(folder_of("2")), parameters=2 * 10**9, cached_values=18_432)
    int8, narrow, wide = (loading.memory_bytes(found, name, 512) for name in ("int8", "bfloat16", "float32"))
    assert 2e9 < int8 < narrow < wide < 12e9
    assert loading.memory_bytes(found, "float32", 1024) - wide == 18_432 * 512 * 4


def _load(folder: Path, precision: Any) -> Any:
    found = checkpoint.read(folder)
    plan = loading.plan(found, CPU, "none", 512)
    return loading.load(found, dataclasses.replace(plan, precision=precision))


def _upstream(folder: Path, precision: str) -> Any:
    """The same folder, by the package's own loader."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": precision}))
    with quiet():
        return Classes.of(config["architecture"]).model.from_local(str(folder), optimize=False, device="cpu")


def _say(model: Any, seed: int = 3) -> Any:
    import torch

    torch.manual_seed(seed)
    with quiet():
        made = model.generate_with_prompt_cache_streaming(**SHORT)
        return torch.cat([sound for sound, _, _ in made], dim=-1)


def _whole(model: Any, seed: int = 3) -> Any:
    import torch

    torch.manual_seed(seed)
    with quiet():
        return model.generate_with_prompt_cache(**SHORT)[0]
