"""Voices kept on the server: each account its own, checked, bounded, and gone when they are deleted."""

from __future__ import annotations

import base64
import io
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from browsing import WARM_UP
from serving import Server, StartServer

from voxdemo.errors import InputError
from voxdemo.files import LEFT_BEHIND_S
from voxdemo.stores import voices
from voxdemo.stores.objects import Bucket
from voxdemo.stores.results import delete_old
from voxdemo.stores.voices import MAX_NAME_CHARS, VoiceStore
from voxdemo.web.guards.access import NO_LOGIN
from voxdemo.web.routes.voices import NO_ACCOUNTS, UNREADABLE

RECORDING = WARM_UP.read_bytes()
WHEN = "2025-05-03T10:00:00.000Z"


def sound(seconds: float, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(np.arange(round(seconds * rate)) / 10), rate, format="WAV")
    return file.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    return VoiceStore(tmp_path / "voices")


def files(folder: Path) -> list[str]:
    return [path.name for path in (folder / "voices").rglob("*") if path.is_file()]


def test_a_voice_is_kept_as_sound_and_nothing_else(store: VoiceStore, tmp_path: Path) -> None:
    kept = store.keep("ann", "  Ann's\tvoice\n", " The line is open. ", RECORDING, WHEN)
    assert (kept.name, kept.text, kept.consented) == ("Ann's voice", "The line is open.", WHEN)
    assert store.voices("ann") == [kept]
    path = store.recording("ann", kept.id)
    assert path
    assert soundfile.info(path).samplerate == voices.RATE
    assert soundfile.info(path).duration == pytest.approx(kept.seconds, abs=0.01)
    assert sorted(files(tmp_path)) == ["recording.wav", "voice.json"]


def test_an_account_meets_only_its_own_voices(store: VoiceStore) -> None:
    kept = store.keep("ann", "Ann", "", RECORDING, WHEN)
    assert store.voices("bob") == []
    assert store.recording("bob", kept.id) is None
    assert not store.delete("bob", kept.id)
    assert store.recording("ann", kept.id)


def test_a_deleted_voice_leaves_nothing(store: VoiceStore, tmp_path: Path) -> None:
    kept = store.keep("ann", "Ann", "", RECORDING, WHEN)
    assert store.delete("ann", kept.id)
    assert (store.voices("ann"), store.recording("ann", kept.id), files(tmp_path)) == ([], None, [])
    assert not store.delete("ann", kept.id)


@pytest.mark.parametrize("voice_id", ["..", "../../etc", "", ".", "0123456789ABCDEF", "0" * 15])
def test_no_name_leads_out_of_the_folder(store: VoiceStore, voice_id: str) -> None:
    store.keep("ann", "Ann", "", RECORDING, WHEN)
    assert store.recording("ann", voice_id) is None
    assert not store.delete("ann", voice_id)
    assert len(store.voices("ann")) == 1


