"""A server under watch: after each fault it must be as it was before, and of use to the next who comes.

Looks from outside (HTTP, /proc, the file system) and, for the names of threads alone, from inside by a signal that
`inside/sitecustomize.py` answers. Knows nothing of what the faults are.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import psutil
import soundfile
from serving import Server

INSIDE = Path(__file__).parent / "inside"
SETTLE_S = 8.0
"""How long what a fault left may take to go: idle connections are closed after five seconds."""
POOLS = re.compile(
    r"AnyIO worker thread|asyncio_\d+|ThreadPoolExecutor-\d+_\d+|(reading|sharing|converting|keeping|settling)_\d+"
)
"""Threads of pools: bounded, and kept for who comes next."""
SECRETS = re.compile(r"Traceback|File \"|site-packages|/work/|/tmp/|/root/|/home/|\.py\b|root:x:0")
"""What no answer may tell: where things are on the server, and how it is made."""

QUEUE_SIZE = 5
"""How many may wait at the server that all tests share."""

LONG_TEXT = "word " * 2_000

T = TypeVar("T")


@dataclass(frozen=True)
class Traces:
    """What a server holds while it rests."""

    threads: Counter[str] = field(default_factory=Counter)
    descriptors: int = 0
    files: frozenset[str] = frozenset()

    def beyond(self, before: Traces) -> str:
        """What there is of these that wasn't before, in words; "" where nothing is."""
        more = []
        if threads := self.threads - before.threads:
            more.append(f"threads {dict(threads)}")
        if self.descriptors > before.descriptors:
            more.append(f"{self.descriptors - before.descriptors} descriptors")
        if files := self.files - before.files:
            more.append(f"files {sorted(files)}")
        return ", ".join(more)


class Witness:
    """A server, what it held at rest, and whether it is of use.

    `fake` servers run `tests/fake_app.py`, whose engine steps when it's told to. Every request of the witness is a
    connection of its own, so that it doesn't count what it holds itself.
    """

    def __init__(self, folder: Path, script: str = "tests/fake_app.py", **settings: object) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.cache = folder / "cache"
        inherited = {"TMPDIR": self.temporary, "PYTHONPATH": INSIDE, "WITNESS": folder}
        self.server = Server(folder, script, **{**inherited, **settings})
        one_each = httpx.Limits(max_keepalive_connections=0)
        self.server.http.close()
        self.server.http = httpx.Client(base_url=self.server.url, timeout=30, limits=one_each)
        if disk := settings.get("SMALL_DISK"):  # the process alone sees it
            inside = Path(f"/proc/{self.server.process.pid}/root{disk}")
            self.temporary, self.cache = inside / "tmp", inside / "cache"
        self.is_fake = script != "app.py"
        self.before = Traces()

    @property
    def url(self) -> str:
        return self.server.url

    def wait_until_ready(self) -> None:
        """Ready, warmed up, and its traces at rest known."""
        self.server.wait_until_ready()
        for _ in range(2):
            self.speaks()
        self.before = self.traces()

    def stop(self) -> None:
        self.server.end()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request on a connection of its own."""
        return self.server.http.request(method, path, **options)

    def stage(self, path: str) -> None:
        """Tell the fake engine, as `tests/fake_app.py` says."""
        self.ask("POST", f"/stage/{path}")

    @property
    def memory(self) -> int:
        """Bytes that are the process's own."""
        return int(psutil.Process(self.server.process.pid).memory_full_info().uss)

    def step_until_free(self) -> None:
        """Let the engine go on, step by step, until nobody is in the line."""

        def is_free() -> bool:
            self.stage("steps/1")
            return self.in_line() == 0

        eventually(is_free, "the generator is free")

    def traces(self) -> Traces:
        return Traces(self._threads(), psutil.Process(self.server.process.pid).num_fds(), self._passing_files())

    def leftovers(self) -> str:
        """What the server holds that it didn't before."""
        return self.traces().beyond(self.before)

    def set_clock(self, off_s: float) -> None:
        """Let the wall clock, as the server sees it, be so many seconds ahead of the right one."""
        clock = self.folder / "clock"
        clock.write_text(str(off_s))
        self._signal(signal.SIGUSR2, lambda: not clock.exists())

    def in_line(self) -> int:
        state = self.ask("GET", "/ready").json()
        return int(state["running"] + state["waiting"])

    def prove(self, settle_s: float = SETTLE_S) -> None:
        """The server is up, ready and at rest, nothing is left over, and what comes next works.

        What is left over is reported once: it is taken for given afterwards, and files of it are deleted.
        """
        if self.is_fake:
            self.stage("open")
        assert self.server.process.poll() is None, f"the server ended:\n{self.server.log[-3000:]}"
        eventually(lambda: self.ask("GET", "/health").status_code == 200, "the server is healthy again")
        eventually(lambda: self.ask("GET", "/ready").status_code == 200, "the server is ready again")
        eventually(lambda: self.in_line() == 0, "the line is empty again")
        self.speaks()
        try:
            eventually(lambda: not self.leftovers(), self.leftovers, settle_s)
        finally:
            self.forget()

    def speaks(self) -> None:
        """Somebody gets real sound."""
        if self.is_fake:
            self.stage("open")
        data = [new_text("somebody is still here"), None, "", 2.0, 10, False, False]
        called = self.ask("POST", "/gradio_api/call/generate", json={"data": data})
        told = self.ask("GET", f"/gradio_api/call/generate/{called.json()['event_id']}").text
        assert "event: complete" in told, told
        token = Path(json.loads(told.rpartition("data: ")[2])[0]["path"]).parent.name
        samples, rate = soundfile.read(io.BytesIO(self.ask("GET", f"/speech/{token}").content), dtype="float32")
        assert len(samples) >= rate / 10
        assert np.abs(samples).max() > 0.02

    def _threads(self) -> Counter[str]:
        told = self.folder / "threads.json"
        told.unlink(missing_ok=True)
        self._signal(signal.SIGUSR1, told.exists)
        return Counter(name for name in json.loads(told.read_text()) if not POOLS.fullmatch(name))

    def _signal(self, number: int, is_done: Callable[[], bool]) -> None:
        """Again and again: one that comes while Python goes to sleep is heard when the next one wakes it."""

        def is_heard() -> bool:
            self.server.process.send_signal(number)
            return is_done()

        eventually(is_heard, "the server hears a signal")

    def _passing_files(self) -> frozenset[str]:
        """Files and folders that are there only while something is made: all but uploads and finished results."""
        passing = [path for path in self.temporary.rglob("*") if path.name != "gradio"]
        for path in self.cache.rglob("*"):
            inside = path.relative_to(self.cache).parts
            if (path.is_file() and (_is_hidden(inside) or _is_prompt(inside) or _is_unnamed(inside))) or (
                path.is_dir() and (_is_hidden(inside) or _is_unfinished(path, inside))
            ):
                passing.append(path)
        return frozenset(map(str, passing))

    def forget(self) -> None:
        """Take what is left over for given, and delete files of it."""
        for name in self._passing_files() - self.before.files:
            path = Path(name)
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        now = self.traces()
        self.before = Traces(
            now.threads | self.before.threads, max(now.descriptors, self.before.descriptors), now.files
        )


