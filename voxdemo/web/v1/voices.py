"""/v1/audio/voices: the voices of the catalogue, and those that programs keep here, each key or account its own.

A kept one speaks wherever a program may name a voice. Where a server asks for neither key nor login, the id is all that
it takes to use one or delete it, and none are listed, as with jobs.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal

import soundfile
from fastapi import APIRouter, File, Form, HTTPException, Request, UploadFile
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse, Response, StreamingResponse

from voxdemo.engines.registry import no_copies
from voxdemo.errors import InputError, NotReadyError, StorageError
from voxdemo.intake.catalogue import MOST_OWN, VOICE_ALIASES, described, described_kept
from voxdemo.service.service import SpeechService
from voxdemo.speech import TaggedVoice
from voxdemo.stores.voices import MAX_NAME_CHARS, MOST, NOBODY, ROUNDED_S, UNKNOWN, KeptVoice, VoiceStore, consented_now
from voxdemo.text import tags
from voxdemo.threads import KEEPING, SHARING, in_thread
from voxdemo.web.guards.callers import Incoming
from voxdemo.web.v1.bodies import OptionsBody
from voxdemo.web.v1.entrance import Entrance, TheEntrance
from voxdemo.web.v1.forms import RecordingForm, recording_in

YES = frozenset({"true", "yes", "on", "1"})
_DAY = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?")
NO_LIST = "Without an API key or a login the server can't tell whose voices are whose: keep the ids of those you add."
OF_A_PROMPT = "Voices are made of recordings here: send one in audio_sample."
ELSEWHERE = "A page of another site needs an API key to change voices here."
NO_FILE = "This isn't a voices file: send one that the page or /v1/audio/voices/export has made."
FORMAT = "voxdemo voices 1"
"""Of the page's file, too: assets/voices/voices_file.js."""

router = APIRouter(prefix="/audio/voices", tags=["voices"], route_class=RecordingForm)


class _FiledVoice(BaseModel):
    name: str
    text: str
    consented: str
    audio: str
    """The recording, in base64."""


class _VoicesFile(BaseModel):
    format: Literal["voxdemo voices 1"]
    voices: list[_FiledVoice] = Field(min_length=1, max_length=MOST)


@router.get("", summary="The voices")
async def voices(request: Request, entrance: TheEntrance) -> Response:
    """The voices that are ready, then those that you keep; with `clones`, one can be copied from a recording."""
    service, keeper = entrance.service, Incoming(request.scope).keeper
    offered = service.catalogue
    mine = [] if keeper == NOBODY else await in_thread(service.stores.voices.voices, keeper, pool=SHARING)
    listed = [described(voice, engine, service.is_instant(engine)) for voice, engine in offered.voices()]
    listed += [described_kept(voice, offered.copier) for voice in mine]
    warnings = [NO_LIST] if keeper == NOBODY else []
    return JSONResponse({"voices": listed, "clones": offered.copier is not None, "warnings": warnings})


@router.post("", status_code=201, summary="Keep a voice")
async def add(
    request: Request,
    entrance: TheEntrance,
    name: Annotated[str, Form(description=f"What it is called: 1 to {MAX_NAME_CHARS} characters.")],
    audio_sample: Annotated[UploadFile, File(description="A recording of 3 to 30 s in which one person speaks.")],
    consent: Annotated[str, Form(description="true, or the day it was given: whose voice it is lets you use it.")] = "",
    transcript: Annotated[str, Form(description="voxdemo's: what is said in the recording.")] = "",
    type: Annotated[str, Form(description="OpenAI's; audio_sample is the one there is.")] = "audio_sample",
) -> Response:
    """Keep a voice, to speak in by its id. It belongs to the API key or the login that it comes with."""
    if type != "audio_sample":
        raise InputError(OF_A_PROMPT, code="voice_of_a_prompt")
    _check_copied(entrance.service)
    store, keeper, consented = entrance.service.stores.voices, _keeper_to_change(request), _consented(consent)

    def keep() -> KeptVoice:
        recording = recording_in("audio_sample", audio_sample).read()
        return store.keep(keeper, name, transcript, recording, consented)

    kept = await in_thread(keep, pool=KEEPING)
    where = f"{request.scope['root_path']}/audio/voices/{kept.id}"
    return JSONResponse(described_kept(kept, entrance.service.catalogue.copier), 201, {"Location": where})


