"""What the log tells: whose request a line belongs to, and nothing of what people write."""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import logging
import re
import threading
import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import closing, contextmanager, redirect_stderr

import pytest
from fakes import LISTENER, FakeRecognizer, Stage, until
from serving import Server

from voxdemo import logs
from voxdemo.errors import InputError
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.logs.lines import LogFormat
from voxdemo.threads import READING, in_thread

log = logging.getLogger("voxdemo.test")
TEXT = "Dear Anna, the parcel is late.\nIt will “surely” come on Tuesday; don't worry! Yours, Bartholomew"
SECRETS = ("anna", "parcel", "late", "surely", "tuesday", "worry", "bartholomew")


@contextmanager
def on_behalf_of(number: str) -> Iterator[None]:
    """A request of this id is being served."""
    before = logs.request_id()
    logs.enter_request(number)
    yield
    logs.enter_request(before)


class Told:
    """What the log tells, each line once."""

    def __init__(self) -> None:
        self._stream = io.StringIO()

    def set_up(self, log_text: bool = False, form: LogFormat = "human") -> None:
        with redirect_stderr(self._stream):
            logs.set_up("info", log_text, form)

    def __call__(self) -> str:
        said = self._stream.getvalue()
        self._stream.seek(0)
        self._stream.truncate()
        return said


@pytest.fixture
def told() -> Iterator[Told]:
    root, ours = logging.getLogger(), logging.getLogger("voxdemo")
    handlers, levels, raises = root.handlers[:], (root.level, ours.level), logging.raiseExceptions
    told = Told()
    told.set_up()
    yield told
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.raiseExceptions = raises


def test_a_line_tells_time_level_name_and_request(told: Told) -> None:
    with on_behalf_of("abc123"):
        log.info("a job began")
    log.warning("no job")
    lines = told().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO    voxdemo\.test \[abc123\]: a job began", lines[0])
    assert lines[1].endswith("WARNING voxdemo.test: no job")


def test_libraries_are_heard_from_warnings_on_and_twice_set_up_is_once(told: Told) -> None:
    told.set_up()
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("a warning")
    log.debug("detail")
    assert len(told().splitlines()) == 1


async def test_tasks_and_threads_know_the_request() -> None:
    async def work() -> str:
        return await in_thread(logs.request_id, pool=READING)

    with on_behalf_of("one"):
        first = asyncio.create_task(work())
    with on_behalf_of("two"):
        second = asyncio.create_task(work())
    assert (await first, await second, logs.request_id()) == ("one", "two", "")


async def test_a_late_job_and_what_comes_of_it_are_told_of_its_request_and_loading_of_none(told: Told) -> None:
    may_end, checks = threading.Event(), [True, False, True]

    def check(_: FakeRecognizer) -> list[tuple[float, float]]:
        if not checks.pop(0):
            raise RuntimeError("broken")
        return []

    def work(_: FakeRecognizer) -> Generator[str, None, None]:
        assert may_end.wait(timeout=30)
        yield "too late"

    worker = ModelWorker(LISTENER, lambda tell: FakeRecognizer(Stage()), check)
    worker.start()
    ended, free = asyncio.Event(), asyncio.Event()
    with on_behalf_of("late"):
        worker.begin(work, lambda item: ended.set(), lambda: None, free.set, timeout_s=0.01)
    with on_behalf_of("another"):
        await ended.wait()
        may_end.set()
        await free.wait()
        await until(lambda: not checks and worker.status.state == "ready")
        await worker.close()
    assert re.findall(r"voxdemo[.\w]+(?: \[(\w+)\])?: Fake recogniser ([\w']+ [\w']+)", told()) == [
        ("", "is ready"), ("late", "didn't end"), ("late", "doesn't work"), ("", "is ready"),
    ]  # fmt: skip


async def test_a_generator_closed_by_another_task_leaves_that_task_alone() -> None:
    async def handler() -> AsyncGenerator[str, None]:
        with on_behalf_of("job"):
            yield logs.request_id()

    generator = handler()

    async def first() -> str:
        return await anext(generator)

    async def another() -> str:
        with on_behalf_of("other"):
            await generator.aclose()
            return logs.request_id()

    assert await asyncio.create_task(first()) == "job"
    assert await asyncio.create_task(another()) == "other"


def leaked(line: str) -> list[str]:
    return [secret for secret in SECRETS if secret in line.lower()]


