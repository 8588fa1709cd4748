"""/v1/audio/jobs: texts left here to be spoken, one or a thousand, and fetched when they are done.

Reads what programs send and tells how far it is; `voxdemo.batches` keeps it and has it spoken.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Header, HTTPException, Query, Request
from pydantic import Field
from starlette.responses import FileResponse, JSONResponse, Response

from voxdemo import logs
from voxdemo.audio import formats
from voxdemo.batches import joined, values
from voxdemo.batches.runner import Batches
from voxdemo.batches.values import Batch, Load, Order, Text, TooMuch
from voxdemo.errors import BusyError, InputError, StorageError, VoxdemoError
from voxdemo.plan import units_of
from voxdemo.service import SpeechService
from voxdemo.speech import EngineInfo, Utterance
from voxdemo.threads import JOINING, READING, in_thread
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
NOTHING_SPOKEN = "Nothing of this job has been spoken."
TOO_LONG = "As one file this job would last more than 10 hours: fetch its zip instead."
UNEVEN = "{field} must have one for each of inputs: {count} for {texts} texts don't fit."
UNORDERED = "starts must be seconds from 0 to 6 hours, none before the one in front of it."
THEIRS_FULL = "So many of your texts wait already that these don't fit: send them when some are done, or cancel a job."
FULL_S = 60.0
"""When to come again who finds it full."""
MOST_KEY_CHARS = 255
MOST_NAMED = 5
"""Of the texts that can't be spoken, so many are named by number."""
LAST_START_S = 6 * 3600.0
DownloadName = Annotated[str, Query(max_length=200, description="What the file is called, without its ending.")]


