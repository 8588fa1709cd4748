"""One model, one thread, one job at a time.

Speech models keep state between steps (KV caches, CUDA graphs, global seeds), so a model object is only ever touched by
the thread that built it. This module owns that thread. It knows nothing of lines, Gradio or HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, Protocol, TypeVar

from voxdemo.errors import (
    EngineError,
    InputError,
    JobTimeoutError,
    ModelDiedError,
    NotReadyError,
    SettingsError,
    VoxdemoError,
)
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

REBUILD_AFTER_S = 30.0
"""How long after a failed build the next one is tried, when no job asks for it earlier; doubled each time."""
LONGEST_PAUSE_S = 900.0
"""Up to which it is doubled: loading takes memory and time from whoever serves meanwhile."""
HANG_GRACE_S = 10.0
"""How long a model may take to end its step after a job's deadline, before its thread is given up for lost."""
MOST_DEATHS = 3
"""How often in a row, with no job done well in between, a model may die before it stays down."""


class Named(Protocol):
    """A description of a model, as people read it."""

    @property
    def title(self) -> str:
        """As in "VoxCPM2 is loading."."""
        ...


class Model(Protocol):
    """What a worker needs of a model."""

    @property
    def info(self) -> Named:
        """What it is."""
        ...

    def close(self) -> None:
        """Give back memory and devices."""
        ...


