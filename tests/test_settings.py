from __future__ import annotations

from pathlib import Path

import pytest

from voxdemo import settings
from voxdemo.errors import SettingsError


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours = (settings.PREFIX + field.upper() for field in settings.Settings.model_fields)
    for name in (*ours, "GRADIO_SERVER_PORT", "SENTRY_DSN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("VOXDEMO_GENERATORS", "3", "VOXDEMO_GENERATORS is '3', but it must be a number from 1 to 2."),
        ("VOXDEMO_GENERATORS", "many", "VOXDEMO_GENERATORS is 'many', but it must be a number from 1 to 2."),
        ("VOXDEMO_PORT", "70000", "VOXDEMO_PORT is '70000', but it must be a number from 1 to 65535."),
        ("GRADIO_SERVER_PORT", "x", "GRADIO_SERVER_PORT is 'x', but it must be a number from 1 to 65535."),
        (
            "VOXDEMO_DEVICE",
            "gpu",
            "VOXDEMO_DEVICE is 'gpu', but it must be one of auto, cpu, mps, cuda, or cuda:N with the number of a GPU.",
        ),
        ("VOXDEMO_ENGINE", "espeak", "VOXDEMO_ENGINE is 'espeak', but it must be one of auto, builtin, voxcpm."),
        ("VOXDEMO_JOB_TIMEOUT_S", "nan", "VOXDEMO_JOB_TIMEOUT_S is 'nan', but it must be a number from 1 to 7200."),
        (
            "SENTRY_DSN",
            "a-secret",
            "SENTRY_DSN can't be used: it must be a DSN such as https://key@sentry.example.org/1.",
        ),
        ("VOXDEMO_LOG_FORMAT", "xml", "VOXDEMO_LOG_FORMAT is 'xml', but it must be one of human, json."),
        ("VOXDEMO_GENERATOR", "1", "VOXDEMO_GENERATOR is not a setting: did you mean VOXDEMO_GENERATORS?"),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_the_variable_the_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as mistake:
        settings.load()
    assert mistake.value.sentence == sentence


def test_the_environment_wins_over_the_env_file_and_that_over_the_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("VOXDEMO_PORT=8001\nVOXDEMO_QUEUE_SIZE=5\n")
    monkeypatch.setenv("VOXDEMO_PORT", "8002")
    read = settings.load()
    assert (read.port, read.queue_size, read.generators) == (8002, 5, 1)


def test_a_typo_in_the_env_file_is_found_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("VOXDEMO_QUEU_SIZE=5\n")
    with pytest.raises(SettingsError, match="did you mean VOXDEMO_QUEUE_SIZE"):
        settings.load()


def test_an_env_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        settings.load()


@pytest.mark.parametrize("host", ["not.a.host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_this_machines_is_one_sentence(host: str, tmp_path: Path) -> None:
    wrong = settings.Settings(VOXDEMO_HOST=host, cache_dir=tmp_path)
    with pytest.raises(SettingsError, match=f"VOXDEMO_HOST is '{host}', but this machine has no such address"):
        settings.check_usable(wrong)


def test_an_empty_variable_is_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXDEMO_PORT", "")
    assert settings.load().port == 7860


def test_names_are_read_in_any_case_and_folders_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXDEMO_ENGINE", " Builtin ")
    monkeypatch.setenv("VOXDEMO_CACHE_DIR", "~/sounds")
    read = settings.load()
    assert read.engine == "builtin"
    assert read.cache_dir == Path.home() / "sounds"


def test_a_space_says_host_and_port_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7861")
    assert (settings.load().host, settings.load().port) == ("0.0.0.0", 7861)


def test_sentry_may_be_named_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_DSN", "https://0123abcd@o1.ingest.sentry.io/42")
    assert settings.load().sentry_dsn.get_secret_value() == "https://0123abcd@o1.ingest.sentry.io/42"
