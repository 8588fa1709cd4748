"""The thread of a model: the model is built there, checked, given its jobs one by one, closed and built again.

Knows one thread and one model at a time; its worker decides what becomes of a thread that hangs.
"""

import contextvars
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic

from voxdemo.errors import (
    EngineError,
    InputError,
    ModelDiedError,
    NotReadyError,
    SettingsError,
    UnavailableError,
    VoxdemoError,
)
from voxdemo.lanes.line import ReadyState, WorkerStatus
from voxdemo.lanes.local import memory
from voxdemo.lanes.local.job_run import JobRun, M
from voxdemo.logs import NOBODYS_WORDS
from voxdemo.speech import ModelInfo, Tell

log = logging.getLogger(__name__)

REBUILD_AFTER_S = 60.0
"""How long after a failed build the next one is tried, when no job asks for it earlier; doubled each time."""
LONGEST_PAUSE_S = 900.0
"""Up to which it is doubled: loading takes memory and time from whoever serves meanwhile."""
MOST_DEATHS = 3
"""How often in a row, with no job done well in between, a model may die before it stays down."""
FREED_WITHIN_S = 30.0
"""How long a model that needs the room waits for others to be closed; one that takes longer hangs."""

Measured = Sequence[tuple[float, float]]
"""Pairs of units of work and the seconds they took."""


@dataclass(slots=True)
class Lives:
    """What became of a model since the server started, on all its threads."""

    loads: int = 0
    unloads: int = 0
    deaths: int = 0
    """How often it died or failed its check."""
    load_s: float | None = None
    """How long the last load and check took."""
    pause_s: float = 0.0
    """How long it is left alone after it couldn't be loaded; 0 where it could."""
    told: str = ""
    """Why it doesn't serve, as that was logged last."""
    grown_bytes: int = 0
    """By how much it made the process grow; 0 where that couldn't be measured."""


