"""The sounds of a batch as one file: pauses, times, one loudness, and memory that doesn't grow with their number."""

from __future__ import annotations

import sqlite3
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from voxdemo.audio import formats
from voxdemo.audio.reading import decode
from voxdemo.batches.joined import PAUSE_S, SHORTEST_PAUSE_S, TimedSound, join
from voxdemo.errors import InputError
from voxdemo.speech import Samples, SpeakOptions
from voxdemo.stores.batch_values import Order, file_names
from voxdemo.stores.batches import BatchStore
from voxdemo.threads import in_thread

RATE = 16_000
A_FRAME_S = 0.03


def tone(seconds: float, level: float = 0.2, rate: int = RATE) -> Samples:
    """Between silences, as voices give it."""
    sound = level * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    return np.concatenate([np.zeros(rate // 10), sound, np.zeros(rate // 4)]).astype(np.float32)


def written(folder: Path, *sounds: Samples, rate: int = RATE, ending: formats.Format = "wav") -> list[Path]:
    paths = [folder / f"{number:04}.{ending}" for number in range(1, len(sounds) + 1)]
    for path, sound in zip(paths, sounds, strict=True):
        formats.write([sound], rate, path, ending)
    return paths


def heard(path: Path) -> list[tuple[float, float, float]]:
    """Of every sound in it: beginning and end in seconds, and how loud it is."""
    rate, blocks = decode.stream(path)
    samples = np.concatenate(list(blocks))
    step = rate // 100
    loud = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).max(axis=1) > 0.01
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int)))
    return [
        (begin / 100, end / 100, float(np.sqrt(np.mean(samples[begin * step : end * step] ** 2))))
        for begin, end in edges.reshape(-1, 2)
    ]


def test_sounds_follow_each_other_with_a_pause_and_in_one_loudness(tmp_path: Path) -> None:
    paths = written(tmp_path, tone(1.0), tone(0.7, level=0.05), tone(0.5, level=0.4))
    join([TimedSound(path) for path in paths], tmp_path / "all.wav")
    sounds = heard(tmp_path / "all.wav")
    assert len(sounds) == 3
    for (_, end, _), (begin, _, _) in pairwise(sounds):
        assert begin - end == pytest.approx(PAUSE_S, abs=A_FRAME_S)
    assert [level for *_, level in sounds] == pytest.approx([sounds[0][2]] * 3, rel=0.05)


def test_each_begins_at_its_time_and_what_does_not_fit_delays_the_next(tmp_path: Path) -> None:
    paths = written(tmp_path, tone(1.0), tone(1.5), tone(0.5), tone(0.5))
    join(
        [TimedSound(path, start) for path, start in zip(paths, (2.0, 4.0, 5.0, 9.0), strict=True)], tmp_path / "all.wav"
    )
    begins, ends = zip(*[sound[:2] for sound in heard(tmp_path / "all.wav")], strict=True)
    assert begins[:2] == pytest.approx((2.0, 4.0), abs=A_FRAME_S)
    assert SHORTEST_PAUSE_S <= begins[2] - ends[1] + A_FRAME_S <= SHORTEST_PAUSE_S + 0.15  # not over the one before
    assert begins[3] == pytest.approx(9.0, abs=A_FRAME_S)  # and it has caught up


async def test_a_sound_without_a_sample_is_an_error_and_nothing_waits_for_it(tmp_path: Path) -> None:
    paths = written(tmp_path, np.zeros(0, np.float32), tone(0.5))
    with pytest.raises(AssertionError, match="aren't empty"):
        await in_thread(join, [TimedSound(path) for path in paths], tmp_path / "all.wav")


@pytest.mark.parametrize("ending", ["flac", "mp3", "opus", "aac"])
def test_compressed_sounds_are_joined_in_their_format_whatever_rate_they_have(
    tmp_path: Path, ending: formats.Format
) -> None:
    first, second = tmp_path / f"1.{ending}", tmp_path / f"2.{ending}"
    formats.write([tone(1.0)], RATE, first, ending)
    formats.write([tone(1.0, rate=24_000)], 24_000, second, ending)
    join([TimedSound(first, 0.0), TimedSound(second, 3.0)], tmp_path / f"all.{ending}")
    assert [begin for begin, *_ in heard(tmp_path / f"all.{ending}")] == pytest.approx([0.05, 3.0], abs=0.06)


@pytest.mark.long
def test_memory_grows_neither_with_their_number_nor_with_the_silence_between(tmp_path: Path) -> None:
    def most_bytes(count: int, apart_s: float) -> int:
        (path,) = written(tmp_path, tone(1.0))
        pieces = [TimedSound(path, number * apart_s) for number in range(count)]
        join(pieces[:1], tmp_path / "all.wav")  # what is loaded once
        tracemalloc.start()
        join(pieces, tmp_path / "all.wav")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert most_bytes(80, 60.0) < 1.5 * most_bytes(4, 60.0)


def test_files_are_called_as_they_are_wished_where_they_can_be() -> None:
    wished = ["intro", "", "INTRO", "../../etc/passwd", "a:b?c", "..", " Über uns. ", "0009", "", "x" * 200, "\ud800"]
    assert file_names(wished) == [
        "intro", "0002", "INTRO-0003", "etcpasswd", "abc", "0006", "Über uns", "0009", "0009-", "x" * 80, "0011",
    ]  # fmt: skip


def test_a_store_from_before_learns_of_times_names_and_codes(tmp_path: Path) -> None:
    store = BatchStore(tmp_path)
    error = InputError.unsayable("English", "世界")
    order = Order("somebody", SpeakOptions(), ["One.", "世界"], [4.0, 0.0], "digest", refused={2: error})
    old = store.accept(order)
    batch = store.batch(old)
    assert batch
    assert [text.error for text in batch.texts] == [None, error.described]
    store.close()
    with sqlite3.connect(tmp_path / "batches.sqlite3") as database:
        for column in ("start_s", "name", "error_code", "error_values"):
            database.execute(f"ALTER TABLE texts DROP COLUMN {column}")
    database.close()
    again = BatchStore(tmp_path)
    batch = again.batch(old)
    assert batch
    assert [(text.name, text.start_s) for text in batch.texts] == [("0001", None), ("0002", None)]
    assert [text.error for text in batch.texts] == [None, {"message": error.sentence, "code": None, "values": {}}]
    again.close()
