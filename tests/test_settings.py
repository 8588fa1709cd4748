from __future__ import annotations

from pathlib import Path

import pytest

from voxdemo import settings
from voxdemo.errors import SettingsError
from voxdemo.server.start import check_usable


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
        (
            "VOXDEMO_VOICES_LEAST",
            "3",
            "VOXDEMO_VOICES_MOST is '2', but it must be at least VOXDEMO_VOICES_LEAST, which is 3.",
        ),
        ("VOXDEMO_GENERATORS", "many", "VOXDEMO_GENERATORS is 'many', but it must be a number from 1 to 2."),
        ("VOXDEMO_PORT", "70000", "VOXDEMO_PORT is '70000', but it must be a number from 1 to 65535."),
        ("GRADIO_SERVER_PORT", "x", "GRADIO_SERVER_PORT is 'x', but it must be a number from 1 to 65535."),
        (
            "VOXDEMO_DEVICE",
            "gpu",
            "VOXDEMO_DEVICE is 'gpu', but it must be one of auto, cpu, mps, cuda, or cuda:N with the number of a GPU.",
        ),
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
        check_usable(wrong)


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


FILES = {
    '"ann:pw"': "ann:pw",
    "'ann:pw'": "ann:pw",
    "“ann:pw”": "ann:pw",
    "ann:pw  \r": "ann:pw",
    '"ann:pw"\r': "ann:pw",
    '"ann:pw # 1"': "ann:pw # 1",
    '"ann:pw"  # people': "ann:pw",
    '"ann:pw","bob:pw2"': "ann:pw,bob:pw2",
    "ann:p'w,bob:#1": "ann:p'w,bob:#1",
    '"ann:it\'s"': "ann:it's",
    '""': "",
}
"""What programs hand on of a line in a file of variables, and what its writer meant."""


@pytest.mark.parametrize("written", FILES)
def test_quotes_and_line_ends_of_a_file_of_variables_are_no_part_of_a_secret(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("VOXDEMO_AUTH", written)
    assert settings.load().auth.get_secret_value() == FILES[written]


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("VOXDEMO_PORT", "7861 # where we listen", 7861),
        ("VOXDEMO_PORT", '"7861"', 7861),
        ("VOXDEMO_PORT", '""', 7860),
        ("VOXDEMO_HOST", "127.0.0.2\r", "127.0.0.2"),
        ("GRADIO_SERVER_NAME", "'0.0.0.0'", "0.0.0.0"),
        ("VOXDEMO_ENGINE", " 'builtin' # ours", "builtin"),
        ("VOXDEMO_EXAMPLES_AHEAD", "false\t# later", False),
        ("VOXDEMO_RATE_LIMIT", '"10/minute;1/2seconds"   # per client', "10/minute;1/2seconds"),
        ("VOXDEMO_CACHE_DIR", '"/tmp/a folder #1"', Path("/tmp/a folder #1")),
        ("VOXDEMO_CACHE_SIZE", "'500MB' ", 500_000_000),
        ("VOXDEMO_TRUSTED_PROXIES", "10.0.0.0/8, ::1     # ours", ("10.0.0.0/8", "::1")),
        ("VOXDEMO_CORS_ORIGINS", '"https://a.example","https://b.example"', ("https://a.example", "https://b.example")),
        ("VOXDEMO_VOXCPM_MODEL", "“openbmb/VoxCPM2”", "openbmb/VoxCPM2"),
    ],
)
def test_every_setting_is_read_as_it_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, written: str, value: object
) -> None:
    monkeypatch.setenv(name, written)
    field = {"GRADIO_SERVER_NAME": "host"}.get(name, name.removeprefix("VOXDEMO_").lower())
    assert getattr(settings.load(), field) == value


@pytest.mark.parametrize(
    ("name", "written", "sentence"),
    [
        (
            "VOXDEMO_AUTH",
            "ann:pw # people",
            "VOXDEMO_AUTH has a # behind a space: if it belongs to the value, put quotes round all of it.",
        ),
        (
            "VOXDEMO_AUTH",
            '"ann:pw',
            "VOXDEMO_AUTH has quotes round a part of it: put them round the whole value, or remove them.",
        ),
        ("VOXDEMO_AUTH", 'ann:"pw",bob:x', "VOXDEMO_AUTH has quotes round a part of it"),
        ("VOXDEMO_API_KEYS", "a-key-of-some-length'", "VOXDEMO_API_KEYS has quotes round a part of it"),
        ("VOXDEMO_CACHE_DIR", "/data # here", "VOXDEMO_CACHE_DIR has a # behind a space"),
        ("VOXDEMO_REDIS_URL", "redis://localhost # one", "VOXDEMO_REDIS_URL has a # behind a space"),
    ],
)
def test_where_two_things_could_be_meant_a_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str, written: str, sentence: str
) -> None:
    monkeypatch.setenv(name, written)
    with pytest.raises(SettingsError) as mistake:
        settings.load()
    assert mistake.value.sentence.startswith(sentence)
    assert "pw" not in mistake.value.sentence.replace("put", "")


def test_the_key_of_the_command_line_is_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXDEMO_CLIENT_KEY", '"a-key-of-some-length"\r')
    assert settings.client_key() == "a-key-of-some-length"


@pytest.mark.parametrize("key", ["kéy-of-some-length", "key of some length", "ключ-достаточной-длины"])
def test_a_key_that_no_header_can_carry_is_told_as_such(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("VOXDEMO_API_KEYS", key)
    with pytest.raises(SettingsError, match="must be at least 16 characters of ASCII, without spaces"):
        settings.load()
    monkeypatch.setenv("VOXDEMO_CLIENT_KEY", key)
    with pytest.raises(SettingsError, match="VOXDEMO_CLIENT_KEY can't be used: a key has characters of ASCII only"):
        settings.client_key()


@pytest.mark.parametrize(
    "line", ['VOXDEMO_AUTH="ann:pw', "VOXDEMO_AUTH ann:pw", "VOXDEMO_API_KEYS='a-key-of-some-length"]
)
def test_a_line_of_the_file_that_cannot_be_read_is_no_open_door(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"VOXDEMO_PORT=8001\n{line}\nVOXDEMO_QUEUE_SIZE=5\n")
    with pytest.raises(SettingsError) as mistake:
        settings.load()
    assert mistake.value.sentence.startswith("Line 2 of the file .env can't be understood: write NAME=value")


def test_a_file_that_windows_has_written_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b'\xef\xbb\xbfVOXDEMO_PORT=8001\r\nVOXDEMO_AUTH="ann:pw # 1"  # people\r\n')
    read = settings.load()
    assert (read.port, read.accounts) == (8001, [("ann", "pw # 1")])
