"""What a Space on Hugging Face needs: its configuration, its defaults, and app.py run as it is run there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from serving import ROOT, SPACE, StartServer

from voxdemo import hf_space
from voxdemo.settings import Settings, load

README = (ROOT / "README.md").read_text()
FRONT_MATTER: dict[str, Any] = yaml.safe_load(README.split("---\n")[1])
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
REST = [None, "", 2.0, 10, False, False]
"""What a client sends behind its text."""


@pytest.fixture
def in_a_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The environment of a Space, and where its storage would be."""
    for name in [name for name in os.environ if name.startswith(("VOXDEMO_", "GRADIO_", "HF_HOME"))]:
        monkeypatch.delenv(name)
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hf_space, "DATA", tmp_path / "data")
    return tmp_path / "data"


# https://huggingface.co/docs/hub/spaces-config-reference
def test_the_front_matter_is_what_a_space_reads() -> None:
    known = {"title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "pinned"}
    known |= {"license", "short_description", "models", "suggested_hardware", "startup_duration_timeout", "tags"}
    assert FRONT_MATTER.keys() <= known
    assert {FRONT_MATTER["colorFrom"], FRONT_MATTER["colorTo"]} <= COLOURS
    assert FRONT_MATTER["sdk"] == "gradio"
    assert (ROOT / FRONT_MATTER["app_file"]).is_file()
    assert len(FRONT_MATTER["short_description"]) <= 60
    supported = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert supported
    assert str(FRONT_MATTER["python_version"]) in [f"3.{minor}" for minor in range(*map(int, supported.groups()))]


def test_without_storage_only_the_proxy_differs(in_a_space: Path) -> None:
    settings = load()
    assert settings.trusted_proxies == hf_space.PROXIES
    assert settings.cache_dir == Path.home() / ".cache" / "voxdemo"


def test_persistent_storage_keeps_the_cache_and_the_weights(in_a_space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_space.mkdir()
    hf_space.keep_weights()
    weights = os.environ.pop("HF_HOME")
    assert load().cache_dir == in_a_space / "voxdemo"
    assert weights == str(in_a_space / ".huggingface")


def test_what_people_set_wins(in_a_space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_space.mkdir()
    monkeypatch.setenv("VOXDEMO_CACHE_DIR", "/tmp/elsewhere")
    monkeypatch.setenv("VOXDEMO_TRUSTED_PROXIES", "203.0.113.7")
    monkeypatch.setenv("HF_HOME", "/tmp/weights")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7001")
    monkeypatch.setenv("VOXDEMO_PORT", "7002")
    hf_space.keep_weights()
    settings = load()
    assert (settings.cache_dir, settings.trusted_proxies) == (Path("/tmp/elsewhere"), ("203.0.113.7",))
    assert (os.environ["HF_HOME"], settings.port) == ("/tmp/weights", 7002)


def test_elsewhere_a_folder_data_is_nobodys_business(in_a_space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_space.mkdir()
    monkeypatch.delenv("SPACE_ID")
    hf_space.keep_weights()
    assert "HF_HOME" not in os.environ
    assert hf_space.defaults() == {}
    assert load().trusted_proxies == Settings.model_fields["trusted_proxies"].default == ()


def test_the_weights_are_kept_before_anything_reads_where() -> None:
    code = (
        "import os; os.environ |= {'SPACE_ID': 'a/b'}; os.environ.pop('HF_HOME', None)\n"
        "import pathlib; pathlib.Path.is_dir = lambda path: True; os.access = lambda path, mode: True\n"
        "import voxdemo.model_support.hub; from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == "/data/.huggingface/hub"


@pytest.mark.long
def test_a_space_serves_where_it_is_told_to_and_tells_visitors_apart_behind_its_proxy(space: StartServer) -> None:
    """What its page then says and does, tests/web/page/test_page.py sees."""
    server = space(
        "tests/without_whisper.py",
        until="/health",
        HF_HUB_ENABLE_HF_TRANSFER=1,
        GRADIO_SSR_MODE="True",
        VOXDEMO_RATE_LIMIT="2/hour",
    )
    assert (told := server.http.get("/ready")).status_code == 200 or told.json()["reason"].endswith(" is loading.")
    page = server.http.get("/")
    assert page.status_code == 200
    assert "https://huggingface.co" in page.headers["content-security-policy"].partition("frame-ancestors")[2]
    assert server.http.get("/config").json()["space_id"] == SPACE["SPACE_ID"]
    one, other = "198.51.100.1, 10.1.2.3", "203.0.113.9, 198.51.100.2, 10.1.2.3"
    answers = [
        server.joined("generate", [f"Hello number {number}.", *REST], f"s{number}", **{"X-Forwarded-For": chain})
        for number, chain in enumerate([other, one, "198.51.100.2, 10.1.2.4", other])
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert server.stop() == 0
