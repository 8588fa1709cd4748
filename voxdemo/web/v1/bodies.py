"""What programs send to have something spoken, and the options that they amount to. Knows no line and no answers."""

import base64
import binascii
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from voxdemo.audio import formats
from voxdemo.errors import InputError
from voxdemo.intake import languages
from voxdemo.intake.catalogue import Catalogue
from voxdemo.intake.validate import ASKED_SPEEDS
from voxdemo.speech import (
    CFG_WEIGHT,
    EXAGGERATION,
    GUIDANCE,
    RARE_DIALS,
    SPEED,
    STEPS,
    TEMPERATURE,
    EngineInfo,
    SpeakOptions,
    TaggedVoice,
)
from voxdemo.stores.voices import KeptVoice
from voxdemo.web.v1 import catalogue

MIME_TYPES = {**formats.MIME_TYPES, "pcm": "audio/pcm"}
"""By format."""
NO_RECORDING = "prompt_audio must be a recording in base64: encode the file's bytes and send it again."
TEXTS = ("input", "inputs")
"""The fields that say something when they are empty."""
AS_THEY_ARE = {
    "prompt_text", "cfg_value", "inference_timesteps", "normalize", "denoise", "seed", "speed",
    *(dial.name for dial in RARE_DIALS),
}  # fmt: skip
"""The fields that `SpeakOptions` has, too."""


class OptionsBody(BaseModel):
    """How to say something. What is null, or an empty string, counts as left out."""

    model: str = Field(default="tts-1", description="The id of the voice's model, or a name of OpenAI's.")
    voice: str | dict[str, Any] = Field(
        default="alloy",
        description="One of /v1/audio/voices, or one of OpenAI's names. Left out: one that speaks the text's language.",
    )
    language: str = Field(
        default="", description="voxdemo's: of the text, such as es; finds a voice where none is named."
    )
    instructions: str = Field(default="", description="How to speak, for a voice that takes instructions.")
    response_format: str = Field(
        default="mp3",
        description="wav, mp3, opus, aac or pcm (24 kHz, 16-bit, mono) as they are spoken; flac when whole.",
    )
    speed: float = Field(
        default=1.0,
        description=f"From {ASKED_SPEEDS[0]:g} to {ASKED_SPEEDS[1]:g}; below {SPEED.low:g} it is spoken at"
        f" {SPEED.low:g}, above {SPEED.high:g} at {SPEED.high:g}.",
    )
    prompt_audio: str | None = Field(
        default=None, description="voxdemo's: a recording of the voice to speak in, in base64."
    )
    prompt_text: str = Field(default="", description="voxdemo's: what is said in prompt_audio.")
    cfg_value: float = Field(default=2.0, description=f"voxdemo's: guidance, {GUIDANCE.low:g} to {GUIDANCE.high:g}.")
    inference_timesteps: int = Field(
        default=10, description=f"voxdemo's: diffusion steps, {STEPS.low:g} to {STEPS.high:g}."
    )
    exaggeration: float = Field(
        default=0.5, description=f"voxdemo's: feeling, {EXAGGERATION.low:g} to {EXAGGERATION.high:g}."
    )
    cfg_weight: float = Field(
        default=0.5, description=f"voxdemo's: guidance of Chatterbox, {CFG_WEIGHT.low:g} to {CFG_WEIGHT.high:g}."
    )
    temperature: float = Field(
        default=0.8, description=f"voxdemo's: how freely codes are drawn, {TEMPERATURE.low:g} to {TEMPERATURE.high:g}."
    )
    normalize: bool = Field(default=False, description="voxdemo's: write out numbers and dates.")
    denoise: bool = Field(default=False, description="voxdemo's: remove noise from prompt_audio.")
    seed: int | None = Field(default=None, description="voxdemo's: the same seed gives the same sound.")

    @model_validator(mode="before")
    @classmethod
    def _without_unset(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value is not None and (value != "" or name in TEXTS)}

    @field_validator("voice")
    @classmethod
    def _by_its_name(cls, value: str | dict[str, Any]) -> str:
        name = value if isinstance(value, str) else value.get("id")
        return cls.model_fields["voice"].default if name in (None, "") else str(name)

    @field_validator("response_format", "stream_format", mode="before", check_fields=False)
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value


class SpeechBody(OptionsBody):
    """What to say and how."""

    input: str = Field(description="The text, up to 50,000 characters.")
    stream_format: Literal["audio", "sse"] = Field(
        default="audio", description="The sound itself, or events with the place in line and the sound."
    )


def options_of(
    asked: OptionsBody,
    prompt: Path | None,
    offered: Catalogue,
    known: Collection[str] = MIME_TYPES,
    kept: tuple[KeptVoice, Path] | None = None,
    own: tuple[TaggedVoice, ...] = (),
) -> SpeakOptions:
    """What is asked for, in the voice of a recording or in a `kept` one, where there is either; tags may call `own`.

    Raises InputError for what isn't offered here; the rest is the service's to check.
    """
    engine = catalogue.engine_called(asked.model, offered)
    if asked.response_format not in known:
        raise unknown_format(asked.response_format, known)
    told = asked.model_dump(include=AS_THEY_ARE)
    if kept:
        voice, prompt = kept
        told["prompt_text"] = asked.prompt_text or ("" if asked.instructions else voice.text)
    return SpeakOptions(
        prompt_audio=prompt,
        control=asked.instructions,
        voice=None if prompt else _voice(asked, engine, offered),
        language=languages.plain_code(asked.language),
        own=own,
        **told,
    )


def _voice(asked: OptionsBody, engine: EngineInfo | None, offered: Catalogue) -> str | None:
    """The voice that is asked for; else of a model that is asked for the first of the language; else None."""
    if "voice" in asked.model_fields_set:
        return catalogue.voice_of(str(asked.voice), engine, offered)
    language = languages.plain_code(asked.language)
    fitting = (each for each in engine.voices if language is None or each.speaks(language)) if engine else ()
    return next((offered.name_of(each, engine) for each in fitting if engine), None)


def unknown_format(asked: str, known: Collection[str]) -> InputError:
    """For a `response_format` that isn't one of those `known`."""
    sentence = "response_format must be one of {these}, not {format!r}."
    return InputError(sentence, code="unknown_format", these=", ".join(known), format=asked[:20])


def decoded(recording: str) -> bytes:
    """A recording that came in base64, in lines as MIME writes it, or as a data URL. Raises InputError otherwise."""
    _, comma, after = recording.partition(";base64,")
    try:
        return base64.b64decode("".join((after if comma else recording).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(NO_RECORDING, code="prompt_not_base64") from error
