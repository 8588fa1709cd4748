"""/v1/audio/jobs: texts left here to be spoken, one or a thousand, and fetched when they are done.

Reads what programs send and tells how far it is; `voxdemo.batches` keeps it and has it spoken.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import Field
from starlette.responses import FileResponse, JSONResponse, Response

from voxdemo import logs
from voxdemo.audio import formats
from voxdemo.batches import values
from voxdemo.batches.runner import Batches
from voxdemo.batches.values import Batch, Load, Order, Text, TooMuch
from voxdemo.errors import BusyError, InputError, StorageError, VoxdemoError
from voxdemo.plan import units_of
from voxdemo.service import SpeechService
from voxdemo.speech import EngineInfo, Utterance
from voxdemo.threads import CONVERTING, READING, in_thread
from voxdemo.validate import checked, readable_text
from voxdemo.visit import Visit
from voxdemo.web.answers import to_program
from voxdemo.web.callers import caller_of
from voxdemo.web.v1.bodies import Manner, decoded, utterance_of
from voxdemo.web.v1.entrance import Entrance, while_there

GONE = "There is no such job here: it was deleted, or its time is over."
FULL = "Too many texts wait to be spoken: send these when some of them are done."
UNFINISHED = "This job isn't finished: ask again when its status is done, failed or cancelled."
NOT_SPOKEN = "This text hasn't been spoken."
THEIRS_FULL = "So many of your texts wait already that these don't fit: send them when some are done, or cancel a job."
FULL_S = 60.0
"""When to come again who finds it full."""
MOST_KEY_CHARS = 255


class JobBody(Manner):
    """One text, or up to a thousand, and how to say them."""

    input: str | None = Field(default=None, description="The text, up to 50,000 characters; or `inputs`.")
    inputs: list[str] | None = Field(
        default=None, min_length=1, max_length=values.MOST_TEXTS, description="Several texts, in their order."
    )

    @property
    def texts(self) -> Sequence[str]:
        """All of them. Raises InputError where it isn't clear which."""
        if (self.input is None) == (self.inputs is None):
            raise InputError("Send either input, a text, or inputs, a list of texts.")
        return self.inputs if self.inputs is not None else [str(self.input)]


def routes(entrance: Entrance, batches: Batches) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/audio/jobs", tags=["jobs"])
    service = entrance.service

    @router.post("", status_code=202, summary="Leave texts to be spoken")
    async def accept(
        asked: JobBody,
        request: Request,
        idempotency_key: Annotated[str | None, Header(max_length=MOST_KEY_CHARS)] = None,
    ) -> Response:
        """Accept texts to be spoken, even if the server is stopped meanwhile: 202 with an id.

        All of them are looked at first, and one that can't be said refuses the request. With an `Idempotency-Key` the
        same request again is the same job. A request counts once against the rate limit, however many its texts, as
        one of them at a time stands in line; 10,000 texts may wait in all, and 2,000 of one client.
        """
        logs.keep_private(asked.prompt_text, asked.instructions)  # the texts, where they are looked at: there are many
        caller = caller_of(request.scope)
        try:
            await entrance.counted(caller)
            job_id = await while_there(request, _accept(asked, caller, idempotency_key))
        except VoxdemoError as error:
            service.turned_back("generation", Visit("openai"), error)
            raise
        job = await _told(await _found(job_id), request)
        return JSONResponse(job, 202, {"Location": job["url"]})

    @router.get("/{id}", summary="How far a job is")
    async def status(id: str, request: Request) -> dict[str, Any]:  # noqa: A002
        """How far it is: status, jobs ahead, seconds until it is done, progress from 0 to 1, and every text's."""
        return await _told(await _found(id), request)

    @router.get("/{id}/items/{number}", response_class=FileResponse, summary="The sound of one text")
    async def item(id: str, number: int) -> Response:  # noqa: A002
        """The sound of one text, from 1."""
        batch = await _found(id)
        path = await batches.file(batch, number)
        if path is None or not await in_thread(path.is_file):
            return to_program(404, NOT_SPOKEN)
        return FileResponse(path, media_type=formats.MIME_TYPES[batch.manner.format])

    @router.get("/{id}/zip", response_class=FileResponse, summary="All sounds of a job")
    async def everything(id: str) -> Response:  # noqa: A002
        """All sounds and a manifest.json in one file, once the job is finished."""
        batch = await _found(id)
        if batch.finished_at is None:
            return to_program(409, UNFINISHED)
        files = {text.number: await batches.file(batch, text.number) for text in batch.texts}
        path = await in_thread(partial(_zipped, batch, files, await batches.folder(batch)), CONVERTING)
        if not await in_thread(path.is_file):
            raise HTTPException(404, GONE)
        return FileResponse(path, media_type="application/zip", filename=f"{batch.id}.zip")

    @router.delete("/{id}", summary="Cancel a job, or delete it")
    async def cancel(id: str, request: Request) -> dict[str, Any]:  # noqa: A002
        """Speak no more of it, and keep what was spoken; a finished job is deleted with its files."""
        batch = await _found(id)
        if batch.finished_at is not None:
            await batches.delete(batch)
            return {"id": batch.id, "object": "audio.job", "deleted": True}
        await batches.cancel(batch)
        return await _told(await _found(id), request)

    async def _accept(asked: JobBody, caller: str, idempotency_key: str | None) -> str:
        """Whoever hangs up before all is looked at has nothing accepted: they couldn't know its id."""
        order = partial(_order, asked, caller, idempotency_key, service.engine_info)
        return await _accepted(batches, caller, len(asked.texts), order)

    async def _found(id: str) -> Batch:  # noqa: A002
        batch = await batches.batch(id)
        if batch is None:
            raise HTTPException(404, GONE)
        return batch

    async def _told(batch: Batch, request: Request) -> dict[str, Any]:
        return _job(
            batch, batches, service, await batches.loads(), f"{request.scope['root_path']}/audio/jobs/{batch.id}"
        )

    return router


