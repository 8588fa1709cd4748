"""Has batches spoken, text by text, at the end of the line like anybody else; and answers for them.

For the event loop's thread. Knows the store and how a text is spoken, nothing of HTTP or of others in the line.
"""

import asyncio
import logging
import shutil
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from voxdemo.audio import formats
from voxdemo.errors import UNEXPECTED, EngineError, StorageError, UnavailableError, VoxdemoError
from voxdemo.files import remove
from voxdemo.speech import Speaking, SpeakOptions, SpeechEvent, Spoken, Utterance, result_of
from voxdemo.stores.batch_values import Batch, Order, Text, jobs_unreachable, new_id
from voxdemo.stores.batches import BatchStore
from voxdemo.threads import CONVERTING, SHARING, in_thread

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""How often it is looked for what other servers have left behind, and for what is too old."""
AGAIN_S = 2.0
"""How long a batch waits whose next text couldn't be spoken just now; the others go on."""
GIVE_UP_S = 300.0
"""How long a server at an address can't be used before the texts for it fail."""

AWAY = (
    "The database of jobs can't be reached, so jobs wait: start it again, or look at its address and its password. The"
    " server's log says why."
)
STUCK = "Jobs can't be gone on with: see the server's log."

PASSING = UnavailableError, StorageError, OSError, sqlite3.OperationalError
"""What the store can't keep because of one of these, it can later: it is away, or its disk is full."""

T = TypeVar("T")
Speak = Callable[[Utterance], AsyncGenerator[SpeechEvent, None]]


@dataclass(eq=False, slots=True)
class _Turn:
    """A text that this server has taken, until the store knows what became of it.

    The server may take a text again that it still speaks: it stood still for so long that another one freed the text.
    """

    text: Text
    options: SpeakOptions
    spoken_units: float = 0.0
    task: asyncio.Task[None] | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.text.batch, self.text.number


