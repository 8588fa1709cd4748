"""Which folders are trusted, what is said of the others, and where Chatterbox is offered."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_hub import fetched, serve
from speaking_chatterbox import MARKS

from voxdemo.engines.chatterbox import checkpoint
from voxdemo.engines.chatterbox.checkpoint import NEEDED, OWN_VOICE, TOKENIZER
from voxdemo.engines.registry import ENGINES
from voxdemo.errors import WeightsError
from voxdemo.model_support import devices
from voxdemo.model_support.devices import Device
from voxdemo.settings import Settings

pytestmark = MARKS
T3, S3GEN = checkpoint.WEIGHTS["t3"], checkpoint.WEIGHTS["s3gen"]


def held(path: Path) -> dict[str, Any]:
    """The tensors in a file, apart from it."""
    from safetensors.torch import load_file

    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    from safetensors.torch import save_file

    tensors = held(path)
    change(tensors)
    save_file(tensors, path)


def fewer(tensors: dict[str, Any]) -> None:
    """As the folder that the package loads in silence: fifty of its tensors."""
    for name in sorted(tensors)[50:]:
        del tensors[name]


def wider(tensors: dict[str, Any], name: str) -> None:
    import torch

    tensors[name] = torch.zeros(8, 8)


def pickled(path: Path) -> None:
    """The same weights, in a file that says it is something else."""
    import torch

    torch.save(held(path), path)


def only_pickles(folder: Path) -> None:
    import torch

    for name in (S3GEN, "ve.safetensors"):
        torch.save(held(folder / name), (folder / name).with_suffix(".pt"))
        (folder / name).unlink()


def linked(folder: Path, name: str) -> None:
    there = Path(shutil.move(folder / name, folder.parent / "elsewhere"))
    (folder / name).symlink_to(there)


def voice(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    import torch

    content = torch.load(path)
    change(content)
    torch.save(content, path)


class Attack:
    """A pickle that would make a file where it is loaded."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.made,)


def attacked(folder: Path) -> None:
    import torch

    torch.save({"t3": Attack(folder / "attacked"), "gen": {}}, folder / OWN_VOICE)


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, "neither a folder on this machine nor a hub id"),
    **{f"no {name}": (lambda folder, name=name: (folder / name).unlink(), f"model lacks {name}") for name in NEEDED},
    "cut short": (
        lambda folder: (folder / S3GEN).write_bytes((folder / S3GEN).read_bytes()[:-9]),
        "s3gen.safetensors that is cut short or damaged",
    ),
    "a pointer": (
        lambda folder: (folder / T3).write_text("version https://git-lfs.github.com/spec/v1\n"),
        "only points to the file",
    ),
    "no tensor": (
        lambda folder: changed(folder / T3, lambda tensors: tensors.pop("tfmr.norm.weight")),
        "lacks tfmr.norm.weight among its weights",
    ),
    "fifty tensors": (lambda folder: changed(folder / S3GEN, fewer), "more among its weights"),
    "no voice encoder": (
        lambda folder: changed(folder / "ve.safetensors", lambda tensors: tensors.pop("proj.bias")),
        "lacks proj.bias among its weights",
    ),
    "another shape": (
        lambda folder: changed(folder / T3, lambda tensors: wider(tensors, "speech_head.weight")),
        "speech_head.weight in shape 8 x 8, but Chatterbox, in t3_mtl23ls_v2.safetensors, makes it 8194 x 16",
    ),
    "another model": (
        lambda folder: shutil.copy(folder / "ve.safetensors", folder / T3),
        "more among its weights",
    ),
    "pickled weights": (lambda folder: pickled(folder / S3GEN), "s3gen.safetensors that is cut short or damaged"),
    "only pickles": (only_pickles, "model lacks s3gen.safetensors"),
    "a link elsewhere": (lambda folder: linked(folder, T3), f"{T3} that is a link to a file elsewhere"),
    "a voice elsewhere": (lambda folder: linked(folder, OWN_VOICE), "conds.pt that is a link to a file elsewhere"),
    "a broken tokenizer": (lambda folder: (folder / TOKENIZER).write_text("{}"), "has a tokenizer that can't be read"),
    "no voice": (
        lambda folder: voice(folder / OWN_VOICE, lambda content: content.clear()),
        "conds.pt that doesn't hold a voice of Chatterbox",
    ),
    "a voice of other codes": (
        lambda folder: voice(folder / OWN_VOICE, lambda content: content["gen"]["prompt_token"].add_(6561)),
        "conds.pt that doesn't hold a voice of Chatterbox",
    ),
    "a voice of another size": (
        lambda folder: voice(
            folder / OWN_VOICE, lambda content: content["gen"].update(embedding=content["t3"]["speaker_emb"])
        ),
        "conds.pt that doesn't hold a voice of Chatterbox",
    ),
    "a voice that is a program": (attacked, "conds.pt that is cut short or damaged"),
}