@router.get("/export", summary="Your voices as one file")
async def export(request: Request, entrance: TheEntrance) -> Response:
    """All that you keep, with their recordings, as the page exports and imports them."""
    keeper, store = Incoming(request.scope).keeper, entrance.service.stores.voices
    mine = [] if keeper == NOBODY else await in_thread(store.voices, keeper, pool=KEEPING)
    named = {"Content-Disposition": 'attachment; filename="voxdemo-voices.json"'}
    return StreamingResponse(_written(store, keeper, mine), media_type="application/json", headers=named)


@router.post("/import", status_code=201, summary="Keep the voices of a file")
async def import_(request: Request, entrance: TheEntrance) -> Response:
    """Keep what the page or `export` has written, sent as JSON: all of it or, if anything is unfit, nothing."""
    _check_copied(entrance.service)
    store, keeper = entrance.service.stores.voices, _keeper_to_change(request)
    sent = await request.body()
    kept, known = await in_thread(lambda: _imported(store, keeper, _read(sent)), pool=KEEPING)
    added = [described_kept(voice, entrance.service.catalogue.copier) for voice in kept]
    return JSONResponse({"voices": added, "known": known}, 201)


@router.get("/{id:path}", summary="One voice")
async def one(id: str, request: Request, entrance: TheEntrance) -> Response:
    """One of yours or of the catalogue, by its id or name."""
    service = entrance.service
    if kept := await _kept(id, request, entrance):
        return JSONResponse(described_kept(kept[0], service.catalogue.copier))
    if found := service.catalogue.named(id):
        return JSONResponse(described(*found, service.is_instant(found[1])))
    raise HTTPException(404, UNKNOWN)


@router.delete("/{id:path}", summary="Delete a voice")
async def delete(id: str, request: Request, entrance: TheEntrance) -> Response:
    """Delete one of yours for good, with its recording."""
    keeper = _keeper_to_change(request)
    if not await in_thread(entrance.service.stores.voices.delete, keeper, id, pool=KEEPING):
        raise HTTPException(404, UNKNOWN)
    return JSONResponse({"id": id, "object": "audio.voice.deleted", "deleted": True})


async def kept_voice(asked: OptionsBody, request: Request, entrance: Entrance) -> tuple[KeptVoice, Path] | None:
    """The kept voice that is asked for, and its recording; None where it is another one. Raises as `_check_copied`."""
    if asked.prompt_audio or "voice" not in asked.model_fields_set:
        return None
    found = await _kept(str(asked.voice), request, entrance)
    if found:
        _check_copied(entrance.service)
    return found


async def _kept(asked: str, request: Request, entrance: Entrance) -> tuple[KeptVoice, Path] | None:
    """The caller's voice by its id or name; that goes before the names of voices here. Nobody's have ids alone."""
    service, keeper = entrance.service, Incoming(request.scope).keeper
    if keeper == NOBODY and (asked.lower() in VOICE_ALIASES or service.catalogue.named(asked)):
        return None  # there may be very many to look through
    return await in_thread(service.stores.voices.find, keeper, asked, pool=SHARING)


