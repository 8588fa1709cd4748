"""What a line costs that is a process of its own, with its voices, beside the lane of one process.

    .venv/bin/python benchmarks/machines.py

Voices sleep as a model would work that speaks twice as fast as people listen: a step of 0.2 s, 0.4 s of sound. The line
and each voice are processes; the three front ends are in this one, and ask as those of servers do. Each figure is
printed with what is wanted of it, and with a sleeper's own share at work, which a busy machine lessens.

The order is counted in two ways, by the numbers that the one voice gives to what it says: by what the line saw first,
and by when each was asked for, which is known because the front ends share a clock. A job that was asked for after the
line had answered the other one's front end came later for sure; until then both count as asked for together.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import count, pairwise
from pathlib import Path

import httpx
import numpy as np
import psutil
import uvicorn

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.engines.base import SpeechPart
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elsewhere import line as line_module
from voxdemo.lanes.elsewhere.front_end import LineElsewhere, offer_of
from voxdemo.lanes.elsewhere.line import LineProcess, line_app, seldom_collected
from voxdemo.lanes.elsewhere.voice import VoiceProcess, voice_app
from voxdemo.lanes.jobs import Piece, SpeakJob, Started
from voxdemo.lanes.line import Claim, JobLine
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.lanes.turns import Size
from voxdemo.settings import MOST_IN_LINE
from voxdemo.speech import EngineInfo, RecognizerInfo, Samples, Transcript, Utterance, Voice

RATE, STEP_S = 24_000, 0.2
WORD = np.full(round(2 * STEP_S * RATE), 0.1, np.float32)
INFO = EngineInfo(
    name="sleeper", title="Sleeper", version="1", sample_rate=RATE, languages=("en",), voices=(Voice("sleeper"),),
    honours=frozenset({"seed"}), note="", chunk_chars=300,
)  # fmt: skip
LISTENER = RecognizerInfo(name="sleeper", title="Sleeper", version="1", languages=("en",), sample_rate=16_000)


class Sleeper:
    """A word is a step; "-" is a short one, of a tenth. The first sample has the number of the text."""

    info = INFO

    def __init__(self) -> None:
        self._texts = count()

    def speak(self, part: SpeechPart) -> Generator[Samples, None, None]:
        number = next(self._texts)
        for word in part.text.split():
            time.sleep(STEP_S / 10 if word == "-" else STEP_S)
            yield np.concatenate([np.array([number], np.float32), WORD[1:]])

    def close(self) -> None:
        pass


class SleepingListener:
    """Hears nothing."""

    info = LISTENER

    def transcribe(
        self, samples: Samples, sample_rate: int, language: str | None = None, *wishes: bool
    ) -> Generator[Transcript, None, None]:
        yield Transcript("", None, (), 0.0)

    def close(self) -> None:
        pass


def seat() -> Seat:
    speaker = ModelWorker(INFO, lambda tell: Sleeper(), lambda _: [(1.0, STEP_S)])
    listener = ModelWorker(LISTENER, lambda tell: SleepingListener(), lambda _: [(1.0, 0.01)])
    return Seat(Role(speaker), Role(listener))


def be(role: str, port: int, line_url: str, secret: str) -> None:
    """Serve as the line, or as a voice of it."""
    if role == "line":
        line_module.GATHER_S = 0.0
        seldom_collected()
        app = line_app(LineProcess(MOST_IN_LINE), secret)
    else:
        url = f"http://127.0.0.1:{port}"
        app = voice_app(VoiceProcess(seat(), Paces(), url, line_url, secret, 600.0), secret)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)


class Cluster:
    """The processes; `line` is that of the line."""

    def __init__(self, voices: int) -> None:
        self.secret = secrets.token_hex(16)
        self.url = ""
        self.processes: list[subprocess.Popen[bytes]] = []
        self.url = self._run("line")
        self.add(voices)
        self.line = psutil.Process(self.processes[0].pid)

    def add(self, voices: int) -> None:
        for _ in range(voices):
            self._run("voice")

    def _run(self, role: str) -> str:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        command = [sys.executable, __file__, "--role", role, str(port), self.url or "-", self.secret]
        self.processes.append(subprocess.Popen(command))
        return f"http://127.0.0.1:{port}"

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@asynccontextmanager
async def elsewhere(voices: int, front_ends: int) -> AsyncGenerator[tuple[Cluster, Sequence[LineElsewhere]], None]:
    cluster = Cluster(voices)
    lines: list[LineElsewhere] = []
    try:
        offer = await offer_of(cluster.url, cluster.secret, 120.0)
        lines += [LineElsewhere(cluster.url, cluster.secret, offer, Paces()) for _ in range(front_ends)]
        for line in lines:
            line.start()
        await known(lines, voices)
        yield cluster, lines
        for line in lines:
            await line.close()
    finally:
        cluster.close()


async def known(lines: Sequence[LineElsewhere], voices: int) -> None:
    """Wait until all front ends know so many voices."""
    while not all(line.stats().ready_seats == voices for line in lines):  # noqa: ASYNC110 - others' processes
        await asyncio.sleep(0.02)


class Told:
    """When things came of a job, in seconds since it was asked for."""

    first_s = started_s = 0.0
    since: float | None = None
    """When the line saw it, by its own clock."""
    number = 0
    """Of the texts that its voice said."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.pieces = 0