def quoting() -> Iterator[Callable[[], None]]:
    """Ways in which libraries quote what they were given."""
    library = logging.getLogger("library")

    def failing(error: BaseException, cause: BaseException | None = None) -> None:
        try:
            raise error from cause
        except BaseException:
            log.exception("the voice failed on %s", TEXT)

    yield lambda: failing(KeyError("Bartholomew"))
    yield lambda: failing(ValueError("it failed"), ValueError(TEXT))
    yield lambda: failing(UnicodeEncodeError("ascii", TEXT, 0, 1, "no"))
    yield lambda: failing(SyntaxError("wrong", ("parcel.py", 1, 1, TEXT)))
    yield lambda: failing(FileNotFoundError(2, "late", "the_parcel_is_late.wav"))
    yield lambda: failing(InputError("{words} can't be said.", code="unsayable", words=TEXT))
    yield lambda: library.warning(f"can't say {TEXT}")
    yield lambda: library.warning("can't say %s, %r, %(x)s", TEXT, {"x": TEXT})
    yield lambda: library.warning("%(words)s", {"words": TEXT})
    yield lambda: library.warning("%d words", TEXT)
    yield lambda: library.warning("words", extra={"words": TEXT}, stack_info=True)
    yield lambda: library.error("it failed", exc_info=ValueError(repr(TEXT.encode())))
    yield lambda: warnings.warn(TEXT, UserWarning, stacklevel=1)
    yield lambda: asyncio.run(left_alone())


async def left_alone() -> None:
    """A task that fails, and of which nobody asks."""

    async def failing() -> None:
        raise ValueError(TEXT)

    asyncio.get_running_loop().set_exception_handler(None)
    task = asyncio.create_task(failing())
    await asyncio.wait([task])
    del task
    gc.collect()


@pytest.mark.parametrize("quote", list(quoting()))
@pytest.mark.parametrize("form", ["human", "json"])
def test_nobodys_words_are_told_whoever_quotes_them(
    told: Told, quote: Callable[[], None], form: LogFormat, capfd: pytest.CaptureFixture[str]
) -> None:
    told.set_up(form=form)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        quote()
    line = told()
    assert line
    assert not leaked(line + capfd.readouterr().err)


def test_of_an_exception_its_kind_and_place_are_told_and_of_its_causes(told: Told) -> None:
    try:
        try:
            raise KeyError("Bartholomew")
        except KeyError as error:
            raise InputError("Not {word}.", code="unsayable", word=TEXT) from error
    except InputError:
        log.exception("the voice failed on a job, at step %d of %s", 3, TEXT)
    written = told()
    assert f"voxdemo.test: the voice failed on a job, at step 3 of {logs.LEFT_OUT}\n" in written
    assert written.count(f'File "{__file__}", line ') == 2
    assert [line for line in written.splitlines() if line.startswith(("KeyError", "InputError"))] == [
        "KeyError", "InputError (unsayable)",
    ]  # fmt: skip
    log.error("it failed", exc_info=OSError(errno.ENOSPC, TEXT))
    assert told().endswith("OSError (ENOSPC)\n")


def test_what_fails_for_nobody_is_told_whole(told: Told) -> None:
    log.error("a model can't be loaded", exc_info=ValueError("no such weights"), extra=logs.NOBODYS_WORDS)
    assert told().endswith("ValueError: no such weights\n")


def test_sentences_in_the_code_of_libraries_are_told(told: Told) -> None:
    logging.getLogger("library").warning("the model is VoxCPM2, come on")
    logging.getLogger("library").warning("%d of %d words", 3, 4)
    assert [line.partition("library: ")[2] for line in told().splitlines()] == [
        "the model is VoxCPM2, come on", "3 of 4 words",
    ]  # fmt: skip


def test_who_runs_the_server_may_have_it_told(told: Told) -> None:
    told.set_up(log_text=True)
    logging.getLogger("library").warning("said %s", TEXT, exc_info=ValueError("Bartholomew"))
    written = told()
    assert f"said {TEXT}" in written
    assert written.endswith("ValueError: Bartholomew\n")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), "tests/guarded_app.py")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


def test_a_failing_request_is_told_with_its_id_and_without_its_text(guarded: Server) -> None:
    assert guarded.http.post("/fail", content=TEXT.encode(), headers={"X-Request-ID": "r-1"}).status_code == 500
    guarded.wait_for("/health")
    assert "voxdemo.guarded [r-1]: a job failed" in guarded.log
    assert "uvicorn.error [r-1]: Exception in ASGI application" in guarded.log
    assert not leaked(guarded.log)


def test_what_does_not_fit_an_endpoint_is_not_told_by_gradio(guarded: Server) -> None:
    guarded.http.post("/gradio_api/run/look_ahead", json={"data": [TEXT, TEXT, TEXT], "session_hash": "s"})
    for endpoint in ("generate", "speak"):
        with closing(guarded.messages(endpoint, [TEXT])) as told:
            assert next(message for message in told if message["msg"] == "process_completed")["success"] is False
    assert "gradio.queueing: a request failed\nTraceback (most recent call last):\n" in guarded.log
    assert not leaked(guarded.log)
