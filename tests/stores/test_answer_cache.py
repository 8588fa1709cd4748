from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import until

from voxdemo.errors import UnavailableError
from voxdemo.files import LEFT_BEHIND_S, content
from voxdemo.stores import answer_cache
from voxdemo.stores.answer_cache import Cache, SharedCache
from voxdemo.stores.objects import Bucket
from voxdemo.stores.valkey import Valkey

DAY_S = 86_400.0


@pytest.fixture(params=["of one server", "of several"])
def cache(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """One that others share has the same answers of its own, also where it reaches no store."""
    bounds = DAY_S, 10_000_000
    if request.param == "of one server":
        return Cache(tmp_path / "answers", *bounds)
    if not importlib.util.find_spec("obstore"):
        pytest.skip("needs obstore, from requirements-cluster.txt")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    stores = Valkey("redis://127.0.0.1:1"), Bucket("s3://nowhere")
    return SharedCache(tmp_path / "answers", *bounds, tmp_path / "passing", *stores)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    file = tmp_path / "speech.wav"
    file.write_bytes(os.urandom(300_000))
    return file


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def only_entry(cache: Cache) -> Path:
    (entry,) = cache.root.iterdir()
    return entry


def test_an_answer_is_given_again_with_its_files(cache: Cache, sound: Path, into: Path) -> None:
    cache.keep("key", "facts", [sound])
    assert cache.has("key")
    assert cache.fetch("key", into) == "facts"
    assert (into / "speech.wav").read_bytes() == sound.read_bytes()
    assert cache.fetch("key") == "facts"
    assert (cache.has("other"), cache.fetch("other", into)) == (False, None)


def test_files_are_handed_on_without_being_copied(cache: Cache, sound: Path, into: Path) -> None:
    cache.keep("key", "facts", [sound])
    cache.fetch("key", into)
    assert (into / "speech.wav").stat().st_ino == sound.stat().st_ino


def test_where_there_are_no_links_files_are_copied(
    cache: Cache, sound: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    cache.keep("key", "facts", [sound])
    assert cache.fetch("key", into) == "facts"
    assert (into / "speech.wav").read_bytes() == sound.read_bytes()


def cut_short(entry: Path) -> None:
    os.truncate(entry / "speech.wav", 1000)


def overwrite(entry: Path) -> None:
    with (entry / "speech.wav").open("r+b") as file:
        file.seek(150_000)
        file.write(b"damage")


def fill_with_zeros(entry: Path) -> None:
    """As a file system may after the power failed, times and length being right."""
    file = entry / "speech.wav"
    before = file.stat()
    file.write_bytes(bytes(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def damage_head(entry: Path) -> None:
    facts = entry / "answer.json"
    facts.write_text(facts.read_text().replace("files", "fails", 1))


def change_facts(entry: Path) -> None:
    facts = entry / "answer.json"
    facts.write_text(facts.read_text().replace("\nfacts", "\nother"))


def empty_facts(entry: Path) -> None:
    (entry / "answer.json").write_bytes(b"")


def no_text(entry: Path) -> None:
    (entry / "answer.json").write_bytes(b"\xff\xfe\x00")


def lose_file(entry: Path) -> None:
    (entry / "speech.wav").unlink()


def lose_facts(entry: Path) -> None:
    (entry / "answer.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [cut_short, overwrite, fill_with_zeros, damage_head, change_facts, empty_facts, no_text, lose_file, lose_facts],
)
def test_a_damaged_answer_is_none_and_makes_room_for_a_new_one(
    cache: Cache, sound: Path, into: Path, damage: Callable[[Path], None]
) -> None:
    whole = sound.read_bytes()
    kept = sound.with_name("kept.wav")
    shutil.copy(sound, kept)
    cache.keep("key", "facts", [sound])
    damage(only_entry(cache))
    assert cache.fetch("key", into) is None
    assert list(into.iterdir()) == []
    sound.unlink()
    shutil.move(kept, sound)
    cache.keep("key", "facts", [sound])
    assert cache.fetch("key", into) == "facts"
    assert (into / "speech.wav").read_bytes() == whole


def test_an_answer_is_old_after_its_time_and_so_is_one_from_the_future(
    cache: Cache, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for jump_s in (1.1 * DAY_S, -1.1 * DAY_S):
        cache.keep("key", "facts")
        now = time.time()
        monkeypatch.setattr(time, "time", lambda now=now, jump_s=jump_s: now + jump_s)
        assert cache.fetch("key", into) is None
        monkeypatch.undo()
        assert not cache.has("key")


def test_what_was_asked_for_longest_ago_makes_room(tmp_path: Path, sound: Path, into: Path) -> None:
    cache = Cache(tmp_path / "answers", DAY_S, 1_000_000)
    for number in range(3):
        cache.keep(str(number), "facts", [sound])
        os.utime(cache.root / str(number), (1000 + number, 1000 + number))
    cache.fetch("0", into)
    cache.keep("3", "facts", [sound])
    cache.clean()
    assert sorted(entry.name for entry in cache.root.iterdir()) == ["0", "2", "3"]


def test_one_that_is_larger_than_all_room_is_not_kept(tmp_path: Path, sound: Path) -> None:
    cache = Cache(tmp_path / "answers", DAY_S, 1000)
    cache.keep("key", "facts", [sound])
    assert not cache.has("key")


@pytest.mark.parametrize(("ttl_s", "size"), [(0, 1000), (DAY_S, 0)])
def test_it_can_be_turned_off(tmp_path: Path, ttl_s: float, size: int) -> None:
    cache = Cache(tmp_path / "answers", ttl_s, size)
    cache.keep("key", "facts")
    assert not cache.is_on
    assert cache.fetch("key") is None
    assert not cache.root.exists()


def test_a_full_disk_is_logged_once_and_harmless(
    cache: Cache, sound: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", full)
        for number in range(3):
            cache.keep(str(number), "facts", [sound])
    assert [record.message for record in caplog.records] == ["answers can't be kept; the server goes on without"]
    cache.keep("key", "facts", [sound])
    assert cache.has("key")


def test_what_a_process_left_behind_goes_and_what_another_is_making_stays(cache: Cache, tmp_path: Path) -> None:
    for name, age_s in ((".abandoned", 2 * LEFT_BEHIND_S), (".in-the-making", 0.0)):
        (cache.root / name).mkdir(parents=True)
        (cache.root / name / "speech.wav").touch()
        os.utime(cache.root / name, (time.time() - age_s,) * 2)
    cache.clean()
    assert [entry.name for entry in cache.root.iterdir()] == [".in-the-making"]


def test_two_that_share_a_folder_give_each_others_answers_and_never_half_of_one(
    cache: Cache, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_cache, "RECOUNT_S", 0.0)
    other = Cache(cache.root, DAY_S, 700_000)  # smaller than two, so that it drops what the first one keeps
    whole, seen, over = sound.read_bytes(), [], threading.Event()

    def keep() -> None:
        while not over.is_set():
            for number in range(3):
                cache.keep(str(number), "facts", [sound])
                other.clean()

    keeping = threading.Thread(target=keep)
    keeping.start()
    try:
        for number in range(600):
            into = tmp_path / f"into-{number}"
            into.mkdir()
            if other.fetch(str(number % 3), into) is None:
                assert list(into.iterdir()) == []
            else:
                seen.append(number)
                assert (into / "speech.wav").read_bytes() == whole
    finally:
        over.set()
        keeping.join()
    assert seen
    assert not [entry for entry in cache.root.iterdir() if entry.name.startswith(".")]


def test_who_leaves_while_an_answer_is_given_takes_nothing_from_the_others(
    cache: Cache, sound: Path, into: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.keep("key", "facts", [sound])
    into.rmdir()
    assert cache.fetch("key", into) is None
    assert cache.has("key")
    sound.unlink()
    with caplog.at_level(logging.WARNING):
        cache.keep("other", "facts", [sound])
    assert not caplog.records
    assert not cache.has("other")


class Pair:
    """Two servers' caches, and the stores between them."""

    def __init__(self, folder: Path, redis: Any, s3: Any) -> None:
        self.redis, self.s3, url = redis, s3, s3.new_url()
        self.buckets = [Bucket(url), Bucket(url)]
        self.valkeys = [Valkey(redis.url, 0.05), Valkey(redis.url, 0.05)]
        self.first, self.second = (
            SharedCache(folder / name / "answers", DAY_S, 10_000_000, folder / name / "passing", valkey, bucket)
            for name, valkey, bucket in zip(("first", "second"), self.valkeys, self.buckets, strict=True)
        )

    async def keep(self, key: str, *files: Path) -> bool:
        """Keep an answer at the first server; whether others are told of it."""
        self.first.keep(key, f"facts of {key}", files)
        self.first.share(key)
        await asyncio.gather(*self.first._going)
        return bool(await self.valkeys[0].client.exists(f"voxdemo:answer:{key}"))

    async def found(self, key: str) -> bool:
        """Whether the second server has it after it was looked for."""
        await self.second.bring(key)
        return self.second.has(key)

    async def are_back(self) -> None:
        """Wait until both servers have found the stores again."""
        for bucket, valkey in zip(self.buckets, self.valkeys, strict=True):
            await asyncio.to_thread(bucket.settle)
            assert not bucket.notice
            await until(lambda valkey=valkey: not valkey.is_gone)


@pytest.fixture
async def pair(tmp_path: Path, redis: Any, s3: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Pair, None]:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    pair = Pair(tmp_path, redis, s3)
    await pair.valkeys[0].client.flushall()
    yield pair
    for each in (pair.first, pair.second, *pair.valkeys):
        await each.close()


@pytest.mark.long
async def test_what_one_server_keeps_another_gives_for_as_long(pair: Pair, sound: Path, into: Path) -> None:
    pair.first.keep("key", "facts of key", [sound], made_at=time.time() - DAY_S / 2)
    assert await pair.keep("key", sound)
    assert not await pair.found("other")
    assert all(await asyncio.gather(*(pair.found("key") for _ in range(5))))
    assert pair.second.fetch("key", into) == "facts of key"
    assert content(into / "speech.wav") == content(sound)
    made_at = [(cache.root / "key" / "answer.json").stat().st_mtime for cache in (pair.first, pair.second)]
    assert made_at[0] == pytest.approx(made_at[1], abs=1e-3)
    assert 0 < await pair.valkeys[0].client.pttl("voxdemo:answer:key") <= DAY_S * 1000
    assert await pair.keep("words alone")
    assert await pair.found("words alone")
    for folder in ("first", "second"):
        assert not list((pair.first.root.parents[1] / folder / "passing").iterdir())


@pytest.mark.long
async def test_an_answer_whose_sound_has_gone_is_none_and_is_made_again(pair: Pair, sound: Path) -> None:
    assert await pair.keep("key", sound)
    pair.buckets[0].delete([key for key, _ in pair.buckets[0].keys("answers")])
    assert not await pair.found("key")
    assert await pair.keep("key", sound)
    pair.second._files.drop_old(-60)
    assert not await pair.found("key")
    await pair.valkeys[0].client.set("voxdemo:answer:key", json.dumps({"said": "by another release"}))
    assert not await pair.found("key")
    assert await pair.keep("key", sound)
    assert await pair.found("key")


@pytest.mark.long
@pytest.mark.parametrize("is_known", [True, False], ids=["told before", "told meanwhile"])
async def test_while_valkey_is_gone_each_server_has_its_own_answers(pair: Pair, sound: Path, is_known: bool) -> None:
    assert not is_known or await pair.keep("key", sound)
    pair.redis.kill()
    try:
        assert not await pair.found("key")
        pair.first.keep("key", "facts of key", [sound])
        await pair.first._share("key")
        assert pair.first.has("key")
    finally:
        pair.redis.start()
    await pair.are_back()
    assert not await pair.found("key"), "it forgets everything when it dies"
    assert await pair.keep("key", sound)
    assert await pair.found("key")


@pytest.mark.long
async def test_where_no_answers_are_kept_any_more_their_sounds_are_deleted_from_s3(pair: Pair, sound: Path) -> None:
    assert await pair.keep("key", sound)
    assert [*pair.buckets[0].keys("answers")]
    for bounds in ((DAY_S, 0), (0.0, 10_000_000)):
        folders = pair.first.root, pair.first.root.parent / "passing"
        SharedCache(folders[0], *bounds, folders[1], pair.valkeys[0], pair.buckets[0]).delete_shared()
        assert bool([*pair.buckets[0].keys("answers")]) == bool(bounds[0])


@pytest.mark.long
async def test_while_s3_is_gone_nothing_is_told_and_each_server_has_its_own_answers(pair: Pair, sound: Path) -> None:
    assert await pair.keep("before", sound)
    pair.s3.kill()
    try:
        assert not await pair.keep("meanwhile", sound)
        assert not await pair.found("before")
        with pytest.raises(UnavailableError):
            pair.first.delete_shared()
    finally:
        pair.s3.start()
    await pair.are_back()
    assert await pair.keep("meanwhile", sound)
    assert await pair.found("before")
    assert await pair.found("meanwhile")


@pytest.mark.long
async def test_nobody_waits_for_an_s3_that_hangs_and_what_comes_late_is_there_then(pair: Pair, sound: Path) -> None:
    keys = [f"key {number}" for number in range(20)]
    for key in keys:
        assert await pair.keep(key, sound)
    pair.s3.hang()
    try:
        assert not any(await asyncio.gather(*map(pair.found, keys)))
        late = pair.second._late
        assert late, "the ones that came first wait for a moment"
        assert not any(await asyncio.gather(*map(pair.found, keys)))
        assert pair.second._late is late, "and nobody after them"
    finally:
        pair.s3.wake()
    await until(lambda: late.done())
    await pair.are_back()
    assert all([await pair.found(key) for key in keys])
