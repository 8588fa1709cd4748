"""One job on a model: what the event loop does with it, and what the model's thread does.

Knows neither how that thread lives nor what the work is.
"""

import asyncio
import contextvars
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from voxdemo.errors import EngineError, ModelDiedError, VoxdemoError
from voxdemo.speech import ModelInfo


class Model(Protocol):
    """What a worker needs of a model."""

    @property
    def info(self) -> ModelInfo: ...

    def close(self) -> None: ...


M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class PartBegins:
    """Yielded by work that begins another of its parts, so that the time limit starts again. It isn't delivered."""


@dataclass(frozen=True, slots=True)
class End:
    """The last thing that a job delivers; `error` says why it failed."""

    error: VoxdemoError | None = None


class JobRun(Generic[M]):
    """One job on a worker. Made by `ModelWorker.begin`, in the context whose variables its log lines are to carry.

    `started` is called when the model turns to the job, `deliver` with every item the work yields (but None, which only
    gives it the chance to stop) and then one `End`,
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
        self.context = contextvars.copy_context()
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
        self.is_at_work = False
        """Whether the model is still working on it, even if nobody wants the result."""
        self._timer: asyncio.TimerHandle | None = None
        self._start_timer: Callable[[], None] = lambda: None

    # -- on the event loop
    def start(self, timeout_s: float, function: Callable[..., None], *arguments: Any) -> None:
        """The model begins with it; `function` is called when a part of it takes longer than `timeout_s`."""
        if not self._ended:
            self._started()
        self.is_at_work = True
        self._start_timer = partial(self.call_later, timeout_s, function, *arguments)
        self._start_timer()

    def call_later(self, seconds: float, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` after `seconds`, unless the model has stopped working on this by then."""
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, function, *arguments)

    def rest(self) -> None:
        """The model has stopped working on this; it may still be checked or rebuilt before it is free."""
        self.is_at_work = False
        self._stop_timer()

    def cancel(self) -> None:
        """Stop at the model's next step and deliver nothing more: everybody has left. Harmless after the end."""
        self._ended = True

    def finish(self, error: VoxdemoError | None = None) -> None:
        """Deliver the `End`, unless that has happened or the job was cancelled."""
        if not self._ended:
            self._ended = True
            self._deliver(End(error))

    def release(self) -> None:
        """The model is free; reported once."""
        if not self._free:
            self._free = True
            self._stop_timer()
            self._released()

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _pass_on(self, item: Any) -> None:
        if self._ended:
            return
        if isinstance(item, PartBegins):
            self._start_timer()
        else:
            self._deliver(item)

    # -- on the model's thread
    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits for the result."""
        return not self._ended

    def may_go_on(self, error: VoxdemoError | None) -> bool:
        """Whether the work is called again after this error; not after the model has died of it twice."""
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
                    if item is None:  # a step that delivers nothing
                        continue
                    self._delivered = self._delivered or not isinstance(item, PartBegins)
                    self.post(self._pass_on, item)
        except BaseException as error:  # whatever a model raises, Rust's panics too, must not end its thread
            return error
        return None

    def post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call `function` on the event loop."""
        post(self._loop, function, *arguments)


_NOTHING = object()


def post(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: Any) -> None:
    """Call `function` on the event loop `loop`, from any thread."""
    with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
        loop.call_soon_threadsafe(function, *arguments)
