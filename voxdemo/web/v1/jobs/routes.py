"""/v1/audio/jobs: texts left here to be spoken, one or a thousand, and fetched when they are done.

The addresses, and how a job looks to programs; `voxdemo.batches` keeps it and has it spoken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from starlette.responses import FileResponse, JSONResponse, Response

from voxdemo.audio import formats
from voxdemo.batches.runner import Batches
from voxdemo.errors import BusyError, InputError, StorageError, UnavailableError, VoxdemoError
from voxdemo.lanes.turns import Size
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.stores import batch_values
from voxdemo.stores.batch_values import Batch, Load, Order, Text, TooMuch
from voxdemo.threads import READING, in_thread
from voxdemo.web.guards.callers import Incoming
from voxdemo.web.guards.refusals import FileOrGone, to_program
from voxdemo.web.v1.entrance import Entrance, TheEntrance, while_there
from voxdemo.web.v1.jobs import files
from voxdemo.web.v1.jobs.files import GONE
from voxdemo.web.v1.jobs.orders import JobBody, digest_of, order_of
from voxdemo.web.v1.voices import kept_voice, voices_in

NOT_YOURS = "after must be the id of one of your jobs: leave it out to begin with the newest."
NO_LIST = "Without an API key or a login the server can't tell whose jobs are whose: keep the ids of yours."
FULL = "Too many texts are waiting to be spoken: send these when some of them are done."
UNFINISHED = "This job isn't finished: ask again when its status is done, failed or cancelled."
NOT_SPOKEN = "This text hasn't been spoken."
THEIRS_FULL = "So many of your texts wait already that these don't fit: send them when some are done, or cancel a job."
FULL_S = 60.0
"""After how long a client may send again what found the line full."""
MOST_KEY_CHARS = 255

router = APIRouter(prefix="/audio/jobs", tags=["jobs"])
DownloadName = Annotated[str, Query(max_length=200, description="What the file is called, without its ending.")]


@dataclass(frozen=True, slots=True)
class _Jobs:
    """The jobs as the client of a request may see them: its own, and those whose id is all that it takes."""

    request: Request
    entrance: Entrance
    batches: Batches
    reader: str | None

    async def found(
        self, job_id: str, first: int = 1, most: int = batch_values.MOST_TEXTS, words: bool = False
    ) -> Batch:
        """A job with so many of its texts from the `first` on. Raises HTTPException where there is none."""
        first = max(0, min(first, batch_values.MOST_TEXTS + 1))  # numbers of a database have 64 bits
        batch = await self.batches.ask(lambda store: store.batch(job_id, self.reader, first, most, words))
        if batch is None:
            raise HTTPException(404, GONE)
        return batch

    async def finished(self, job_id: str, words: bool = False) -> Batch:
        """As `found`, for what is made of all texts; the job must be finished."""
        batch = await self.found(job_id, words=words)
        if batch.finished_at is None:
            raise HTTPException(409, UNFINISHED)
        return batch

    async def described(self, batch: Batch, words: bool = False) -> dict[str, Any]:
        """A job with its items, and with their texts if `words`."""
        outlined = self.outlined(batch, await self.batches.ask(lambda store: store.loads()))
        items = [_item(text, outlined["url"]) | ({"text": text.text} if words else {}) for text in batch.texts]
        return {**outlined, "items": items}

    def outlined(self, batch: Batch, loads: Sequence[Load]) -> dict[str, Any]:
        """A job without its items; `loads` are those of all jobs that aren't finished."""
        url = f"{self.request.scope['root_path']}/audio/jobs/{batch.id}"
        return _job(batch, self.batches, self.entrance.service, loads, url)


async def _jobs(request: Request, entrance: TheEntrance) -> _Jobs:
    return _Jobs(request, entrance, request.app.state.batches, Incoming(request.scope).reader)


Jobs = Annotated[_Jobs, Depends(_jobs)]


