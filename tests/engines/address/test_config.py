"""What VOXDEMO_REMOTE_ENGINES may say: a mistake ends the start with one sentence that names the field, and no key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from voxdemo import settings as voxdemo_settings
from voxdemo.engines.address.config import Address
from voxdemo.engines.registry import ENGINES, addresses_in
from voxdemo.errors import SettingsError
from voxdemo.settings import Settings

SECRET = "the-key-that-nobody-may-read"
GOOD: dict[str, Any] = {"name": "studio", "url": "http://10.0.0.7:8880/v1/"}


def read(written: Any, **settings: Any) -> list[Address]:
    text = written if isinstance(written, str) else json.dumps(written)
    return list(addresses_in(Settings(remote_engines=text, **settings)))


def test_nothing_is_no_server() -> None:
    assert read("") == []


def test_a_list_an_object_and_a_file_are_read(tmp_path: Path) -> None:
    file = tmp_path / "engines.json"
    file.write_text(json.dumps([GOOD]))
    (address,) = read([GOOD])
    assert read(GOOD) == read(str(file)) == [address]
    assert (address.url, address.kind, address.at_once, address.info.title) == (
        "http://10.0.0.7:8880",
        "openai",
        1,
        "Studio",
    )
    assert (address.info.languages, address.info.voices, address.info.honours) == (("en",), (), {"speed"})


def test_voices_have_names_or_more_and_their_languages_are_the_servers() -> None:
    voices = ["one", {"name": "two", "title": "Zwei", "language": "de-DE", "gender": "male"}]
    (address,) = read([{**GOOD, "voices": voices, "licence": "MIT"}])
    assert [(voice.name, voice.title, voice.language) for voice in address.info.voices] == [
        ("one", "One", ""),
        ("two", "Zwei", "de-DE"),
    ]
    assert (address.info.languages, address.info.licence) == (("de",), "MIT")


def test_a_key_is_taken_from_the_environment_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_KEY", SECRET)
    (address,) = read([{**GOOD, "key": "$STUDIO_KEY"}])
    assert address.key.get_secret_value() == SECRET
    assert str(address) == "studio at http://10.0.0.7:8880 (openai, up to 1 at once, with a key)"
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[{", "isn't JSON (line 1, column 3)"),
        ("no/such/file.json", "names a file that can't be read (No such file or directory)"),
        ("[1]", "the entry of engine 1 is wrong"),
        ('{"name": "studio"}', "url of engine 1 is missing"),
        ([GOOD, {**GOOD, "name": "Two"}], "name of engine 2 is wrong"),
        ([GOOD, GOOD], "name 'studio' is taken already"),
        ([{**GOOD, "name": "kokoro"}], "name 'kokoro' is taken already"),
        ([{**GOOD, "name": "auto"}], "name 'auto' is taken already"),
        ([{**GOOD, "url": "10.0.0.7:8880"}], "url of engine 1 is wrong: it must be an address such as"),
        ([{**GOOD, "url": "ftp://host"}], "url of engine 1 is wrong: it must be an address such as"),
        ([{**GOOD, "url": "http://me:pw@host"}], "url of engine 1 is wrong: it has a name or a password in it"),
        ([{**GOOD, "kind": "grpc"}], "kind of engine 1 is wrong"),
        ([{**GOOD, "at_once": 65}], "at_once of engine 1 is wrong: input should be less than or equal to 64"),
        ([{**GOOD, "at_once": 0}], "at_once of engine 1 is wrong"),
        ([{**GOOD, "sample_rate": 7}], "sample_rate of engine 1 is wrong"),
        ([{**GOOD, "languages": ["English"]}], "languages.0 of engine 1 is wrong"),
        ([{**GOOD, "voices": [{"title": "x"}]}], "voices.0.name of engine 1 is missing"),
        ([{**GOOD, "voices": 3}], "voices of engine 1 is wrong"),
        ([{**GOOD, "copies": "maybe"}], "copies"),
        ([{**GOOD, "keys": SECRET}], "keys of engine 1 isn't a field; there are name, url, kind"),
        ([{**GOOD, "key": f"{SECRET} {SECRET}"}], "key of engine 1 is wrong: a key has characters of ASCII only"),
        ([{**GOOD, "key": "$NO_SUCH_KEY"}], "key of engine 1 is wrong: it names the variable NO_SUCH_KEY"),
        ([{**GOOD, "key": [SECRET]}], "key of engine 1 is wrong"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_field(written: Any, told: str) -> None:
    with pytest.raises(SettingsError) as mistake:
        read(written)
    sentence = mistake.value.sentence
    assert sentence.startswith("VOXDEMO_REMOTE_ENGINES ")
    assert told in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert SECRET not in sentence


def test_the_usual_engine_can_be_one_of_them_and_no_other_name() -> None:
    assert len(read([GOOD], engine="studio")) == 1
    with pytest.raises(SettingsError, match=f"it must be one of {', '.join((*ENGINES.names, 'studio'))}"):
        read([GOOD], engine="stduio")


@pytest.mark.parametrize(
    "written",
    [
        '[{"name": "a", "url": "http://h"}]',
        '[\n  {"name": "a",\n   "url": "http://h"}\n]',
        '[ { "name": "a", "url": "http://h" } ]',
        '{"name": "a", "url": "http://h", "key": "x # y"}',
    ],
)
def test_json_keeps_its_quotes_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (written, f"'{written}'"):
        monkeypatch.setenv("VOXDEMO_REMOTE_ENGINES", given)
        assert voxdemo_settings.load().remote_engines.get_secret_value() == written
