"""What the README promises a newcomer who copies from it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from serving import ROOT, Server, is_default

from voxdemo.settings import PREFIX, Settings

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("example", "heard"), [(0, "good morning"), (1, "good evening")])
def test_the_script_examples_run_as_they_stand(server: Server, tmp_path: Path, example: int, heard: str) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[example]
    assert "http://127.0.0.1:7860" in code
    script = tmp_path / "example.py"
    script.write_text(code.replace("http://127.0.0.1:7860", server.url))
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path
    )
    assert heard in ended.stdout.lower()


def test_the_table_of_settings_is_whole_and_its_defaults_are_true() -> None:
    rows = dict(re.findall(r"^\| `(VOXDEMO_\w+)` \| (?:`([^`]*)`)? ?\|", README, re.MULTILINE))
    assert rows.keys() == {PREFIX + name.upper() for name in Settings.model_fields}
    for name in Settings.model_fields:
        if name != "cache_dir":
            assert is_default(name, rows[PREFIX + name.upper()])


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_what_it_links_to_is_there(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_front_matter_names_the_gradio_that_is_installed() -> None:
    pinned = re.search(r"^gradio==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    named = re.search(r"^sdk_version: (\S+)$", README, re.MULTILINE)
    assert pinned
    assert named
    assert pinned[1] == named[1]