@router.post("", status_code=202, summary="Submit texts to be spoken later")
async def accept(
    asked: JobBody,
    request: Request,
    jobs: Jobs,
    idempotency_key: Annotated[str | None, Header(max_length=MOST_KEY_CHARS)] = None,
) -> Response:
    """Accept texts to be spoken, even if the server is stopped meanwhile: 202 with an id, and what is left out.

    All of them are looked at first, and one that can't be said refuses the request, unless `skip_unspeakable` is
    true. With an `Idempotency-Key` the same request again is the same job. A request counts once against the rate
    limit, however many its texts, as one of them at a time stands in line; 10,000 texts may wait in all, and 2,000
    of one client.
    """
    entrance, batches, counted = jobs.entrance, jobs.batches, Incoming(request.scope).caller
    caller = jobs.reader or counted
    try:
        digest = await in_thread(digest_of, asked, pool=READING)
        job_id = await batches.ask(lambda store: store.known(caller, idempotency_key, digest))
        if job_id is None:
            await entrance.counted(counted)
            order = partial(
                order_of, asked, entrance.service.catalogue, await kept_voice(asked, request, entrance),
                own=await voices_in(asked.texts, request, entrance),
                caller=caller, reader=jobs.reader, idempotency_key=idempotency_key, digest=digest,
            )  # fmt: skip
            job_id = await while_there(request, _accepted(batches, caller, len(asked.texts), order))
    except VoxdemoError as error:
        entrance.service.ended_at_door("generation", RequestContext("openai"), error)
        raise
    try:
        job = await jobs.described(await jobs.found(job_id))
    except UnavailableError:
        if idempotency_key is None:  # else the same request again finds it
            batches.withdraw(job_id)
        raise
    return JSONResponse(job, 202, {"Location": job["url"]})


@router.get("", summary="Your jobs")
async def mine(
    jobs: Jobs,
    limit: Annotated[int, Query(ge=1, le=100, description="How many are listed.")] = 20,
    after: Annotated[str | None, Query(description="The id of the last one that is known already.")] = None,
) -> Response:
    """The jobs of the API key or the login that asks, the newest first, without their items."""
    reader = jobs.reader
    found = [] if reader is None else await jobs.batches.ask(lambda store: store.batches(reader, limit + 1, after))
    if found is None:
        raise InputError(NOT_YOURS, code="unknown_job")
    loads = await jobs.batches.ask(lambda store: store.loads())
    data = [jobs.outlined(batch, loads) for batch in found[:limit]]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    warnings = [NO_LIST] if reader is None else []
    return JSONResponse({"object": "list", "data": data, **ends, "has_more": len(found) > limit, "warnings": warnings})


@router.get("/{id}", summary="How far a job is")
async def status(
    id: str,
    jobs: Jobs,
    first: Annotated[int, Query(ge=1, description="The number of the first item that is told.")] = 1,
    most: Annotated[
        int, Query(ge=0, le=batch_values.MOST_TEXTS, description="How many items are told.")
    ] = batch_values.MOST_TEXTS,
    texts: Annotated[bool, Query(description="Whether items have their text.")] = False,
) -> Response:
    """How far it is: status, jobs ahead, seconds until it is done, progress from 0 to 1, and every text's.

    Texts are spoken in their order: a program that asks often can ask only for items from the `first` on that wasn't
    done.
    """
    return JSONResponse(await jobs.described(await jobs.found(id, first, most, texts), texts))


@router.get("/{id}/items/{number}", response_class=FileResponse, summary="The sound of one text")
async def item(id: str, number: int, jobs: Jobs) -> Response:
    """The sound of one text, from 1."""
    batch = await jobs.found(id, number, 1)
    path = (await jobs.batches.files(batch)).get(number)
    if path is None or not await jobs.batches.fetched(path):
        return to_program(404, NOT_SPOKEN)
    return FileOrGone(path, to_program(404, GONE), media_type=formats.MIME_TYPES[batch.options.format])


