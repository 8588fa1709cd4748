"""Which models and voices there are, by the names that programs call them, ours and OpenAI's."""

import re
import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from voxdemo.errors import InputError
from voxdemo.intake.catalogue import Catalogue, voice_id
from voxdemo.service.service import SpeechService
from voxdemo.speech import EngineInfo, ModelInfo, RecognizerInfo, Voice
from voxdemo.web.guards.refusals import to_program
from voxdemo.web.v1.entrance import TheEntrance

SPEECH_ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
RECOGNITION_ALIASES = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe")
"""Names of OpenAI's models, by which those that are here can be called, too: programs often have them built in."""
_RELEASE = re.compile(r"-(\d{4}|\d{4}-\d{2}-\d{2})$")
"""What OpenAI puts behind the name of a model for one release of it."""
VOICE_ALIASES = {
    "alloy": "heart", "ash": "am_michael", "ballad": "bm_george", "cedar": "am_fenrir", "coral": "af_bella",
    "echo": "am_echo", "fable": "bm_fable", "marin": "af_sarah", "nova": "af_nova", "onyx": "am_onyx",
    "sage": "bf_emma", "shimmer": "af_aoede", "verse": "am_puck",
}  # fmt: skip
"""Names of OpenAI's voices, and which of ours speaks for each: the first one here, where that isn't."""
STARTED_AT = int(time.time())

router = APIRouter(tags=["what there is"])


@router.get("/models")
async def models(entrance: TheEntrance) -> dict[str, Any]:
    """The models of the voices and of the recogniser; `aliases` are names of OpenAI's that mean them."""
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
    """The voices that are ready; with `clones`, a recording can be sent to speak like it."""
    offered = entrance.service.catalogue
    return {"voices": [_described(*found) for found in offered.voices()], "clones": offered.copier is not None}


def id_of(info: ModelInfo) -> str:
    """What programs call a model: "built-in-voice"."""
    return info.title.lower().replace(" ", "-")


def engine_called(asked: str, offered: Catalogue) -> EngineInfo | None:
    """The engine of this name; None for one of OpenAI's, which mean whichever has the voice. Raises InputError."""
    name = _plain(asked)
    if name in SPEECH_ALIASES:
        return None
    engines = {key: info for info in offered.engines for key in (id_of(info), info.name)}
    if name not in engines:
        raise _unknown(asked, [id_of(info) for info in offered.engines])
    return engines[name]


def check_recognizer(asked: str, info: RecognizerInfo) -> None:
    """Raises InputError where this recogniser isn't the one that is asked for."""
    if _plain(asked) not in (id_of(info), info.name, *RECOGNITION_ALIASES):
        raise _unknown(asked, [id_of(info)])


def voice_of(asked: str, engine: EngineInfo | None, offered: Catalogue) -> str | None:
    """The voice by this name, for an `Utterance`; None is the first. One of OpenAI's is looked for in this engine."""
    if asked.lower() not in VOICE_ALIASES:
        return asked
    for name in (VOICE_ALIASES[asked.lower()], asked):
        found = offered.named(name)
        if found and engine in (None, found[1]):
            return found[0].name
    return next(iter(engine.voice_names), None) if engine else None


def _described(voice: Voice, info: EngineInfo) -> dict[str, Any]:
    known = {"languages": info.languages_of(voice.name), "language": voice.language or None}
    named = {"id": voice_id(voice, info), "name": voice.name, "model": id_of(info)}
    return {**named, **known, "gender": voice.gender or None}


def _models(service: SpeechService) -> list[dict[str, Any]]:
    usual, engines = {"object": "model", "created": STARTED_AT, "owned_by": "voxdemo"}, service.catalogue.engines
    served: list[tuple[ModelInfo, Sequence[str]]] = [(engine, ()) for engine in engines[1:]]
    served = [(engines[0], SPEECH_ALIASES), *served, (service.recognizer_info, RECOGNITION_ALIASES)]
    return [{"id": id_of(info), **usual, "aliases": names, "languages": info.languages} for info, names in served]


def _plain(asked: str) -> str:
    """The name of a model as it is compared: OpenAI's "TTS-1-1106" is its "tts-1"."""
    return _RELEASE.sub("", asked.lower())


def _unknown(asked: str, known: list[str]) -> InputError:
    sentence = "There is no model {model!r} here: choose {these}."
    return InputError(sentence, code="model_not_found", model=asked[:40], these=" or ".join(known))
