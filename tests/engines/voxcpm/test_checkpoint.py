"""Which folders are trusted, and what is said of the others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints
import pytest
from serving import ROOT

from voxdemo.engines.voxcpm import checkpoint
from voxdemo.errors import WeightsError

Copy = Callable[..., Path]


@pytest.fixture
def copy(folder_of: Callable[..., Path], tmp_path: Path) -> Copy:
    """A copy of a whole checkpoint, to be broken."""
    return lambda generation="2": Path(shutil.copytree(folder_of(generation), tmp_path / "model"))


@pytest.mark.parametrize(
    ("generation", "title", "rate", "prompt_rate", "patch_s"),
    [
        ("0.5B", "VoxCPM-0.5B", 16_000, 16_000, 0.08),
        ("1.5", "VoxCPM1.5", 44_100, 44_100, 0.16),
        ("2", "VoxCPM2", 48_000, 16_000, 0.16),
    ],
)
def test_a_whole_checkpoint_is_read_and_trusted(
    folder_of: Callable[..., Path], generation: str, title: str, rate: int, prompt_rate: int, patch_s: float
) -> None:
    found = checkpoint.read(folder_of(generation))
    assert (found.title, found.sample_rate, found.prompt_rate) == (title, rate, prompt_rate)
    assert found.patch_s == pytest.approx(patch_s)
    checkpoint.check(found)


@pytest.mark.parametrize("generation", checkpoints.GENERATIONS)
def test_sizes_are_counted_as_the_package_has_them(folder_of: Callable[..., Path], generation: str) -> None:
    found = checkpoint.read(folder_of(generation))
    model = checkpoint.empty_model(found, "cpu", max_length=7)
    sizes = {name: tensor.numel() for name, tensor in model.state_dict().items()}
    of_vae = sum(size for name, size in sizes.items() if name.startswith("audio_vae."))
    assert found.vae_parameters == pytest.approx(of_vae, rel=0.001)  # PyTorch's files are counted from outside
    assert found.parameters == sum(sizes.values()) - of_vae
    assert found.embedding_parameters == sizes["base_lm.embed_tokens.weight"]
    caches = [lm.kv_cache.kv_cache.numel() for lm in (model.base_lm, model.residual_lm)]
    assert found.cached_values * 7 == sum(caches)


@pytest.mark.parametrize("safetensors", [True, False])
def test_both_kinds_of_files_are_trusted(tmp_path: Path, safetensors: bool) -> None:
    folder = checkpoints.voxcpm(tmp_path / "m", "1.5", safetensors=safetensors, vae_safetensors=safetensors)
    found = checkpoint.read(folder)
    checkpoint.check(found)
    assert {found.weights.suffix, found.vae_weights.suffix} == ({".safetensors"} if safetensors else {".bin", ".pth"})


def test_what_the_configuration_leaves_out_is_as_in_the_package(copy: Copy) -> None:
    folder = copy("0.5B")
    _edit(folder / "config.json", lambda config: [config.pop(key) for key in ("architecture", "audio_vae_config")])
    found = checkpoint.read(folder)
    assert (found.title, found.sample_rate, found.patch_s) == ("VoxCPM-0.5B", 16_000, 0.08)


def test_reading_needs_no_pytorch(folder_of: Callable[..., Path]) -> None:
    code = "\n".join(
        [
            "import sys; from pathlib import Path",
            "from voxdemo.engines.voxcpm import checkpoint",
            f"checkpoint.read(Path({str(folder_of('2'))!r}))",
            "assert not {'torch', 'voxcpm', 'transformers'} & set(sys.modules)",
        ]
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("name", ["config.json", *checkpoint.TOKENIZER_FILES, "model.safetensors", "audiovae.pth"])
def test_a_missing_file_is_named(copy: Copy, name: str) -> None:
    folder = copy()
    (folder / name).unlink()
    _refused(folder, f"lacks .*{name}")


@pytest.mark.parametrize("name", ["model.safetensors", "audiovae.pth"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_refused(copy: Copy, name: str, share: float) -> None:
    folder = copy()
    _truncate(folder / name, share)
    _refused(folder, f"{name} that is cut short or damaged")


def test_a_truncated_pytorch_file_is_refused(copy: Copy) -> None:
    folder = copy("0.5B")
    _truncate(folder / "pytorch_model.bin", 0.7)
    _refused(folder, "pytorch_model.bin that is cut short or damaged")


@pytest.mark.parametrize("name", ["model.safetensors", "audiovae.pth", "tokenizer.json"])
def test_a_pointer_in_place_of_a_file_is_explained(copy: Copy, name: str) -> None:
    folder = copy()
    (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    _refused(folder, f"{name} that only points to the file")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    _refused(tmp_path / "nowhere", "isn't a folder")


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff\xfe"])
def test_a_configuration_that_is_no_json_is_refused(copy: Copy, text: str) -> None:
    folder = copy()
    (folder / "config.json").write_text(text, encoding="latin-1")
    _refused(folder, "config.json that can't be read")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": "llama"}, "architecture 'llama', which isn't VoxCPM"),
        ({"architecture": 7}, "architecture is '7'"),
        ({"patch_size": "four"}, "patch_size is 'four'"),
        ({"max_length": 0}, "max_length is '0'"),
        ({"dtype": "int3"}, "dtype is 'int3'"),
        ({"lm_config": None}, "lm_config.* is missing"),
        ({"audio_vae_config": {"encoder_rates": [2, None]}}, "audio_vae_config.encoder_rates"),
        ({"dit_config": {}}, "VoxCPM2 can't be made from"),
        ({"feat_dim": 9}, "in shape"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(copy: Copy, change: dict[str, Any], said: str) -> None:
    folder = copy()
    _edit(folder / "config.json", lambda config: config.update(change))
    _refused(folder, said)


def test_a_configuration_with_fewer_layers_than_the_weights_is_refused(copy: Copy) -> None:
    folder = copy()
    _edit(folder / "config.json", lambda config: config["lm_config"].update(num_hidden_layers=1))
    _refused(folder, r"holds base_lm\.layers\.1\.")


def test_no_more_is_kept_in_mind_than_there_are_positions_for(copy: Copy) -> None:
    folder = copy()
    _edit(folder / "config.json", lambda config: config["lm_config"].update(max_position_embeddings=100))
    assert checkpoint.read(folder).max_length == 100


@pytest.mark.parametrize(("model", "added"), [("x", []), ({"vocab": 7}, []), ({}, 5), ({}, ["x"])])
def test_a_tokenizer_of_odd_values_is_refused(copy: Copy, model: object, added: object) -> None:
    folder = copy()
    _edit(folder / "tokenizer.json", lambda tokenizer: tokenizer.update(model=model, added_tokens=added))
    _refused(folder, "tokenizer")


@pytest.mark.parametrize(("generation", "other"), [("2", "voxcpm"), ("1.5", "voxcpm2")])
def test_the_wrong_architecture_is_refused(copy: Copy, generation: str, other: str) -> None:
    folder = copy(generation)
    _edit(folder / "config.json", lambda config: config.update(architecture=other))
    _refused(folder, "fusion_concat_proj|sr_bin_boundaries")


def test_a_missing_tensor_is_named(copy: Copy) -> None:
    folder = copy()
    _edit_safetensors(folder / "model.safetensors", lambda tensors: tensors.pop("base_lm.norm.weight"))
    _refused(folder, r"lacks base_lm\.norm\.weight among its weights")


def test_a_missing_tensor_of_the_vae_is_named(copy: Copy) -> None:
    import torch

    folder = copy("0.5B")
    content = torch.load(folder / "audiovae.pth", weights_only=True)
    del content["state_dict"]["decoder.model.0.bias"]
    torch.save(content, folder / "audiovae.pth")
    _refused(folder, r"lacks audio_vae\.decoder\.model\.0\.bias")


def test_a_tensor_of_another_shape_is_named(copy: Copy) -> None:
    import torch

    folder = copy()
    change = {"stop_head.weight": torch.zeros(3, 32)}
    _edit_safetensors(folder / "model.safetensors", lambda tensors: tensors.update(change))
    _refused(folder, r"has stop_head\.weight in shape 3 x 32, but config\.json makes it 2 x 32")


def test_a_tokenizer_of_another_model_is_refused(copy: Copy) -> None:
    folder = copy()
    _edit(folder / "tokenizer.json", lambda tokenizer: tokenizer["model"]["vocab"].update({"beyond": 10**6}))
    _refused(folder, "tokenizer.json of another model")


def test_a_model_too_small_for_the_audio_tokens_is_refused(copy: Copy) -> None:
    folder = copy()
    _edit(folder / "config.json", lambda config: config["lm_config"].update(vocab_size=104))
    _refused(folder, "tokenizer.json of another model")


def test_what_the_tokenizer_does_without_may_be_missing(copy: Copy) -> None:
    folder = copy()
    (folder / "special_tokens_map.json").unlink()
    checkpoint.check(checkpoint.read(folder))


def test_a_tensor_too_many_does_no_harm(copy: Copy) -> None:
    import torch

    folder = copy()
    more = {"base_lm.rope_emb.inv_freq": torch.ones(4)}
    _edit_safetensors(folder / "model.safetensors", lambda tensors: tensors.update(more))
    checkpoint.check(checkpoint.read(folder))


def test_a_tokenizer_that_is_something_else_is_refused(copy: Copy) -> None:
    folder = copy()
    _edit(folder / "tokenizer.json", lambda tokenizer: tokenizer.update(model={"vocab": tokenizer["model"]["vocab"]}))
    _refused(folder, "tokenizer that can't be read")


def _refused(folder: Path, said: str) -> None:
    """Refused in one sentence that names the folder and what to do."""
    with pytest.raises(WeightsError, match=said) as caught:
        checkpoint.check(checkpoint.read(folder))
    sentence = str(caught.value)
    assert sentence.startswith(str(folder))
    assert sentence.endswith("or choose another folder in VOXDEMO_VOXCPM_MODEL.")
    assert "\n" not in sentence


def _truncate(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def _edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")


def _edit_safetensors(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
