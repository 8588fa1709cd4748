"""One model, one thread, one job at a time.

Speech models keep state between steps (KV caches, CUDA graphs, global seeds), so a model object is only ever touched by
the thread that built it. This module sees to it that there is one, also when the last one hangs. It knows nothing of
lines, Gradio or HTTP.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, Generic

from voxdemo.errors import JobTimeoutError
from voxdemo.lanes.line import ReadyState, WorkerStatus
from voxdemo.lanes.local.job_run import JobRun, M, post
from voxdemo.lanes.local.model_thread import MOST_DEATHS, Lives, Measured, ModelThread
from voxdemo.speech import ModelInfo, Tell

log = logging.getLogger(__name__)

HANG_GRACE_S = 10.0
"""How long a model may take to end its step after a job's deadline, before its thread is given up for lost."""


class ModelWorker(Generic[M]):
    """A model on a thread of its own, rebuilt when it dies.

    `info` describes the model before it is built; then its own does. `build` makes it, telling what it is at, and
    `check` proves that it works (the warm-up); both run on the model's thread, as does every job. `check` raises when
    the model doesn't work, else returns how many units of work took how many seconds, for each size of work that it
    tried, which `checked` is told on the event loop, with the seconds in which it was loaded if it was. `expected_s` is
    how long that should take. All methods are for the event loop's thread; `info` and `status` may be read from
    anywhere.

    It is at rest until it is started, which its first job does at the latest, and when it was freed or couldn't be
    built; then it can be started again.

    After an unexpected exception the model is checked again: if it passes, the job was at fault; if not, or when the
    model says itself that it died, it is closed and built again. It is checked after a job's deadline too, and isn't
    ready before that. A job that failed is repeated once if nothing of it was delivered, or goes on as often as it says
    itself that it may. A model that hangs past a job's deadline is left behind on its thread and a new one takes its
    place. After MOST_DEATHS in a row it stays down, because whatever kills it would do so again.
    """

    def __init__(
        self,
        info: ModelInfo,
        build: Callable[[Tell], M],
        check: Callable[[M], Measured],
        checked: Callable[[Measured, float | None], None] = lambda measured, load_s: None,
        expected_s: Callable[[], float | None] = lambda: None,
        hang_grace_s: float = HANG_GRACE_S,
    ) -> None:
        self.lives = Lives()
        self.used_at = 0.0
        """When it was given its last job, by the monotonic clock."""
        self.retry: Callable[[], None] = self.start
        """What is done when it is time to build a model again that failed, without a job that asks for it."""
        self._info = info
        self._build = build
        self._check = check
        self._checked = checked
        self._expected_s = expected_s
        self._hang_grace_s = hang_grace_s
        self._thread: ModelThread[M] | None = None
        self._freed: ModelThread[M] | None = None
        self._late: list[JobRun[M]] = []

    @property
    def info(self) -> Any:
        """What the model is: its own word once it is built."""
        return self._thread.info if self._thread else self._info

    @property
    def status(self) -> WorkerStatus:
        resting = WorkerStatus("resting", f"{self.info.title} is loaded when it is needed.", self.lives.load_s)
        return self._thread.status if self._thread else resting

    @property
    def rests(self) -> bool:
        """Whether `start` would load it: it was freed or hasn't been started yet, or it failed, but not for good."""
        thread = self._thread
        return thread is None or (thread.status.state == "failed" and thread.deaths < MOST_DEATHS)

    @property
    def can_be_freed(self) -> bool:
        """Whether its model is there and in order, or about to be."""
        return self.status.state in ("ready", "waking")

    @property
    def memory_bytes(self) -> int:
        """About how much memory it takes at work: what is known of it, or what it was seen to take, if that is more."""
        known: int = self.info.memory_bytes
        return max(known, self.lives.grown_bytes)

    @property
    def loading_s(self) -> float | None:
        """Seconds until it should be loaded; None where that isn't known, or takes longer than it should."""
        since, expected_s = self._thread and self._thread.building_since, self._expected_s()
        if expected_s is None:
            return None
        left_s = expected_s - (time.monotonic() - since if since else 0.0)
        return left_s if left_s > 0 else None

    @property
    def hangs(self) -> bool:
        """Whether a step goes on past its job's deadline, on this thread or on one that was left behind."""
        self._late = [run for run in self._late if run.is_at_work]
        return bool(self._late)

    def start(self, after: Sequence[ModelThread[Any]] = ()) -> None:
        """Begin to build the model, as soon as those are freed. Jobs may come at once, or before; they wait for it."""
        has_failed = self.status.state == "failed"  # a stand-in serves until it is seen what comes of this
        if self._thread:
            self.free()
        before = (self._freed,) if self._freed else ()
        deaths = self._freed.deaths if self._freed else 0
        self._start(deaths, "waking" if self.lives.loads and not has_failed else "loading", (*before, *after))

    def free(self) -> ModelThread[M]:
        """Give its memory back, which has happened when the thread returned has ended. It mustn't have a job."""
        assert self._thread, "it is loaded"
        self._info, self._freed, self._thread = self._thread.info, self._thread, None
        self._freed.rest()
        return self._freed

    def begin(
        self,
        work: Callable[[M], Generator[Any, None, None]],
        deliver: Callable[[Any], None],
        started: Callable[[], None],
        released: Callable[[], None],
        timeout_s: float,
        may_go_on: Callable[[], bool] | None = None,
    ) -> JobRun[M]:
        """Hand a job to the model; it runs when the model is free, for at most `timeout_s` from when it starts.

        After a failure `may_go_on` is asked, on the model's thread, whether `work` is to be called again.
        """
        if self.rests:
            self.start()
        assert self._thread, "it has been started"
        run: JobRun[M] = JobRun(work, deliver, started, released, may_go_on)
        thread = self._thread
        thread.inbox.put((run, partial(run.start, timeout_s, self._stop_late, thread, run, timeout_s)))
        return run

    async def close(self, timeout_s: float = 5.0) -> None:
        """Stop the running job, close the model and end the thread; one that hangs, or still loads, is left behind."""
        for thread in filter(None, (self._thread, self._freed)):
            is_building = thread.building_since is not None
            thread.close("The server is stopping.")
            if not is_building:
                await asyncio.get_running_loop().run_in_executor(None, thread.join, timeout_s)

    def _start(self, deaths: int, state: ReadyState, after: Sequence[ModelThread[Any]] = ()) -> None:
        checked = partial(post, asyncio.get_running_loop(), self._checked)
        self._thread = ModelThread(self.info, self._build, self._check, checked, self.lives, deaths, state, after)
        self._thread.retry = partial(post, asyncio.get_running_loop(), self._try_again, self._thread)
        self._thread.start()

    def _try_again(self, thread: ModelThread[M]) -> None:
        if thread is self._thread and self.rests:
            self.retry()

    def _stop_late(self, thread: ModelThread[M], run: JobRun[M], timeout_s: float) -> None:
        title = self.info.title
        log.error("%s didn't end a job within %g s", title, timeout_s)
        self._late.append(run)
        run.finish(JobTimeoutError.after(timeout_s))
        thread.doubt(f"{title} didn't end a job in time and is being checked.")
        run.call_later(self._hang_grace_s, self._replace, thread, run)

    def _replace(self, thread: ModelThread[M], run: JobRun[M]) -> None:
        if thread is self._thread:
            log.error("%s hangs; a new one takes its place", self.info.title)
            thread.close(f"{self.info.title} hangs.")
            self.lives.deaths += 1
            self._start(thread.deaths + 1, "reloading")
            run.release()
