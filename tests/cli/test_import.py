"""What a single server keeps is copied, by the real command, to a real Postgres and a real S3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import postgres_server
import pytest
from commands import Run
from pydantic import SecretStr
from serving import ROOT, free_port

from voxdemo.settings import Settings
from voxdemo.speech import SpeakOptions
from voxdemo.stores.batch_values import Order
from voxdemo.stores.batches import BatchStore
from voxdemo.stores.opening import Stores
from voxdemo.stores.results import speech_file
from voxdemo.stores.voices import VoiceStore

pytestmark = pytest.mark.long

Copy = Callable[..., tuple[int, str, str]]
RECORDING = (ROOT / "assets" / "warm-up.flac").read_bytes()


@pytest.fixture
def run(voxdemo: Run) -> Copy:
    """Runs `import` where VOXDEMO_CACHE_DIR is `cache`: its exit code, what it prints and what it says."""

    def run(cache: Path, *words: str, **settings: object) -> tuple[int, str, str]:
        ended = voxdemo("import", *words, VOXDEMO_CACHE_DIR=cache, **settings)
        return ended.returncode, ended.stdout.decode(), ended.stderr.decode()

    return run


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Mapping[str, str]]:
    """The folder of a single server, with a voice, a result and two jobs, and their names."""
    folder = tmp_path / "single"
    stores = Stores(Settings(_env_file=None, cache_dir=folder))  # type: ignore[call-arg]
    voice = stores.voices.keep("anna", "My voice", "", RECORDING, "now").id
    with stores.results.new() as result:
        speech_file(result).write_bytes(b"a sound")
    batches = stores.batches
    options = SpeakOptions(prompt_audio=Path(), format="wav")
    done = batches.accept(Order("c", options, ["One."], [1.0], "d", "key", b"a recording", reader="key-1"))
    text, _ = batches.take() or pytest.fail("there is one")
    batches.file(text, "wav").write_bytes(b"one")
    (batches.folder(done) / "all.zip").write_bytes(b"made again")
    assert batches.finish(replace(text, state="done", duration_s=0.5, seed=7))
    waits = batches.accept(Order("c", SpeakOptions(), ["Two.", "Three."], [1.0, 1.0], "e"))
    assert batches.take()  # and the server is killed then
    batches.close()
    return folder, {"voice": voice, "result": result.name, "done": done, "waits": waits}


def test_all_of_it_is_there_once_however_often_it_is_run(
    run: Copy,
    kept: tuple[Path, Mapping[str, str]],
    postgres: Any,
    s3: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, names = kept
    url, bucket = postgres.new_url(), s3.new_url()
    shared = {"VOXDEMO_DATABASE_URL": url, "VOXDEMO_STORAGE_URL": bucket, **s3.environment}
    expected = "voices: {0} copied, {1} there already\nresults: {0} copied, {1} there already\n"
    once = run(tmp_path / "here", str(folder), **shared)
    assert once == (0, expected.format(1, 0) + "jobs: 2 copied, 0 there already\n", "")
    again = run(folder, **shared)  # as the settings say, from another machine's point of view
    assert again == (0, expected.format(0, 1) + "jobs: 0 copied, 2 there already\n", "")
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    elsewhere = Settings(  # type: ignore[call-arg]
        _env_file=None, cache_dir=tmp_path / "elsewhere", database_url=SecretStr(url), storage_url=SecretStr(bucket)
    )
    stores = Stores(elsewhere)
    assert [voice.id for voice in stores.voices.voices("anna")] == [names["voice"]]
    assert stores.results.open(names["result"], "wav").read_bytes() == b"a sound"  # type: ignore[union-attr]
    batches = stores.batches
    done = batches.batch(names["done"], "key-1", words=True)
    assert done
    assert [(text.text, text.state, text.seed) for text in done.texts] == [("One.", "done", 7)]
    sound, prompt = batches.file(done.texts[0], "wav"), done.options.prompt_audio
    assert prompt
    assert batches.fetched(sound)
    assert batches.fetched(prompt)
    assert (sound.read_bytes(), prompt.read_bytes()) == (b"one", b"a recording")
    assert not batches.fetched(sound.with_name("all.zip"))
    assert [text.text for text, _ in iter(batches.take, None)] == ["Two.", "Three."]
    batches.close()


def test_a_sentence_says_what_is_missing(
    run: Copy, kept: tuple[Path, Mapping[str, str]], postgres: Any, tmp_path: Path
) -> None:
    folder, _ = kept
    here, shared = tmp_path / "here", {"VOXDEMO_DATABASE_URL": postgres.new_url()}
    sentence = "Say where to: set VOXDEMO_DATABASE_URL, VOXDEMO_STORAGE_URL or both.\n"
    assert run(here, str(folder)) == (2, "", sentence)
    nothing = run(here, str(tmp_path), **shared)
    assert nothing == (2, "", f"{tmp_path} isn't the folder of a server: name what was its VOXDEMO_CACHE_DIR.\n")
    used = BatchStore(folder / "batches")
    everything = {**shared, "VOXDEMO_STORAGE_URL": "s3://nowhere/voxdemo"}
    assert run(here, str(folder), **everything) == (2, "", "A server is using this folder: stop it first.\n")
    used.close()
    away = f"postgresql://voxdemo:{postgres_server.PASSWORD}@127.0.0.1:{free_port()}/none"
    sentence = "Jobs can't be reached just now: try again in a minute.\n"
    assert run(here, str(folder), VOXDEMO_DATABASE_URL=away) == (3, "", sentence)
    assert VoiceStore(folder / "voices").voices("anna")  # all of it is where it was
