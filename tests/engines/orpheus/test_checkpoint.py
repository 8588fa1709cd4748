"""Which folders are trusted, what is said of the others, and where Orpheus is offered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fake_hub import fetched, serve
from speaking_orpheus import MARKS, built, items

from voxdemo.engines.orpheus import checkpoint
from voxdemo.engines.registry import ENGINES
from voxdemo.errors import SettingsError, WeightsError
from voxdemo.model_support import devices
from voxdemo.model_support.devices import Device
from voxdemo.settings import Settings

pytestmark = MARKS
Folders = dict[str, Path]


def rewritten(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def without_tensor(model: Path, name: str) -> None:
    from safetensors.torch import load_file, save_file

    path = model / json.loads((model / checkpoint.INDEX).read_text())["weight_map"][name]
    tensors = load_file(path)
    del tensors[name]
    save_file(tensors, path)


def codec_without(path: Path, name: str) -> None:
    import torch

    tensors = torch.load(path)
    del tensors[name]
    torch.save(tensors, path)


LAST_PART = "model-00002-of-00002.safetensors"
BROKEN: dict[str, tuple[Callable[[Path, Path], Any], str]] = {
    "no folder": (lambda model, codec: shutil.rmtree(model), "neither a folder on this machine nor a hub id"),
    "no configuration": (lambda model, codec: (model / "config.json").unlink(), "model lacks config.json"),
    "no tokenizer": (lambda model, codec: (model / "tokenizer.json").unlink(), "model lacks tokenizer.json"),
    "no part": (lambda model, codec: (model / LAST_PART).unlink(), f"model lacks {LAST_PART}"),
    "a part cut short": (
        lambda model, codec: (model / LAST_PART).write_bytes((model / LAST_PART).read_bytes()[:-9]),
        f"{LAST_PART} that is cut short or damaged",
    ),
    "an index of files elsewhere": (
        lambda model, codec: rewritten(model / checkpoint.INDEX, weight_map={"a": "../../etc/passwd"}),
        "index.json that can't be read",
    ),
    "no tensor": (
        lambda model, codec: without_tensor(model, "model.norm.weight"),
        "lacks model.norm.weight among its weights",
    ),
    "another shape": (
        lambda model, codec: rewritten(model / "config.json", intermediate_size=64),
        "but config.json makes it 64 x 16",
    ),
    "another Llama": (lambda model, codec: rewritten(model / "config.json", vocab_size=128_256), "isn't Orpheus"),
    "another architecture": (
        lambda model, codec: rewritten(model / "config.json", model_type="qwen2"),
        "isn't Orpheus",
    ),
    "figures that don't go together": (
        lambda model, codec: rewritten(model / "config.json", hidden_size="wide"),
        "hidden_size is 'wide'",
    ),
    "a broken tokenizer": (
        lambda model, codec: (model / "tokenizer.json").write_text("{}"),
        "has a tokenizer that can't be read",
    ),
    "no codec": (lambda model, codec: shutil.rmtree(codec), "neither a folder on this machine nor a hub id"),
    "no weights of the codec": (
        lambda model, codec: (codec / "pytorch_model.bin").unlink(),
        "codec lacks pytorch_model.bin",
    ),
    "no tensor of the codec": (
        lambda model, codec: codec_without(codec / "pytorch_model.bin", "decoder.model.0.bias"),
        "lacks decoder.model.0.bias among its weights",
    ),
    "the codec of 44 kHz": (
        lambda model, codec: rewritten(codec / "config.json", sampling_rate=44_100),
        "another codec than the SNAC of 24 kHz",
    ),
    "a codec of other layers": (
        lambda model, codec: rewritten(codec / "config.json", vq_strides=[8, 4, 2, 1]),
        "another codec than the SNAC of 24 kHz",
    ),
}


@pytest.mark.parametrize(("broken", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_whole_is_refused_before_it_is_loaded(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Callable[[Path, Path], Any], says: str
) -> None:
    monkeypatch.setattr(devices, "find", lambda setting: Device("cpu", "Large machine", 10**12))
    model = Path(shutil.copytree(folders["stops"], tmp_path / "model"))
    codec = Path(shutil.copytree(folders["codec"], tmp_path / "codec"))
    broken(model, codec)
    with pytest.raises(WeightsError) as mistake:
        ENGINES.choose(named(model, codec))
    said = mistake.value.sentence
    assert says in said
    assert ("VOXDEMO_SNAC_MODEL" if str(codec) in said else "VOXDEMO_ORPHEUS_MODEL") in said


def named(model: Path | str, codec: Path | str, **more: Any) -> Settings:
    settings = {"engine": "orpheus", "orpheus_model": str(model), "snac_model": str(codec), "device": "cpu"}
    return Settings(**{**settings, **more})


def test_weights_in_one_file_and_a_table_that_serves_both_ways_are_fine(folders: Folders, tmp_path: Path) -> None:
    import orpheus_checkpoint

    tied = orpheus_checkpoint.orpheus(tmp_path / "tied", tied=True, parts=1)
    engine = built(tied, folders["codec"])
    with closing(items(engine, "Hi.")) as pieces:
        assert next(pieces).any()
    engine.close()


def test_without_its_package_it_says_what_installs_it(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for settings in (
        named(folders["stops"], folders["codec"]),
        named(folders["stops"], folders["codec"], engine="builtin", engines=("orpheus",)),
    ):
        with pytest.raises(WeightsError, match=r"needs the package snac.*: run \./launch\.sh --engine orpheus, or"):
            (*ENGINES.choose(settings), *ENGINES.others(settings))


def test_it_is_offered_only_where_it_is_named(folders: Folders) -> None:
    here = named(folders["stops"], folders["codec"], engine="auto")
    listed = named(folders["stops"], folders["codec"], engine="builtin", engines=("orpheus",))
    assert "orpheus" not in {each.info.name for each in (*ENGINES.choose(here), *ENGINES.others(here))}
    assert "Orpheus-3B" not in dict(ENGINES.downloads(here))
    assert [each.info.name for each in ENGINES.others(listed)] == ["orpheus"]
    assert dict(ENGINES.downloads(listed))["Orpheus-3B"].is_here(listed)


def test_beside_others_it_must_be_here(tmp_path: Path, folders: Folders) -> None:
    with pytest.raises(SettingsError, match=r"names orpheus, whose weights aren't downloaded"):
        ENGINES.others(named("nobody/nothing", folders["codec"], engine="builtin", engines=("orpheus",)))


def test_what_does_not_fit_is_refused_before_it_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find", lambda setting: Device("cuda:0", "Small GPU", 4 * 10**9))
    with pytest.raises(WeightsError, match=r"Orpheus-3B doesn't fit: it would take 9\.1 GB in bfloat16, and Small GPU"):
        ENGINES.choose(named("canopylabs/orpheus-3b-0.1-ft", "hubertsiuzdak/snac_24khz"))


def test_fetch_models_fetches_both_and_what_lacks_of_the_parts(folders: Folders, tmp_path: Path) -> None:
    models = {"canopylabs/orpheus-3b-0.1-ft": folders["stops"], "hubertsiuzdak/snac_24khz": folders["codec"]}
    with serve(models) as hub:
        first = fetched(tmp_path, hub.url, "orpheus")
        model, codec = first["orpheus-3b-0.1-ft"], first["snac_24khz"]
        checkpoint.check(checkpoint.read(model, codec))
        (model / LAST_PART).unlink()
        assert fetched(tmp_path, hub.url, "orpheus") == first
        checkpoint.check(checkpoint.read(model, codec))
