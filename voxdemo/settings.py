"""Every setting of the server: one typed object, read once at start, from VOXDEMO_* variables and `.env`.

Beside it only voxdemo/hf_space.py reads the environment, for what a Space sets, and the commands that send a server
VOXDEMO_CLIENT_KEY. Each field's docstring is its documentation; tests check `launch.sh --help` and the table in
docs/settings.md against the fields.
"""

import difflib
import ipaddress
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import limits
from pydantic import (
    AliasChoices,
    ByteSize,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from voxdemo import hf_space, quoting
from voxdemo.errors import SettingsError

PREFIX = "VOXDEMO_"
ENV_FILE = ".env"
CLIENT_KEY = "VOXDEMO_CLIENT_KEY"
"""What the command line sends to another server; it isn't a setting of this one."""
OTHER_VARIABLES = ("VOXDEMO_PYTHON", CLIENT_KEY)
"""The first is read by launch.sh before there is a Python."""
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
"""By the letter behind a length of time."""
QUEUE_SIZE, MOST_IN_LINE = 20, 10_000
"""How many jobs may wait where nothing is set, and the most that can be set."""
VOICES_TARGET_S, VOICES_IDLE_S = 10.0, 300.0
"""Defaults of the settings of these names, in seconds; a planned day uses them, too."""
SHORTEST_KEY = 16
"""Characters of an API key; shorter ones can be guessed."""

_ITEMS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "rate_limit": (
        lambda rates: all(rate.amount for rate in limits.parse_many(rates)),
        "it must be such as 10/minute, or several: 10/minute;1/2seconds",
    ),
    "trusted_proxies": (
        lambda network: network == "*" or ipaddress.ip_network(network),
        "it must be addresses or networks, such as 10.0.0.1, 192.168.0.0/16",
    ),
    "cors_origins": (
        re.compile(r"https?://[^/\s,*]+").fullmatch,
        "it must be origins without a path, such as https://example.org",
    ),
    "storage_url": (
        re.compile(r"s3://[\w.-]+(/[^\s?#]*)?").fullmatch,
        "it must be such as s3://bucket/voxdemo, with credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    "database_url": (re.compile(r"postgres(ql)?://.").match, "it must begin with postgresql://"),
    "line_url": (
        re.compile(r"https?://[^/\s@]+/?").fullmatch,
        "it must be an address without a path, such as http://10.0.0.5:7870",
    ),
    "line_secret": (
        re.compile(rf"[!-~]{{{SHORTEST_KEY},}}").fullmatch,
        f"it must be at least {SHORTEST_KEY} characters of ASCII, without spaces",
    ),
    "chat_url": (
        re.compile(r"https?://[^/\s@]+(/[^\s?#]*)?").fullmatch,
        "it must be such as http://localhost:11434/v1",
    ),
    "redis_url": (re.compile(r"(rediss?|unix)://.").match, "it must begin with redis://, rediss:// or unix://"),
    "sentry_dsn": (
        re.compile(r"https?://\w+@[^/\s]+/(\S*/)?\d+").fullmatch,
        "it must be a DSN such as https://key@sentry.example.org/1",
    ),
    "auth": (re.compile(r"[^:]+:.+").fullmatch, "it must be name:password, several separated by commas"),
    "api_keys": (
        re.compile(rf"[!-~]{{{SHORTEST_KEY},}}").fullmatch,
        f"each key must be at least {SHORTEST_KEY} characters of ASCII, without spaces",
    ),
}
"""Whether one of the items of a setting is what it must be, and what that is."""

_Name = Annotated[str, StringConstraints(to_lower=True)]  # of a model; their registries know which there are
_Names = Annotated[tuple[str, ...], NoDecode]  # "a, b" in the environment, not JSON


def _default_cache_dir() -> Path:
    try:
        return Path.home() / ".cache" / "voxdemo"
    except RuntimeError:  # a container user without a home
        return Path(tempfile.gettempdir()) / "voxdemo"


class Settings(BaseSettings):
    """The server's settings. Build them with `load`, which turns every mistake into one sentence."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    host: str = Field(default="127.0.0.1", validation_alias=AliasChoices("VOXDEMO_HOST", "GRADIO_SERVER_NAME"))
    """Address to listen on; 0.0.0.0 lets other machines in. GRADIO_SERVER_NAME (set on Spaces) is its second name."""

    port: int = Field(default=7860, validation_alias=AliasChoices("VOXDEMO_PORT", "GRADIO_SERVER_PORT"), ge=1, le=65535)
    """Port to listen on. GRADIO_SERVER_PORT (set on Spaces) is its second name."""

    engine: _Name = "auto"
    """The engine that speaks where nothing else is asked for: auto takes the best that can be had, builtin and kokoro
    are inside the installed packages.
    """

    engines: _Names = ("auto",)
    """The engines beside that one, whose voices can be asked for and which are loaded when one is: names separated by
    commas; auto is those inside the installed packages, and none where VOXDEMO_ENGINE names one.
    """

    recognizer: _Name = "auto"
    """The recogniser: as engine."""

    remote_engines: SecretStr = SecretStr("")
    """Servers that speak, too: a list in JSON, or the path of a file with it, as docs/engines.md shows; empty: none."""

    voxcpm_model: str = "auto"
    """VoxCPM's weights: a hub id or a folder; auto is the newest generation that fits the memory."""

    sensevoice_model: str = "FunAudioLLM/SenseVoiceSmall"
    """SenseVoice's weights: a hub id or a folder."""

    orpheus_model: str = "canopylabs/orpheus-3b-0.1-ft"
    """Orpheus-3B's weights: a hub id or a folder."""

    snac_model: str = "hubertsiuzdak/snac_24khz"
    """The weights of SNAC, the codec that Orpheus-3B speaks through: a hub id or a folder."""

    chatterbox_model: str = "ResembleAI/chatterbox"
    """Chatterbox's weights: a hub id or a folder."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """What VoxCPM, Orpheus-3B, Chatterbox and SenseVoice run on: auto, cuda, cuda:N, mps or cpu."""

    quantize: Literal["none", "int8"] = "none"
    """int8 rounds VoxCPM's weights: about twice as fast on a CPU; what it does to real voices is unmeasured."""

    kv_cache: int = Field(default=4096, ge=1024, le=32768)
    """Most steps (text tokens, prompt audio and speech together) that VoxCPM keeps in mind; more take more memory."""

    generators: int = Field(default=1, ge=1, le=2)
    """How many jobs run at once, each with its own copy of the models."""

    model_memory: ByteSize = Field(default=ByteSize(0), ge=0)
    """How much memory the models of one generator may take together, such as 4GB: where one needs room, the one used
    longest ago is unloaded; 0: 80 % of what is free when the server starts.
    """

    idle_unload_s: float = Field(default=0.0, ge=0, le=7 * 86_400)
    """After how many seconds without a job the models are unloaded, until the next job comes; 0: never."""

    queue_size: int = Field(default=QUEUE_SIZE, ge=1, le=MOST_IN_LINE)
    """How many jobs may wait; the next one is told to come back. Thousands are for the line of many servers."""

    live_sessions: int = Field(default=4, ge=1, le=100)
    """How many people and programs may be listened to live at once; the next one is told to come back."""

    live_per_client: int = Field(default=0, ge=0, le=100)
    """How many of those one client may have; 0: all."""

    live_silence_s: float = Field(default=60.0, ge=0, le=1800)
    """After how many seconds in which nobody speaks a live session ends; 0: when its half hour is over."""

    job_timeout_s: float = Field(default=300.0, ge=1, le=7200)
    """Seconds that one part of a text, or a recording, may take before it is stopped."""

    cache_dir: Path = Field(default_factory=_default_cache_dir)
    """Folder for uploads, results, the cache of answers and how fast the models were, and for what can't be made again,
    accepted jobs and the voices of accounts; made when missing. In a Space with persistent storage it is /data/voxdemo.
    """

    cache_ttl: float = Field(default=7 * 86_400.0, ge=0)
    """How long answers are kept to be given again: seconds, or such as 90m, 12h, 7d; 0 keeps none."""

    cache_size: ByteSize = Field(default=ByteSize(2 * 10**9), ge=0)
    """How much room the cache of answers may take, such as 500MB or 2GB; 0 keeps none."""

    examples_ahead: bool = True
    """Whether the page's examples are made while nobody waits, so that they are there at once; not where a GPU is lent
    by ZeroGPU, as each costs of the Space's quota, nor where the cache is off.
    """

    keep_hours: float = Field(default=24.0, ge=0.1, le=8760)
    """Hours after which uploads and results are deleted; answers in the cache go by their own time."""

    rate_limit: str = ""
    """How much one client may ask for, such as 10/minute;1/2seconds; empty: as much as it likes."""

    max_waiting_per_client: int = Field(default=0, ge=0, le=1000)
    """How many jobs of one client may wait at once; 0: as many as may wait."""

    trusted_proxies: _Names = ()
    """Addresses and networks of proxies whose X-Forwarded-For is believed, separated by commas; * believes all. In a
    Space they are the private networks, where its proxy is.
    """

    line_url: str = ""
    """Where the line is that several servers share, such as http://10.0.0.5:7870; empty: it has its own."""

    line_secret: SecretStr = SecretStr("")
    """What a line, its voices and its servers know each other by, and what logins are signed with: at least 16
    characters, alike at all of them.
    """

    voices_least: int = Field(default=2, ge=0, le=1000)
    """How many voices a line on Ray has at least."""

    voices_most: int = Field(default=2, ge=1, le=1000, validate_default=True)
    """How many voices a line on Ray may start, one after the other, where people wait."""

    voices_target_s: float = Field(default=VOICES_TARGET_S, ge=1, le=3600)
    """Within how many seconds the last in a line elsewhere is to begin: an alert tells when that isn't so, and on Ray
    more voices start.
    """

    voices_idle_s: float = Field(default=VOICES_IDLE_S, ge=1, le=86_400)
    """After how many seconds without a job a voice of a line on Ray is stopped."""

    redis_url: SecretStr = SecretStr("")
    """Where several servers know limits, ended logins and answers together, such as redis://localhost:6379/0."""

    database_url: SecretStr = SecretStr("")
    """The Postgres where several servers keep jobs of many texts together, such as
    postgresql://user:password@localhost/voxdemo; empty: in a file below cache_dir.
    """

    storage_url: SecretStr = SecretStr("")
    """The S3 where several servers keep results, the voices of accounts and the audio of jobs together, such as
    s3://bucket/voxdemo; empty: below cache_dir.
    """

    chat_url: str = ""
    """A language model to talk to: the address of a server with OpenAI's chat completions, such as
    http://localhost:11434/v1; empty: none.
    """

    chat_key: SecretStr = SecretStr("")
    """What that server asks for as an API key; empty: nothing."""

    chat_model: str = ""
    """Which of its models answers; empty: the first that it lists."""

    auth: SecretStr = SecretStr("")
    """The people that may see the page, as name:password, separated by commas; empty: everybody."""

    api_keys: SecretStr = SecretStr("")
    """Keys for programs, separated by commas; empty: none is asked for."""

    cors_origins: _Names = ()
    """Origins of other sites whose pages may call this one, such as https://example.org, separated by commas."""

    drain_s: float = Field(default=30.0, ge=0, le=3600)
    """Seconds that running jobs are given to finish when the server is told to stop; 0 stops at once."""

    log_text: bool = False
    """Whether the log may tell what people write; it never tells what they say."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much the log says."""

    log_format: Literal["human", "json"] = "human"
    """How the log says it: for people, or as one JSON object a line."""

    sentry_dsn: SecretStr = Field(
        default=SecretStr(""), validation_alias=AliasChoices("VOXDEMO_SENTRY_DSN", "SENTRY_DSN")
    )
    """Where Sentry takes errors, if sentry-sdk is installed; empty: nowhere. SENTRY_DSN is its second name."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where values come from, the first that has one winning: what is usual in a Space comes last."""
        usual_here = InitSettingsSource(settings_cls, hf_space.defaults())
        return init_settings, env_settings, dotenv_settings, file_secret_settings, usual_here

    @property
    def files_dir(self) -> Path:
        """Where uploads and results are, and nothing else: anybody who knows a name can fetch what lies here."""
        return self.cache_dir / "files"

    @field_validator("device", "quantize", "log_level", "log_format", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def accounts(self) -> list[tuple[str, str]]:
        """Name and password of everybody who may see the page; nobody: all may."""
        pairs = (pair.partition(":") for pair in _separated(self.auth.get_secret_value()))
        return [(name, password) for name, _, password in pairs]

    @property
    def keys(self) -> tuple[str, ...]:
        return _separated(self.api_keys.get_secret_value())

    @field_validator("cache_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("cache_ttl", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        written = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", str(value).lower())
        if not written:
            raise ValueError("it must be seconds, or such as 90m, 12h or 7d")
        return float(written[1]) * SECONDS[written[2]]

    @field_validator("voices_most")
    @classmethod
    def _no_less_than_the_least(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("voices_least", 0):
            raise ValueError(f"it must be at least VOXDEMO_VOICES_LEAST, which is {info.data['voices_least']}")
        return value

    @field_validator("trusted_proxies", "cors_origins", "engines", mode="before")
    @classmethod
    def _names(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        return _separated(value.lower() if info.field_name == "engines" else value)

    @field_validator(*_ITEMS)
    @classmethod
    def _checked(cls, value: Any, info: ValidationInfo) -> Any:
        written = value.get_secret_value() if isinstance(value, SecretStr) else value
        if info.field_name in ("auth", "api_keys"):
            written = _separated(written)
        fits, allowed = _ITEMS[str(info.field_name)]
        try:
            are_fit = all(map(fits, (written,) if written and isinstance(written, str) else written))
        except ValueError:
            are_fit = False
        if not are_fit:
            raise ValueError(allowed)
        return value


def load() -> Settings:
    """The settings of this process.

    Raises SettingsError, whose sentence names the variable, the value and what is allowed, for the first mistake.
    """
    try:
        _refuse_unknown(name for name in (*os.environ, *quoting.names_in(ENV_FILE)) if name.startswith(PREFIX))
        _undo_quotes()
        return Settings()
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"The file {ENV_FILE} isn't text in UTF-8: save it as UTF-8, one VOXDEMO_NAME=value a line."
        ) from error
    except ValidationError as error:
        raise SettingsError(_sentence(error.errors()[0])) from error


def client_key() -> str:
    """The key that the command line sends to another server; empty: none. Raises SettingsError, as `load`."""
    key = quoting.meant(CLIENT_KEY, os.environ.get(CLIENT_KEY, ""), is_free=True)
    if not re.fullmatch("[!-~]*", key):
        raise SettingsError(f"{CLIENT_KEY} can't be used: a key has characters of ASCII only, and no spaces.")
    return key


def secret_of(written: SecretStr) -> SecretStr:
    """A secret as it is written, or of the environment variable that it names as $NAME. Raises ValueError if unset."""
    name = written.get_secret_value()
    if not name.startswith("$"):
        return written
    if not os.environ.get(name[1:]):
        raise ValueError(f"it names the variable {name[1:41]}, which isn't set")
    return SecretStr(os.environ[name[1:]].strip())


def _undo_quotes() -> None:
    """Put into the environment what was meant where quotes and comments have come along; the file's are undone."""
    for field, info in Settings.model_fields.items():
        for name in _variables(field):
            if name in os.environ:
                is_free = info.annotation in (str, Path, SecretStr) and not info.metadata
                os.environ[name] = quoting.meant(name, os.environ[name], is_free)


def _refuse_unknown(names: Iterable[str]) -> None:
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    for name in names:
        if name not in (*known, *OTHER_VARIABLES):
            nearest = (difflib.get_close_matches(name, known, n=1) or [", ".join(known)])[0]
            raise SettingsError(f"{name} is not a setting: did you mean {nearest}?")


def _separated(words: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in words.split(","))))


def _sentence(mistake: Any) -> str:
    name = _field_name(mistake)
    if Settings.model_fields[name].annotation is SecretStr:
        return f"{_variable(name)} can't be used: {_allowed(mistake)}."
    return f"{_variable(name)} is {str(mistake['input'])!r}, but {_allowed(mistake)}."


def _variable(name: str) -> str:
    """What the setting is called where it was set."""
    names = _variables(name)
    return next((written for written in names if os.environ.get(written)), names[0])


def _variables(name: str) -> list[str]:
    """What a setting may be called: some have two names."""
    alias = Settings.model_fields[name].validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [PREFIX + name.upper()]


def _allowed(mistake: Any) -> str:
    bounds = mistake.get("ctx", {})
    match mistake["type"]:
        case "literal_error":
            return f"it must be one of {bounds['expected'].replace(chr(39), '').replace(' or ', ', ')}"
        case "string_pattern_mismatch":
            return "it must be one of auto, cpu, mps, cuda, or cuda:N with the number of a GPU"
        case "greater_than_equal" | "less_than_equal" | "int_parsing" | "float_parsing" | "int_from_float":
            low, high = _bounds_of(_field_name(mistake))
            return f"it must be a number from {low:g} to {high:g}"
        case "value_error":
            return str(mistake["ctx"]["error"])
        case "bool_parsing":
            return "it must be true or false"
        case "byte_size" | "byte_size_unit":
            return "it must be a size, such as 500MB or 2GB"
        case _:
            message = str(mistake["msg"])
            return message[0].lower() + message[1:]


def _field_name(mistake: Any) -> str:
    return str(mistake["loc"][0]).lower().removeprefix(PREFIX.lower())


def _bounds_of(name: str) -> tuple[float, float]:
    metadata = Settings.model_fields[name].metadata
    low = next(item.ge for item in metadata if hasattr(item, "ge"))
    high = next(item.le for item in metadata if hasattr(item, "le"))
    return float(low), float(high)
