"""Which models and voices there are, by the names that programs call them, ours and OpenAI's."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter

from voxdemo.errors import InputError
from voxdemo.service import SpeechService
from voxdemo.speech import EngineInfo, RecognizerInfo, Voice

SPEECH_ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
RECOGNITION_ALIASES = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""Names of OpenAI's models, by which those that are here can be called, too: programs often have them built in."""
VOICE_ALIASES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
"""Names of OpenAI's voices; each is the first one here."""
STARTED_AT = int(time.time())


def routes(service: SpeechService) -> APIRouter:
    """What there is."""
    router = APIRouter(tags=["what there is"])

    @router.get("/models")
    async def models() -> dict[str, Any]:
        """The voice's and the recogniser's model; `aliases` are names of OpenAI's that mean them."""
        return {"object": "list", "data": _models(service)}

    @router.get("/models/{model}")
    async def model(model: str) -> dict[str, Any]:
        """One of them."""
        for each in _models(service):
            if model in (each["id"], *each["aliases"]):
                return each
        raise InputError(_unknown(model, [each["id"] for each in _models(service)]))

    @router.get("/audio/voices")
    async def voices() -> dict[str, Any]:
        """The voices that the engine has ready; with `clones`, a recording can be sent to speak like it."""
        info = service.engine_info
        ready = [_described(voice, info) for voice in info.voices]
        return {"voices": ready, "clones": "prompt_audio" in info.honours}

    return router


def id_of(info: EngineInfo | RecognizerInfo) -> str:
    """What programs call a model: "built-in-voice"."""
    return info.title.lower().replace(" ", "-")


def check_model(asked: str, info: EngineInfo | RecognizerInfo) -> None:
    """Raises InputError where this model isn't the one that is asked for."""
    aliases = SPEECH_ALIASES if isinstance(info, EngineInfo) else RECOGNITION_ALIASES
    if asked not in (id_of(info), info.name, *aliases):
        raise InputError(_unknown(asked, [id_of(info)]))


def voice_of(asked: str, info: EngineInfo) -> str | None:
    """The voice by this name, for an `Utterance`; None is the first."""
    return None if asked in VOICE_ALIASES and asked not in info.voice_names else asked


def _described(voice: Voice, info: EngineInfo) -> dict[str, Any]:
    known = {"languages": info.languages, "language": voice.language or None, "gender": voice.gender or None}
    return {"id": voice.name, "name": voice.name, **known}


def _models(service: SpeechService) -> list[dict[str, Any]]:
    served: list[tuple[EngineInfo | RecognizerInfo, tuple[str, ...]]] = [
        (service.engine_info, SPEECH_ALIASES),
        (service.recognizer_info, RECOGNITION_ALIASES),
    ]
    return [
        {
            "id": id_of(info),
            "object": "model",
            "created": STARTED_AT,
            "owned_by": "voxdemo",
            "aliases": aliases,
            "languages": info.languages,
        }
        for info, aliases in served
    ]


def _unknown(asked: str, known: list[str]) -> str:
    return f"There is no model {asked[:40]!r} here: choose {' or '.join(known)}."