async def heard(line: JobLine, words: int, told: Told | None = None, word: str = "word") -> Told:
    told = told or Told()
    text = " ".join([word] * words)
    job = SpeakJob(INFO, Utterance(text, seed=1), [text], words * STEP_S, units=float(words))
    ticket = line.take(Claim(job.size), told.begun)
    async with aclosing(line.run(job, ticket)) as events:
        async for event in events:
            if isinstance(event, Started):
                told.started_s = time.monotonic() - told.begun
            elif isinstance(event, Piece):
                if not told.pieces:
                    told.first_s, told.number = time.monotonic() - told.begun, int(event.samples[0])
                told.pieces += 1
    told.since = getattr(ticket, "since", told.begun)
    return told


async def first_chunks(line: JobLine, count: int) -> list[float]:
    """Milliseconds until the first chunk, over the step that it takes."""
    later = []
    for _ in range(count):
        later.append(1000 * ((await heard(line, 1)).first_s - STEP_S))
        await asyncio.sleep(0.05)
    return later


async def cancelled(line: JobLine, count: int) -> list[float]:
    """Milliseconds from a cancel until the next job has begun."""
    waits = []
    for _ in range(count):
        told = Told()
        running = asyncio.ensure_future(heard(line, 100, told))
        while not told.pieces:  # noqa: ASYNC110 - that is what is measured
            await asyncio.sleep(0.01)
        waiting = asyncio.ensure_future(heard(line, 1))
        await asyncio.sleep(1.5 * STEP_S)
        at = time.monotonic()
        running.cancel()
        next_one = await waiting
        waits.append(1000 * (next_one.begun + next_one.started_s - at))
    return waits


