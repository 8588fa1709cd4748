"""/v1/audio/jobs: texts left here to be spoken, one or a thousand, and fetched when they are done.

Reads what programs send and tells how far it is; `voxdemo.batches` keeps it and has it spoken.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Header, HTTPException, Query, Request
from starlette.responses import FileResponse, JSONResponse, Response

from voxdemo.audio import formats
from voxdemo.batches import joined
from voxdemo.batches.runner import Batches
from voxdemo.errors import BusyError, InputError, StorageError, VoxdemoError
from voxdemo.files import replacing
from voxdemo.lanes.turns import Size
from voxdemo.monitoring.visit import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.stores import batch_values
from voxdemo.stores.batch_values import Batch, Load, Order, Text, TooMuch
from voxdemo.threads import JOINING, READING, in_thread
from voxdemo.web.guards.callers import Incoming
from voxdemo.web.guards.refusals import to_program
from voxdemo.web.v1.entrance import Entrance, while_there
from voxdemo.web.v1.orders import JobBody, Sender, digest_of, order_of

GONE = "This job no longer exists: it was deleted or has expired."
NOT_YOURS = "after must be the id of one of your jobs: leave it out to begin with the newest."
NO_LIST = "Without an API key or a login the server can't tell whose jobs are whose: keep the ids of yours."
FULL = "Too many texts are waiting to be spoken: send these when some of them are done."
UNFINISHED = "This job isn't finished: ask again when its status is done, failed or cancelled."
NOT_SPOKEN = "This text hasn't been spoken."
NOTHING_SPOKEN = "Nothing of this job has been spoken."
TOO_LONG = "As one file this job would last more than 10 hours: fetch its zip instead."
THEIRS_FULL = "So many of your texts wait already that these don't fit: send them when some are done, or cancel a job."
FULL_S = 60.0
"""When to come again who finds it full."""
MOST_KEY_CHARS = 255
DownloadName = Annotated[str, Query(max_length=200, description="What the file is called, without its ending.")]


def routes(entrance: Entrance, batches: Batches) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/audio/jobs", tags=["jobs"])
    service = entrance.service

    @router.post("", status_code=202, summary="Submit texts to be spoken later")
    async def accept(
        asked: JobBody,
        request: Request,
        idempotency_key: Annotated[str | None, Header(max_length=MOST_KEY_CHARS)] = None,
    ) -> Response:
        """Accept texts to be spoken, even if the server is stopped meanwhile: 202 with an id, and what is left out.

        All of them are looked at first, and one that can't be said refuses the request, unless `skip_unspeakable` is
        true. With an `Idempotency-Key` the same request again is the same job. A request counts once against the rate
        limit, however many its texts, as one of them at a time stands in line; 10,000 texts may wait in all, and 2,000
        of one client.
        """
        reader = Incoming(request.scope).reader
        sender = Sender(reader or Incoming(request.scope).caller, reader, idempotency_key)
        try:
            digest = await in_thread(partial(digest_of, asked), READING)
            job_id = await batches.known(sender.caller, idempotency_key, digest)
            if job_id is None:
                await entrance.counted(Incoming(request.scope).caller)
                order = partial(order_of, asked, sender, digest, service.engine_info)
                job_id = await while_there(request, _accepted(batches, sender.caller, len(asked.texts), order))
        except VoxdemoError as error:
            service.ended_at_door("generation", RequestContext("openai"), error)
            raise
        job = await _told(await _found(request, job_id), request)
        return JSONResponse(job, 202, {"Location": job["url"]})

    @router.get("", summary="Your jobs")
    async def mine(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=100, description="How many are listed.")] = 20,
        after: Annotated[str | None, Query(description="The id of the last one that is known already.")] = None,
    ) -> Response:
        """The jobs of the API key or the login that asks, the newest first, without their items."""
        reader = Incoming(request.scope).reader
        found = [] if reader is None else await batches.batches(reader, limit + 1, after)
        if found is None:
            raise InputError(NOT_YOURS, code="unknown_job")
        loads = await batches.loads()
        data = [_job(batch, batches, service, loads, _url(batch, request)) for batch in found[:limit]]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        warnings = [NO_LIST] if reader is None else []
        return JSONResponse(
            {"object": "list", "data": data, **ends, "has_more": len(found) > limit, "warnings": warnings}
        )

    @router.get("/{id}", summary="How far a job is")
    async def status(
        id: str,  # noqa: A002
        request: Request,
        first: Annotated[int, Query(ge=1, description="The number of the first item that is told.")] = 1,
        most: Annotated[int, Query(ge=0, le=batch_values.MOST_TEXTS, description="How many items are told.")] = (
            batch_values.MOST_TEXTS
        ),
        texts: Annotated[bool, Query(description="Whether items have their text.")] = False,
    ) -> Response:
        """How far it is: status, jobs ahead, seconds until it is done, progress from 0 to 1, and every text's.

        Texts are spoken in their order, so whoever asks often asks only for items from the `first` on that wasn't done.
        """
        return JSONResponse(await _told(await _found(request, id, first, most, texts), request, texts))

    @router.get("/{id}/items/{number}", response_class=FileResponse, summary="The sound of one text")
    async def item(id: str, number: int, request: Request) -> Response:  # noqa: A002
        """The sound of one text, from 1."""
        batch = await _found(request, id, number, 1)
        path = (await batches.files(batch)).get(number)
        if path is None or not await in_thread(path.is_file):
            return to_program(404, NOT_SPOKEN)
        return FileResponse(path, media_type=formats.MIME_TYPES[batch.options.format])

    @router.get("/{id}/zip", response_class=FileResponse, summary="All sounds of a job")
    async def everything(id: str, request: Request, name: DownloadName = "") -> Response:  # noqa: A002
        """All sounds and a manifest.json in one file, once the job is finished."""
        batch = await _found(request, id, words=True)
        if batch.finished_at is None:
            return to_program(409, UNFINISHED)
        files, folder = await batches.files(batch), await batches.folder(batch)
        path = await _made(folder / "all.zip", partial(_zipped, batch, files))
        return FileResponse(path, media_type="application/zip", filename=_download(batch, name, "zip"))

    @router.get("/{id}/joined", response_class=FileResponse, summary="All sounds of a job as one")
    async def one(id: str, request: Request, name: DownloadName = "") -> Response:  # noqa: A002
        """All sounds in one file, in one loudness, once the job is finished.

        With a pause of 0.5 s between them; or, where the job has `starts`, each at its time, or as soon after it as the
        one before has ended. Making it takes about a second for each minute of sound, the first time.
        """
        batch = await _found(request, id)
        if batch.finished_at is None:
            return to_program(409, UNFINISHED)
        files, folder = await batches.files(batch), await batches.folder(batch)
        pieces = [joined.TimedSound(files[text.number], text.start_s) for text in batch.texts if text.number in files]
        if not pieces:
            return to_program(404, NOTHING_SPOKEN)
        if _joined_s(batch) > joined.MOST_S:
            raise InputError(TOO_LONG, code="joined_too_long")
        format = batch.options.format  # noqa: A001
        path = await _made(folder / f"all.{format}", partial(joined.join, pieces))
        return FileResponse(path, media_type=formats.MIME_TYPES[format], filename=_download(batch, name, format))

    @router.delete("/{id}", summary="Cancel a job, or delete it")
    async def cancel(
        id: str,  # noqa: A002
        request: Request,
        keep: Annotated[bool, Query(description="Whether a job stays that is finished by now.")] = False,
    ) -> Response:
        """Speak no more of it, and keep what was spoken; a finished job is deleted with its files."""
        batch = await _found(request, id)
        if batch.finished_at is not None and not keep:
            await batches.delete(batch)
            return JSONResponse({"id": batch.id, "object": "audio.job", "deleted": True})
        await batches.cancel(batch)
        return JSONResponse(await _told(await _found(request, id), request))

    async def _found(
        request: Request,
        id: str,  # noqa: A002
        first: int = 1,
        most: int = batch_values.MOST_TEXTS,
        words: bool = False,
    ) -> Batch:
        batch = await batches.batch(id, Incoming(request.scope).reader, first, most, words)
        if batch is None:
            raise HTTPException(404, GONE)
        return batch

    async def _told(batch: Batch, request: Request, words: bool = False) -> dict[str, Any]:
        url = _url(batch, request)
        return _job(batch, batches, service, await batches.loads(), url) | {
            "items": [_item(text, url) | ({"text": text.text} if words else {}) for text in batch.texts]
        }

    return router


async def _accepted(batches: Batches, caller: str, count: int, order: Callable[[], Order]) -> str:
    """The id of a batch. For a client that hangs up before all of it is looked at, nothing is accepted."""
    try:
        await batches.check_room(caller, count)  # before the work of looking at them
        return await batches.accept(await in_thread(order, READING))
    except TooMuch as error:
        if error.is_theirs:
            raise BusyError(THEIRS_FULL, FULL_S, reason="your_texts") from None
        raise BusyError(FULL, FULL_S, reason="texts") from None
    except (OSError, sqlite3.Error) as error:
        raise StorageError from error


def _url(batch: Batch, request: Request) -> str:
    return f"{request.scope['root_path']}/audio/jobs/{batch.id}"


def _job(batch: Batch, batches: Batches, service: SpeechService, loads: Sequence[Load], url: str) -> dict[str, Any]:
    others = [load for load in loads if load.batch != batch.id]
    is_begun = batch.finished_at is not None or batch.tally("running").texts > 0
    url_at_end = url if batch.finished_at else None
    return {
        "id": batch.id,
        "object": "audio.job",
        "url": url,
        "created_at": int(batch.created_at),
        "finished_at": None if batch.finished_at is None else int(batch.finished_at),
        "status": _status(batch),
        "ahead": 0 if is_begun else max(0, service.stats().running + service.waiting - batches.in_line) + len(others),
        "seconds": 0.0 if batch.finished_at else _seconds(batch, others, service),
        "progress": round(batches.progress(batch), 4),
        "format": batch.options.format,
        "warnings": batch.warnings,
        "counts": {state: batch.tally(state).texts for state in get_args(batch_values.State)},
        "zip_url": url_at_end and f"{url_at_end}/zip",
        "joined_url": (url_at_end and batch.tally("done").texts and f"{url_at_end}/joined") or None,
    }


def _status(batch: Batch) -> str:
    states = set(batch.tallies)
    if batch.finished_at is None:
        return "queued" if states == {"queued"} else "running"
    if "cancelled" in states:
        return "cancelled"
    return "failed" if states == {"failed"} else "done"


def _seconds(batch: Batch, others: Sequence[Load], service: SpeechService) -> float | None:
    """Until all of it is done. The batches take turns: of each other one at most as much as of this one comes first.

    (Processor sharing, as in Kleinrock, "Queueing Systems", volume 2, 1976, 4.4.)
    """
    left = batch.tally("queued", "running")
    texts = left.texts + sum(min(load.texts, left.texts) for load in others)
    spoken_s = service.speaking_s(left.units + sum(min(load.units, left.units) for load in others))
    fixed_s = service.speaking_s(0.0)
    wait_s = 0.0 if batch.tally("running").texts else service.foretell([Size(None)])[0].start_s
    if spoken_s is None or fixed_s is None or wait_s is None:
        return None
    return round((wait_s + spoken_s + fixed_s * max(0, texts - 1)) / service.stats().seats, 1)


def _item(text: Text, url: str) -> dict[str, Any]:
    return {
        "index": text.number,
        "name": text.name,
        "start_s": text.start_s,
        "status": text.state,
        "audio_url": f"{url}/items/{text.number}" if text.state == "done" else None,
        **_error(text),
        "duration_s": text.duration_s,
        "seed": text.seed,
        "cached": text.cached,
        "warnings": text.warnings,
    }


def _error(text: Text) -> dict[str, Any]:
    """Why a text can't be spoken; nulls where it can."""
    error = text.error or {"message": None, "code": None, "values": None}
    return {"error": error["message"], "error_code": error["code"], "error_values": error["values"]}


