"""What the requirements promise: every Python from 3.10 on."""

from __future__ import annotations

from importlib.metadata import metadata, version

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from serving import ROOT

OLDEST = "3.10"
FILES = sorted(ROOT.glob("requirements*.txt"))


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_packages_can_be_installed_on_the_oldest_python(file):
    """Looked up in the packages that are here, which have the same pins for the Python that runs this."""
    lines = [line.partition(" #")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    asked = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    if file.name == "requirements-ray.txt":
        pytest.importorskip("ray", reason="needs Ray; ./launch.sh test --all installs it")
    here = [each for each in asked if each.marker is None or each.marker.evaluate({"python_version": OLDEST})]
    pinned = [each for each in here if each.specifier.contains(version(each.name))]  # others are for that Python alone
    assert pinned
    refusing = [
        f"{each.name} needs Python {needed}"
        for each in pinned
        if (needed := metadata(each.name)["Requires-Python"]) and OLDEST not in SpecifierSet(needed)
    ]
    assert refusing == []