class Load:
    """The line of so many front ends, kept full of jobs of ten steps."""

    def __init__(self, lines: Sequence[JobLine], jobs: int) -> None:
        self._told = [Told() for _ in range(jobs)]
        self._tasks = [
            asyncio.ensure_future(heard(lines[number % len(lines)], 10, told)) for number, told in enumerate(self._told)
        ]

    async def steps_s(self, seconds: float) -> float:
        """How many seconds of steps are heard in a second meanwhile."""
        before, begun = self._pieces, time.monotonic()
        await asyncio.sleep(seconds)
        assert not all(task.done() for task in self._tasks), "it has run dry"
        return (self._pieces - before) * STEP_S / (time.monotonic() - begun)

    @property
    def _pieces(self) -> int:
        return sum(told.pieces for told in self._told)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Exchanges:
    """When a front end told the line something, and was answered; it does so one after the other."""

    def __init__(self, line: LineElsewhere) -> None:
        self._at = list[tuple[float, float]]()
        line._http.event_hooks = {"request": [self._sent], "response": [self._answered]}

    async def _sent(self, request: httpx.Request) -> None:
        request.extensions["sent_at"] = time.monotonic()

    async def _answered(self, answer: httpx.Response) -> None:
        if answer.request.method == "POST" and answer.request.url.path.startswith("/line/"):
            self._at.append((answer.request.extensions["sent_at"], time.monotonic()))

    def known_at(self, told: Told) -> float:
        """When its front end knew that the line has this job."""
        return self._at[bisect_left(self._at, (told.begun, 0.0))][1]


async def order(lines: Sequence[LineElsewhere], jobs: int) -> None:
    """Jobs of one short step, one every 5 ms."""
    exchanges, tasks = [Exchanges(line) for line in lines], []
    for number in range(jobs):
        tasks.append(asyncio.ensure_future(heard(lines[number % len(lines)], 1, word="-")))
        await asyncio.sleep(0.005)
    done = await asyncio.gather(*tasks)
    known_at = [exchanges[number % len(lines)].known_at(told) for number, told in enumerate(done)]
    by_line = [told.number for told in sorted(done, key=lambda told: told.since or 0.0)]
    seen = sum(later < earlier for earlier, later in pairwise(by_line))
    later_ms = [1000 * (at - each.begun) for at, each in zip(known_at, done, strict=True)]
    print(f"a front end knows that the line has its job: {of(later_ms)}")
    tell(f"overtakings in {jobs} jobs over {len(lines)} front ends, by what the line saw first", seen, 0)
    overtaken = sum(
        any(each.number < told.number and each.begun > at for each in done)
        for told, at in zip(done, known_at, strict=True)
    )
    tell("… by others that were asked for when the line had it already", overtaken, 0)
    before = [
        max((each.begun - told.begun for each in done if each.number < told.number), default=0.0) for told in done
    ]
    together = sum(seconds > 0 for seconds in before)
    print(f"… {together} by others that were asked for later at all, at most {1000 * max(before):.0f} ms", flush=True)


