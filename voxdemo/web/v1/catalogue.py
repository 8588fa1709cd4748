"""Which models and voices there are, by the names that programs call them, ours and OpenAI's."""

import re
import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from voxdemo.errors import InputError
from voxdemo.intake.catalogue import VOICE_ALIASES, Catalogue
from voxdemo.service.service import SpeechService
from voxdemo.speech import EngineInfo, ModelInfo, RecognizerInfo
from voxdemo.web.guards.refusals import to_program
from voxdemo.web.v1.entrance import TheEntrance


@dataclass(frozen=True, slots=True)
class OpenAINames:
    """What OpenAI calls its models, by which one that is here can be called, too: programs often have that built in."""

    today: tuple[str, ...]
    names: re.Pattern[str]
    """Those, and what may follow them: OpenAI retires such names every few years."""


SPEECH = OpenAINames(
    ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
    re.compile(r"tts-\d+(-hd)?|gpt-([\w.]+-)*tts(-hd)?"),
)
RECOGNITION = OpenAINames(
    (
        "whisper-1",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-realtime-whisper",
    ),
    re.compile(r"whisper-\d+|gpt-([\w.]+-)*(transcribe(-diarize)?|whisper)"),
)
_RELEASE = re.compile(r"-(\d{4}|\d{4}-\d{2}-\d{2})$")
"""What OpenAI puts behind the name of a model for one release of it."""
STARTED_AT = int(time.time())

router = APIRouter(tags=["what there is"])


@router.get("/models")
async def models(entrance: TheEntrance) -> dict[str, Any]:
    """The models of the voices and of the recogniser; `aliases` are names of OpenAI's that mean them."""
    return {"object": "list", "data": [_listed(*served) for served in _models(entrance.service)]}


@router.get("/models/{model:path}")
async def model(model: str, entrance: TheEntrance) -> Response:
    """One of them, by its id or one of OpenAI's names, also a newer one than `aliases` has."""
    served = _models(entrance.service)
    for info, theirs in served:
        if _plain(model) == info.id or (theirs and theirs.names.fullmatch(_plain(model))):
            return JSONResponse(_listed(info, theirs))
    return to_program(404, _unknown(model, [info.id for info, _ in served]), "model")


@router.get("/audio/models")
async def speech_models(entrance: TheEntrance) -> dict[str, Any]:
    """The models that speak, as Open WebUI asks for them."""
    return {"models": [{"id": info.id, "name": info.title} for info in entrance.service.catalogue.engines]}


def engine_called(asked: str, offered: Catalogue) -> EngineInfo | None:
    """The engine of this name; None for one of OpenAI's, which mean whichever has the voice. Raises InputError."""
    name = _plain(asked)
    if SPEECH.names.fullmatch(name):
        return None
    engines = {key: info for info in offered.engines for key in (info.id, info.name)}
    if name not in engines:
        raise _unknown(asked, [info.id for info in offered.engines])
    return engines[name]


def check_recognizer(asked: str, info: RecognizerInfo) -> None:
    """Raises InputError where this recogniser isn't the one that is asked for."""
    name = _plain(asked)
    if name not in (info.id, info.name) and not RECOGNITION.names.fullmatch(name):
        raise _unknown(asked, [info.id])


def voice_of(asked: str, engine: EngineInfo | None, offered: Catalogue) -> str | None:
    """The voice by this name, for an `Utterance`; None is the first.

    It is looked for in this engine first; one of OpenAI's in it alone.
    """
    near, ours = offered.near(engine) if engine else offered, VOICE_ALIASES.get(asked.lower())
    if not ours:
        found = near.named(asked)
        return offered.name_of(*found) if found else asked
    for name in (ours, asked):
        found = near.named(name)
        if found and engine in (None, found[1]):
            return offered.name_of(*found)
    return offered.name_of(engine.voices[0], engine) if engine and engine.voices else None


def _models(service: SpeechService) -> list[tuple[ModelInfo, OpenAINames | None]]:
    usual, *others = service.catalogue.engines
    return [(usual, SPEECH), *((engine, None) for engine in others), (service.recognizer_info, RECOGNITION)]


def _listed(info: ModelInfo, theirs: OpenAINames | None) -> dict[str, Any]:
    usual = {"object": "model", "created": STARTED_AT, "owned_by": "voxdemo"}
    known = {"languages": info.languages, "licence": info.licence or None}
    return {"id": info.id, **usual, "aliases": theirs.today if theirs else (), **known}


def _plain(asked: str) -> str:
    """The name of a model as it is compared: OpenAI's "TTS-1-1106" is its "tts-1"."""
    return _RELEASE.sub("", asked.lower())


def _unknown(asked: str, known: list[str]) -> InputError:
    sentence = "There is no model {model!r} here: choose {these}."
    return InputError(sentence, code="model_not_found", model=asked[:40], these=" or ".join(known))
