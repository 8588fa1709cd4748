"""Which VoxCPM is taken on which machine."""

from __future__ import annotations

from pathlib import Path

import checkpoints
import pytest

from voxdemo.engines.registry import ENGINES
from voxdemo.engines.voxcpm import choice
from voxdemo.errors import WeightsError
from voxdemo.model_support import devices
from voxdemo.model_support.devices import Device
from voxdemo.settings import Settings

NEWEST, MIDDLE, OLDEST = "openbmb/VoxCPM2", "openbmb/VoxCPM1.5", "openbmb/VoxCPM-0.5B"
GB = 10**9


@pytest.fixture
def on_this_disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Which models are on the disk: none, to begin with."""
    here: dict[str, Path] = {}
    monkeypatch.setattr(choice.hub, "folder_of", lambda model, needed: here.get(model))
    return here


def with_memory(monkeypatch: pytest.MonkeyPatch, gigabytes: float, name: str = "mps") -> None:
    device = Device(name, "Test GPU", int(gigabytes * GB))
    monkeypatch.setattr(devices, "find", lambda setting: device)


@pytest.mark.parametrize(
    ("gigabytes", "generators", "model"),
    [(64, 1, NEWEST), (64, 2, NEWEST), (16, 2, MIDDLE), (9, 1, MIDDLE), (3, 1, OLDEST)],
)
def test_the_newest_that_fits_is_taken(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path], gigabytes: float, generators: int, model: str
) -> None:
    with_memory(monkeypatch, gigabytes)
    assert choice.model_for(Settings(generators=generators)) == model


def test_one_that_is_here_is_taken_before_a_newer_one_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path], tmp_path: Path
) -> None:
    with_memory(monkeypatch, 64)
    on_this_disk[OLDEST] = tmp_path
    assert choice.model_for(Settings()) == OLDEST
    on_this_disk[MIDDLE] = tmp_path
    assert choice.model_for(Settings()) == MIDDLE


def test_one_that_is_here_and_does_not_fit_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path], tmp_path: Path
) -> None:
    with_memory(monkeypatch, 3)
    on_this_disk[NEWEST] = tmp_path
    assert choice.model_for(Settings()) == NEWEST


def test_a_model_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path]) -> None:
    with_memory(monkeypatch, 64)
    assert choice.model_for(Settings(voxcpm_model="me/mine")) == "me/mine"


@pytest.mark.parametrize(
    ("generators", "words", "remedy"),
    [(1, "it would take", "set a smaller"), (2, "2 copies of it would take", "set VOXDEMO_GENERATORS=1 or a smaller")],
)
def test_what_does_not_fit_is_refused_with_the_figures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, generators: int, words: str, remedy: str
) -> None:
    with_memory(monkeypatch, 1, "cpu")
    folder = checkpoints.voxcpm(tmp_path / "model", "2")
    with pytest.raises(
        WeightsError, match=rf"VoxCPM2 doesn't fit: {words} \d\.\d GB in .*Test GPU has 1\.0 GB free: {remedy}"
    ):
        ENGINES.choose(Settings(engine="voxcpm", voxcpm_model=str(folder), generators=generators))


def test_without_a_gpu_and_without_weights_the_built_in_voice_is_all(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path], tmp_path: Path
) -> None:
    monkeypatch.setattr(devices, "accelerator_is_likely", lambda: False)
    assert [each.info.name for each in ENGINES.choose(Settings())] == ["builtin"]
    on_this_disk[OLDEST] = checkpoints.voxcpm(tmp_path / "model", "0.5B")
    wanted, standby = ENGINES.choose(Settings())
    assert (wanted.info.title, standby.info.name) == ("VoxCPM-0.5B", "builtin")


def test_a_model_that_is_named_is_wanted_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path]
) -> None:
    monkeypatch.setattr(devices, "accelerator_is_likely", lambda: False)
    assert len(ENGINES.choose(Settings(voxcpm_model="openbmb/VoxCPM1.5"))) == 2


def test_on_the_processor_by_choice_nothing_is_downloaded_unasked(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path]
) -> None:
    monkeypatch.setattr(devices, "accelerator_is_likely", lambda: True)
    assert [each.info.name for each in ENGINES.choose(Settings(device="cpu"))] == ["builtin"]


def test_what_does_not_fit_is_refused_before_it_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path]
) -> None:
    with_memory(monkeypatch, 3)
    with pytest.raises(WeightsError, match="VoxCPM2 doesn't fit"):
        ENGINES.choose(Settings(engine="voxcpm", voxcpm_model=NEWEST))


def test_with_a_gpu_the_built_in_voice_stands_by(
    monkeypatch: pytest.MonkeyPatch, on_this_disk: dict[str, Path]
) -> None:
    monkeypatch.setattr(devices, "accelerator_is_likely", lambda: True)
    wanted, standby = ENGINES.choose(Settings())
    assert (wanted.info.title, standby.info.name) == ("VoxCPM2", "builtin")
