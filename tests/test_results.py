from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxdemo.audio.reading import decode
from voxdemo.stores.results import Results, speech_file


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Results, Path]:
    results = Results(tmp_path / "results")
    with results.new() as folder:
        soundfile.write(speech_file(folder), np.zeros(24_000), 24_000)
    return results, folder


def test_a_result_is_found_by_its_token_only(kept: tuple[Results, Path]) -> None:
    results, folder = kept
    assert results.has(folder.name)
    assert results.open(folder.name, "wav") == folder / "speech.wav"
    for wrong in ("", ".", "..", "x" * 22, f"../results/{folder.name}", folder.name[:-1]):
        assert (results.has(wrong), results.open(wrong, "wav")) == (False, None)


def test_another_format_is_made_when_it_is_asked_for_and_kept(kept: tuple[Results, Path]) -> None:
    results, folder = kept
    for ending in ("flac", "mp3", "opus", "aac"):
        path = results.open(folder.name, ending)
        assert path
        assert decode.read(path, 10, rate=24_000).duration_s == pytest.approx(1.0, abs=0.1)
        made_at = path.stat().st_mtime_ns
        assert results.open(folder.name, ending) == path
        assert path.stat().st_mtime_ns == made_at


@pytest.mark.parametrize("ending", ["", "ogg", "txt", "srt", "wav/../speech.wav"])
def test_what_there_is_not_is_not_found(kept: tuple[Results, Path], ending: str) -> None:
    results, folder = kept
    assert results.open(folder.name, ending) is None


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
