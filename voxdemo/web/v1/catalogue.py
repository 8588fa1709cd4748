"""Which models and voices there are, by the names that programs call them, ours and OpenAI's."""

import re
import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from voxdemo.errors import InputError
from voxdemo.service.service import SpeechService
from voxdemo.speech import EngineInfo, ModelInfo, Voice
from voxdemo.web.guards.refusals import to_program
from voxdemo.web.v1.entrance import TheEntrance

SPEECH_ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
RECOGNITION_ALIASES = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe")
"""Names of OpenAI's models, by which those that are here can be called, too: programs often have them built in."""
_RELEASE = re.compile(r"-(\d{4}|\d{4}-\d{2}-\d{2})$")
"""What OpenAI puts behind the name of a model for one release of it."""
VOICE_ALIASES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
"""Names of OpenAI's voices; each is the one here that is called so, else the first one."""
STARTED_AT = int(time.time())

router = APIRouter(tags=["what there is"])


@router.get("/models")
async def models(entrance: TheEntrance) -> dict[str, Any]:
    """The voice's and the recogniser's model; `aliases` are names of OpenAI's that mean them."""
    return {"object": "list", "data": _models(entrance.service)}


@router.get("/models/{model:path}")
async def model(model: str, entrance: TheEntrance) -> Response:
    """One of them, by its id or an alias."""
    models = _models(entrance.service)
    for each in models:
        if _plain(model) in (each["id"], *each["aliases"]):
            return JSONResponse(each)
    return to_program(404, _unknown(model, [each["id"] for each in models]), "model")


@router.get("/audio/voices")
async def voices(entrance: TheEntrance) -> dict[str, Any]:
    """The voices that the engine has ready; with `clones`, a recording can be sent to speak like it."""
    info = entrance.service.engine_info
    ready = [_described(voice, info) for voice in info.voices]
    return {"voices": ready, "clones": "prompt_audio" in info.honours}


def id_of(info: ModelInfo) -> str:
    """What programs call a model: "built-in-voice"."""
    return info.title.lower().replace(" ", "-")


def check_model(asked: str, info: ModelInfo) -> None:
    """Raises InputError where this model isn't the one that is asked for."""
    if _plain(asked) not in (id_of(info), info.name, *_aliases(info)):
        raise _unknown(asked, [id_of(info)])


def voice_of(asked: str, info: EngineInfo) -> str | None:
    """The voice by this name, for an `Utterance`; None is the first."""
    by_title = {voice.title.lower(): voice.name for voice in reversed(info.voices)}  # of several the first
    by_name = {name.lower(): name for name in info.voice_names}
    name = asked.lower()
    return by_name.get(name) or by_title.get(name) or (None if name in VOICE_ALIASES else asked)


def _described(voice: Voice, info: EngineInfo) -> dict[str, Any]:
    speaks = info.languages_of(voice.name)
    known = {"languages": speaks, "language": voice.language or None, "gender": voice.gender or None}
    return {"id": voice.name, "name": voice.name, **known}


def _models(service: SpeechService) -> list[dict[str, Any]]:
    usual = {"object": "model", "created": STARTED_AT, "owned_by": "voxdemo"}
    served = (service.engine_info, service.recognizer_info)
    return [{"id": id_of(info), **usual, "aliases": _aliases(info), "languages": info.languages} for info in served]


def _aliases(info: ModelInfo) -> Sequence[str]:
    return SPEECH_ALIASES if isinstance(info, EngineInfo) else RECOGNITION_ALIASES


def _plain(asked: str) -> str:
    """The name of a model as it is compared: OpenAI's "TTS-1-1106" is its "tts-1"."""
    return _RELEASE.sub("", asked.lower())


def _unknown(asked: str, known: list[str]) -> InputError:
    sentence = "There is no model {model!r} here: choose {these}."
    return InputError(sentence, code="model_not_found", model=asked[:40], these=" or ".join(known))
