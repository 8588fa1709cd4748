"""Opens what is kept, where the settings say: in folders of this machine, or where several servers share it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from voxdemo.errors import SettingsError, UnavailableError
from voxdemo.settings import Settings
from voxdemo.stores.answer_cache import Cache
from voxdemo.stores.batches import Store
from voxdemo.stores.databases import Postgres
from voxdemo.stores.limits import Limits
from voxdemo.stores.objects import Bucket, Objects, OnlyHere
from voxdemo.stores.protocols import AnswerStore, KeptVoices, RequestLimits, ResultStore
from voxdemo.stores.results import Results
from voxdemo.stores.voices import VoiceStore


class Stores:
    """What is kept. Each store is opened when it is first asked for: a command that speaks needs no batches.

    They raise SettingsError where an address can't be used, and `batches` in a folder OSError or sqlite3.Error.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._has_sent_left = False

    @cached_property
    def answers(self) -> AnswerStore:
        return Cache(self._settings.cache_dir / "answers", self._settings.cache_ttl, self._settings.cache_size)

    @cached_property
    def results(self) -> ResultStore:
        folder = self._settings.files_dir / "results"
        return Results(folder, self._shared(folder, "results"))

    @cached_property
    def uploads(self) -> Objects:
        """The files that people upload, below the folder of what they send."""
        return self._shared(self._settings.files_dir, "uploads")

    @property
    def shares_files(self) -> bool:
        return self._bucket is not None

    @cached_property
    def voices(self) -> KeptVoices:
        folder = self._settings.cache_dir / ("shared/voices" if self._bucket else "voices")
        return VoiceStore(folder, self._shared(folder, "voices"))

    @cached_property
    def batches(self) -> Store:
        url = self._settings.database_url.get_secret_value()
        if not url:
            return Store(self._settings.cache_dir / "batches")
        folder = self._settings.cache_dir / "shared" / "batches"
        return Store(folder, Postgres(url), self._shared(folder, "batches"))

    @cached_property
    def limits(self) -> RequestLimits:
        return Limits(self._settings.rate_limit, self._settings.redis_url.get_secret_value())

    def check(self) -> None:
        """Raises SettingsError where what several servers share can't be used as the settings say."""
        _ = self.limits, self._bucket
        if self._settings.database_url.get_secret_value():
            _ = self.batches

    @property
    def notice(self) -> str:
        """What the operator should know of files that servers share; empty while all is well."""
        return self._bucket.notice if self._bucket else ""

    def settle(self) -> None:
        """Send files that couldn't be sent when they were made, at first those from before the start. Blocks."""
        if self._bucket:
            with suppress(UnavailableError):  # it is told in /ready, and tried again
                if not self._has_sent_left:
                    self.results.send_left()
                    self._has_sent_left = True
            self._bucket.settle()

    def take_over(self, folder: Path, tell: Callable[[str, int, int], None]) -> Mapping[str, tuple[int, int]]:
        """Copy here what a server that was alone keeps in its `folder`; it can be done again, after a break, too.

        `tell` is called with what is copied, how much of it has been and how much there is. Returns how many came, and
        how many are here, by what they are. Blocks. Raises SettingsError where nothing is shared, or the folder is none
        or in use, and UnavailableError.
        """
        url, bucket = self._settings.database_url.get_secret_value(), self._bucket
        if not (url or bucket):
            raise SettingsError("Say where to: set VOXDEMO_DATABASE_URL, VOXDEMO_STORAGE_URL or both.")
        if not any((folder / name).is_dir() for name in ("batches", "voices", "files")):
            raise SettingsError(f"{folder} isn't the folder of a server: name what was its VOXDEMO_CACHE_DIR.")
        came = {}
        if bucket:
            came["voices"] = _sent(bucket, folder / "voices", "voices", tell)
            came["results"] = _sent(bucket, folder / "files" / "results", "results", tell)
        if url and (folder / "batches" / "batches.sqlite3").is_file():
            came["jobs"] = self._adopted(folder / "batches", tell)
        return came

    def _adopted(self, folder: Path, tell: Callable[[str, int, int], None]) -> tuple[int, int]:
        there, here = Store(folder), self.batches
        try:
            if there.is_used_by_others:
                raise SettingsError("A server is using this folder: stop it first.")
            came, ids = 0, there.ids()
            for number, id in enumerate(ids, 1):
                came += here.adopt(there, id)
                tell("jobs", number, len(ids))
            return came, len(ids)
        finally:
            there.close()
            here.close()

    @cached_property
    def _bucket(self) -> Bucket | None:
        url = self._settings.storage_url.get_secret_value()
        return Bucket(url) if url else None

    def _shared(self, folder: Path, name: str) -> Objects:
        return self._bucket.below(folder, name) if self._bucket else OnlyHere()


def _sent(bucket: Bucket, folder: Path, name: str, tell: Callable[[str, int, int], None]) -> tuple[int, int]:
    """How many folders of files came, and how many there are."""
    objects = bucket.below(folder, name)
    files = objects.left() if folder.is_dir() else ()
    for number, file in enumerate(files, 1):
        objects.push(file)
        tell(name, number, len(files))
    return len({file.parent for file in files}), len({file.parent for file in folder.rglob("*") if file.is_file()})