async def voices_in(texts: Iterable[str], request: Request, entrance: Entrance) -> tuple[TaggedVoice, ...]:
    """The caller's voices that tags in the texts call, as `_kept` finds them; none where no engine can copy one.

    They are MOST_OWN at most, because their recordings are kept for each job.
    """
    tagged = [text for text in texts if "[" in text]
    if not (tagged and entrance.service.catalogue.copier):
        return ()
    keeper, store = Incoming(request.scope).keeper, entrance.service.stores.voices

    def called() -> tuple[TaggedVoice, ...]:
        names = dict.fromkeys(name for text in tagged for name in tags.names(text))
        return store.called(keeper, names, MOST_OWN)

    return await in_thread(called, pool=SHARING)


def _keeper_to_change(request: Request) -> str:
    """Whose voices are changed. Raises HTTPException for a page of another site, unless it sends a key.

    A browser sends a form from anywhere to a server in its own network, and nobody would know who did.
    """
    caller = Incoming(request.scope)
    if caller.keeper == NOBODY and caller.is_of_unlisted_site:
        raise HTTPException(403, ELSEWHERE)
    return caller.keeper


def _check_copied(service: SpeechService) -> None:
    """Raises InputError where no engine can copy a voice, and NotReadyError where one may that is still loading."""
    if service.catalogue.copier:
        return
    if pending := service.readiness().pending:
        raise NotReadyError("{why}", reason="status", why=pending)
    raise no_copies()


def _consented(told: str) -> str:
    """When somebody consented, as ISO 8601: now, unless they say when; "" where they didn't."""
    if told.strip().lower() in YES:
        return consented_now()
    return told.strip() if _DAY.fullmatch(told.strip()) else ""


def _written(store: VoiceStore, keeper: str, mine: list[KeptVoice]) -> Iterator[str]:
    yield json.dumps({"format": FORMAT})[:-1] + ', "voices": ['
    before = ""
    for voice in mine:
        if (path := store.recording(keeper, voice.id)) is None:
            continue
        with suppress(FileNotFoundError):  # it was deleted meanwhile
            audio = base64.b64encode(path.read_bytes()).decode()
            told = {"name": voice.name, "text": voice.text, "consented": voice.consented, "audio": audio}
            yield before + json.dumps(told)
            before = ", "
    yield "]}"


def _read(sent: bytes) -> list[_FiledVoice]:
    try:
        return _VoicesFile.model_validate_json(sent).voices
    except ValidationError as error:
        raise InputError(NO_FILE, code="not_a_voices_file") from error


def _imported(store: VoiceStore, keeper: str, filed: list[_FiledVoice]) -> tuple[list[KeptVoice], list[str]]:
    """Those that are kept now, and the names of those that were. Raises InputError, and then none is kept."""
    before = store.voices(keeper)
    kept, known = list[KeptVoice](), list[str]()
    try:
        for each in filed:
            recording = _decoded(each)
            if any(_is_same(voice, each, recording) for voice in before):
                known.append(each.name.strip())
                continue
            taken = {voice.name.casefold() for voice in (*before, *kept)}
            kept.append(store.keep(keeper, _free(each.name, taken), each.text, recording, each.consented))
    except (InputError, StorageError):
        for voice in kept:
            store.delete(keeper, voice.id)
        raise
    return kept, known


def _decoded(filed: _FiledVoice) -> bytes:
    try:
        return base64.b64decode(filed.audio, validate=True)
    except ValueError as error:
        raise InputError(NO_FILE, code="not_a_voices_file") from error


def _is_same(kept: KeptVoice, filed: _FiledVoice, recording: bytes) -> bool:
    if (kept.name, kept.text) != (filed.name.strip(), filed.text.strip()):
        return False
    with suppress(soundfile.SoundFileError):  # it is refused where it is kept
        return bool(abs(soundfile.info(BytesIO(recording)).duration - kept.seconds) < ROUNDED_S)
    return False


def _free(name: str, taken: set[str]) -> str:
    """The name, or one like it that isn't taken."""
    name, number = name.strip(), 2
    free = name
    while free.casefold() in taken:
        free, number = f"{name[: MAX_NAME_CHARS - 4]} {number}", number + 1
    return free
