"""Files that two servers share through a real server that speaks S3."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any

import pytest
from serving import free_port

from voxdemo.errors import SettingsError, UnavailableError
from voxdemo.stores import objects
from voxdemo.stores.objects import Bucket, Objects

pytestmark = pytest.mark.long


@pytest.fixture
def buckets(s3: Any, monkeypatch: pytest.MonkeyPatch) -> list[Bucket]:
    """The same one, as two servers see it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    url = s3.new_url()
    return [Bucket(url), Bucket(url)]


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    for name in ("first", "second"):
        (tmp_path / name / "a").mkdir(parents=True)
    return [tmp_path / "first", tmp_path / "second"]


@pytest.fixture
def servers(buckets: list[Bucket], roots: list[Path]) -> list[Objects]:
    return [bucket.below(root, "kept") for bucket, root in zip(buckets, roots, strict=True)]


def test_what_one_has_the_other_finds_and_deletes(servers: list[Objects], roots: list[Path]) -> None:
    sounds = {
        name: secrets.token_bytes(size) for name, size in {"a/small": 9, "a/empty": 0, "a/large": 12 << 20}.items()
    }
    for name, sound in sounds.items():
        (roots[0] / name).write_bytes(sound)
        assert not servers[1].pull(roots[1] / name)
    servers[0].push(*(roots[0] / name for name in sounds))
    for name, sound in sounds.items():
        assert servers[1].pull(roots[1] / name)
        assert (roots[1] / name).read_bytes() == sound
        assert not [file for file in (roots[1] / "a").iterdir() if file.name.startswith(".")]
    servers[1].drop(roots[1] / "a")
    assert servers[0].pull(roots[0] / "a/small")  # which is here
    (roots[0] / "a/small").unlink()
    assert not servers[0].pull(roots[0] / "a/small")


def test_what_a_server_left_that_ended_is_sent_by_the_next_one(
    servers: list[Objects], buckets: list[Bucket], roots: list[Path]
) -> None:
    (roots[0] / "a/sent").write_text("sent")
    servers[0].push(roots[0] / "a/sent")
    for name in ("a/left", "a/.being-made"):
        (roots[0] / name).write_text(name)
    servers[0].push_left()
    buckets[0].settle()
    assert [servers[1].pull(roots[1] / name) for name in ("a/left", "a/sent", "a/.being-made")] == [True, True, False]
    assert (roots[1] / "a/left").read_text() == "a/left"


def test_a_folder_is_made_as_the_others_have_it(servers: list[Objects], roots: list[Path]) -> None:
    for root, name in zip(roots, ("a/one", "a/two"), strict=True):
        (root / name).write_text(name)
    servers[0].push(roots[0] / "a/one")
    servers[1].match(roots[1] / "a")
    assert [file.name for file in (roots[1] / "a").iterdir()] == ["one"]
    servers[0].drop(roots[0] / "a")
    servers[1].match(roots[1] / "a")
    assert not [*(roots[1] / "a").iterdir()]


def test_what_is_old_goes_for_all(servers: list[Objects], roots: list[Path]) -> None:
    (roots[0] / "a/one").write_text("one")
    servers[0].push(roots[0] / "a/one")
    servers[1].drop_old(60)
    assert servers[1].pull(roots[1] / "a/one")
    (roots[1] / "a/one").unlink()
    servers[1].drop_old(-60)
    assert not servers[1].pull(roots[1] / "a/one")
    assert (roots[0] / "a/one").is_file()


def test_a_store_that_was_away_is_told_and_gets_what_it_missed(
    buckets: list[Bucket], servers: list[Objects], roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/one", "a/two", "a/gone"):
        (roots[0] / name).write_text(name)
    there = [bucket._store for bucket in buckets]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    for bucket in buckets:  # from here on nobody answers
        bucket._store = Bucket("s3://sounds/away")._store
    servers[0].push_sometime(*(roots[0] / name for name in ("a/one", "a/two", "a/gone")))
    (roots[0] / "a/gone").unlink()
    asked = [
        lambda: servers[0].push(roots[0] / "a/one"),
        lambda: servers[1].pull(roots[1] / "a/one"),
        lambda: servers[1].match(roots[1] / "a"),
        lambda: servers[1].drop(roots[1] / "a"),
    ]
    asks: list[bool] = []
    for is_known in (False, True):
        with monkeypatch.context() as known:
            if is_known:  # then nobody waits for it
                known.setattr(Bucket, "_tried", lambda *_: asks.append(True))
            for ask in asked:
                with pytest.raises(UnavailableError, match=r"^What is kept for all servers can't be reached"):
                    ask()
    assert not asks
    for bucket in buckets:
        bucket.settle()
        assert bucket.notice.startswith("The store of sounds can't be reached")
    for bucket, store in zip(buckets, there, strict=True):
        bucket._store = store
        bucket.settle()
        assert not bucket.notice
    assert servers[1].pull(roots[1] / "a/one")
    assert servers[1].pull(roots[1] / "a/two")
    with pytest.raises(UnavailableError):  # the other server might have it, and not have sent it yet
        servers[1].pull(roots[1] / "a/gone")
    monkeypatch.setattr(objects, "LATE_S", 0.0)
    assert not servers[1].pull(roots[1] / "a/gone")
    (roots[0] / "a/three").write_text("a/three")
    servers[0].push_sometime(roots[0] / "a/gone", roots[0] / "a/three")
    assert servers[1].pull(roots[1] / "a/three"), "a file that is deleted meanwhile holds no other up"


def test_wrong_credentials_are_told_as_a_store_that_cannot_be_used(
    buckets: list[Bucket], s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-this-one")
    bucket = Bucket(s3.new_url())
    with pytest.raises(UnavailableError):
        bucket.below(tmp_path, "kept").pull(tmp_path / "one")
    assert "credentials" in bucket.notice


@pytest.mark.parametrize("url", ["s3://", "ftp://secret-7/x"])
def test_an_address_that_is_wrong_is_refused(url: str) -> None:
    pytest.importorskip("obstore", reason="needs obstore, from requirements-cluster.txt")
    with pytest.raises(SettingsError, match=r"^VOXDEMO_STORAGE_URL can't be used") as refused:
        Bucket(url)
    assert "secret-7" not in str(refused.value)


def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(SettingsError, match=r"pip install -r requirements-cluster\.txt"):
        Bucket("s3://bucket")
