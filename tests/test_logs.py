"""What the log tells: whose request a line belongs to, and nothing of what people write."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import closing, contextmanager, redirect_stderr

import pytest
from fakes import LISTENER, FakeRecognizer, Stage, until
from serving import Server

from voxdemo import logs
from voxdemo.intake.validate import MAX_TEXT_CHARS
from voxdemo.lanes.local.worker import ModelWorker
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

    def set_up(self, log_text: bool = False) -> None:
        with redirect_stderr(self._stream):
            logs.set_up("info", log_text)

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


async def test_tasks_and_threads_know_the_request(told: Told) -> None:
    async def work() -> str:
        return await in_thread(logs.request_id, READING)

    with on_behalf_of("one"):
        first = asyncio.create_task(work())
    with on_behalf_of("two"), logs.private(TEXT):
        second = asyncio.create_task(work())
        await in_thread(lambda: log.info("said %r", TEXT))
    assert (await first, await second, logs.request_id()) == ("one", "two", "")
    assert not leaked(told())


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
    assert re.findall(r"voxdemo\.\w+(?: \[(\w+)\])?: Fake recogniser ([\w']+ [\w']+)", told()) == [
        ("", "is ready"), ("late", "didn't end"), ("late", "doesn't work"), ("", "is ready"),
    ]  # fmt: skip


async def test_a_generator_closed_by_another_task_leaves_that_task_alone() -> None:
    async def handler() -> AsyncGenerator[str, None]:
        with on_behalf_of("job"), logs.private("words of the job"):
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


async def test_what_a_task_keeps_private_it_keeps_to_its_end(told: Told) -> None:
    async def work() -> None:
        logs.enter_request("job")
        logs.keep_private(TEXT)
        await asyncio.create_task(in_thread(lambda: log.info("said %s", TEXT)))

    await asyncio.create_task(work())
    assert told().endswith(f"voxdemo.test [job]: said {logs.LEFT_OUT}\n")
    assert logs.request_id() == ""


@pytest.mark.parametrize(
    "quoted",
    [
        TEXT,
        repr(TEXT),
        repr(repr(TEXT)),
        ascii(TEXT),
        json.dumps({"text": TEXT}),
        repr(TEXT.encode()),
        TEXT.upper(),
        " ".join(TEXT.split()),
        TEXT.partition("\n")[0],
        "don't worry! Yours",
        "near the parcel is late, at 12",
        "KeyError: 'Bartholomew'",
        'unknown word "Anna"',
        str(["Dear", "Anna", "the", "parcel"]),
        "the_parcel_is_late.wav",
    ],
)
def test_what_people_write_is_left_out_however_it_is_quoted(told: Told, quoted: str) -> None:
    with logs.private("something else", TEXT):
        log.error("it failed on %s", quoted)
        line = told()
    assert not leaked(line)
    assert "it failed on" in line
    assert logs.LEFT_OUT in line


@pytest.mark.parametrize(
    "text", ["你好,安娜,包裹晚了。", "Посылка для Анны опоздала", "🦄🌵", "Hi", "สวัสดีอันนา", "مرحبا آنا"]
)
def test_every_script_is_left_out(told: Told, text: str) -> None:
    for quoted in (text, repr(text), ascii(text) if text.isalpha() else repr(text)):
        with logs.private(text):
            log.error("it failed on %s", quoted)
        assert told().partition("test: ")[2].strip(" '\n.。🦄") in (
            f"it failed on {logs.LEFT_OUT}",
            f"it failed on '{logs.LEFT_OUT}",
        )


def test_tracebacks_are_cleaned_and_stay_of_use(told: Told) -> None:
    with logs.private(TEXT):
        try:
            try:
                raise KeyError("Bartholomew")
            except KeyError as error:
                raise ValueError(f"can't say {TEXT!r} in 3 steps") from error
        except ValueError:
            log.exception("the voice failed on a job")
    written = told()
    assert not leaked(written)
    assert "the voice failed on a job" in written
    assert f'File "{__file__}"' in written
    assert "KeyError: '[left out]'" in written
    assert 'ValueError: can\'t say "[left out]" in 3 steps' in written


def test_other_lines_stay_as_they_are(told: Told) -> None:
    line = r"the voice is ready in C:\new, loaded in 1.2 s; \d+ \u12 the model is VoxCPM2, come on"
    with logs.private(TEXT, "", None, 5, {"a": "b"}):
        log.info(line)
    log.info("%s", TEXT)  # whose it is isn't known here
    lines = told().partition("\n")
    assert lines[0].endswith(line)
    assert TEXT in lines[2]


def test_a_line_that_cannot_be_made_is_not_told_in_pieces(told: Told, capfd: pytest.CaptureFixture[str]) -> None:
    with logs.private(TEXT):
        log.info("%d words", TEXT)
    assert not leaked(told() + capfd.readouterr().err)


def test_who_runs_the_server_may_have_it_told(told: Told) -> None:
    told.set_up(log_text=True)
    with logs.private(TEXT):
        log.info("said %s", TEXT)
    assert TEXT in told()


def test_lines_about_the_longest_text_hold_nobody_up(told: Told) -> None:
    text = " ".join(f"word{number}" for number in range(MAX_TEXT_CHARS // 9))
    with logs.private(text):
        begun = time.process_time()
        for number in range(50):
            log.info("part %d of this long text is spoken", number)
        assert time.process_time() - begun < 1
    assert len(told().splitlines()) == 50


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), "tests/guarded_app.py")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


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
    assert "gradio.queueing: a request failed: ValueError at blocks.py:" in guarded.log
    assert not leaked(guarded.log)
