"""Sounds that were made: found by their tokens only, kept for their time, and not for ever."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxdemo.audio.reading import decode
from voxdemo.stores.results import Results, delete_old, speech_file

DAY_S = 86_400.0


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


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """Makes a file below the folder of all files, with a time of its own and one for its folder, as ages in seconds."""

    def make(name: str, age_s: float, folder_age_s: float | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound")
        now = time.time()
        os.utime(path, (now - age_s, now - age_s))
        if path.parent != tmp_path:
            folder_age_s = age_s if folder_age_s is None else folder_age_s
            os.utime(path.parent, (now - folder_age_s, now - folder_age_s))
        return path

    return make


def test_what_is_old_goes_with_its_folder_and_what_is_young_stays(tmp_path: Path, files: Callable[..., Path]) -> None:
    old = [files("upload/voice.wav", 2 * DAY_S), files("results/old/speech.wav", 2 * DAY_S), files("tmpx", 2 * DAY_S)]
    young = [files("other/voice.wav", 60), files("results/young/speech.wav", 60), files("tmpy", 60)]
    delete_old(tmp_path, DAY_S)
    assert not any(path.exists() for path in old)
    assert not any(path.parent.exists() for path in old[:2])
    assert all(path.exists() for path in young)


def test_an_empty_folder_goes_when_it_is_old(tmp_path: Path, files: Callable[..., Path]) -> None:
    for name, age_s in (("old", 2 * DAY_S), ("young", 60)):
        files(f"{name}/voice.wav", 0).unlink()
        os.utime(tmp_path / name, (time.time() - age_s, time.time() - age_s))
    delete_old(tmp_path, DAY_S)
    assert [path.name for path in tmp_path.iterdir()] == ["young"]


def test_a_link_to_something_old_is_as_young_as_its_folder(tmp_path: Path, files: Callable[..., Path]) -> None:
    kept, results = files("kept/speech.wav", 2 * DAY_S), Results(tmp_path / "results")
    with results.new() as folder:
        os.link(kept, speech_file(folder))
    delete_old(tmp_path, DAY_S)
    assert speech_file(folder).exists()
    assert not kept.exists()


def test_a_file_that_still_grows_is_as_young_as_its_end(tmp_path: Path, files: Callable[..., Path]) -> None:
    growing = files("results/long/.speech.wav", 1, folder_age_s=2 * DAY_S)
    delete_old(tmp_path, DAY_S)
    assert growing.exists()


def test_what_is_from_the_future_stays_for_its_time_and_not_for_ever(
    tmp_path: Path, files: Callable[..., Path]
) -> None:
    wrong = [
        files("both/a.wav", -40 * DAY_S),
        files("own/a.wav", -40 * DAY_S, folder_age_s=2 * DAY_S),
        files("folder/a.wav", 2 * DAY_S, folder_age_s=-40 * DAY_S),
        files("tmpx", -40 * DAY_S),
    ]
    delete_old(tmp_path, DAY_S)
    assert all(path.exists() for path in wrong)
    for _ in range(3):
        let_pass(tmp_path, 2 * DAY_S)
        delete_old(tmp_path, DAY_S)
    assert list(tmp_path.iterdir()) == []


def let_pass(folder: Path, seconds: float) -> None:
    """Make everything older that has a time by now."""
    for path in folder.rglob("*"):
        if (written := path.stat().st_mtime) <= time.time():
            os.utime(path, (written - seconds, written - seconds))


def test_a_clock_that_jumps_makes_nothing_old(
    tmp_path: Path, files: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    young, right_time = files("upload/voice.wav", 60), time.time
    for jump_s in (40 * DAY_S, -40 * DAY_S):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: right_time() + jump_s)
        delete_old(tmp_path, DAY_S)
        assert young.exists()


def test_files_that_go_at_the_same_time_are_no_trouble(tmp_path: Path, files: Callable[..., Path]) -> None:
    for number in range(300):
        files(f"results/{number}/speech.wav", 2 * DAY_S)
    files("dangling", 0).unlink()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with ThreadPoolExecutor(4) as pool:
        for cleaning in [pool.submit(delete_old, tmp_path, DAY_S) for _ in range(8)]:
            cleaning.result()
    assert not list(tmp_path.rglob("*.wav"))


def test_what_is_still_being_made_stays_however_old_it_is(tmp_path: Path) -> None:
    made, abandoned = tmp_path / "made", tmp_path / "abandoned"
    for folder in (made, abandoned):
        folder.mkdir()
        (folder / ".speech.wav").touch()
        for path in (folder / ".speech.wav", folder):
            os.utime(path, (1, 1))
    delete_old(tmp_path, DAY_S, {made})
    assert (made / ".speech.wav").exists()
    assert not abandoned.exists()