async def _accepted(batches: Batches, caller: str, count: int, order: Callable[[], Order]) -> str:
    try:
        await batches.check_room(caller, count)  # before the work of looking at them
        return await batches.accept(await in_thread(order, READING))
    except TooMuch as error:
        raise BusyError(THEIRS_FULL if error.is_theirs else FULL, FULL_S) from None
    except (OSError, sqlite3.Error) as error:
        raise StorageError from error


def _order(asked: JobBody, caller: str, idempotency_key: str | None, info: EngineInfo) -> Order:
    """All that is accepted. Takes up to some seconds; raises InputError for the first text that can't be said."""
    prompt = decoded(asked.prompt_audio) if asked.prompt_audio else None
    texts = asked.texts
    units = [
        _units(number, len(texts), utterance_of(text, asked, None, info, formats.MIME_TYPES), info)
        for number, text in enumerate(texts, 1)
    ]
    utterance = utterance_of("", asked, None, info, formats.MIME_TYPES)
    manner = values.Manner(
        format=asked.response_format,
        prompt_text=asked.prompt_text,
        cfg_value=asked.cfg_value,
        inference_timesteps=asked.inference_timesteps,
        control=asked.instructions,
        voice=None if prompt else utterance.voice,
        seed=asked.seed,
        speed=asked.speed,
        has_prompt=prompt is not None,
    )
    digest = hashlib.sha256(json.dumps(asked.model_dump(), sort_keys=True).encode()).hexdigest()
    return Order(caller, manner, texts, units, digest, idempotency_key, prompt)


def _units(number: int, count: int, utterance: Utterance, info: EngineInfo) -> float:
    try:
        with logs.private(utterance.text):
            checked(utterance, info)
            readable_text(utterance.text, info)
    except InputError as error:
        raise InputError(f"Text {number} of {count}: {error.sentence}" if count > 1 else error.sentence) from error
    return units_of(utterance, info)


def _job(batch: Batch, batches: Batches, service: SpeechService, loads: Sequence[Load], url: str) -> dict[str, Any]:
    units = sum(text.units for text in batch.texts)
    done = sum(text.units * batches.fraction(text) for text in batch.texts)
    others = [load for load in loads if load.batch != batch.id]
    is_begun = batch.finished_at is not None or any(text.state == "running" for text in batch.texts)
    return {
        "id": batch.id,
        "object": "audio.job",
        "url": url,
        "created_at": int(batch.created_at),
        "finished_at": None if batch.finished_at is None else int(batch.finished_at),
        "status": _status(batch),
        "ahead": 0 if is_begun else max(0, service.stats().running + service.waiting - batches.in_line) + len(others),
        "seconds": 0.0 if batch.finished_at else _seconds(batch, others, service),
        "progress": round(done / units, 4) if units else 1.0,
        "zip_url": f"{url}/zip" if batch.finished_at else None,
        "items": [_item(text, url) for text in batch.texts],
    }


def _status(batch: Batch) -> str:
    states = {text.state for text in batch.texts}
    if batch.finished_at is None:
        return "queued" if states == {"queued"} else "running"
    if "cancelled" in states:
        return "cancelled"
    return "failed" if states == {"failed"} else "done"


def _seconds(batch: Batch, others: Sequence[Load], service: SpeechService) -> float | None:
    """Until all of it is done. The batches take turns: of each other one at most as much as of this one comes first.

    (Processor sharing, as in Kleinrock, "Queueing Systems", volume 2, 1976, 4.4.)
    """
    left = [text for text in batch.texts if text.state in ("queued", "running")]
    units = sum(text.units for text in left)
    texts = len(left) + sum(min(load.texts, len(left)) for load in others)
    spoken_s = service.speaking_s(units + sum(min(load.units, units) for load in others))
    fixed_s = service.speaking_s(0.0)
    wait_s = 0.0 if any(text.state == "running" for text in left) else service.wait_s([])
    if spoken_s is None or fixed_s is None or wait_s is None:
        return None
    return round((wait_s + spoken_s + fixed_s * max(0, texts - 1)) / service.stats().seats, 1)


def _item(text: Text, url: str) -> dict[str, Any]:
    return {
        "index": text.number,
        "status": text.state,
        "audio_url": f"{url}/items/{text.number}" if text.state == "done" else None,
        "error": text.error,
        "duration_s": text.duration_s,
        "seed": text.seed,
        "cached": text.cached,
        "warnings": text.warnings,
    }


def _zipped(batch: Batch, files: dict[int, Path | None], folder: Path) -> Path:
    """The file, made the first time that it is asked for; sound is compressed already, or is wanted as it is."""
    path, beside = folder / "all.zip", folder / f".all.{secrets.token_hex(4)}.zip"
    if path.exists():
        return path
    manifest = [
        {"index": text.number, "text": text.text, "status": text.state, "file": file.name if file else None,
         "error": text.error, "duration_s": text.duration_s, "seed": text.seed}
        for text in batch.texts
        for file in [files[text.number]]
    ]  # fmt: skip
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as made:
            made.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2))
            for file in filter(None, files.values()):
                made.write(file, file.name)
        beside.replace(path)
    except FileNotFoundError:  # it was deleted meanwhile
        raise HTTPException(404, GONE) from None
    except OSError as error:
        raise StorageError from error
    finally:
        beside.unlink(missing_ok=True)
    return path
