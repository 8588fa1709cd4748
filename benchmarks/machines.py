"""What a line costs that is a process of its own, with its voices, beside the lane of one process.

    .venv/bin/python benchmarks/machines.py --voices 1 2 4 --jobs 40

Voices sleep as a model would work that speaks twice as fast as people listen: a step of 0.2 s, 0.4 s of sound. The line
and each voice are processes; the front ends are in this one, and ask as those of servers do. Printed are: how much
later than the lane's the first chunk comes, jobs a minute by voices, how soon the next job begins when one is
cancelled, whether jobs of three front ends begin in the order in which they came, and what 10,000 places cost the line.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import uvicorn

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.engines.base import SpeechPart
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elsewhere.front_end import LineElsewhere, offer_of
from voxdemo.lanes.elsewhere.line import LineProcess, line_app
from voxdemo.lanes.elsewhere.voice import VoiceProcess, voice_app
from voxdemo.lanes.jobs import Piece, SpeakJob, Started
from voxdemo.lanes.line import Claim, JobLine
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.lanes.turns import Size
from voxdemo.speech import EngineInfo, RecognizerInfo, Samples, Transcript, Utterance, Voice

RATE, STEP_S = 24_000, 0.2
WORD = np.full(round(2 * STEP_S * RATE), 0.1, np.float32)
INFO = EngineInfo(
    name="sleeper", title="Sleeper", version="1", sample_rate=RATE, languages=("en",), voices=(Voice("sleeper"),),
    honours=frozenset({"seed"}), note="", chunk_chars=300,
)  # fmt: skip
LISTENER = RecognizerInfo(name="sleeper", title="Sleeper", version="1", languages=("en",), sample_rate=16_000)


class Sleeper:
    """A word is a step; "-" is a short one, of a tenth."""

    info = INFO

    def speak(self, part: SpeechPart) -> Generator[Samples, None, None]:
        for word in part.text.split():
            time.sleep(STEP_S / 10 if word == "-" else STEP_S)
            yield WORD

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
        app = line_app(LineProcess(20_000, gather_s=0.0), secret)
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
        for _ in range(voices):
            self._run("voice")
        self.line = psutil.Process(self.processes[0].pid)

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
        while not all(line.stats().ready_seats == voices for line in lines):  # noqa: ASYNC110 - others' processes
            await asyncio.sleep(0.1)
        yield cluster, lines
        for line in lines:
            await line.close()
    finally:
        cluster.close()


class Told:
    """When things came of a job, in seconds since it was asked for."""

    first_s = started_s = 0.0
    since: float | None = None
    """When the line saw it, by its own clock."""

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
                told.first_s = told.first_s or time.monotonic() - told.begun
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


async def through(lines: Sequence[JobLine], jobs: int, words: int) -> float:
    """Jobs a minute, all asked for at once, over these front ends."""
    begun = time.monotonic()
    done = await asyncio.gather(*(heard(lines[number % len(lines)], words) for number in range(jobs)))
    assert all(told.pieces == words for told in done)
    return 60 * jobs / (time.monotonic() - begun)


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


async def overtakings(lines: Sequence[JobLine], jobs: int) -> int:
    """How many jobs of one short step, one every 5 ms, begin before one that the line saw before them."""
    tasks = []
    for number in range(jobs):
        tasks.append(asyncio.ensure_future(heard(lines[number % len(lines)], 1, word="-")))
        await asyncio.sleep(0.005)
    done = await asyncio.gather(*tasks)
    starts = [told.begun + told.started_s for told in sorted(done, key=lambda told: told.since or 0.0)]
    return sum(later < earlier for earlier, later in pairwise(starts))


async def crowd(cluster: Cluster, lines: Sequence[LineElsewhere], people: int, seconds: float) -> str:
    begun = time.monotonic()
    size = Size(20.0)
    tickets = [(line, line.take(Claim(size), begun)) for _ in range(people // len(lines)) for line in lines]
    while not all(ticket.told or ticket.is_called for _, ticket in tickets):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.05)
    entered, before = time.monotonic() - begun, cluster.line.cpu_times()
    await asyncio.sleep(seconds)
    after = cluster.line.cpu_times()
    busy = (after.user + after.system - before.user - before.system) / seconds
    for line, ticket in tickets:
        line.leave(ticket)
    return f"{people} places: all told after {entered:.1f} s; then the line takes {100 * busy:.0f} % of a core"


def of(figures: list[float]) -> str:
    ordered = sorted(figures)
    return f"median {statistics.median(ordered):.0f} ms, p95 {ordered[int(0.95 * len(ordered))]:.0f} ms"


async def measure(voices: Sequence[int], jobs: int, in_order: int, people: int) -> None:
    lane = Lane([seat()], 20_000, 600.0)
    lane.start()
    while not lane.stats().ready_seats:  # noqa: ASYNC110 - a thread's doing
        await asyncio.sleep(0.05)
    print(f"first chunk, lane of this process: {of(await first_chunks(lane, 20))}")
    print(f"cancelled, lane of this process: {of(await cancelled(lane, 8))} (a step is {1000 * STEP_S:.0f} ms)")
    await lane.close()
    alone = 0.0
    for count in voices:
        async with elsewhere(count, 3) as (cluster, lines):
            if not alone:
                print(f"first chunk, line elsewhere: {of(await first_chunks(lines[0], 20))}")
                print(f"cancelled, line elsewhere: {of(await cancelled(lines[0], 8))}")
                found = await overtakings(lines, in_order)
                print(f"order over 3 front ends: {found} overtakings in {in_order} jobs", flush=True)
            rate = await through(lines, jobs * count, 10)
            alone = alone or rate / count
            share = rate * 10 * STEP_S / 60 / count
            print(
                f"{count} voices: {rate:.1f} jobs a minute, {rate / alone:.2f} ×, {100 * share:.1f} % at work",
                flush=True,
            )
            if count == voices[-1] and people:
                print(await crowd(cluster, lines, people, 10.0))
                memory = [psutil.Process(each.pid).memory_info().rss / 1e6 for each in cluster.processes]
                print(f"memory: the line {memory[0]:.0f} MB, a voice without its model {memory[1]:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--role"]:
        be(sys.argv[2], int(sys.argv[3]), *sys.argv[4:6])
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--jobs", type=int, default=12, help="of 2 s, for each voice")
    parser.add_argument("--in-order", type=int, default=1000, help="jobs of one short step, over three front ends")
    parser.add_argument("--people", type=int, default=0, help="places in line at once; 0: none")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.voices, chosen.jobs, chosen.in_order, chosen.people))