@pytest.mark.parametrize(("broken", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_whole_is_refused_before_it_is_loaded(
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Path], Any],
    says: str,
) -> None:
    monkeypatch.setattr(devices, "find", lambda setting: Device("cpu", "Large machine", 10**12))
    folder = Path(shutil.copytree(folders["stops"], tmp_path / "model"))
    broken(folder)
    with pytest.raises(WeightsError) as mistake:
        ENGINES.choose(named(folder))
    assert says in mistake.value.sentence
    assert "VOXDEMO_CHATTERBOX_MODEL" in mistake.value.sentence
    assert not (folder / "attacked").exists()


def named(folder: Path | str, **more: Any) -> Settings:
    return Settings(**{"engine": "chatterbox", "chatterbox_model": str(folder), "device": "cpu", **more})


@pytest.mark.parametrize("name", ["tokenizer._mel_filters", "tokenizer.window"])
def test_tables_that_the_published_file_lacks_are_worked_out(
    folders: dict[str, Path], tmp_path: Path, name: str
) -> None:
    import torch

    folder = Path(shutil.copytree(folders["stops"], tmp_path / "model"))
    changed(folder / S3GEN, lambda tensors: tensors.pop(name))
    found = checkpoint.read(folder)
    checkpoint.check(found)
    with_it = checkpoint.model(checkpoint.read(folders["stops"]), "cpu")
    without = checkpoint.model(found, "cpu")
    torch.testing.assert_close(without.s3gen.state_dict()[name], with_it.s3gen.state_dict()[name])


def test_nothing_of_it_stays_as_it_was_drawn(folders: dict[str, Path]) -> None:
    from safetensors.torch import load_file

    model = checkpoint.model(checkpoint.read(folders["stops"]), "cpu")
    for part, name in checkpoint.WEIGHTS.items():
        there = load_file(folders["stops"] / name)
        held = getattr(model, part).state_dict()
        assert all(held[each].equal(tensor) for each, tensor in there.items())
        assert not any(tensor.is_meta for tensor in [*held.values(), *getattr(model, part).buffers()])


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (("chatterbox",), "the package chatterbox-light, which isn't installed"),
        (("perth",), "the package resemble-perth, which isn't installed"),
        (("chatterbox", "perth"), "chatterbox-light and resemble-perth, not installed"),
    ],
)
def test_without_its_packages_it_says_what_installs_them(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], says: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in missing else True)
    with pytest.raises(WeightsError, match=rf"needs {says}: run \./launch\.sh --engine chatterbox, or"):
        ENGINES.choose(named(folders["stops"]))


def test_it_is_offered_only_where_it_is_named(folders: dict[str, Path]) -> None:
    here = named(folders["stops"], engine="auto")
    listed = named(folders["stops"], engine="builtin", engines=("chatterbox",))
    assert "chatterbox" not in {each.info.name for each in (*ENGINES.choose(here), *ENGINES.others(here))}
    assert "Chatterbox" not in dict(ENGINES.downloads(here))
    assert [each.info.name for each in ENGINES.others(listed)] == ["chatterbox"]
    assert dict(ENGINES.downloads(listed))["Chatterbox"].is_here(listed)


def test_what_does_not_fit_is_refused_before_it_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find", lambda setting: Device("cuda:0", "Small GPU", 4 * 10**9))
    with pytest.raises(WeightsError, match=r"Chatterbox doesn't fit: it would take 6\.3 GB in float32, and Small GPU"):
        ENGINES.choose(named("ResembleAI/chatterbox"))


def test_fetch_models_fetches_what_it_needs_and_no_other_model_beside_it(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    published = Path(shutil.copytree(folders["stops"], tmp_path / "published"))
    for other in ("t3_cfg.safetensors", "t3_mtl23ls_v3.safetensors", "s3gen.pt", "ve.pt", "tokenizer.json"):
        (published / other).write_bytes(b"of another model")
    with serve({"ResembleAI/chatterbox": published}) as hub:
        folder = fetched(tmp_path, hub.url, "chatterbox")["chatterbox"]
    assert {path.name for path in folder.iterdir()} == set(NEEDED)
    checkpoint.check(checkpoint.read(folder))  # whose files are links to the cache's own
