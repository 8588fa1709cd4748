"""Which servers VOXDEMO_REMOTE_ENGINES names, and what is known of each before it is asked. Asks no server."""

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from voxdemo.errors import SettingsError
from voxdemo.settings import PREFIX, Settings, secret_of
from voxdemo.speech import ELSEWHERE, GUIDANCE, SPEED, EngineInfo, Voice

VARIABLE = f"{PREFIX}REMOTE_ENGINES"
MAX_FILE_BYTES = 1_000_000
USUAL_RATE = 24_000
"""Hz: what OpenAI's API gives, and most servers like it."""
CHUNK_CHARS = 250
"""Characters of a part: about 20 s of speech, so that servers which answer in one go are heard soon."""
PROMPT_RATE = 24_000
"""Hz of recordings that go along; 30 s of it are 2 MB in base64."""
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
_Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class VoiceEntry(_Strict):
    """A voice as it is written there."""

    name: _Line
    title: str = Field(default="", max_length=100)
    language: _Tag | Literal[""] = ""
    gender: Literal["", "female", "male"] = ""

    @property
    def voice(self) -> Voice:
        return Voice(self.name, self.language, self.gender, own_title=self.title)


class Address(_Strict):
    """A server that speaks."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    url: str
    kind: Literal["openai", "nanovllm"] = "openai"
    key: SecretStr = SecretStr("")
    """Empty: none is sent."""
    model: _Line = "tts-1"
    voices: tuple[VoiceEntry, ...] = ()
    """None: they are asked for."""
    languages: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")], ...] = ()
    """ISO 639-1; none: those of the voices, or English."""
    sample_rate: int | None = Field(default=None, ge=8_000, le=48_000)
    """Hz at which it is passed on; None: that of its first sound."""
    at_once: int = Field(default=1, ge=1, le=64)
    copies: bool | Literal["prompt_audio", "ref_audio"] = False
    """Whether it speaks in the voice of a recording, and under which name it takes that: True is `prompt_audio`."""
    title: _Line | Literal[""] = ""
    licence: str = Field(default="", max_length=200)

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            url = httpx.URL(value.strip())
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
            raise ValueError("it must be an address such as http://127.0.0.1:8880")
        if url.userinfo:
            raise ValueError("it has a name or a password in it: write those as key")
        return str(url).rstrip("/").removesuffix("/v1")

    @field_validator("key")
    @classmethod
    def _key(cls, value: SecretStr) -> SecretStr:
        key = secret_of(value)
        if not re.fullmatch("[!-~]*", key.get_secret_value()):
            raise ValueError("a key has characters of ASCII only, and no spaces")
        return key

    @field_validator("voices", mode="before")
    @classmethod
    def _voices(cls, value: Any) -> Any:
        return [{"name": each} if isinstance(each, str) else each for each in value] if _is_list(value) else value

    @property
    def takes_as(self) -> str:
        """The field for a recording of the voice to speak in; "" where it takes none."""
        return "prompt_audio" if self.copies is True else self.copies or ""

    @property
    def info(self) -> EngineInfo:
        """What is known before it is asked."""
        return info_for(self, tuple(each.voice for each in self.voices), self.sample_rate or USUAL_RATE)

    def __str__(self) -> str:
        """For the operator; without its key."""
        keyed = ", with a key" if self.key.get_secret_value() else ""
        return f"{self.name} at {self.url} ({self.kind}, up to {self.at_once} at once{keyed})"


def info_for(address: Address, voices: tuple[Voice, ...], sample_rate: int) -> EngineInfo:
    """What the engine at this address is, once its voices and the rate of its sound are known."""
    of_voices = dict.fromkeys(code for each in voices if (code := each.language.partition("-")[0].lower()))
    languages = address.languages or tuple(of_voices) or ("en",)
    title = address.title or address.name.capitalize()
    copying = {"prompt_audio", "prompt_text"} if address.copies or address.kind == "nanovllm" else set()
    own = {"seed", "cfg_value"} if address.kind == "nanovllm" else {"speed"}
    which = hashlib.sha256(f"{address.url} {address.kind} {address.model}".encode()).hexdigest()
    return EngineInfo(
        name=address.name,
        title=title,
        version=address.model if address.kind == "openai" else "VoxCPM",
        weights=which[:12],  # or the answers of another server would be given again
        sample_rate=sample_rate,
        languages=languages,
        voices=voices,
        honours=frozenset(own | copying),
        dials=(GUIDANCE,) if address.kind == "nanovllm" else (SPEED,),
        note=f"{title} speaks on another machine.",
        chunk_chars=CHUNK_CHARS,
        prompt_rate=PROMPT_RATE,
        licence=address.licence,
        device=ELSEWHERE,
        precision="",
    )


_LIST = TypeAdapter(tuple[Address, ...])


def addresses(settings: Settings, taken: Collection[str]) -> tuple[Address, ...]:
    """The servers that the setting names. Raises SettingsError for mistakes, and for names that are `taken`."""
    written = settings.remote_engines.get_secret_value().strip()
    if not written:
        return ()
    try:
        entries = json.loads(written if written[0] in "[{" else _read(Path(written)))
    except ValueError as error:
        at = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise SettingsError(
            f"{VARIABLE} isn't JSON{at}: write a list of engines, or the path of a file with it."
        ) from None
    try:
        found = _LIST.validate_python([entries] if isinstance(entries, dict) else entries)
    except ValidationError as error:
        raise SettingsError(f"{VARIABLE} can't be used: {_sentence(error.errors()[0])}.") from None
    names = [each.name for each in found]
    for name in names:
        if name in taken or names.count(name) > 1:
            raise SettingsError(f"{VARIABLE} can't be used: name {name!r} is taken already; choose another one.")
    return found


def _read(path: Path) -> str:
    try:
        with path.expanduser().open("rb") as file:
            return file.read(MAX_FILE_BYTES).decode()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SettingsError(f"{VARIABLE} names a file that can't be read ({why}): check its path.") from error


def _sentence(mistake: Any) -> str:
    """Which field of which entry is wrong and why; never what was written there, which may be a key."""
    place = [each for each in mistake["loc"] if not isinstance(each, str) or each.isidentifier()]
    fields = ".".join(str(each) for each in place[1:]) if place else ""
    where = f"{fields or 'the entry'} of engine {place[0] + 1}" if place and isinstance(place[0], int) else "the list"
    match mistake["type"]:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            return f"{where} isn't a field; there are {', '.join(Address.model_fields)}"
        case "value_error":
            return f"{where} is wrong: {mistake['ctx']['error']}"
        case "string_pattern_mismatch":
            return f"{where} is wrong: it must match {mistake['ctx']['pattern']}"
    message = str(mistake["msg"])
    return f"{where} is wrong: {message[0].lower()}{message[1:]}"


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
