"""The documents that people copy from: their blocks of code, their links, and a launch.sh that only tells what it'd do.

`runs` gives a block to the test that runs it and notes that there is one; `tests/test_docs.py` sees that all have one.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from serving import ROOT

ADDRESS = "http://127.0.0.1:7860"
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (
        ROOT / "README.md",
        ROOT / "deploy" / "README.md",
        ROOT / "benchmarks" / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    )
}
ELSEWHERE = "docs/front-ends.md"
"""Its blocks are run by tests/test_front_ends.py, which sees to it that all are."""
DRAWINGS = ("text",)
"""The languages of blocks that nobody types."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

_GIVEN: set[tuple[str, str]] = set()


def blocks() -> set[tuple[str, str]]:
    """All that is to be typed: the document, and the text of the block."""
    return {
        (name, text)
        for name, document in DOCUMENTS.items()
        for language, text in FENCED.findall(document)
        if name != ELSEWHERE and language not in DRAWINGS
    }


def unrun() -> set[tuple[str, str]]:
    """Blocks that no test was given."""
    return blocks() - _GIVEN


def runs(document: str, *beginnings: str) -> pytest.MarkDecorator:
    """Gives a test, as its `block`, each of a document's blocks that begin like this."""
    chosen = [_block(document, beginning) for beginning in beginnings]
    _GIVEN.update((document, text) for text in chosen)
    return pytest.mark.parametrize("block", chosen, ids=[beginning.strip() for beginning in beginnings])


def _block(document: str, beginning: str) -> str:
    begun = [text for name, text in blocks() if name == document and text.startswith(beginning)]
    assert len(begun) == 1, f"{document} has {len(begun)} blocks that begin with {beginning!r}"
    return begun[0]


def prose(document: str) -> str:
    """A document without its front matter and its blocks."""
    return FENCED.sub("", re.sub(r"\A---\n.*?\n---\n", "", document, flags=re.DOTALL))


def anchors(document: str) -> Sequence[str]:
    """What its headings are called in links, as GitHub does it."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings]


@dataclass(frozen=True)
class Typed:
    """What a line that was typed made of its `.venv`: which arguments its Python got, and which environment."""

    arguments: Sequence[str]
    environment: Mapping[str, str]

    @property
    def settings(self) -> Mapping[str, str]:
        return {name: value for name, value in self.environment.items() if name.startswith("VOXDEMO_")}


TELLING = """#!/bin/sh
case "$1" in -c) exec "$REAL_PYTHON" "$@" ;; esac
exec "$REAL_PYTHON" -c 'import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))' "$@"
"""


class ToldCheckout:
    """A folder with launch.sh and a .venv that is ready, whose Python tells what it was to run and runs nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        python = folder / ".venv/bin/python"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        python.parent.mkdir(parents=True)
        for program in (python, python.with_name("oxlint")):
            program.write_text(TELLING)
            program.chmod(0o755)
        (folder / ".venv/pyvenv.cfg").touch()
        (folder / f".venv/lib/python{version}/site-packages").mkdir(parents=True)
        shutil.copy(ROOT / "launch.sh", folder)
        shutil.copytree(ROOT / ".ci", folder / ".ci")
        rules = re.search(r"^INSTALL_RULES=(\d+)", (folder / "launch.sh").read_text(), re.MULTILINE)
        assert rules
        for name in ("requirements.txt", "requirements-dev.txt"):
            (folder / name).write_text("nothing\n")
            (folder / f".venv/{name}.stamp").write_text(f"rules {rules[1]}, Python {version}\nnothing\n")

    def type(self, line: str) -> list[Typed]:
        """What comes of a line of bash: one for each Python that was started."""
        variables = {"PATH": "/usr/bin:/bin", "HOME": "/home/somebody", "REAL_PYTHON": sys.executable}
        ended = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=variables, capture_output=True, text=True, timeout=60
        )
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
        told: list[Any] = [json.loads(each) for each in ended.stdout.splitlines()]
        return [Typed(arguments, environment) for arguments, environment in told]