def _joined_s(batch: Batch) -> float:
    """About how long all of it is as one sound."""
    return sum(joined.PAUSE_S + (text.duration_s or 0.0) for text in batch.texts) + max(
        (text.start_s or 0.0 for text in batch.texts), default=0.0
    )


def _download(batch: Batch, name: str, ending: str) -> str:
    """What the file is called where it is saved: as is wished, else by the day of the job."""
    day = datetime.fromtimestamp(batch.created_at, timezone.utc).date()
    wish = name or f"voxdemo-batch-{day}"
    return f"{batch_values.file_names([wish])[0]}.{ending}"


async def _made(path: Path, make: Callable[[Path], None]) -> Path:
    """A file of all of a job, made the first time that it is asked for."""

    def made() -> Path:
        if not path.exists():
            make(path)
        return path

    try:
        return await in_thread(made, JOINING)
    except FileNotFoundError:  # it was deleted meanwhile
        raise HTTPException(404, GONE) from None
    except OSError as error:
        raise StorageError from error


def _zipped(batch: Batch, files: Mapping[int, Path], path: Path) -> None:
    """All sounds in one file; they are compressed already, or are wanted as they are."""
    packed = {text.number: f"{text.name}.{batch.options.format}" for text in batch.texts if text.number in files}
    manifest = [
        {"index": text.number, "text": text.text, "status": text.state, "file": packed.get(text.number),
         **_error(text), "duration_s": text.duration_s, "start_s": text.start_s, "seed": text.seed}
        for text in batch.texts
    ]  # fmt: skip
    with replacing(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as made:
        made.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2))
        for number, name in packed.items():
            made.write(files[number], name)