class JobBody(Manner):
    """One text, or up to a thousand, and how to say them."""

    input: str | None = Field(default=None, description="The text, up to 50,000 characters; or `inputs`.")
    inputs: list[str] | None = Field(
        default=None, min_length=1, max_length=values.MOST_TEXTS, description="Several texts, in their order."
    )
    starts: list[float] | None = Field(
        default=None, description="The second at which each begins in the joined sound; else one comes after the other."
    )
    names: list[str] | None = Field(
        default=None, description="What the files in the zip are called, without their ending; else by number."
    )
    skip_unspeakable: bool = Field(
        default=False,
        description="Whether texts that can't be spoken become items that failed, instead of refusing the request.",
    )

    @property
    def texts(self) -> Sequence[str]:
        """All of them. Raises InputError where it isn't clear which."""
        if (self.input is None) == (self.inputs is None):
            raise InputError("Send either input, a text, or inputs, a list of texts.")
        return self.inputs if self.inputs is not None else [str(self.input)]

    def check_beside(self) -> None:
        """Raises InputError where what stands beside the texts doesn't fit them."""
        for field, beside in (("starts", self.starts), ("names", self.names)):
            if beside is not None and len(beside) != len(self.texts):
                raise InputError(UNEVEN.format(field=field, count=len(beside), texts=len(self.texts)))
        starts = self.starts or []
        if not all(0 <= start <= LAST_START_S for start in starts) or starts != sorted(starts):
            raise InputError(UNORDERED)


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
        """Accept texts to be spoken, even if the server is stopped meanwhile: 202 with an id, and what is left out.

        All of them are looked at first, and one that can't be said refuses the request, unless `skip_unspeakable` is
        true. With an `Idempotency-Key` the
        same request again is the same job. A request counts once against the rate limit, however many its texts, as
        one of them at a time stands in line; 10,000 texts may wait in all, and 2,000 of one client.
        """
        logs.keep_private(asked.prompt_text, asked.instructions)  # the texts, where they are looked at: there are many
        caller = caller_of(request.scope)
        try:
            await entrance.counted(caller)
            job_id, warnings = await while_there(request, _accept(asked, caller, idempotency_key))
        except VoxdemoError as error:
            service.turned_back("generation", Visit("openai"), error)
            raise
        job = await _told(await _found(job_id), request) | {"warnings": warnings}
        return JSONResponse(job, 202, {"Location": job["url"]})

    @router.get("/{id}", summary="How far a job is")
    async def status(
        id: str,  # noqa: A002
        request: Request,
        first: Annotated[int, Query(ge=1, description="The number of the first item that is told.")] = 1,
        most: Annotated[int, Query(ge=0, le=values.MOST_TEXTS, description="How many items are told.")] = (
            values.MOST_TEXTS
        ),
        texts: Annotated[bool, Query(description="Whether items have their text.")] = False,
    ) -> Response:
        """How far it is: status, jobs ahead, seconds until it is done, progress from 0 to 1, and every text's.

        Texts are spoken in their order, so whoever asks often asks only for items from the `first` on that wasn't done.
        """
        return JSONResponse(await _told(await _found(id, first, most, texts), request, texts))

    @router.get("/{id}/items/{number}", response_class=FileResponse, summary="The sound of one text")
    async def item(id: str, number: int) -> Response:  # noqa: A002
        """The sound of one text, from 1."""
        batch = await _found(id, number, 1)
        path = (await batches.files(batch)).get(number)
        if path is None or not await in_thread(path.is_file):
            return to_program(404, NOT_SPOKEN)
        return FileResponse(path, media_type=formats.MIME_TYPES[batch.manner.format])

    @router.get("/{id}/zip", response_class=FileResponse, summary="All sounds of a job")
    async def everything(id: str, name: DownloadName = "") -> Response:  # noqa: A002
        """All sounds and a manifest.json in one file, once the job is finished."""
        batch = await _found(id, words=True)
        if batch.finished_at is None:
            return to_program(409, UNFINISHED)
        files, folder = await batches.files(batch), await batches.folder(batch)
        path = await _made(folder / "all.zip", partial(_zipped, batch, files))
        return FileResponse(path, media_type="application/zip", filename=_download(batch, name, "zip"))

    @router.get("/{id}/joined", response_class=FileResponse, summary="All sounds of a job as one")
    async def one(id: str, name: DownloadName = "") -> Response:  # noqa: A002
        """All sounds in one file, in one loudness, once the job is finished.

        With a pause of 0.5 s between them; or, where the job has `starts`, each at its time, or as soon after it as the
        one before has ended. Making it takes about a second for each minute of sound, the first time.
        """
        batch = await _found(id)
        if batch.finished_at is None:
            return to_program(409, UNFINISHED)
        files, folder = await batches.files(batch), await batches.folder(batch)
        pieces = [joined.Piece(files[text.number], text.start_s) for text in batch.texts if text.number in files]
        if not pieces:
            return to_program(404, NOTHING_SPOKEN)
        if _joined_s(batch) > joined.MOST_S:
            raise InputError(TOO_LONG)
        format = batch.manner.format  # noqa: A001
        path = await _made(folder / f"all.{format}", partial(joined.join, pieces))
        return FileResponse(path, media_type=formats.MIME_TYPES[format], filename=_download(batch, name, format))

    @router.delete("/{id}", summary="Cancel a job, or delete it")
    async def cancel(
        id: str,  # noqa: A002
        request: Request,
        keep: Annotated[bool, Query(description="Whether a job stays that is finished by now.")] = False,
    ) -> Response:
        """Speak no more of it, and keep what was spoken; a finished job is deleted with its files."""
        batch = await _found(id)
        if batch.finished_at is not None and not keep:
            await batches.delete(batch)
            return JSONResponse({"id": batch.id, "object": "audio.job", "deleted": True})
        await batches.cancel(batch)
        return JSONResponse(await _told(await _found(id), request))

    async def _accept(asked: JobBody, caller: str, idempotency_key: str | None) -> tuple[str, list[str]]:
        """Whoever hangs up before all is looked at has nothing accepted: they couldn't know its id."""
        order = partial(_order, asked, caller, idempotency_key, service.engine_info)
        return await _accepted(batches, caller, len(asked.texts), order)

    async def _found(id: str, first: int = 1, most: int = values.MOST_TEXTS, words: bool = False) -> Batch:  # noqa: A002
        batch = await batches.batch(id, first, most, words)
        if batch is None:
            raise HTTPException(404, GONE)
        return batch

    async def _told(batch: Batch, request: Request, words: bool = False) -> dict[str, Any]:
        url = f"{request.scope['root_path']}/audio/jobs/{batch.id}"
        return _job(batch, batches, service, await batches.loads(), url) | {
            "items": [_item(text, url) | ({"text": text.text} if words else {}) for text in batch.texts]
        }

    return router


async def _accepted(
    batches: Batches, caller: str, count: int, order: Callable[[], tuple[Order, list[str]]]
) -> tuple[str, list[str]]:
    try:
        await batches.check_room(caller, count)  # before the work of looking at them
        ordered, warnings = await in_thread(order, READING)
        return await batches.accept(ordered), warnings
    except TooMuch as error:
        raise BusyError(THEIRS_FULL if error.is_theirs else FULL, FULL_S) from None
    except (OSError, sqlite3.Error) as error:
        raise StorageError from error


