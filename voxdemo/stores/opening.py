"""Opens what is kept, where the settings say: in folders of this machine, or where several servers share it."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from voxdemo.errors import UnavailableError
from voxdemo.settings import Settings
from voxdemo.stores.answer_cache import Cache, SharedCache
from voxdemo.stores.batches import BatchStore
from voxdemo.stores.databases import Postgres
from voxdemo.stores.limits import Limits
from voxdemo.stores.objects import Bucket, Objects
from voxdemo.stores.results import Results
from voxdemo.stores.valkey import Valkey
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
        folder, bounds = self._settings.cache_dir, (self._settings.cache_ttl, self._settings.cache_size)
        if not (self.valkey and self.bucket):
            return Cache(folder / "answers", *bounds)
        return SharedCache(folder / "answers", *bounds, folder / "shared" / "answers", self.valkey, self.bucket)

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
        return Limits(self._settings.rate_limit, self.valkey)

    def check(self) -> None:
        """Raises SettingsError where what several servers share can't be used as the settings say."""
        _ = self.limits, self.bucket
        if self._settings.database_url.get_secret_value():
            _ = self.batches

    @property
    def notices(self) -> Mapping[str, str]:
        """What the operator should know of what servers share; empty while all is well."""
        stores = {"limits": self.valkey, "storage": self.bucket}
        return {name: store.notice if store else "" for name, store in stores.items()}

    async def close(self) -> None:
        """Let go of what servers share without files."""
        await self.answers.close()
        if self.valkey:
            await self.valkey.close()

    def settle(self) -> None:
        """Send files that couldn't be sent when they were made, at first those from before the start. Blocks."""
        if self.bucket:
            with suppress(UnavailableError):  # it is told in /ready, and tried again
                if not self._has_sent_left:
                    self.results.send_left()
                    self._has_sent_left = True
            self.bucket.settle()

    @cached_property
    def valkey(self) -> Valkey | None:
        """What several servers know together; None where this one's is its own."""
        url = self._settings.redis_url.get_secret_value()
        return Valkey(url) if url else None

    @cached_property
    def bucket(self) -> Bucket | None:
        """Where several servers share files; None where this one's are its own."""
        url = self._settings.storage_url.get_secret_value()
        return Bucket(url) if url else None

    def _shared(self, folder: Path, name: str) -> Objects:
        return self.bucket.below(folder, name) if self.bucket else Objects()