async def crowd(cluster: Cluster, lines: Sequence[LineElsewhere], people: int, seconds: float) -> None:
    """Of so many places the first is given up twice a second, so that all others move up."""
    begun = time.monotonic()
    tickets = [(line, line.take(Claim(Size(20.0)), begun)) for _ in range(people // len(lines)) for line in lines]
    while not all(ticket.told or ticket.is_called for _, ticket in tickets):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.05)
    print(f"{len(tickets)} places: all told after {time.monotonic() - begun:.1f} s", flush=True)
    before, here, begun, ages = cluster.line.cpu_times(), time.process_time(), time.monotonic(), list[float]()
    while time.monotonic() - begun < seconds:
        line, ticket = tickets.pop(0)
        line.leave(ticket)
        await asyncio.sleep(0.5)
        ages += [time.monotonic() - ticket.told[0] for _, ticket in tickets[5::100] if ticket.told]
    after, took_s = cluster.line.cpu_times(), time.monotonic() - begun
    busy = (after.user + after.system - before.user - before.system) / took_s
    tell("… the line's share of a core", 100 * busy, 60, "%")
    here_s = (time.process_time() - here) / took_s / len(lines)
    print(f"… what was told is {statistics.median(ages):.1f} s old (median), {max(ages):.1f} s (most); a front end's")
    print(f"  share of a core: {100 * here_s:.0f} %", flush=True)
    for line, ticket in tickets:
        line.leave(ticket)


def tell(what: str, value: float, wanted: float, unit: str = "", at_least: bool = False) -> None:
    """Print a figure and what is wanted of it."""
    kept = value >= wanted if at_least else value <= wanted
    bound = f"wanted: {'≥' if at_least else '≤'} {wanted:g}{unit and f' {unit}'}"
    print(f"{what}: {value:.4g}{unit and f' {unit}'} ({bound}{'' if kept else ', MISSED'})", flush=True)


def of(figures: list[float]) -> str:
    ordered = sorted(figures)
    return f"median {statistics.median(ordered):.0f} ms, p95 {ordered[int(0.95 * len(ordered))]:.0f} ms"


def sleeps() -> float:
    """The share of its time for which a sleeper works, without a lane: what this machine makes of it just now."""
    begun = time.monotonic()
    steps = sum(1 for _ in Sleeper().speak(SpeechPart(Utterance(""), "word " * 25)))
    return 100 * steps * STEP_S / (time.monotonic() - begun)


async def measure(jobs: int, people: int, seconds: float) -> None:
    print(
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; a sleeper alone works {sleeps():.1f} % of its time"
    )
    lane = Lane([seat()], MOST_IN_LINE, 600.0)
    lane.start()
    while not lane.stats().ready_seats:  # noqa: ASYNC110 - a thread's doing
        await asyncio.sleep(0.05)
    here = await first_chunks(lane, 20)
    print(f"first chunk, lane of this process: {of(here)}")
    print(f"cancelled, lane of this process: {of(await cancelled(lane, 8))} (a step is {1000 * STEP_S:.0f} ms)")
    await lane.close()
    async with elsewhere(1, 3) as (cluster, lines):
        there = await first_chunks(lines[0], 20)
        print(f"first chunk, line elsewhere: {of(there)}")
        tell("… later than the lane's, median", statistics.median(there) - statistics.median(here), 20, "ms")
        waits = await cancelled(lines[0], 8)
        print(f"cancelled, line elsewhere: {of(waits)}")
        tell("… the longest", max(waits), 1000 * STEP_S + 150, "ms")
        await order(lines, jobs)
        await grow(cluster, lines, seconds)
        if people:
            await crowd(cluster, lines, people, 2 * seconds)
        memory = [psutil.Process(each.pid).memory_info().rss / 1e6 for each in cluster.processes]
        print(f"memory: the line {memory[0]:.0f} MB, a voice without its model {memory[1]:.0f} MB")


async def grow(cluster: Cluster, lines: Sequence[LineElsewhere], seconds: float) -> None:
    """From one voice to two and four, with a full line."""
    load = Load(lines, round(4 * 8 * (seconds + 10) / (10 * STEP_S)))
    await load.steps_s(1.0)  # the first one begins
    alone = await load.steps_s(seconds)
    print(f"1 voice: {6 * alone / STEP_S:.1f} jobs of 2 s a minute, {100 * alone:.1f} % at work", flush=True)
    for voices, times in ((2, 1.95), (4, 3.8)):
        cluster.add(voices - voices // 2)
        await known(lines, voices)
        tell(
            f"{voices} voices, right after scaling, at work", 100 * await load.steps_s(seconds) / voices, 92, "%", True
        )
        rate = await load.steps_s(seconds)
        tell("… settled", 100 * rate / voices, 97, "%", True)
        tell(f"… {6 * rate / STEP_S:.1f} jobs a minute, as against one", rate / alone, times, "×", True)
    print(f"a sleeper alone works {sleeps():.1f} % of its time by now", flush=True)
    await load.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--role"]:
        be(sys.argv[2], int(sys.argv[3]), *sys.argv[4:6])
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--jobs", type=int, default=1000, help="of one short step, over three front ends, for the order"
    )
    parser.add_argument("--people", type=int, default=10_000, help="places in line at once; 0: none")
    parser.add_argument("--seconds", type=float, default=10.0, help="for which a share is measured")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.jobs, chosen.people, chosen.seconds))