M = TypeVar("M", bound=Model)
Measured = Sequence[tuple[float, float]]
"""Pairs of units of work and the seconds they took."""
State = Literal["loading", "ready", "reloading", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Whether the model can work now, and if not, why: one sentence."""

    state: State
    """"reloading": it has been ready, died, and is being built anew."""
    reason: str = ""
    load_s: float | None = None
    """How long the last successful build and check took."""


@dataclass(frozen=True, slots=True)
class Anew:
    """Yielded by work that begins another of its parts: the time it may take starts anew. It isn't delivered."""


@dataclass(frozen=True, slots=True)
class End:
    """The last thing a job delivers; `error` says why it didn't end well."""

    error: VoxdemoError | None = None


class Run(Generic[M]):
    """One job on a worker. Made by `ModelWorker.begin`.

    `started` is called when the model turns to the job, `deliver` with every item the work yields and then one `End`,
    and `released` when the model is free again, which after a cancel or a deadline is later than the `End`; all on the
    event loop.
    """

    def __init__(
        self,
        work: Callable[[M], Generator[Any, None, None]],
        deliver: Callable[[Any], None],
        started: Callable[[], None],
        released: Callable[[], None],
        may_go_on: Callable[[], bool] | None = None,
    ) -> None:
        self._work = work
        self._deliver = deliver
        self._started = started
        self._released = released
        self._may_go_on = may_go_on or self._nothing_was_heard
        self._loop = asyncio.get_running_loop()
        self._ended = False
        self._free = False
        self._delivered = False
        self._was_repeated = False
        self._deaths = 0
        self._timer: asyncio.TimerHandle | None = None
        self._start_timer: Callable[[], None] = lambda: None

    # -- on the event loop
    def start(self, timeout_s: float, function: Callable[..., None], *arguments: Any) -> None:
        """Report that the model turns to it; `function` is called when a part of it takes longer than `timeout_s`."""
        if not self._ended:
            self._started()
        self._start_timer = partial(self.call_later, timeout_s, function, *arguments)
        self._start_timer()

    def call_later(self, seconds: float, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` after `seconds`, unless the model stops working on this before."""
        self.stop_timer()
        self._timer = self._loop.call_later(seconds, function, *arguments)

    def stop_timer(self) -> None:
        """The model works on this no more; it may still be checked or rebuilt before it is free."""
        if self._timer:
            self._timer.cancel()

    def cancel(self) -> None:
        """Stop at the next step and deliver nothing more. Harmless on a job that has ended."""
        self._ended = True

    def end(self, error: VoxdemoError | None = None) -> None:
        """Deliver the `End`, unless the job has ended or was cancelled."""
        if not self._ended:
            self._ended = True
            self._deliver(End(error))

    def release(self) -> None:
        """Report the model free, once."""
        if not self._free:
            self._free = True
            self.stop_timer()
            self._released()

    # -- on the model's thread
    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return not self._ended

    def may_go_on(self, error: VoxdemoError | None) -> bool:
        """Whether the work is to be called again after it failed like this; not after the model died of it twice."""
        self._deaths += isinstance(error, ModelDiedError)
        return isinstance(error, EngineError) and not self._ended and self._deaths < 2 and self._may_go_on()

    def _nothing_was_heard(self) -> bool:
        is_new = not self._delivered and not self._was_repeated
        self._was_repeated = True
        return is_new

    def work(self, model: M) -> BaseException | None:
        """Do the job; returns what went wrong."""
        try:
            with closing(self._work(model)) as items:
                while not self._ended and (item := next(items, _NOTHING)) is not _NOTHING:
                    self._delivered = self._delivered or not isinstance(item, Anew)
                    self.post(self._pass_on, item)
        except BaseException as error:  # whatever a model raises, Rust's panics too, must not end its thread
            return error
        return None

    def post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` on the event loop."""
        _post(self._loop, function, *arguments)

    def _pass_on(self, item: Any) -> None:
        if self._ended:
            return
        if isinstance(item, Anew):
            self._start_timer()
        else:
            self._deliver(item)


_NOTHING = object()


def _post(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
        loop.call_soon_threadsafe(function, *arguments)


class ModelWorker(Generic[M]):
    """A model on a thread of its own, rebuilt when it dies.

    `info` describes the model before it is built; then its own does. `build` makes it, telling what it is at, and
    `check` proves that it works (the warm-up); both run on the model's thread, as does every job. `check` raises when
    the model doesn't work, else returns how many units of work took how many seconds, for each size of work that it
    tried, which `checked` is told on the event loop. All methods are for the event loop's thread; `info` and `status`
    may be read from anywhere.

    After an unexpected exception the model is checked again: if it passes, the job was at fault; if not, or when the
    model says itself that it died, it is closed and built anew. A job that failed is repeated once if nothing of it was
    delivered, or goes on as often as it says itself that it may. A model that hangs past a job's deadline is left
    behind on its thread and a new one takes its place. After MOST_DEATHS in a row it stays down, because whatever kills
    it would do so again.
    """

    def __init__(
        self,
        info: Named,
        build: Callable[[Tell], M],
        check: Callable[[M], Measured],
        checked: Callable[[Measured], None] = lambda measured: None,
        hang_grace_s: float = HANG_GRACE_S,
    ) -> None:
        self._info = info
        self._build = build
        self._check = check
        self._checked = checked
        self._hang_grace_s = hang_grace_s
        self._thread: _ModelThread[M] | None = None

    @property
    def info(self) -> Any:
        """What the model is: its own word once it is built."""
        return self._thread.info if self._thread else self._info

    @property
    def status(self) -> WorkerStatus:
        """How the model is."""
        return self._thread.status if self._thread else WorkerStatus("closed", f"{self.info.title} isn't started.")

    def start(self) -> None:
        """Begin to build the model. Jobs may come at once; they wait for it."""
        self._start(deaths=0)

    def begin(
        self,
        work: Callable[[M], Generator[Any, None, None]],
        deliver: Callable[[Any], None],
        started: Callable[[], None],
        released: Callable[[], None],
        timeout_s: float,
        may_go_on: Callable[[], bool] | None = None,
    ) -> Run[M]:
        """Hand a job to the model; it runs when the model is free, for at most `timeout_s` from when it starts.

        After a failure `may_go_on` is asked, on the model's thread, whether `work` is to be called again.
        """
        assert self._thread, "start() comes first"
        run: Run[M] = Run(work, deliver, started, released, may_go_on)
        thread = self._thread
        thread.inbox.put((run, partial(run.start, timeout_s, self._stop_late, thread, run, timeout_s)))
        return run

    async def close(self, timeout_s: float = 5.0) -> None:
        """Stop the running job, close the model and end the thread; a thread that hangs is left behind."""
        if self._thread:
            self._thread.leave("The server is stopping.")
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, timeout_s)

    def _start(self, deaths: int) -> None:
        checked = partial(_post, asyncio.get_running_loop(), self._checked)
        self._thread = _ModelThread(self.info, self._build, self._check, checked, deaths)
        self._thread.start()

    def _stop_late(self, thread: _ModelThread[M], run: Run[M], timeout_s: float) -> None:
        run.end(JobTimeoutError(f"This took longer than {timeout_s:g} s and was stopped: send something shorter."))
        run.call_later(self._hang_grace_s, self._replace, thread, run)

    def _replace(self, thread: _ModelThread[M], run: Run[M]) -> None:
        if thread is self._thread:
            log.error("%s hangs; a new one takes its place", self.info.title)
            thread.leave(f"{self.info.title} hangs.")
            self._start(deaths=thread.deaths + 1)
            run.release()


class _ModelThread(Generic[M]):
    """The thread, and all that happens on it. Its only doors: `inbox`, `leave`, `info`, `status`, `deaths`."""

    def __init__(
        self,
        info: Named,
        build: Callable[[Tell], M],
        check: Callable[[M], Measured],
        checked: Callable[[Measured], None],
        deaths: int,
    ) -> None:
        self.info = info
        self.inbox: queue.SimpleQueue[tuple[Run[M], Callable[[], None]] | None] = queue.SimpleQueue()
        self.deaths = deaths
        self.status = WorkerStatus("reloading" if deaths else "loading", f"{info.title} is loading.")
        self._build = build
        self._check = check
        self._checked = checked
        self._model: M | None = None
        self._was_ready = bool(deaths)
        self._cause = "hung"
        self._told = ""
        self._pause_s = REBUILD_AFTER_S
        self._current: Run[M] | None = None
        self._leaving = False
        # A daemon, because a call that hangs inside a library can't be stopped and must not hold the process.
        self._thread = threading.Thread(target=self._live, name=info.title, daemon=True)
        self.start = self._thread.start
        self.join = self._thread.join

    def leave(self, reason: str) -> None:
        """Stop at the next step, close the model and end the thread."""
        self._leaving = True
        self.status = WorkerStatus("closed", reason)
        if current := self._current:
            current.end(NotReadyError(_STOPPING))
        self._turn_away_all()
        self.inbox.put(None)

    def _live(self) -> None:
        self._ensure_model()
        while not self._leaving:
            try:
                entry = self.inbox.get(timeout=None if self._model else self._pause_s)
            except queue.Empty:
                self._ensure_model()
                continue
            if entry:
                self._serve(*entry)
        self._turn_away_all()
        self._discard_model()

    def _turn_away_all(self) -> None:
        with suppress(queue.Empty):
            while True:
                if entry := self.inbox.get_nowait():
                    _turn_away(entry[0])

    def _serve(self, run: Run[M], started: Callable[[], None]) -> None:
        self._current = run
        if self._leaving:
            _turn_away(run)
            return
        error = self._attempt(run, started) if run.is_wanted else None
        while run.may_go_on(error):
            error = self._attempt(run, started)
        if isinstance(error, ModelDiedError):
            self.deaths += 1  # one a job: what kills a model twice in a row is still one request
        run.post(run.end, error)
        if isinstance(error, ModelDiedError):
            self._ensure_model()
        self._current = None
        run.post(run.release)

    def _attempt(self, run: Run[M], started: Callable[[], None]) -> VoxdemoError | None:
        if not self._ensure_model():
            return self._not_now()
        assert self._model
        run.post(started)
        error = run.work(self._model)
        run.post(run.stop_timer)
        if error is None and run.is_wanted:
            self.deaths = 0
        if error is None or isinstance(error, InputError):
            return error
        log.error("%s failed on a job", self.info.title, exc_info=error)
        if not isinstance(error, ModelDiedError) and self._works():
            return EngineError(f"{self.info.title} could not do this: change it a little and try again.")
        return self._bury(error)

    def _bury(self, error: BaseException) -> ModelDiedError:
        """The model died of `error`: free it, and say so."""
        self._discard_model()
        if not isinstance(error, ModelDiedError):
            error = ModelDiedError(f"{self.info.title} failed and is reloading: try again in about 20 s.")
        self._cause = error.what
        return error

    def _not_now(self) -> NotReadyError:
        if self.deaths >= MOST_DEATHS:
            return NotReadyError(self.status.reason)
        return NotReadyError(f"{self.info.title} can't be loaded just now: try again in a minute.", REBUILD_AFTER_S)

    def _ensure_model(self) -> bool:
        """Whether there is a model that works, after building one if need be."""
        if self.deaths >= MOST_DEATHS:
            self._stay_down()
        elif self._model is None and not self._leaving:
            self._rebuild()
        return self._model is not None

    def _rebuild(self) -> None:
        begun = time.monotonic()
        self._set_loading(f"{self.info.title} is {'re' * self._was_ready}loading.")
        try:
            self._model = self._build(self._set_loading)
        except SettingsError as error:
            self._log_once(error.sentence)
            self._set_failed(error.public)
        except BaseException:  # any library may fail in any way; the log has it, the status says it
            log.exception("%s can't be loaded", self.info.title)
            self._set_failed(f"{self.info.title} can't be loaded; the server's log says why.")
        else:
            self.info = self._model.info
            self._works(begun)

    def _works(self, begun: float | None = None) -> bool:
        assert self._model
        try:
            measured = self._check(self._model)
        except BaseException:  # as above
            log.exception("%s doesn't work", self.info.title)
            self._discard_model()
            self._set_failed(f"{self.info.title} doesn't work; the server's log says why.")
            return False
        self._checked(measured)
        if begun is not None:
            load_s = time.monotonic() - begun
            log.info("%s is ready, loaded in %.1f s", self.info.title, load_s)
            self._was_ready, self._pause_s = True, REBUILD_AFTER_S
            self._set_status("ready", load_s=load_s)
        return True

    def _stay_down(self) -> None:
        times = f"{self.deaths} times in a row (the last time it {self._cause})"
        reason = f"{self.info.title} died {times} and stays down: see the log, then start the server anew."
        self._log_once(reason)
        self._set_failed(reason)

    def _log_once(self, words: str) -> None:
        if words != self._told:
            self._told = words
            log.error("%s", words)

    def _discard_model(self) -> None:
        model, self._model = self._model, None
        if model is not None:
            try:
                model.close()
            except BaseException:  # a broken model may fail to close; it is dropped all the same
                log.exception("%s failed to close", self.info.title)

    def _set_failed(self, reason: str) -> None:
        self._was_ready = False  # what comes of the next try is news: until then a stand-in serves
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._set_status("failed", reason)

    def _set_loading(self, reason: str) -> None:
        self._set_status("reloading" if self._was_ready else "loading", reason)

    def _set_status(self, state: State, reason: str = "", load_s: float | None = None) -> None:
        if not self._leaving:
            self.status = WorkerStatus(state, reason, load_s)


_STOPPING = "The server is stopping: try again in a minute."


def _turn_away(run: Run[Any]) -> None:
    run.post(run.end, NotReadyError(_STOPPING))
    run.post(run.release)
