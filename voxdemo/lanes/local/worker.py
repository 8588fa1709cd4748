"""One model, one thread, one job at a time.

Speech models keep state between steps (KV caches, CUDA graphs, global seeds), so a model object is only ever touched by
the thread that built it. This module sees to it that there is one, also when the last one hangs. It knows nothing of
lines, Gradio or HTTP.
"""

import asyncio
import logging
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Generic

from voxdemo.errors import JobTimeoutError
from voxdemo.lanes.jobs import WorkerStatus
from voxdemo.lanes.local.job_run import JobRun, M, post
from voxdemo.lanes.local.model_thread import Lives, Measured, ModelThread
from voxdemo.speech import ModelInfo, Tell

log = logging.getLogger(__name__)

HANG_GRACE_S = 10.0
"""How long a model may take to end its step after a job's deadline, before its thread is given up for lost."""


class ModelWorker(Generic[M]):
    """A model on a thread of its own, rebuilt when it dies.

    `info` describes the model before it is built; then its own does. `build` makes it, telling what it is at, and
    `check` proves that it works (the warm-up); both run on the model's thread, as does every job. `check` raises when
    the model doesn't work, else returns how many units of work took how many seconds, for each size of work that it
    tried, which `checked` is told on the event loop. All methods are for the event loop's thread; `info` and `status`
    may be read from anywhere.

    After an unexpected exception the model is checked again: if it passes, the job was at fault; if not, or when the
    model says itself that it died, it is closed and built anew. It is checked after a job's deadline too, and isn't
    ready before that. A job that failed is repeated once if nothing of it was delivered, or goes on as often as it says
    itself that it may. A model that hangs past a job's deadline is left behind on its thread and a new one takes its
    place. After MOST_DEATHS in a row it stays down, because whatever kills it would do so again.
    """

    def __init__(
        self,
        info: ModelInfo,
        build: Callable[[Tell], M],
        check: Callable[[M], Measured],
        checked: Callable[[Measured], None] = lambda measured: None,
        hang_grace_s: float = HANG_GRACE_S,
    ) -> None:
        self.lives = Lives()
        self._info = info
        self._build = build
        self._check = check
        self._checked = checked
        self._hang_grace_s = hang_grace_s
        self._thread: ModelThread[M] | None = None
        self._late: list[JobRun[M]] = []

    @property
    def info(self) -> Any:
        """What the model is: its own word once it is built."""
        return self._thread.info if self._thread else self._info

    @property
    def status(self) -> WorkerStatus:
        resting = WorkerStatus("resting", f"{self.info.title} is loaded when it is needed.")
        return self._thread.status if self._thread else resting

    @property
    def hangs(self) -> bool:
        """Whether a step goes on past its job's deadline, on this thread or on one that was left behind."""
        self._late = [run for run in self._late if run.is_at_work]
        return bool(self._late)

    def start(self) -> None:
        """Begin to build the model. Jobs may come at once, or before; they wait for it."""
        self._start(deaths=0)

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
        if self._thread is None:
            self.start()
        assert self._thread, "it has been started"
        run: JobRun[M] = JobRun(work, deliver, started, released, may_go_on)
        thread = self._thread
        thread.inbox.put((run, partial(run.start, timeout_s, self._stop_late, thread, run, timeout_s)))
        return run

    async def close(self, timeout_s: float = 5.0) -> None:
        """Stop the running job, close the model and end the thread; one that hangs, or still loads, is left behind."""
        if self._thread:
            is_building = self._thread.is_building
            self._thread.close("The server is stopping.")
            if not is_building:
                await asyncio.get_running_loop().run_in_executor(None, self._thread.join, timeout_s)

    def _start(self, deaths: int) -> None:
        checked = partial(post, asyncio.get_running_loop(), self._checked)
        self._thread = ModelThread(self.info, self._build, self._check, checked, deaths, self.lives)
        self._thread.start()

    def _stop_late(self, thread: ModelThread[M], run: JobRun[M], timeout_s: float) -> None:
        title = self.info.title
        log.error("%s didn't end a job within %g s", title, timeout_s)
        self._late.append(run)
        sentence = "This took longer than {seconds:g} s and was stopped: send something shorter."
        run.finish(JobTimeoutError(sentence, seconds=timeout_s))
        thread.doubt(f"{title} didn't end a job in time and is being checked.")
        run.call_later(self._hang_grace_s, self._replace, thread, run)

    def _replace(self, thread: ModelThread[M], run: JobRun[M]) -> None:
        if thread is self._thread:
            log.error("%s hangs; a new one takes its place", self.info.title)
            thread.close(f"{self.info.title} hangs.")
            self.lives.deaths += 1
            self._start(deaths=thread.deaths + 1)
            run.release()
