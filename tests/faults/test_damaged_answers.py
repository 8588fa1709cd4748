"""Answers in the cache that were cut short, overwritten or lost: they are made anew, and nobody hears the damage."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from witness import Witness, eventually, new_text, spoken_token

pytestmark = pytest.mark.long


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def overwritten(file: Path) -> None:
    file.write_bytes(bytes(byte ^ 0x55 for byte in file.read_bytes()))


def lost(file: Path) -> None:
    file.unlink()


def turned_into_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def turned_into_a_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/passwd")


def all_gone(file: Path) -> None:
    shutil.rmtree(file.parent)


DAMAGES = (cut_short, emptied, overwritten, lost, turned_into_a_folder, turned_into_a_link)


def test_a_damaged_answer_is_made_anew(fake: Witness) -> None:
    for name in ("answer.json", "speech.wav"):
        for damage in DAMAGES:
            see_it_mended(fake, name, damage)
    see_it_mended(fake, "answer.json", all_gone)


def see_it_mended(fake: Witness, name: str, damage: Callable[[Path], None]) -> None:
    answers, text = fake.cache / "answers", new_text("an answer to be damaged")
    before = kept_in(answers)
    whole = sound(fake, spoken_token(fake, text))
    [answer] = eventually(lambda: kept_in(answers) - before, "the answer is kept")
    shutil.copytree(answer, aside := fake.folder / "aside")
    shutil.rmtree(answer)
    shutil.copytree(aside, answer)  # so that no result is damaged with it, of which it has the files
    shutil.rmtree(aside)
    damage(answer / name)
    for _ in range(2):
        assert sound(fake, spoken_token(fake, text)) == whole, (name, damage)


def kept_in(answers: Path) -> set[Path]:
    return {file.parent for file in answers.glob("*/answer.json")}


def sound(fake: Witness, token: str) -> list[int]:
    samples, _ = soundfile.read(io.BytesIO(fake.ask("GET", f"/speech/{token}").content), dtype="int16")
    return list(samples)
