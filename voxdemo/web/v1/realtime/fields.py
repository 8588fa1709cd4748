"""What a client sets of a transcription session, as OpenAI's API has it today and as it had it in its beta.

Knows no connection, and of a session only which options it has.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from voxdemo.audio.arriving import CODINGS, Coding
from voxdemo.errors import InputError
from voxdemo.intake import languages
from voxdemo.live import LiveOptions
from voxdemo.speech import RecognizerInfo
from voxdemo.web.v1 import catalogue

OPEN_TEXT = "voxdemo.open"
"""What is named in `include` for events with the text that may still change."""
SPEAKS = "This server's realtime sessions transcribe and don't speak: send a session of the type transcription."
UNFIT = "{name}: {why}."
IGNORED = {
    "prompt": "a prompt",
    "keywords": "keywords",
    "languages": "a choice of several languages",
    "delay": "a delay",
}
"""Fields of OpenAI's transcription that change nothing here, with what they ask for."""
SEMANTIC = "semantic_vad isn't available here: server_vad ends a turn after {silence_ms} ms of silence."
BETA_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
"""What the beta called the formats of sound."""
BETA_FIELDS = {
    "input_audio_format": "format",
    "input_audio_noise_reduction": "noise_reduction",
    "input_audio_transcription": "transcription",
    "turn_detection": "turn_detection",
}
"""What the beta called the fields of `audio.input`, at the top of its session."""

USUAL = LiveOptions()


_Name = Annotated[str, Field(max_length=60)]
_Names = Annotated[list[_Name], Field(max_length=20)]
"""More than any client needs: all that is set is looked at, and repeated, on the event loop."""


class _Fields(BaseModel):
    @model_validator(mode="before")
    @classmethod
    def _without_unset(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value is not None or name == "turn_detection"}


class Format(_Fields):
    """How the bytes of the sound are meant."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    rate: int | None = None

    @model_validator(mode="after")
    def _known(self) -> "Format":
        rate = CODINGS[self.type].rate
        if self.rate not in (None, rate):
            raise ValueError(f"{self.type} has a rate of {rate} here, not {self.rate}")
        return self


class Transcription(_Fields):
    """How the sound is to be read."""

    model: str = Field(default="", max_length=200)
    language: _Name = ""
    prompt: str = Field(default="", max_length=10_000)
    keywords: _Names = []
    languages: _Names = []
    delay: _Name = ""


class TurnDetection(_Fields):
    """By what turns begin and end."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float = Field(default=USUAL.threshold, ge=0, le=1)
    prefix_padding_ms: int = Field(default=round(USUAL.prefix_s * 1000), ge=0, le=5_000)
    silence_duration_ms: int = Field(default=round(USUAL.silence_s * 1000), ge=100, le=10_000)


class Input(_Fields):
    """All that is set of what comes in; null is the usual, but for `turn_detection`: its client ends the turns then."""

    format: Format = Format()
    noise_reduction: dict[str, Any] = {}
    transcription: Transcription = Transcription()
    turn_detection: TurnDetection | None = TurnDetection()


class Audio(_Fields):
    """What a session has of sound."""

    input: Input = Input()


