"""A server at an address as what does jobs at seats: no thread and no model, a task on the event loop for every job.

It sees to it that the server is there: a sentence to begin with and after failures, and a circuit that opens when it
can't say that either.
Knows no lines and no HTTP.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from voxdemo.engines.address.client import AddressEngine
from voxdemo.engines.base import RanOn, SpeechPart
from voxdemo.errors import AddressError, EngineError, InputError, JobTimeoutError, NotReadyError, VoxdemoError
from voxdemo.lanes.line import WorkerStatus
from voxdemo.lanes.local.job_run import End
from voxdemo.lanes.local.model_thread import Lives, Measured, ModelThread
from voxdemo.lanes.local.speech import Speech
from voxdemo.speech import EngineInfo, Samples

log = logging.getLogger(__name__)

MOST_FAILURES = 3
"""How many jobs in a row, with none done well in between, a server may fail before it is seen whether it works."""
CHECK_S = 120.0
"""How long that may take: servers that load a model for their first words take up to a minute."""
PAUSES_S = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Until it is tried again; the last one is repeated."""


class AddressWorker:
    """The server at an address, for as many jobs at once as it has seats. All of it is for the event loop's thread.

    As a `ModelWorker`, with `check` to prove that the server works, which returns what `checked` is told. Jobs that
    come before that has ended wait for it. After MOST_FAILURES in a row it is tried again, while jobs go on: it may be
    their texts. Where it fails, jobs are refused at once until it has passed, which is tried after PAUSES_S.
    Before each part a job waits until one of its places is free: jobs with a seat elsewhere have parts here, too.
    """

    hangs = rests = can_be_freed = False
    memory_bytes = 0
    loading_s = None
    """There's nothing here that takes memory, or hangs: a request that nobody waits for any more is closed."""

    def __init__(
        self,
        engine: AddressEngine,
        check: Callable[[AddressEngine], Any],
        checked: Callable[[Measured], None] = lambda measured: None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.lives = Lives()
        self.used_at = 0.0
        self.retry: Callable[[], None] = self.start  # which nobody needs to call
        self.status = WorkerStatus("loading", f"{engine.info.title} is asked for its first words.")
        self._engine = engine
        self._check = check
        self._checked = checked
        self._pauses_s = pauses_s
        self._failures = 0
        self._room = asyncio.Semaphore(engine.address.at_once)
        self._trying: asyncio.Task[None] | None = None
        self._was_tried = asyncio.Event()
        self._jobs: set[AddressRun] = set()

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def free(self) -> ModelThread[Any]:
        raise AssertionError("there's nothing to be freed")

    def start(self, after: Sequence[ModelThread[Any]] = ()) -> None:
        """Begin to try whether it works, unless that goes on."""
        if self.status.state != "closed" and (self._trying is None or self._trying.done()):
            self._trying = contextvars.Context().run(lambda: asyncio.ensure_future(self._keep_trying()))

    def begin(
        self,
        speech: Speech,
        deliver: Callable[[Any], None],
        started: Callable[[], None],
        released: Callable[[], None],
        timeout_s: float,
        may_go_on: Callable[[], bool],
    ) -> AddressRun:
        """As `ModelWorker.begin`; a part of which something was heard isn't said again."""
        if self._trying is None:
            self.start()
        run = AddressRun(deliver, timeout_s)
        self._jobs.add(run)

        def end(task: asyncio.Task[None]) -> None:
            self._jobs.discard(run)
            released()

        run.task = asyncio.ensure_future(self._serve(speech, run, started, may_go_on))
        run.task.add_done_callback(end)
        return run

    async def close(self) -> None:
        """Close all its requests; jobs that run are refused. Each of its seats calls it."""
        if self.status.state == "closed":
            return
        self.status = WorkerStatus("closed", "The server is stopping.")
        self._was_tried.set()
        for run in tuple(self._jobs):
            run.end(NotReadyError.stopping())
        tasks = [task for task in (self._trying, *(run.task for run in self._jobs)) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._engine.close()

    async def _serve(
        self, speech: Speech, run: AddressRun, started: Callable[[], None], may_go_on: Callable[[], bool]
    ) -> None:
        await self._was_tried.wait()
        error: VoxdemoError | None = None
        try:
            error = self._refusal() or await self._said(speech, run, started)
            while isinstance(error, AddressError) and error.again and may_go_on() and not speech.was_heard:
                error = self._refusal() or await self._said(speech, run, started)
        except asyncio.CancelledError:
            if not run.is_late:
                raise
            error = JobTimeoutError.after(run.timeout_s)
        finally:
            run.rest()
        self._note(error)
        run.end(error)

    async def _said(self, speech: Speech, run: AddressRun, started: Callable[[], None]) -> VoxdemoError | None:
        """Say what is left of it; returns what went wrong."""

        async def spoken(part: SpeechPart, rate: int) -> AsyncGenerator[Samples | RanOn, None]:
            run.rest()
            async with self._room, aclosing(self._engine.speak(part, rate)) as pieces:
                run.begin_part()
                async for piece in pieces:
                    yield piece

        started()
        error: VoxdemoError | None = None
        try:
            async with aclosing(speech.said_by(spoken)) as events:
                async for event in events:
                    run.deliver(event)
        except VoxdemoError as failed:
            error = failed
        except Exception:  # whatever it is, the seat must become free and the job must end
            log.exception("%s can't be asked", self.info.title)
            error = AddressError.of("engine_failed", self.info.title)
        return error

    def _refusal(self) -> NotReadyError | None:
        if self.status.state == "ready":
            return None
        if self.status.state == "closed":
            return NotReadyError.stopping()
        sentence = "{title} can't be used just now: try again in a minute, or choose another voice."
        return NotReadyError(sentence, self._pauses_s[-1], reason="engine_down", title=self.info.title)

    def _note(self, error: VoxdemoError | None) -> None:
        """A job has ended like this."""
        if isinstance(error, EngineError):
            log.warning("%s: %s", self.info.title, error.code)
            self._failures += 1
        elif error is None or isinstance(error, InputError):  # it answers
            self._failures = 0
        if self._failures >= MOST_FAILURES and self.status.state == "ready":
            self.start()

    async def _keep_trying(self) -> None:
        """Until it has proved that it works; at once unless it has just failed to."""
        tries = 0
        while self.status.state != "closed":
            if self.status.state == "failed":
                await asyncio.sleep(self._pauses_s[min(tries, len(self._pauses_s) - 1)])
                tries += 1
            error = await self._try()
            self._was_tried.set()
            if error is None:
                return

    async def _try(self) -> VoxdemoError | None:
        begun = time.monotonic()
        try:
            measured = await asyncio.wait_for(self._check(self._engine), CHECK_S)
        except VoxdemoError as error:
            return self._doesnt_work(error)
        except asyncio.TimeoutError:
            return self._doesnt_work(AddressError.of("engine_silent", self.info.title))
        except Exception:  # as above
            log.exception("%s can't be tried", self.info.title)
            return self._doesnt_work(AddressError.of("engine_failed", self.info.title))
        self._checked(measured)
        self._failures = 0
        if self.status.state not in ("ready", "closed"):
            self.lives.loads += 1
            self.status = WorkerStatus("ready", load_s=time.monotonic() - begun)
            log.info("%s is ready, up to %d jobs at once", self.info.title, self._engine.address.at_once)
        return None

    def _doesnt_work(self, error: VoxdemoError) -> VoxdemoError:
        log.warning("%s doesn't work: %s", self.info.title, error.code)
        self.lives.deaths += self.status.state == "ready"
        if self.status.state != "closed":
            self.status = WorkerStatus("failed", str(error))
        return error


class AddressRun:
    """One job at an address."""

    def __init__(self, deliver: Callable[[Any], None], timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.task: asyncio.Task[None] | None = None
        self.is_late = False
        """Whether a part of it took longer than `timeout_s`, by which its task is cancelled."""
        self._deliver = deliver
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Close its request at once and deliver nothing more. Harmless after the end."""
        self._ended = True
        self.rest()
        if self.task:
            self.task.cancel()

    def begin_part(self) -> None:
        """Its time limit starts again."""
        self.rest()
        self._timer = asyncio.get_running_loop().call_later(self.timeout_s, self._be_late)

    def rest(self) -> None:
        """It works on nothing any more."""
        if self._timer:
            self._timer.cancel()

    def deliver(self, item: Any) -> None:
        if not self._ended:
            self._deliver(item)

    def end(self, error: VoxdemoError | None) -> None:
        """Deliver the `End`, unless that has happened or the job was cancelled."""
        self.deliver(End(error))
        self._ended = True

    def _be_late(self) -> None:
        self.is_late = True
        if self.task:
            self.task.cancel()
