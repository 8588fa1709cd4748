"""Opens what is kept, where the settings say: in folders of this machine, or where several servers share it."""

from contextlib import suppress
from functools import cached_property
from pathlib import Path

from voxdemo.errors import UnavailableError
from voxdemo.settings import Settings
from voxdemo.stores.answer_cache import Cache
from voxdemo.stores.batches import BatchStore
from voxdemo.stores.databases import Postgres
from voxdemo.stores.limits import Limits
from voxdemo.stores.objects import Bucket, Objects, OnlyHere
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
    def answers(self) -> Cache:
        return Cache(self._settings.cache_dir / "answers", self._settings.cache_ttl, self._settings.cache_size)

    @cached_property
    def results(self) -> Results:
        folder = self._settings.files_dir / "results"
        return Results(folder, self._shared(folder, "results"))

    @cached_property
    def uploads(self) -> Objects:
        """The files that people upload, below the folder of what they send."""
        return self._shared(self._settings.files_dir, "uploads")

    @cached_property
    def voices(self) -> VoiceStore:
        folder = self._settings.cache_dir / ("shared/voices" if self.bucket else "voices")
        return VoiceStore(folder, self._shared(folder, "voices"))

    @cached_property
    def batches(self) -> BatchStore:
        url = self._settings.database_url.get_secret_value()
        if not url:
            return BatchStore(self._settings.cache_dir / "batches")
        folder = self._settings.cache_dir / "shared" / "batches"
        return BatchStore(folder, Postgres(url), self._shared(folder, "batches"))

    @cached_property
    def limits(self) -> Limits:
        return Limits(self._settings.rate_limit, self._settings.redis_url.get_secret_value())

    def check(self) -> None:
        """Raises SettingsError where what several servers share can't be used as the settings say."""
        _ = self.limits, self.bucket
        if self._settings.database_url.get_secret_value():
            _ = self.batches

    @property
    def notice(self) -> str:
        """What the operator should know of files that servers share; empty while all is well."""
        return self.bucket.notice if self.bucket else ""

    def settle(self) -> None:
        """Send files that couldn't be sent when they were made, at first those from before the start. Blocks."""
        if self.bucket:
            with suppress(UnavailableError):  # it is told in /ready, and tried again
                if not self._has_sent_left:
                    self.results.send_left()
                    self._has_sent_left = True
            self.bucket.settle()

    @cached_property
    def bucket(self) -> Bucket | None:
        """Where several servers share files; None where this one's are its own."""
        url = self._settings.storage_url.get_secret_value()
        return Bucket(url) if url else None

    def _shared(self, folder: Path, name: str) -> Objects:
        return self.bucket.below(folder, name) if self.bucket else OnlyHere()