class Session(_Fields):
    """A session as its client sees and sets it."""

    audio: Audio = Audio()
    include: _Names = []

    @field_validator("include")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    @property
    def input(self) -> Input:
        return self.audio.input

    @property
    def coding(self) -> Coding:
        return CODINGS[self.input.format.type]

    def updated(self, sent: Any) -> "Session":
        """The session with what was sent; what was left out stays. Raises InputError for what it can't be."""
        try:
            given = Session.model_validate(_as_today(sent))
        except ValidationError as error:
            raise _unfit(error) from error
        heard = given.audio.input
        changed = {name: getattr(heard, name) for name in _sent_in(sent)}
        audio = self.audio.model_copy(update={"input": self.input.model_copy(update=changed)})
        named = {"include": given.include} if "include" in given.model_fields_set else {}
        return self.model_copy(update={"audio": audio, **named})

    def options(self, recognizer: RecognizerInfo) -> LiveOptions:
        """What it asks of this recogniser. Raises InputError for another model, or a language that it doesn't know."""
        asked, turns = self.input.transcription, self.input.turn_detection
        if asked.model:
            catalogue.check_recognizer(asked.model, recognizer)
        language = asked.language or (asked.languages[0] if len(asked.languages) == 1 else "")
        detection = turns or TurnDetection()
        return LiveOptions(
            language=languages.code_of(language, recognizer),
            cuts_turns=turns is not None,
            threshold=detection.threshold,
            prefix_s=detection.prefix_padding_ms / 1000,
            silence_s=detection.silence_duration_ms / 1000,
        )

    def warnings(self, recognizer: RecognizerInfo) -> Sequence[str]:
        """What it asks for and doesn't get, in sentences."""
        asked, turns = self.input.transcription, self.input.turn_detection
        ignored = [what for name, what in IGNORED.items() if getattr(asked, name)]
        if len(asked.languages) == 1:
            ignored.remove(IGNORED["languages"])
        ignored += ["noise reduction"] if self.input.noise_reduction else []
        unknown = ", ".join(name for name in self.include if name != OPEN_TEXT)
        ignored += [unknown] if unknown else []
        told = [f"{recognizer.title} doesn't support {what}: ignored." for what in ignored]
        if turns and turns.type == "semantic_vad":
            told.append(SEMANTIC.format(silence_ms=turns.silence_duration_ms))
        return told

    def described(self, recognizer: RecognizerInfo) -> dict[str, Any]:
        """As the events of today show it, with what is ignored."""
        return {
            "type": "transcription",
            "include": self.include,
            "audio": {"input": self._told(recognizer)},
            "warnings": self.warnings(recognizer),
        }

    def described_in_beta(self, recognizer: RecognizerInfo) -> dict[str, Any]:
        """As the events of the beta showed it, with what is ignored."""
        told = self._told(recognizer)
        theirs = {today: name for name, today in BETA_FORMATS.items()}
        told["format"] = theirs[told["format"]["type"]]
        heard = {name: told[today] for name, today in BETA_FIELDS.items()}
        return {**heard, "include": self.include, "warnings": self.warnings(recognizer)}

    def _told(self, recognizer: RecognizerInfo) -> dict[str, Any]:
        asked, turns = self.input.transcription, self.input.turn_detection
        format = {"type": self.input.format.type}
        return {
            "format": format | ({"rate": self.coding.rate} if self.input.format.type == "audio/pcm" else {}),
            "noise_reduction": None,
            "transcription": {
                "model": asked.model or recognizer.id,
                "language": asked.language or None,
                "prompt": asked.prompt,
            },
            "turn_detection": turns and {**turns.model_dump(), "type": "server_vad"},
        }


def _as_today(sent: Any) -> Any:
    """A session as OpenAI has it today, where it is the beta's. Raises InputError for one that speaks."""
    if not isinstance(sent, Mapping):
        return sent
    if sent.get("type", "transcription") != "transcription":
        raise InputError(SPEAKS, code="session_speaks", reason="updated")
    theirs = {today: sent[name] for name, today in BETA_FIELDS.items() if name in sent}
    if not theirs:
        return sent
    if isinstance(named := theirs.get("format"), str):
        theirs["format"] = {"type": BETA_FORMATS.get(named, named)}
    return {"audio": {"input": theirs}, **{name: sent[name] for name in ("include",) if name in sent}}


def _sent_in(sent: Any) -> Sequence[str]:
    """Which fields of `audio.input` were sent, null or not."""
    audio = _as_today(sent).get("audio") or {}
    return [name for name in audio.get("input") or {} if name in Input.model_fields]


def _unfit(error: ValidationError) -> InputError:
    first = error.errors()[0]
    name = ".".join(("session", *map(str, first["loc"])))
    why = str(first["msg"]).removeprefix("Value error, ")
    return InputError(UNFIT, field=name, code="unfit_event", name=name, why=why[0].lower() + why[1:])