class ModelThread(Generic[M]):
    """The thread, and all that happens on it.

    Other threads use only `inbox`, `doubt`, `rest`, `close`, `info`, `status`, `deaths`, `building_since` and, before
    the start, `retry`. `inbox` takes a run and what is called when the model begins with it. `start` and `join` are as
    a thread's. The model is built when the threads `after` which it comes have ended, because it needs the room. Where
    that fails, another thread has to try again: `retry` is called when it is time for that.
    """

    def __init__(
        self,
        info: ModelInfo,
        build: Callable[[Tell], M],
        check: Callable[[M], Measured],
        checked: Callable[[Measured, float | None], None],
        lives: Lives,
        deaths: int = 0,
        state: ReadyState = "loading",
        after: Sequence["ModelThread[Any]"] = (),
    ) -> None:
        self.info = info
        self.inbox: queue.SimpleQueue[tuple[JobRun[M], Callable[[], None]] | Callable[[], None]] = queue.SimpleQueue()
        self.deaths = deaths
        self.retry: Callable[[], None] = lambda: None
        self._lives = lives
        self.status = WorkerStatus(state, f"{info.title} is loading.", lives.load_s)
        self._build = build
        self._check = check
        self._checked = checked
        self._model: M | None = None
        self._loading: ReadyState = state
        self._after = after
        self._cause = "hung"
        self._has_failed = False
        self._current: JobRun[M] | None = None
        self._closing = False
        self._resting = False
        self.building_since: float | None = None
        """When it began to build the model, by the monotonic clock; None while it doesn't."""
        # A daemon, because a call that hangs inside a library can't be stopped and must not hold the process.
        self._thread = threading.Thread(target=self._live, name=info.title, daemon=True)
        self.start = self._thread.start
        self.join = self._thread.join

    def close(self, reason: str) -> None:
        """Stop at the next step, close the model and end the thread."""
        self._closing = True
        self.status = WorkerStatus("closed", reason)
        if current := self._current:
            current.finish(NotReadyError.stopping())
        self._refuse_all()
        self.inbox.put(lambda: None)

    def rest(self) -> None:
        """Free the model and end the thread, once it is built. No job may be given to it any more."""
        self._resting = True
        self.inbox.put(lambda: None)

    def doubt(self, reason: str) -> None:
        """Not ready, for this reason, until the model has been checked, which is the next thing that happens.

        What is logged of that carries the request in whose context this is called.
        """
        self._set_status("reloading", reason)
        self.inbox.put(partial(contextvars.copy_context().run, self._check_again))

    def _live(self) -> None:
        for thread in self._after:
            thread.join(FREED_WITHIN_S)
        self._after = ()
        self._ensure_model()
        while not (self._closing or self._resting):
            try:
                entry = self.inbox.get(timeout=self._lives.pause_s if self._has_failed else None)
            except queue.Empty:
                self.retry()
                continue
            if isinstance(entry, tuple):
                run, started = entry
                run.context.run(self._serve, run, started)
            else:
                entry()
        self._refuse_all()
        if self._model and not self._closing:
            self._free()
        else:
            self._discard_model()

    def _free(self) -> None:
        before = memory.resident_bytes()
        self._discard_model()
        memory.give_back()
        self._lives.unloads += 1
        freed_mb = max(0, before - memory.resident_bytes()) / 1e6
        log.info("%s was unloaded: it gave back %d MB", self.info.title, freed_mb)

    def _refuse_all(self) -> None:
        with suppress(queue.Empty):
            while True:
                entry = self.inbox.get_nowait()
                if isinstance(entry, tuple):
                    _refuse(entry[0])

    def _serve(self, run: JobRun[M], started: Callable[[], None]) -> None:
        self._current = run
        if self._closing:
            _refuse(run)
            return
        error = self._attempt(run, started) if run.is_wanted else None
        while run.may_go_on(error):
            error = self._attempt(run, started)
        if isinstance(error, ModelDiedError):
            self.deaths += 1  # one a job: what kills a model twice in a row is still one request
        run.post(run.finish, error)
        if isinstance(error, ModelDiedError):
            self._ensure_model()
        self._current = None
        run.post(run.release)

    def _attempt(self, run: JobRun[M], started: Callable[[], None]) -> VoxdemoError | None:
        if not self._ensure_model():
            return self._not_now()
        assert self._model
        run.post(started)
        error = run.work(self._model)
        run.post(run.rest)
        if error is None and run.is_wanted:
            self.deaths = 0
        if error is None or isinstance(error, InputError | UnavailableError):  # nothing is wrong with the model
            return error
        self._set_status("reloading", f"{self.info.title} failed on a job and is being checked.")
        log.error("%s failed on a job", self.info.title, exc_info=error)
        if not isinstance(error, ModelDiedError) and self._works():
            return EngineError("{title} could not do this: change it a little and try again.", title=self.info.title)
        return self._bury(error)

    def _check_again(self) -> None:
        is_in_doubt = self._model is not None and self.status.state == "reloading"  # else it was checked meanwhile
        if is_in_doubt and not self._works():
            self.deaths += 1
            self._lives.deaths += 1
            self._cause = "failed its check"
            self._ensure_model()

    def _bury(self, error: BaseException) -> ModelDiedError:
        """The model died of `error`: free its memory. Returns the error for the job."""
        self._discard_model()
        self._lives.deaths += 1
        if not isinstance(error, ModelDiedError):
            sentence = "{title} failed and is reloading: try again in about {time}."
            error = ModelDiedError(sentence, title=self.info.title, time="20 s")
        self._cause = error.what
        return error

    def _not_now(self) -> NotReadyError:
        if self.deaths >= MOST_DEATHS:
            return NotReadyError("{why}", reason="status", why=self.status.reason)
        sentence = "{title} can't be loaded just now: try again in a minute."
        return NotReadyError(sentence, REBUILD_AFTER_S, reason="not_loaded", title=self.info.title)

    def _ensure_model(self) -> bool:
        """Whether there is a model that works; builds one if there is none, unless that has failed here."""
        if self.deaths >= MOST_DEATHS:
            self._stay_down()
        elif self._model is None and not (self._closing or self._has_failed):
            contextvars.Context().run(self._rebuild)  # which is no request's doing, whichever needs it first
        return self._model is not None

    def _rebuild(self) -> None:
        self.building_since = time.monotonic()
        self._set_loading(f"{self.info.title} is {'re' * (self._loading == 'reloading')}loading.")
        with memory.Growth() as growth:
            self._has_failed = not self._load(self.building_since)
        self._lives.grown_bytes = growth.bytes or self._lives.grown_bytes
        self.building_since = None

    def _load(self, begun: float) -> bool:
        """Whether the model is there and works."""
        try:
            self._model = self._build(self._set_loading)
        except SettingsError as error:
            self._log_once(error.sentence)
            self._set_failed(error.public)
        except BaseException:  # any library may fail in any way; the log has it, the status says it
            log.exception("%s can't be loaded", self.info.title, extra=NOBODYS_WORDS)
            self._set_failed(f"{self.info.title} can't be loaded; the server's log says why.")
        else:
            self.info = self._model.info
            return self._works(begun)
        return False

    def _works(self, begun: float | None = None) -> bool:
        """Whether the model passes its check, after which it is ready; `begun` is when it began to be built."""
        assert self._model
        try:
            measured = self._check(self._model)
        except BaseException:  # as above
            log.exception("%s doesn't work", self.info.title, extra=NOBODYS_WORDS)
            self._discard_model()
            self._set_failed(f"{self.info.title} doesn't work; the server's log says why.")
            return False
        load_s = None if begun is None else time.monotonic() - begun
        self._checked(measured, load_s)
        if load_s is not None:
            self._lives.load_s = load_s
            self._lives.loads += 1
            log.info("%s is ready, loaded in %.1f s", self.info.title, load_s)
            self._loading, self._lives.pause_s = "reloading", 0.0
        self._set_status("ready")
        return True

    def _stay_down(self) -> None:
        times = f"{self.deaths} times in a row (the last time it {self._cause})"
        reason = f"{self.info.title} died {times} and stays down: see the log, then restart the server."
        self._log_once(reason)
        self._set_failed(reason)

    def _log_once(self, words: str) -> None:
        if words != self._lives.told:
            self._lives.told = words
            log.error("%s", words)

    def _discard_model(self) -> None:
        model, self._model = self._model, None
        if model is not None:
            try:
                model.close()
            except BaseException:  # a broken model may fail to close; it is dropped all the same
                log.exception("%s failed to close", self.info.title)

    def _set_failed(self, reason: str) -> None:
        self._loading = "loading"  # what comes of the next try is news: until then a stand-in serves
        self._lives.pause_s = min(2 * self._lives.pause_s or REBUILD_AFTER_S, LONGEST_PAUSE_S)
        self._set_status("failed", reason)

    def _set_loading(self, reason: str) -> None:
        self._set_status(self._loading, reason)

    def _set_status(self, state: ReadyState, reason: str = "") -> None:
        if not self._closing:
            self.status = WorkerStatus(state, reason, self._lives.load_s)


def _refuse(run: JobRun[Any]) -> None:
    run.post(run.finish, NotReadyError.stopping())
    run.post(run.release)
