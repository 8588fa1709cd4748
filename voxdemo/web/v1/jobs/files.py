"""The files of a whole job: its sounds packed, or joined into one; each made when it is first asked for, and kept."""

import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import HTTPException

from voxdemo.batches import joined
from voxdemo.batches.runner import Batches
from voxdemo.errors import InputError, StorageError
from voxdemo.files import replacing
from voxdemo.stores import batch_values
from voxdemo.stores.batch_values import Batch, Text
from voxdemo.threads import JOINING, in_thread

GONE = "This job no longer exists: it was deleted or has expired."
NOTHING_SPOKEN = "Nothing of this job has been spoken."
TOO_LONG = "As one file this job would last more than 10 hours: fetch its zip instead."


async def zipped(batch: Batch, batches: Batches) -> Path:
    """All sounds and a manifest.json in one file. Raises as `_made`."""
    files, folder = await batches.files(batch), await batches.ask(lambda store: store.folder(batch.id))
    await batches.fetched(*files.values())
    return await _made(folder / "all.zip", partial(_zip, batch, files))


async def as_one(batch: Batch, batches: Batches) -> Path:
    """All sounds in one file. Raises InputError where it would be too long, and as `_made`."""
    files, folder = await batches.files(batch), await batches.ask(lambda store: store.folder(batch.id))
    pieces = [joined.TimedSound(files[text.number], text.start_s) for text in batch.texts if text.number in files]
    if not pieces:
        raise HTTPException(404, NOTHING_SPOKEN)
    if _joined_s(batch) > joined.MOST_S:
        raise InputError(TOO_LONG, code="joined_too_long")
    await batches.fetched(*(piece.path for piece in pieces))
    return await _made(folder / f"all.{batch.options.format}", partial(joined.join, pieces))


def error_of(text: Text) -> dict[str, Any]:
    """Why a text can't be spoken; nulls where it can."""
    error = text.error or {"message": None, "code": None, "values": None}
    return {"error": error["message"], "error_code": error["code"], "error_values": error["values"]}


def download_name(batch: Batch, name: str, ending: str) -> str:
    """What the file is called where it is saved: as is wished, else by the day of the job."""
    day = datetime.fromtimestamp(batch.created_at, timezone.utc).date()
    wish = name or f"voxdemo-batch-{day}"
    return f"{batch_values.file_names([wish])[0]}.{ending}"


def _joined_s(batch: Batch) -> float:
    """About how long all of it is as one sound."""
    return sum(joined.PAUSE_S + (text.duration_s or 0.0) for text in batch.texts) + max(
        (text.start_s or 0.0 for text in batch.texts), default=0.0
    )


async def _made(path: Path, make: Callable[[Path], None]) -> Path:
    """Raises HTTPException where the job was deleted meanwhile, and StorageError where the disk is full."""

    def made() -> Path:
        if not path.exists():
            make(path)
        return path

    try:
        return await in_thread(made, pool=JOINING)
    except FileNotFoundError:
        raise HTTPException(404, GONE) from None
    except OSError as error:
        raise StorageError from error


def _zip(batch: Batch, files: Mapping[int, Path], path: Path) -> None:
    """All sounds in one file; they are compressed already, or are wanted as they are."""
    packed = {text.number: f"{text.name}.{batch.options.format}" for text in batch.texts if text.number in files}
    manifest = [
        {"index": text.number, "text": text.text, "status": text.state, "file": packed.get(text.number),
         **error_of(text), "duration_s": text.duration_s, "start_s": text.start_s, "seed": text.seed}
        for text in batch.texts
    ]  # fmt: skip
    with replacing(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as made:
        made.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2))
        for number, name in packed.items():
            made.write(files[number], name)