StartWitness = Callable[..., Witness]


def _is_hidden(inside: tuple[str, ...]) -> bool:
    """Whether it's hidden, or in the workshop: what is there is being made."""
    if inside[0] == "workshop":
        return len(inside) > 1
    return any(part.startswith(".") for part in (inside[:2] if _is_upload(inside) else inside))


def _is_upload(inside: tuple[str, ...]) -> bool:
    return inside[0] == "files" and len(inside) == 3 and inside[1] != "results"


def _is_unnamed(inside: tuple[str, ...]) -> bool:
    """Whether it's an upload that has no folder yet."""
    return inside[0] == "files" and len(inside) == 2


def _is_prompt(inside: tuple[str, ...]) -> bool:
    return inside[:2] == ("files", "results") and inside[-1] == "prompt.wav"


def _is_unfinished(path: Path, inside: tuple[str, ...]) -> bool:
    return inside[:2] == ("files", "results") and len(inside) == 3 and not (path / "speech.wav").exists()


_told = itertools.count()


def new_text(text: str) -> str:
    """The same with a number that no other has: an answer that was given before may be given again."""
    return f"{text} {next(_told)}"


def eventually(condition: Callable[[], T], what: str | Callable[[], str] = "", seconds: float = 20.0) -> T:
    """What `condition` returns once it is true; the server is another process, so there is nothing to wait on."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"it never came to be: {what() if callable(what) else what}"
        pause.wait(0.02)
    return result


def spoken_token(fake: Witness, text: str) -> str:
    """By which the sound of this text can be had."""
    fake.stage("open")
    told = list(fake.server.messages("generate", [text, None, "", 2.0, 10, False, False]))
    path = next(message for message in told if message["msg"] == "process_completed")["output"]["data"][0]["path"]
    return str(path).split("/")[-2]


def live_token(told: Iterable[object]) -> str:
    """By which the sound of a job can be heard while it's made, from what the page is told."""
    found = (re.search(r"'sound': '([\w-]{22})'|\"sound\": \"([\w-]{22})\"", str(message)) for message in told)
    return next(match[1] or match[2] for match in found if match)


def converse(witness: Witness, sent: bytes, most_bytes: int = 1 << 20) -> bytes:
    """What comes back for these bytes, until the server has closed the connection or said so much."""
    with connected(witness) as connection:
        connection.sendall(sent)
        with suppress(TimeoutError, ConnectionError):
            heard = b""
            while len(heard) < most_bytes and (more := connection.recv(1 << 16)):
                heard += more
            return heard
    return b""


def connected(witness: Witness, **options: int) -> socket.socket:
    """A bare connection to the server; `receives` is how many bytes its buffer takes."""
    connection = socket.socket()
    if receives := options.get("receives"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", witness.server.port))
    return connection


def is_answer(answer: httpx.Response) -> bool:
    """Whether it is one that anybody may get: no failure of the server's, nothing of its inside told."""
    problem = tells_too_much(answer.text)
    assert not problem, problem
    assert answer.status_code < 500 or answer.status_code in (503, 507), (answer.status_code, answer.text)
    return True


def tells_too_much(text: str) -> str:
    """The first of SECRETS in an answer, with what is around it; "" where there is none."""
    found = SECRETS.search(text)
    return text[max(0, found.start() - 80) : found.end() + 80] if found else ""
