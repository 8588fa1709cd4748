from __future__ import annotations

import os
from pathlib import Path

import pytest

from voxdemo.results import SPEECH_FILE, Results


def test_a_result_is_found_by_its_token_only(tmp_path: Path) -> None:
    results = Results(tmp_path / "results")
    with results.new() as folder:
        (folder / SPEECH_FILE).write_bytes(b"sound")
    assert results.speech(folder.name) == folder / SPEECH_FILE
    for wrong in ("", ".", "..", "x" * 22, f"../results/{folder.name}", folder.name[:-1]):
        assert results.speech(wrong) is None


def test_a_folder_without_speech_goes_whatever_happened(tmp_path: Path) -> None:
    results = Results(tmp_path)
    folders = []

    def fail() -> None:
        with results.new() as folder:
            folders.append(folder)
            (folder / "prompt.wav").write_bytes(b"sound")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not folders[0].exists()


def test_old_results_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with results.new() as old, results.new() as young:
        (old / SPEECH_FILE).write_bytes(b"sound")
        (young / SPEECH_FILE).write_bytes(b"sound")
    (tmp_path / "somebody-elses").mkdir()
    for name in (old.name, "somebody-elses"):
        os.utime(tmp_path / name, (0, 0))
    results.delete_old()
    assert {path.name for path in tmp_path.iterdir()} == {young.name, "somebody-elses"}
