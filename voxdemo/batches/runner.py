"""Has batches spoken, text by text, at the end of the line like anybody else; and answers for them.

For the event loop's thread. Knows the store and how a text is spoken, nothing of HTTP or of others in the line.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from voxdemo.audio import formats
from voxdemo.errors import UNEXPECTED, EngineError, StorageError, UnavailableError, VoxdemoError
from voxdemo.files import remove
from voxdemo.speech import Speaking, SpeakOptions, SpeechEvent, Spoken, Utterance, result_of
from voxdemo.stores.batch_values import Batch, Order, Text, away
from voxdemo.stores.protocols import BatchStore
from voxdemo.threads import CONVERTING, READING, in_thread

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""How often it is looked for what other servers have left behind, and for what is too old."""
AGAIN_S = 2.0
"""How long a batch waits whose next text couldn't be spoken just now; the others go on."""
GIVE_UP_S = 300.0
"""How long a batch waits for a server at an address that can't be used, before its texts fail."""

AWAY = "The database of jobs can't be reached, so jobs wait: start it again."
STUCK = "Jobs can't be gone on with: see the server's log."

T = TypeVar("T")
Speak = Callable[[Utterance], AsyncGenerator[SpeechEvent, None]]


class Batches:
    """The batches in the store that `open_store` opens; `speak` gives a text its turn, `at_once` of them at most.

    Texts for a server at an address that `is_away` are given none. They are deleted `keep_s` seconds after their end.
    """

    def __init__(
        self,
        open_store: Callable[[], BatchStore],
        speak: Speak,
        is_away: Callable[[SpeakOptions], bool],
        at_once: int,
        keep_s: float,
    ) -> None:
        self._open = open_store
        self._speak = speak
        self._is_away = is_away
        self._at_once = at_once
        self._keep_s = keep_s
        self._thread = ThreadPoolExecutor(1, "batches")
        self._store: BatchStore | None = None
        self.notice = ""
        """What the operator of the server should know; empty while all is well."""
        self._came = asyncio.Event()
        self._spoken_units: dict[tuple[str, int], float] = {}
        self._again_at: dict[str, float] = {}
        """When batches that can't be gone on with just now are tried again, by their ids and the monotonic clock."""
        self._down_since: dict[str, float] = {}
        """When batches began to wait for a server at an address, by their ids and the monotonic clock."""
        self._running: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Speak what is to be spoken, until this is cancelled; then what isn't finished is left for the next server."""
        await self._look()
        runners = [asyncio.create_task(self._take_turns()) for _ in range(self._at_once)]
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                await self._look()
        finally:
            for runner in runners:
                runner.cancel()
            await asyncio.gather(*runners, return_exceptions=True)
            with suppress(UnavailableError):
                await self._within_patience(in_thread(self._close, pool=self._thread))

    async def ask(self, question: Callable[[BatchStore], T]) -> T:
        """What the store answers, on its thread. Raises UnavailableError where it doesn't in time."""
        return await self._within_patience(self._answer(question))

    async def _answer(self, question: Callable[[BatchStore], T]) -> T:
        """As `ask`, as long as it takes: for what somebody has to know of."""
        return await in_thread(lambda: question(self._opened()), pool=self._thread)

    async def _within_patience(self, answer: Coroutine[Any, Any, T]) -> T:
        try:
            return await asyncio.wait_for(answer, self._store.patience_s if self._store else None)
        except asyncio.TimeoutError:
            self._fail(away())
            raise away() from None

    async def accept(self, order: Order) -> str:
        """As `BatchStore.accept`; it is spoken from here on."""
        id = await self.ask(lambda store: store.accept(order))
        self._wake()
        return id

    @property
    def in_line(self) -> int:
        """How many texts this server has in the line, or is speaking."""
        return len(self._running)

    async def cancel(self, batch: Batch) -> None:
        """As `BatchStore.cancel`; what is being spoken here stops."""
        await self.ask(lambda store: store.cancel(batch.id))
        for (id, _), task in self._running.items():
            if id == batch.id:
                task.cancel()

    def progress(self, batch: Batch) -> float:
        """How much of a batch has been spoken, or won't be any more, 0..1, as far as this server knows."""
        units = sum(tally.units for tally in batch.tallies.values())
        spoken = sum(units for (id, _), units in self._spoken_units.items() if id == batch.id)
        ended = batch.tally("done", "failed", "cancelled").units
        return min(1.0, (ended + spoken) / units) if units else 1.0

    async def files(self, batch: Batch) -> dict[int, Path]:
        """The sounds of those of its texts here that are done, by their numbers."""
        done = [text for text in batch.texts if text.state == "done"]
        return await self.ask(lambda store: {text.number: store.file(text, batch.options.format) for text in done})

    async def _take_turns(self) -> None:
        while True:
            came = self._came
            try:
                taken = await self._take()
                self.notice = ""
                if taken is None:
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(came.wait(), AGAIN_S if self._again_at else None)
                elif not await self._served(*taken):
                    self._again_at[taken[0].batch] = time.monotonic() + AGAIN_S
            except Exception as error:  # the disk, for one; what was taken is this server's until it ends
                self._fail(error)
                await asyncio.sleep(AGAIN_S)

    async def _take(self) -> tuple[Text, SpeakOptions] | None:
        """The next text of the batches that can be gone on with, as far as is known."""
        now = time.monotonic()
        self._again_at = {id: at for id, at in self._again_at.items() if at > now}
        waiting = list(self._again_at)
        return await self._answer(lambda store: store.take(waiting))

    async def _served(self, text: Text, options: SpeakOptions) -> bool:
        """Whether the text has come to its end; else it can't be spoken just now and has been put back."""
        if self._is_away(options) and not self._is_given_up(text):
            await self._tell(lambda store: store.put_back(text))
            return False
        key = text.batch, text.number
        task = self._running[key] = asyncio.create_task(self._speak_text(text, options))
        try:
            await asyncio.wait({task})
            error = None if task.cancelled() else task.exception()
            if error and not isinstance(error, UnavailableError):  # the store couldn't be told, for one
                log.error("a text of a batch is tried again", exc_info=error)
            if error:
                await self._tell(lambda store: store.put_back(text))
            return error is None
        finally:
            if not task.done():  # this server stops
                task.cancel()
                await asyncio.wait({task})
            del self._running[key]
            self._spoken_units.pop(key, None)

    async def _speak_text(self, text: Text, options: SpeakOptions) -> None:
        """Speak it and tell the store. Raises UnavailableError where it can't be spoken just now."""
        try:
            ended = await self._spoken(text, options)
            self._down_since.pop(text.batch, None)
        except UnavailableError as error:
            if error.values.get("reason") != "engine_down" or not self._is_given_up(text):
                raise
            ended = replace(text, state="failed", error=error.described)
        except VoxdemoError as error:
            ended = replace(text, state="failed", error=error.described)
        except Exception:  # whatever it is, the others go on
            log.exception("a text of a batch failed")
            ended = replace(text, state="failed", error=VoxdemoError(UNEXPECTED).described)
        await self._tell(lambda store: store.finish(ended))

    async def _tell(self, what: Callable[[BatchStore], object]) -> None:
        """Have the store know this, also where it is away for a while."""
        while True:
            try:
                await self._answer(what)
                return
            except UnavailableError as error:
                self._fail(error)
                await asyncio.sleep(AGAIN_S)

    def _is_given_up(self, text: Text) -> bool:
        """Whether its batch has waited for a server at an address for long enough."""
        since = self._down_since.setdefault(text.batch, time.monotonic())
        return time.monotonic() - since >= GIVE_UP_S

    async def _spoken(self, text: Text, options: SpeakOptions) -> Text:
        def tell(event: SpeechEvent) -> None:
            if isinstance(event, Speaking):
                self._spoken_units[text.batch, text.number] = event.done_fraction * text.units

        if options.prompt_audio:
            await self.fetched(options.prompt_audio)
        utterance = replace(options.saying(text.text), format="wav")  # which is converted when it is whole
        spoken = await result_of(self._speak(utterance), Spoken, tell)
        if spoken.failure:
            raise EngineError.told(spoken.failure)
        await self._put(spoken.path, await self._answer(lambda store: store.file(text, options.format)))
        return replace(
            text,
            state="done",
            duration_s=round(spoken.duration_s, 3),
            seed=spoken.seed,
            cached=spoken.cached,
            warnings=spoken.warnings,
        )

    async def fetched(self, *files: Path) -> bool:
        """Whether these files of batches are all there; then they are here. Raises UnavailableError."""
        store = await self._answer(lambda store: store)
        return await in_thread(lambda: all(store.fetched(file) for file in files), pool=READING)

    async def _put(self, wav: Path, to: Path) -> None:
        """The sound, in the format that `to` ends with, in its place; the result that it came as goes."""
        try:
            await in_thread(_converted, wav, to, pool=CONVERTING)
            store = await self._answer(lambda store: store)
            await in_thread(store.publish, to, pool=READING)
        except OSError as error:
            raise StorageError from error
        finally:
            await in_thread(remove, wav.parent)

    async def _look(self) -> None:
        try:
            await self.ask(lambda store: store.reclaim())
            for key in await self.ask(lambda store: store.lost()):
                if task := self._running.get(key):
                    task.cancel()
            if self.notice == AWAY:
                self.notice = ""
            self._wake()  # other servers accept texts, too
            await self._answer(lambda store: store.delete_old(self._keep_s))
        except Exception as error:  # the disk, for one; it is looked again
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Say it to the operator; in the log once. A store of sounds that is away says so itself."""
        reason = error.values.get("reason") if isinstance(error, UnavailableError) else ""
        if not self.notice and reason != "storage_away":
            is_away = bool(reason)
            self.notice = AWAY if is_away else STUCK
            log.log(
                logging.WARNING if is_away else logging.ERROR,
                "%s They are tried again.", self.notice, exc_info=None if is_away else error,
            )  # fmt: skip

    def _wake(self) -> None:
        self._came.set()
        self._came = asyncio.Event()

    def _opened(self) -> BatchStore:
        self._store = self._store or self._open()
        return self._store

    def _close(self) -> None:
        if self._store:
            self._store.close()


def _converted(wav: Path, to: Path) -> None:
    if to.suffix == ".wav":
        shutil.move(wav, to)
    else:
        formats.convert(wav, to, cast(formats.Compressed, to.suffix.removeprefix(".")))
