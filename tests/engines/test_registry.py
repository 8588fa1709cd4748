"""The registries are the one place that names the models; settings, documents and doctor say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from checkpoints import voxcpm
from serving import ROOT

from voxdemo.engines.registry import ENGINES
from voxdemo.errors import SettingsError
from voxdemo.model_support.offers import Registry
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.settings import Settings

BOTH = pytest.mark.parametrize("registry", [ENGINES, RECOGNIZERS], ids=lambda registry: registry.field)


@pytest.mark.parametrize("name", ["espeak", "", "voxcpm2", "default"])
@BOTH
def test_a_name_that_is_not_offered_is_refused_with_those_that_are(registry: Registry[Any], name: str) -> None:
    with pytest.raises(SettingsError) as mistake:
        registry.choose(Settings(**{registry.field: name}))
    allowed = ", ".join(registry.names)
    assert mistake.value.sentence == f"VOXDEMO_{registry.field.upper()} is {name!r}, but it must be one of {allowed}."


@BOTH
def test_the_built_in_one_is_taken_by_its_name_in_any_case_and_where_there_is_nothing_better(
    registry: Registry[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.model_support.hub.folder_of", lambda *_: None)
    for name in ("builtin", "BuiltIn", "auto"):
        (chosen,) = registry.choose(Settings(device="cpu", **{registry.field: name}))
        assert chosen.info.name == "builtin"


@BOTH
def test_one_whose_weights_are_here_is_wanted_and_the_built_in_one_stands_by(
    registry: Registry[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("voxdemo.model_support.hub.folder_of", lambda *_: tmp_path)
    settings = Settings(device="cpu")
    offer, why = registry.wanted(settings)
    wanted, standby = registry.choose(settings)
    assert (wanted.info.name, standby.info.name) == (offer.name, "builtin")
    assert why == "its weights are downloaded"


def beside(**settings: Any) -> list[str]:
    return [choice.info.name for choice in ENGINES.others(Settings(device="cpu", **settings))]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["kokoro"]),
        ({"engine": "kokoro"}, []),
        ({"engine": "kokoro", "engines": "auto"}, []),
        ({"engine": "kokoro", "engines": "builtin"}, ["builtin"]),
        ({"engine": "builtin", "engines": "Kokoro , builtin"}, ["kokoro"]),
        ({"engines": "builtin"}, []),  # it is the usual one here
        ({"engines": "kokoro"}, ["kokoro"]),
        ({"engines": ","}, []),
    ],
)
def test_which_engines_may_be_loaded_beside_the_usual_one(
    settings: dict[str, str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.model_support.hub.folder_of", lambda *_: None)
    assert beside(**settings) == names


@pytest.mark.parametrize("listed", ["espeak", "kokoro,espeak", "auto,kokoro", "kokoro;builtin"])
def test_a_list_with_a_name_that_is_not_offered_is_refused_with_those_that_are(listed: str) -> None:
    with pytest.raises(SettingsError) as mistake:
        beside(engines=listed)
    allowed = "it must be auto, or some of builtin, chatterbox, kokoro, orpheus, voxcpm, separated by commas"
    assert mistake.value.sentence == f"VOXDEMO_ENGINES is {listed.replace(',', ', ')!r}, but {allowed}."


def test_an_engine_beside_the_usual_one_must_have_its_weights_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("voxdemo.model_support.hub.folder_of", lambda *_: None)
    with pytest.raises(SettingsError, match=r"names voxcpm, whose weights aren't downloaded: run ./launch.sh fetch"):
        beside(engine="builtin", engines="voxcpm,kokoro")
    voxcpm(tmp_path / "tiny", "0.5B")
    monkeypatch.undo()
    assert beside(engine="builtin", engines="voxcpm,kokoro", voxcpm_model=str(tmp_path / "tiny")) == [
        "voxcpm", "kokoro",
    ]  # fmt: skip


@pytest.mark.parametrize("document", ["docs/settings.md", "docs/models.md", "launch.sh"])
@BOTH
def test_what_is_written_names_every_model(registry: Registry[Any], document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    if document == "docs/models.md":
        assert all(title in text for title, _ in registry.downloads(Settings()))
    else:
        setting = rf"(?:VOXDEMO_{registry.field.upper()}\b|--{registry.field}\b)"
        lines = [line for line in text.splitlines() if re.search(setting, line)]
        assert any(all(name in line for name in registry.names) for line in lines)