@pytest.mark.parametrize("account", ["../../ann", "a/b", "..", "ä" * 300])
def test_an_accounts_name_is_never_a_folders(store: VoiceStore, tmp_path: Path, account: str) -> None:
    store.keep(account, "../../x", "", RECORDING, WHEN)
    assert all(len(folder.name) == 32 for folder in (tmp_path / "voices").iterdir())
    assert [voice.name for voice in store.voices(account)] == ["../../x"]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": " \n"}, "A name of 1 to 60 characters"),
        ({"name": "x" * 61}, "A name of 1 to 60 characters"),
        ({"name": "ANN"}, "A voice of that name is kept already"),
        ({"text": "x" * 2001}, "can have 2,000 characters"),
        ({"consented": ""}, "confirm that it's yours"),
        ({"recording": b"no sound"}, "isn't audio|can't be read|recording"),
        ({"recording": sound(2.5)}, "A recording of 3 to 30 s is needed"),
        ({"recording": sound(31)}, "A recording of 3 to 30 s is needed"),
    ],
)
def test_what_is_no_voice_is_refused_in_a_sentence(
    store: VoiceStore, tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    asked = {"name": "Bea", "text": "", "recording": RECORDING, "consented": WHEN}
    store.keep("ann", "Ann", "", RECORDING, WHEN)
    with pytest.raises(InputError, match=sentence):
        store.keep("ann", **{**asked, **changed})
    assert len(files(tmp_path)) == 2


def test_tags_call_voices_by_name_or_id_as_many_as_fit(store: VoiceStore) -> None:
    ann, bea = (store.keep("ann", name, f"{name} speaks.", RECORDING, WHEN) for name in ("Ann", "Bea"))
    names = ["bea", "nobody", ann.id, "ann"]
    called = store.called("ann", names, 2)
    assert [(each.name, each.text) for each in called] == [("bea", bea.text), (ann.id, ann.text)]
    assert [each.recording for each in called] == [store.recording("ann", each.id) for each in (bea, ann)]
    assert store.called("bob", names, 2) == ()


def test_only_so_many_are_kept(store: VoiceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "MOST", 2)
    for name in ("one", "two"):
        store.keep("ann", name, "", RECORDING, WHEN)
    with pytest.raises(InputError, match="2 voices are kept here already"):
        store.keep("ann", "three", "", RECORDING, WHEN)
    store.keep("bob", "three", "", RECORDING, WHEN)


def test_what_is_damaged_on_the_disk_hides_nothing_else(store: VoiceStore) -> None:
    kept, damaged = (store.keep("ann", name, "", RECORDING, WHEN) for name in ("Ann", "Bea"))
    path = store.recording("ann", damaged.id)
    assert path
    path.with_name("voice.json").write_text("{")
    assert store.voices("ann") == [kept]


@pytest.mark.long
@pytest.mark.parametrize("slow", ["put", "keys"])
def test_a_voice_is_kept_while_voices_are_looked_for(
    s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slow: str
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    url, comes, may_go_on = s3.new_url(), threading.Event(), threading.Event()

    def hold(what: str) -> None:
        if what == slow and not comes.is_set():
            comes.set()
            assert may_go_on.wait(60)

    class Slow(Bucket):
        def put(self, key: str, file: Path) -> None:
            hold("put")
            super().put(key, file)

        def keys(self, name: str) -> Iterator[tuple[str, datetime]]:
            listed = super().keys(name)
            hold("keys")
            return listed

    store = VoiceStore(tmp_path / "voices", Slow(url).below(tmp_path / "voices", "voices"))
    keep = partial(store.keep, "ann", "Ann", "", RECORDING, WHEN)
    find = partial(store.find, "ann", "Ann")
    first, meanwhile = (keep, find) if slow == "put" else (find, keep)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(first)
        assert comes.wait(60)
        meanwhile()
        may_go_on.set()
        held.result()
    assert len(files(tmp_path)) == 2
    other = VoiceStore(tmp_path / "other", Bucket(url).below(tmp_path / "other", "voices"))
    assert len(store.voices("ann")) == 1
    assert store.voices("ann") == other.voices("ann")
    assert other.find("ann", "Ann")


def test_what_a_killed_server_left_behind_goes_later(store: VoiceStore) -> None:
    kept = store.keep("ann", "Ann", "", RECORDING, WHEN)
    path = store.recording("ann", kept.id)
    assert path
    left, being_made = (path.parent.with_name(f".{name}") for name in ("left", "being-made"))
    for folder in (left, being_made):
        folder.mkdir()
        (folder / "recording.wav").touch()
    long_ago = time.time() - 2 * LEFT_BEHIND_S
    os.utime(left, (long_ago, long_ago))
    assert store.voices("ann") == [kept]
    store.keep("ann", "Bea", "", RECORDING, WHEN)
    assert (left.exists(), being_made.exists()) == (False, True)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("accounts")
    server = Server(folder, "tests/guarded_app.py", VOXDEMO_AUTH="ann:word, bob:word", VOXDEMO_API_KEYS="k" * 20)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


@contextmanager
def logged_in(server: Server, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as person:
        person.post("/login", data={"username": name, "password": "word"}).raise_for_status()
        yield person


def body(name: str = "Ann", audio: bytes = RECORDING) -> dict[str, str]:
    return {"name": name, "text": "Hello.", "audio": base64.b64encode(audio).decode(), "consented": WHEN}


def test_who_has_logged_in_keeps_hears_and_deletes_their_own(guarded: Server) -> None:
    with logged_in(guarded, "ann") as ann, logged_in(guarded, "bob") as bob:
        kept = ann.post("/voices", json=body())
        assert kept.status_code == 201
        own = f"/voices/{kept.json()['id']}"
        assert [voice["name"] for voice in ann.get("/voices").json()["voices"]] == ["Ann"]
        assert soundfile.info(io.BytesIO(ann.get(own).content)).duration == pytest.approx(4.7, abs=0.1)
        assert bob.get("/voices").json() == {"voices": []}
        for answer in (bob.get(own), bob.delete(own)):
            assert (answer.status_code, answer.json()["error"]) == (404, voices.UNKNOWN)
        delete_old(guarded.folder / "cache" / "files", 0, set())
        assert ann.get(own).status_code == 200
        assert ann.delete(own).status_code == 204
        assert ann.get(own).status_code == 404
        assert not list((guarded.folder / "cache" / "voices").rglob("*.wav"))


def test_who_has_not_logged_in_is_kept_out(guarded: Server) -> None:
    with httpx.Client(base_url=guarded.url) as nobody:
        for headers in ({}, {"Authorization": f"Bearer {'k' * 20}"}, {"Cookie": "access-token-x=ann"}):
            for answer in (
                nobody.get("/voices", headers=headers),
                nobody.post("/voices", json=body(), headers=headers),
                nobody.get("/voices/0123456789abcdef", headers=headers),
                nobody.delete("/voices/0123456789abcdef", headers=headers),
            ):
                assert (answer.status_code, answer.json()["error"]) == (403, NO_LOGIN)


def test_without_accounts_nothing_is_kept_on_the_server(fake_server: Server) -> None:
    for answer in (fake_server.http.get("/voices"), fake_server.http.post("/voices", json=body())):
        assert (answer.status_code, answer.json()["error"]) == (404, NO_ACCOUNTS)


def test_what_is_sent_is_json_a_bounded_one_and_a_recording(guarded: Server) -> None:
    with logged_in(guarded, "ann") as ann:
        plain = ann.post("/voices", content=b"{}", headers={"Content-Type": "text/plain"})  # as a form elsewhere could
        for answer in (plain, ann.post("/voices", json={}), ann.post("/voices", json={**body(), "audio": "é"})):
            assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (
                400,
                UNREADABLE,
                "not_a_voice",
            )
        too_long = ann.post("/voices", json=body(name="x" * 1000)).json()
        assert (too_long["code"], too_long["values"]) == ("voice_name_length", {"most": MAX_NAME_CHARS})
        assert ann.post("/voices", json=body(audio=b"x" * (5 << 20))).status_code == 413
        assert ann.post("/voices", json=body(audio=b"no sound")).status_code == 400
        assert ann.get("/voices").json() == {"voices": []}


@pytest.mark.long
def test_voices_outlive_restarts_and_the_hours_of_uploads(
    guarded: Server, start_server: StartServer, tmp_path: Path
) -> None:
    with logged_in(guarded, "ann") as ann:
        kept = ann.post("/voices", json=body()).raise_for_status().json()["id"]
        shutil.copytree(guarded.folder / "cache" / "voices", tmp_path / "shared" / "voices")
        ann.delete(f"/voices/{kept}").raise_for_status()
    long_ago = time.time() - 86_400
    for path in (tmp_path / "shared" / "voices").rglob("*"):
        os.utime(path, (long_ago, long_ago))
    settings = {"VOXDEMO_AUTH": "ann:word", "VOXDEMO_CACHE_DIR": tmp_path / "shared", "VOXDEMO_KEEP_HOURS": 0.1}
    server = start_server("tests/guarded_app.py", **settings)
    server.wait_until_ready()
    with logged_in(server, "ann") as ann:
        voice = ann.get("/voices").json()["voices"][0]
        assert ann.get(f"/voices/{voice['id']}").status_code == 200