def _order(asked: JobBody, caller: str, idempotency_key: str | None, info: EngineInfo) -> tuple[Order, list[str]]:
    """All that is accepted, and what will be left out or ignored of it, in sentences. Takes up to some seconds.

    Raises InputError, which names the texts that can't be said.
    """
    prompt = decoded(asked.prompt_audio) if asked.prompt_audio else None
    texts = asked.texts
    asked.check_beside()
    utterance = utterance_of("", asked, None, info, formats.MIME_TYPES)
    manner = values.Manner(
        format=asked.response_format,
        prompt_text=asked.prompt_text,
        cfg_value=asked.cfg_value,
        inference_timesteps=asked.inference_timesteps,
        normalize=asked.normalize,
        denoise=asked.denoise,
        control=asked.instructions,
        voice=None if prompt else utterance.voice,
        seed=asked.seed,
        speed=asked.speed,
        has_prompt=prompt is not None,
    )
    each = manner.utterance("", Path() if prompt else None)  # where the recording will be isn't known yet
    ignored = checked(each, info)
    units, left_out, refused = _looked_at([replace(each, text=text) for text in texts], info)
    if refused and not (asked.skip_unspeakable and len(refused) < len(texts)):
        raise InputError(_refusal(refused, len(texts)))
    digest = hashlib.sha256(json.dumps(asked.model_dump(), sort_keys=True).encode()).hexdigest()
    names = None if asked.names is None else values.file_names(asked.names)
    order = Order(caller, manner, texts, units, digest, idempotency_key, prompt, asked.starts, refused, names)
    return order, [*ignored, *left_out]


def _looked_at(utterances: Sequence[Utterance], info: EngineInfo) -> tuple[list[float], list[str], dict[int, str]]:
    """How much each of them is, what of them will be left out, and which by their number can't be spoken, and why."""
    units, left_out = list[float](), list[str]()
    refused: dict[int, str] = {}
    for number, utterance in enumerate(utterances, 1):
        try:
            with logs.private(utterance.text):
                _, warnings = readable_text(utterance.text, info)
        except InputError as error:
            refused[number] = error.sentence
            units.append(0.0)
            continue
        units.append(units_of(utterance, info))
        left_out += [_of_text(number, len(utterances), warning) for warning in warnings]
    return units, left_out, refused


def _of_text(number: int, count: int, sentence: str) -> str:
    return f"Text {number} of {count}: {sentence}" if count > 1 else sentence


def _refusal(refused: Mapping[int, str], count: int) -> str:
    """Which of so many texts can't be spoken, and why the first of them can't."""
    first, sentence = next(iter(refused.items()))
    if len(refused) == 1:
        return _of_text(first, count, sentence)
    named = ", ".join(map(str, list(refused)[:MOST_NAMED]))
    rest = f" and {len(refused) - MOST_NAMED} more" if len(refused) > MOST_NAMED else ""
    return f"Texts {named}{rest} of {count} can't be spoken. Text {first}: {sentence}"


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
        "format": batch.manner.format,
        "counts": {state: batch.tally(state).texts for state in get_args(values.State)},
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
    wait_s = 0.0 if batch.tally("running").texts else service.wait_s([])
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
        "error": text.error,
        "duration_s": text.duration_s,
        "seed": text.seed,
        "cached": text.cached,
        "warnings": text.warnings,
    }


def _joined_s(batch: Batch) -> float:
    """About how long all of it is as one sound."""
    return sum(joined.PAUSE_S + (text.duration_s or 0.0) for text in batch.texts) + max(
        (text.start_s or 0.0 for text in batch.texts), default=0.0
    )


def _download(batch: Batch, name: str, ending: str) -> str:
    """What the file is called where it is saved: as is wished, else by the day of the job."""
    day = datetime.fromtimestamp(batch.created_at, timezone.utc).date()
    wish = name or f"voxdemo-batch-{day}"
    return f"{values.file_names([wish])[0]}.{ending}"


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
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    packed = {text.number: f"{text.name}.{batch.manner.format}" for text in batch.texts if text.number in files}
    manifest = [
        {"index": text.number, "text": text.text, "status": text.state, "file": packed.get(text.number),
         "error": text.error, "duration_s": text.duration_s, "start_s": text.start_s, "seed": text.seed}
        for text in batch.texts
    ]  # fmt: skip
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as made:
            made.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2))
            for number, name in packed.items():
                made.write(files[number], name)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
