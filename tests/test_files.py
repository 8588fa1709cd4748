import os
import time
from pathlib import Path

import pytest

from voxdemo.files import LEFT_BEHIND_S, beside, remove, replacing, sweep


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with replacing(path) as new:
        new.write_text("new")
        assert path.read_text() == "old"
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kept.txt", "new")]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing(path) as new, new.open("w", encoding="ascii") as half:
        half.writelines(["half", "\xe9"])
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kept.txt", "old")]


def test_a_folder_that_another_process_put_there_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    with replacing(path) as new:
        new.mkdir()
        (new / "ours").touch()
        path.mkdir()
        (path / "theirs").touch()
    assert [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*")] == ["answer", "answer/theirs"]


def test_a_file_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "missing.txt"):
        pass


@pytest.mark.parametrize("name", ["file", "folder", "missing"])
def test_what_is_removed_is_gone(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    remove(tmp_path / name)
    assert sorted(file.name for file in tmp_path.iterdir()) == [n for n in ("file", "folder") if n != name]


def test_only_what_is_unfinished_and_old_is_swept(tmp_path: Path) -> None:
    left, being_made, kept = beside(tmp_path / "one"), beside(tmp_path / "two"), tmp_path / "three"
    for folder in (left, being_made, kept):
        folder.mkdir()
    for folder in (left, kept):
        os.utime(folder, (time.time() - 2 * LEFT_BEHIND_S,) * 2)
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {being_made, kept}