@router.get("/{id}/zip", response_class=FileResponse, summary="All sounds of a job")
async def everything(id: str, jobs: Jobs, name: DownloadName = "") -> Response:
    """All sounds and a manifest.json in one file, once the job is finished."""
    batch = await jobs.finished(id, words=True)
    path = await files.zipped(batch, jobs.batches)
    filename = files.download_name(batch, name, "zip")
    return FileOrGone(path, to_program(404, GONE), media_type="application/zip", filename=filename)


@router.get("/{id}/joined", response_class=FileResponse, summary="All sounds of a job as one")
async def one(id: str, jobs: Jobs, name: DownloadName = "") -> Response:
    """All sounds in one file, in one loudness, once the job is finished.

    With a pause of 0.5 s between them; or, where the job has `starts`, each at its time, or as soon after it as the
    one before has ended. Making it takes about a second for each minute of sound, the first time.
    """
    batch = await jobs.finished(id)
    path, format = await files.as_one(batch, jobs.batches), batch.options.format
    filename = files.download_name(batch, name, format)
    return FileOrGone(path, to_program(404, GONE), media_type=formats.MIME_TYPES[format], filename=filename)


@router.delete("/{id}", summary="Cancel a job, or delete it")
async def cancel(
    id: str,
    jobs: Jobs,
    keep: Annotated[bool, Query(description="Whether a job stays that is finished by now.")] = False,
) -> Response:
    """Speak no more of it, and keep what was spoken; a finished job is deleted with its files."""
    batch = await jobs.found(id)
    if batch.finished_at is not None and not keep:
        await jobs.batches.ask(lambda store: store.delete(batch.id))
        return JSONResponse({"id": batch.id, "object": "audio.job", "deleted": True})
    await jobs.batches.cancel(batch)
    return JSONResponse(await jobs.described(await jobs.found(id)))


async def _accepted(batches: Batches, caller: str, count: int, order: Callable[[], Order]) -> str:
    """The id of a batch. For a client that hangs up before all of it is looked at, nothing is accepted."""
    try:
        await batches.ask(lambda store: store.check_room(caller, count))  # before the work of looking at them
        return await batches.accept(await in_thread(order, pool=READING))
    except TooMuch as error:
        if error.is_theirs:
            raise BusyError(THEIRS_FULL, FULL_S, reason="your_texts") from None
        raise BusyError(FULL, FULL_S, reason="texts") from None
    except OSError as error:
        raise StorageError from error


def _job(batch: Batch, batches: Batches, service: SpeechService, loads: Sequence[Load], url: str) -> dict[str, Any]:
    others = [load for load in loads if load.batch != batch.id]
    is_begun = batch.finished_at is not None or batch.tally("running").texts > 0
    in_line = service.line.stats().running + service.waiting - batches.in_line
    url_at_end = url if batch.finished_at else None
    return {
        "id": batch.id,
        "object": "audio.job",
        "url": url,
        "created_at": int(batch.created_at),
        "finished_at": None if batch.finished_at is None else int(batch.finished_at),
        "status": _status(batch),
        "ahead": 0 if is_begun else max(0, in_line) + len(others),
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
    engine = service.catalogue.engine_of(batch.options)
    spoken_s = service.speaking_s(left.units + sum(min(load.units, left.units) for load in others), engine)
    fixed_s = service.speaking_s(0.0, engine)
    first = service.line.foretell(Size(None, engine=engine.name))
    wait_s = 0.0 if batch.tally("running").texts else first.start_s
    if spoken_s is None or fixed_s is None or wait_s is None:
        return None
    return round((wait_s + spoken_s + fixed_s * max(0, texts - 1)) / service.line.stats().seats, 1)


def _item(text: Text, url: str) -> dict[str, Any]:
    return {
        "index": text.number,
        "name": text.name,
        "start_s": text.start_s,
        "status": text.state,
        "audio_url": f"{url}/items/{text.number}" if text.state == "done" else None,
        **files.error_of(text),
        "duration_s": text.duration_s,
        "seed": text.seed,
        "cached": text.cached,
        "warnings": text.warnings,
    }
