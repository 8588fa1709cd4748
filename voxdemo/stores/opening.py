"""Opens what is kept, where the settings say: in folders of this machine, or where several servers share it."""

from functools import cached_property

from voxdemo.settings import Settings
from voxdemo.stores.answer_cache import Cache
from voxdemo.stores.batches import Store
from voxdemo.stores.limits import Limits
from voxdemo.stores.protocols import AnswerStore, BatchStore, KeptVoices, RequestLimits, ResultStore
from voxdemo.stores.results import Results
from voxdemo.stores.voices import VoiceStore


class Stores:
    """What is kept. Each store is opened when it is first asked for: a command that speaks needs no batches.

    `limits` and `batches` raise SettingsError where an address can't be used, and `batches` in a folder OSError or
    sqlite3.Error.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def answers(self) -> AnswerStore:
        return Cache(self._settings.cache_dir / "answers", self._settings.cache_ttl, self._settings.cache_size)

    @cached_property
    def results(self) -> ResultStore:
        return Results(self._settings.files_dir / "results")

    @cached_property
    def voices(self) -> KeptVoices:
        return VoiceStore(self._settings.cache_dir / "voices")

    @cached_property
    def batches(self) -> BatchStore:
        url = self._settings.database_url.get_secret_value()
        return Store(self._settings.cache_dir / ("shared/batches" if url else "batches"), url)

    @cached_property
    def limits(self) -> RequestLimits:
        return Limits(self._settings.rate_limit, self._settings.redis_url.get_secret_value())

    def check(self) -> None:
        """Raises SettingsError where what several servers share can't be used as the settings say."""
        _ = self.limits
        if self._settings.database_url.get_secret_value():
            _ = self.batches