class Batches:
    """The batches in the store that `open_store` opens; `speak` gives a text its turn, `at_once` of them at most.

    Texts for an engine, by `engine_of`, that is a server at an address and `is_away` are given none. Batches are
    deleted `keep_s` seconds after their end.
    """

    def __init__(
        self,
        open_store: Callable[[], BatchStore],
        speak: Speak,
        engine_of: Callable[[SpeakOptions], str],
        is_away: Callable[[str], bool],
        at_once: int,
        keep_s: float,
    ) -> None:
        self._open = open_store
        self._speak = speak
        self._engine_of = engine_of
        self._is_away = is_away
        self._at_once = at_once
        self._keep_s = keep_s
        self._thread = ThreadPoolExecutor(1, "batches")
        self._store: BatchStore | None = None
        self.notice = ""
        """What the operator of the server should know; empty while all is well."""
        self._came = asyncio.Event()
        self._again_at: dict[str, float] = {}
        """When batches that can't be gone on with just now are tried again, by their ids and the monotonic clock."""
        self._down_since: dict[str, float] = {}
        """Since when engines that texts wait for can't be used, by their names and the monotonic clock."""
        self._running: set[_Turn] = set()
        self._newest: dict[tuple[str, int], _Turn] = {}
        """The turn that a text was taken for last; only the store's thread touches it."""
        self._unkept: set[object] = set()
        """Reports that the store couldn't keep yet."""
        self._unwanted: list[str] = []
        """Batches that are to be deleted because their clients were told that they aren't accepted."""
        self._withdrawing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Speak what is to be spoken, until this is cancelled; then what isn't finished is left for the next server."""
        await self._look()
        runners = [asyncio.create_task(self._take_turns()) for _ in range(self._at_once)]
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                await self._look()
        finally:
            ended = [*runners, self._withdrawing] if self._withdrawing else runners
            for task in ended:
                task.cancel()
            await asyncio.gather(*ended, return_exceptions=True)
            with suppress(UnavailableError):
                await self._within_patience(in_thread(self._close, pool=self._thread))

    async def ask(self, question: Callable[[BatchStore], T]) -> T:
        """What the store answers, on its thread. Raises UnavailableError where it doesn't in time.

        Raises StorageError where its files can't be read or written.
        """
        try:
            return await self._within_patience(self.ask_patiently(question))
        except (OSError, sqlite3.Error) as error:
            raise StorageError from error

    async def ask_patiently(self, question: Callable[[BatchStore], T]) -> T:
        """As `ask`, without a time limit: for work that nobody waits for."""
        return await in_thread(lambda: question(self._opened()), pool=self._thread)

    async def report(self, what: Callable[[BatchStore], object]) -> None:
        """Have the store keep this, and try again for as long as it can't; the operator is told meanwhile."""
        try:
            while True:
                try:
                    await self.ask_patiently(what)
                    return
                except PASSING as error:
                    self._unkept.add(what)
                    self._fail(error)
                    await asyncio.sleep(AGAIN_S)
        finally:
            self._unkept.discard(what)

    async def _within_patience(self, answer: Coroutine[Any, Any, T]) -> T:
        patience_s = self._store.patience_s if self._store else None
        try:
            return await asyncio.wait_for(answer, patience_s)
        except asyncio.TimeoutError:
            error = jobs_unreachable()
            error.__cause__ = TimeoutError(f"no answer within {patience_s:g} s")
            self._fail(error)
            raise error from error.__cause__

    async def accept(self, order: Order) -> str:
        """As `BatchStore.accept`; it is spoken from here on. Where this raises UnavailableError, it won't be.

        But one with an idempotency key may be: the same request again finds it.
        """
        id = new_id()
        try:
            accepted = await self.ask(lambda store: store.accept(replace(order, id=id)))
        except UnavailableError as error:
            if order.idempotency_key is None and error.values.get("reason") != "storage_away":  # then nothing is kept
                self.withdraw(id)  # the store may keep it later, or has kept it and couldn't say so
            raise
        self._wake()
        return accepted

    def withdraw(self, id: str) -> None:
        """Delete a batch, as soon as the store can, whose client is told that it isn't accepted; it isn't spoken."""
        self._unwanted.append(id)
        if self._withdrawing is None or self._withdrawing.done():
            self._withdrawing = asyncio.create_task(self._withdraw())

    async def _withdraw(self) -> None:
        while self._unwanted:
            await self.report(lambda store: store.delete(self._unwanted[0]))
            self._stop(lambda turn: turn.text.batch == self._unwanted[0])
            self._unwanted.pop(0)

    @property
    def in_line(self) -> int:
        """How many texts this server has in the line, or is speaking."""
        return len(self._running)

    async def cancel(self, batch: Batch) -> None:
        """As `BatchStore.cancel`; what is being spoken here stops."""
        await self.ask(lambda store: store.cancel(batch.id))
        self._stop(lambda turn: turn.text.batch == batch.id)

    def progress(self, batch: Batch) -> float:
        """How much of a batch has been spoken, or won't be any more, 0..1, as far as this server knows."""
        units = sum(tally.units for tally in batch.tallies.values())
        spoken = sum(turn.spoken_units for turn in self._running if turn.text.batch == batch.id)
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
                turn = await self._take()
                self._is_well()
                if turn is None:
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(came.wait(), AGAIN_S if self._again_at else None)
                elif not await self._served(turn):
                    self._again_at[turn.text.batch] = time.monotonic() + AGAIN_S
            except Exception as error:  # the disk, for one; what was taken is this server's until it ends
                self._fail(error)
                await asyncio.sleep(AGAIN_S)

    async def _take(self) -> _Turn | None:
        """The next text of the batches that can be gone on with, as far as is known."""
        now = time.monotonic()
        self._again_at = {id: at for id, at in self._again_at.items() if at > now}
        waiting = list(self._again_at)

        def taken(store: BatchStore) -> _Turn | None:
            if (found := store.take([*waiting, *self._unwanted])) is None:
                return None
            turn = _Turn(*found)
            self._newest[turn.key] = turn
            return turn

        return await self.ask_patiently(taken)

    async def _served(self, turn: _Turn) -> bool:
        """Whether the text has come to its end; else it can't be spoken just now and has been put back."""
        self._stop(lambda other: other.key == turn.key)
        engine = self._engine_of(turn.options)
        if self._is_away(engine) and not self._is_given_up(engine):
            await self._put_back(turn)
            return False
        task = turn.task = asyncio.create_task(self._speak_text(turn, engine))
        self._running.add(turn)
        try:
            await asyncio.wait({task})
            error = None if task.cancelled() else task.exception()
            if error and not isinstance(error, UnavailableError):  # nobody foresaw it
                log.error("a text of a batch is tried again", exc_info=error)
            if error:
                await self._put_back(turn)
            return error is None
        finally:
            if not task.done():  # this server stops
                task.cancel()
                await asyncio.wait({task})
            self._running.remove(turn)

    async def _speak_text(self, turn: _Turn, engine: str) -> None:
        """Speak it and have the store know. Raises UnavailableError where it can't be spoken just now."""
        text = turn.text
        try:
            ended = await self._spoken(turn)
            self._down_since.pop(engine, None)
        except UnavailableError as error:
            if error.values.get("reason") != "engine_down" or not self._is_given_up(engine):
                raise
            ended = replace(text, state="failed", error=error.described)
        except VoxdemoError as error:
            ended = replace(text, state="failed", error=error.described)
        except Exception:  # whatever it is, the others go on
            log.exception("a text of a batch failed")
            ended = replace(text, state="failed", error=VoxdemoError(UNEXPECTED).described)
        await self._settle(turn, lambda store: store.finish(ended))

    async def _put_back(self, turn: _Turn) -> None:
        await self._settle(turn, lambda store: store.put_back(turn.text))

    async def _settle(self, turn: _Turn, how: Callable[[BatchStore], object]) -> None:
        """Report what became of a text, unless it has been taken again since: then that turn says so."""

        def settled(store: BatchStore) -> None:
            if self._newest.get(turn.key) is turn:
                how(store)
                del self._newest[turn.key]

        await self.report(settled)

    def _stop(self, those: Callable[[_Turn], bool]) -> None:
        for turn in self._running:
            if turn.task and those(turn):
                turn.task.cancel()

    def _is_given_up(self, engine: str) -> bool:
        """Whether this engine, which can't be used, has been waited for long enough."""
        since = self._down_since.setdefault(engine, time.monotonic())
        return time.monotonic() - since >= GIVE_UP_S

    async def _spoken(self, turn: _Turn) -> Text:
        text, options = turn.text, turn.options

        def tell(event: SpeechEvent) -> None:
            if isinstance(event, Speaking):
                turn.spoken_units = event.done_fraction * text.units

        if recordings := [*filter(None, [options.prompt_audio]), *(each.recording for each in options.own)]:
            await self.fetched(*recordings)
        utterance = replace(options.saying(text.text), format="wav")  # which is converted when it is whole
        spoken = await result_of(self._speak(utterance), Spoken, tell)
        if spoken.failure:
            raise EngineError.told(spoken.failure)
        await self._put(spoken.path, await self.ask_patiently(lambda store: store.file(text, options.format)))
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
        store = await self.ask_patiently(lambda store: store)
        return await in_thread(lambda: all(store.fetched(file) for file in files), pool=SHARING)

    async def _put(self, wav: Path, to: Path) -> None:
        """The sound, in the format that `to` ends with, in its place; the result that it came as goes."""
        try:
            await in_thread(_converted, wav, to, pool=CONVERTING)
            store = await self.ask_patiently(lambda store: store)
            await in_thread(store.publish, to, pool=SHARING)
        except OSError as error:
            raise StorageError from error
        finally:
            await in_thread(remove, wav.parent)

    async def _look(self) -> None:
        for engine in [*self._down_since]:
            if not self._is_away(engine):
                del self._down_since[engine]
        try:
            await self.ask(lambda store: store.reclaim())
            lost = await self.ask(self._lost)
            self._stop(lost.__contains__)
            if self.notice == AWAY:
                self._is_well()
            self._wake()  # other servers accept texts, too
            await self.ask_patiently(lambda store: store.delete_old(self._keep_s))
        except Exception as error:  # the disk, for one; it is looked again
            self._fail(error)

    def _lost(self, store: BatchStore) -> Collection[_Turn]:
        """What was taken and isn't this server's any more; not the turns that such texts were taken for since."""
        return [turn for key in store.lost() if (turn := self._newest.pop(key, None))]

    def _is_well(self) -> None:
        """The store answers; what it was told it may still be unable to keep."""
        if not self._unkept:
            self.notice = ""

    def _fail(self, error: Exception) -> None:
        """Say it to the operator; in the log once. A store of sounds that is away says so itself."""
        reason = error.values.get("reason") if isinstance(error, UnavailableError) else ""
        if self.notice or reason == "storage_away":
            return
        self.notice = AWAY if reason else STUCK
        if reason:
            log.warning("%s They are tried again. (%s)", self.notice, _cause(error))
        else:
            log.error("%s They are tried again.", self.notice, exc_info=error)

    def _wake(self) -> None:
        self._came.set()
        self._came = asyncio.Event()

    def _opened(self) -> BatchStore:
        self._store = self._store or self._open()
        return self._store

    def _close(self) -> None:
        if self._store:
            self._store.close()


def _cause(error: Exception) -> str:
    """What is behind it, in one line: no address with its password, as drivers of databases don't repeat one."""
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"


def _converted(wav: Path, to: Path) -> None:
    if to.suffix == ".wav":
        shutil.move(wav, to)
    else:
        formats.convert(wav, to, cast(formats.Compressed, to.suffix.removeprefix(".")))
