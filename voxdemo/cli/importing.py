"""Copies what a server that was alone keeps to where several servers share it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from voxdemo.errors import SettingsError
from voxdemo.settings import Settings
from voxdemo.stores.batches import BatchStore
from voxdemo.stores.databases import SQLite
from voxdemo.stores.objects import Bucket
from voxdemo.stores.opening import Stores

Tell = Callable[[str, int, int], None]
"""Called with what is copied, how much of it has been and how much there is."""


def take_over(folder: Path, settings: Settings, tell: Tell) -> Mapping[str, tuple[int, int]]:
    """Copy what a server that has stopped kept in its `folder`; it can be done again, after a break, too.

    Returns how many came, and how many are there, by what they are. Raises SettingsError where nothing is shared, or
    the folder is none or in use, and UnavailableError.
    """
    stores, shares_jobs = Stores(settings), bool(settings.database_url.get_secret_value())
    if not (shares_jobs or stores.bucket):
        raise SettingsError("Say where to: set VOXDEMO_DATABASE_URL, VOXDEMO_STORAGE_URL or both.")
    if not any((folder / name).is_dir() for name in ("batches", "voices", "files")):
        raise SettingsError(f"{folder} isn't the folder of a server: name what was its VOXDEMO_CACHE_DIR.")
    came = {}
    with _jobs_of(folder / "batches") as jobs:
        if stores.bucket:
            came["voices"] = _sent(stores.bucket, folder / "voices", "voices", tell)
            came["results"] = _sent(stores.bucket, folder / "files" / "results", "results", tell)
        if shares_jobs and jobs:
            with closing(stores.batches) as here:
                came["jobs"] = _adopted(jobs, here, tell)
    return came


@contextmanager
def _jobs_of(folder: Path) -> Generator[BatchStore | None, None, None]:
    """The jobs of a server that has stopped; None where it had none. Raises SettingsError where it still runs."""
    if not (folder / "batches.sqlite3").is_file():
        yield None
        return
    database = SQLite(folder)
    with closing(BatchStore(folder, database)) as store:
        if database.has_others():
            raise SettingsError("A server is using this folder: stop it first.")
        yield store


def _sent(bucket: Bucket, folder: Path, name: str, tell: Tell) -> tuple[int, int]:
    """How many folders of files came, and how many there are."""
    objects = bucket.below(folder, name)
    files = objects.left() if folder.is_dir() else ()
    for number, file in enumerate(files, 1):
        objects.push(file)
        tell(name, number, len(files))
    return len({file.parent for file in files}), len({file.parent for file in folder.rglob("*") if file.is_file()})


def _adopted(there: BatchStore, here: BatchStore, tell: Tell) -> tuple[int, int]:
    """How many jobs came, and how many there are."""
    came, ids = 0, there.ids()
    for number, id in enumerate(ids, 1):
        came += here.adopt(there, id)
        tell("jobs", number, len(ids))
    return came, len(ids)
