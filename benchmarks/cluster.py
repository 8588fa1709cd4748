"""What people notice of a cluster on Ray: voices that come and go, and deaths of Ray's head, the line and voices.

    .venv/bin/python benchmarks/cluster.py --times 1
    .venv/bin/python benchmarks/cluster.py --times 10 --of voice --peak 0
    .venv/bin/python benchmarks/cluster.py --times 10 --of node head --nodes 3 --peak 0

Voices sleep as those of machines.py do, and take 5 s to load. Ray is the one of ./launch.sh cluster, started again by
it; two front ends are in this process and ask as those of servers do. With `--nodes`, Ray has so many nodes more,
each with room for one voice, as if they were machines. Needs the packages of requirements-ray.txt.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

from machines import INFO, LISTENER, STEP_S, Sleeper, SleepingListener, first_chunks, of

from voxdemo.cluster.box import Process
from voxdemo.engines.base import EngineChoice
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elsewhere.asgi import credentials
from voxdemo.lanes.elsewhere.front_end import LineElsewhere, offer_of
from voxdemo.lanes.elsewhere.reaching import LineAddress
from voxdemo.lanes.jobs import PartRetaken, Piece, SpeakJob, Started
from voxdemo.lanes.line import Claim
from voxdemo.lanes.local.memory import MemoryBound
from voxdemo.recognizers.base import RecognizerChoice
from voxdemo.server.assemble import Models
from voxdemo.settings import Settings
from voxdemo.speech import Utterance

SECRET = secrets.token_hex(16)
LOAD_S = 5.0
MANY = 1000
"""Processors that Ray believes in, where all voices are on one node."""
LINE, VOICE, HEAD, NODE = "ray::ServeReplica:line", "ray::ServeReplica:voices", "gcs_server", ""
"""By what processes are known."""


def models(settings: Settings) -> Models:
    def loaded(tell: Any) -> Sleeper:
        time.sleep(LOAD_S)
        return Sleeper()

    speaker, listener = EngineChoice(INFO, loaded), RecognizerChoice(LISTENER, lambda tell: SleepingListener())
    return Models([speaker], [listener], [], MemoryBound(), Paces(), 0.0)


class Cluster:
    """Ray in a process that is started again when it dies, and so many nodes of it more, each in its own."""

    def __init__(self, nodes: int, **settings: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        self.url, self._folder = f"http://127.0.0.1:{port}", tempfile.TemporaryDirectory()
        variables = {
            "VOXDEMO_LINE_URL": self.url, "VOXDEMO_LINE_SECRET": SECRET, "VOXDEMO_CACHE_DIR": self._folder.name,
            "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "PYTHONPATH": os.pathsep.join(sys.path[:2]), **{name: str(each) for name, each in settings.items()},
        }  # fmt: skip
        address = str(Path(self._folder.name, "address"))
        head = [sys.executable, __file__, "--head", str(port), address, str(1 if nodes else MANY)]
        node = [sys.executable, __file__, "--node", address]
        self._nodes = [Process("Ray", head, variables)]
        self._nodes += [Process(f"Node {number}", node, variables) for number in range(nodes)]
        self._looking = asyncio.ensure_future(self._keep_looking())

    async def _keep_looking(self) -> None:
        while True:
            for node in self._nodes:
                node.look()
            await asyncio.sleep(0.5)

    @property
    def processes(self) -> Sequence[psutil.Process]:
        return [each for node in self._nodes for each in node.family]

    def kill(self, kind: str, number: int) -> None:
        """Send this signal to a process of a kind, or to all of a node with a voice. Raises StopIteration: none."""
        if kind == NODE:
            killed = next(each.family for each in self._nodes[1:] if any(_is(VOICE, one) for one in each.family))
        else:
            killed = [next(each for each in self.processes if _is(kind, each))]
        for each in killed:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(number)

    async def figures(self) -> dict[str, float]:
        """What the line says of itself; nothing while it can't be reached."""
        try:
            async with httpx.AsyncClient(headers=credentials(SECRET), trust_env=False) as http:
                text = (await http.get(f"{self.url}/metrics")).raise_for_status().text
        except httpx.HTTPError:
            return {}
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name.removeprefix("voxdemo_line_"): float(value) for name, value in pairs}

    async def close(self) -> None:
        self._looking.cancel()
        for node in self._nodes:
            node.stop()
        for node in self._nodes:
            await asyncio.to_thread(node.end, 60.0, [])
        self._folder.cleanup()


def _is(kind: str, process: psutil.Process) -> bool:
    """By its program, or what it calls itself."""
    try:
        return Path("".join(process.cmdline()[:1])).name.startswith(kind)
    except psutil.Error:
        return False


@asynccontextmanager
async def running(nodes: int = 0, **settings: object) -> AsyncGenerator[tuple[Cluster, Sequence[LineElsewhere]], None]:
    cluster, lines = Cluster(nodes, **settings), list[LineElsewhere]()
    try:
        offer = await offer_of(cluster.url, SECRET, 180.0)
        lines += [LineElsewhere(cluster.url, SECRET, offer, Paces()) for _ in range(2)]
        for line in lines:
            line.start()
        while not all(line.stats().ready_seats for line in lines):  # noqa: ASYNC110 - others' processes
            await asyncio.sleep(0.1)
        yield cluster, lines
        for line in lines:
            await line.close()
    finally:
        await cluster.close()


class Somebody:
    """A text of so many parts of ten words each; times are monotonic."""

    def __init__(self, line: LineElsewhere, parts: int) -> None:
        texts = [" ".join([f"word{number}"] * 10) for number in range(parts)]
        self.line, self.asked_at = line, time.monotonic()
        self.job = SpeakJob(INFO, Utterance(" ".join(texts), seed=1), texts, 10 * parts * STEP_S, units=10.0 * parts)
        self.ticket = line.take(Claim(self.job.size), self.asked_at)
        self.begun_at = self.ended_at = self.longest_gap_s = 0.0
        self.told: list[tuple[float, float]] = []
        """When, and when it was to end by what was told then."""
        self.pieces = self.retaken = 0
        self.turn_at = 0.0
        self.task = asyncio.ensure_future(self._hear())

    async def _hear(self) -> None:
        watching, last = asyncio.ensure_future(self._watch()), 0.0
        try:
            async with aclosing(self.line.run(self.job, self.ticket)) as events:
                async for event in events:
                    now = time.monotonic()
                    if isinstance(event, Started):
                        self.begun_at = now
                    elif isinstance(event, PartRetaken):
                        self.retaken, self.pieces = self.retaken + 1, 10 * event.part
                    elif isinstance(event, Piece):
                        self.pieces += 1
                        self.longest_gap_s, last = max(self.longest_gap_s, now - last if last else 0.0), now
            self.ended_at = time.monotonic()
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        next_at = 0.0
        while not self.begun_at:
            place, now = self.line.place(self.ticket), time.monotonic()
            self.turn_at = 0.0 if self.ticket.turn is None else self.turn_at or now
            if place.end_s is not None and not self.turn_at and now > next_at:
                self.told.append((now, now + place.end_s))
                next_at = now + 1.0
            await asyncio.sleep(0.02)

    @property
    def left(self) -> int:
        """How many of its pieces never came; less than none where some came twice."""
        return len(self.job.parts) * 10 - self.pieces

    @property
    def errors(self) -> list[float]:
        """By which share of what was left the told seconds were off, where at least 5 s were left."""
        return [abs(end - self.ended_at) / (self.ended_at - at) for at, end in self.told if self.ended_at - at > 5.0]


async def peak(seconds: float) -> None:
    """One voice; then so many people that four are needed; then nobody."""
    async with running(
        VOXDEMO_VOICES_LEAST=1,
        VOXDEMO_VOICES_MOST=4,
        VOXDEMO_VOICES_TARGET_S=10,
        VOXDEMO_VOICES_IDLE_S=15,
        VOXDEMO_QUEUE_SIZE=1000,
    ) as (cluster, lines):
        while not (await cluster.figures()).get("voices_wanted", 0.0) > 0:  # noqa: ASYNC110 - others' processes
            await asyncio.sleep(0.5)
        begun, people, marks = time.monotonic(), list[Somebody](), dict[str, float]()
        while len(marks) < 5 and time.monotonic() - begun < 600:
            now = time.monotonic() - begun
            while now < seconds and len(people) < 8 + now / 1.2:
                people.append(Somebody(lines[len(people) % 2], 2))
            figures = await cluster.figures()
            wanted, ready = figures.get("voices_wanted", 0.0), figures.get('voices{state="ready"}', 0.0)
            states = {
                "the second voice wanted": wanted > 1, "two ready": ready >= 2, "four ready": ready >= 4,
                "one wanted": "four ready" in marks and wanted == 1,
                "one left": "four ready" in marks and ready == 1 and not figures.get('voices{state="leaving"}'),
            }  # fmt: skip
            for name in (each for each, is_so in states.items() if is_so and each not in marks):
                marks[name] = now
                print(f"{name} after {now:.1f} s", flush=True)
            await asyncio.sleep(0.25)
        await asyncio.wait([each.task for each in people], timeout=120)
        for at in range(0, int(seconds) + 60, 5):  # seconds that people were told in these five
            early = [
                (end - each.ended_at) / (each.ended_at - told)
                for each in people for told, end in each.told
                if each.ended_at - told > 5.0 and at <= told - begun < at + 5
            ]  # fmt: skip
            if early:
                print(f"  told after {at} s: off by {100 * statistics.median(early):+.0f} % ({len(early)} times)")
        errors = sorted(error for each in people if each.ended_at for error in each.errors)
        print(
            f"{len(people)} people, {sum(not each.left for each in people)} served whole, in mid-job stopped"
            f" {sum(each.retaken for each in people)}; told seconds off by {100 * statistics.median(errors):.0f} %"
            f" (median), {100 * errors[int(0.9 * len(errors))]:.0f} % (p90), for {len(errors)} times told",
            flush=True,
        )


DEATHS = {
    "node": ("a node of Ray's killed that has a voice", NODE, signal.SIGKILL),
    "head": ("Ray's head killed", HEAD, signal.SIGKILL),
    "line": ("the line killed", LINE, signal.SIGKILL),
    "voice": ("a voice killed", VOICE, signal.SIGKILL),
    "stop": ("a voice told to stop", VOICE, signal.SIGTERM),
}
"""What is said of it, what is sent to, and which signal."""


async def deaths(times: int, which: Sequence[str], nodes: int) -> None:
    """Two speak, 16 wait; then something is killed."""
    async with running(nodes, VOXDEMO_VOICES_LEAST=2, VOXDEMO_VOICES_MOST=2) as (cluster, lines):
        await both(lines)
        megabytes = sum(each.memory_full_info().pss for each in cluster.processes) / 1e6
        print(f"memory of Ray, the line and two voices without models: {megabytes:.0f} MB", flush=True)
        chunks = await first_chunks(lines[0], 20), await through_proxy(cluster, 20)
        print(f"first chunk, line on Ray: {of(chunks[0])}; through Serve's proxy {of(chunks[1])}", flush=True)
        for _ in range(times):
            for each in which:
                await death(cluster, lines, *DEATHS[each])


class ProxyAddress(LineAddress):
    """That of the proxy, which passes all on to the line."""

    async def url(self) -> str:
        return self._known_at


async def through_proxy(cluster: Cluster, count: int) -> list[float]:
    """As `first_chunks`, where the front end speaks with the line through the proxy alone."""
    line = LineElsewhere(cluster.url, SECRET, await offer_of(cluster.url, SECRET, 60.0), Paces())
    line._address = ProxyAddress(line._http, cluster.url)
    line.start()
    await both([line])
    chunks = await first_chunks(line, count)
    await line.close()
    return chunks


async def both(lines: Sequence[LineElsewhere]) -> None:
    while not all(line.stats().ready_seats == 2 for line in lines):  # noqa: ASYNC110 - others' processes
        await asyncio.sleep(0.1)


async def death(cluster: Cluster, lines: Sequence[LineElsewhere], name: str, kind: str, sent: int) -> None:
    await both(lines)
    people = [Somebody(lines[number % 2], 4) for number in range(2)]
    while not all(each.pieces > 12 for each in people):  # noqa: ASYNC110 - that is what it waits for
        await asyncio.sleep(0.1)
    for number in range(16):
        people.append(Somebody(lines[number % 2], 1))
        while people[-1].ticket.since is None:  # noqa: ASYNC110 - or the other front end's next may stand before it
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.5)
    cluster.kill(kind, sent)
    killed_at = time.monotonic()
    await asyncio.wait([each.task for each in people], timeout=300)
    starts = [each.begun_at for each in people[2:] if each.begun_at]
    turns = [each.turn_at or each.begun_at for each in people[2:] if each.begun_at]
    begun_again = min((each for each in starts if each > killed_at + 0.5), default=0.0) - killed_at
    overtaken = sum(later < earlier - STEP_S for earlier, later in pairwise(turns))
    print(
        f"{name}, 2 speaking, 16 waiting: {sum(each.left > 0 for each in people)} lost,"
        f" {sum(each.left < 0 for each in people)} heard twice, {sum(each.retaken for each in people)} parts said"
        f" again, {overtaken} overtaken, the next began after"
        f" {begun_again:.1f} s, the longest gap for listeners {max(each.longest_gap_s for each in people):.1f} s",
        flush=True,
    )
    for each in people:
        each.task.cancel()


def tell_address(told: Path) -> None:
    """Write down where Ray's other nodes find this one."""
    import ray

    told.unlink(missing_ok=True)
    while not ray.is_initialized():
        time.sleep(0.1)
    told.with_suffix(".new").write_text(ray.get_runtime_context().gcs_address)
    told.with_suffix(".new").rename(told)


def be_node(told: Path) -> NoReturn:
    """Be a node of Ray's with room for one voice, as soon as there is a head."""
    while not told.exists():
        time.sleep(0.1)
    own = ["--node-ip-address", f"127.0.1.{1 + os.getpid() % 250}", "--num-cpus", "1", "--block"]
    own += ["--object-store-memory", str(80 * 10**6)]
    ray = str(Path(sys.executable).with_name("ray"))
    os.execv(ray, [ray, "start", "--address", told.read_text(), *own])


def run(measured: Coroutine[Any, Any, None]) -> None:
    """Until it is told to stop, and then with all that it started ended."""

    async def stoppable() -> None:
        task = asyncio.ensure_future(measured)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await task

    asyncio.run(stoppable())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--head"]:
        import cluster  # so that other processes find its models by name

        from voxdemo.cluster import head

        threading.Thread(target=tell_address, args=[Path(sys.argv[3])], daemon=True).start()
        head.main(int(sys.argv[2]), cluster.models, int(sys.argv[4]))
    if sys.argv[1:2] == ["--node"]:
        be_node(Path(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1, help="of each death; 0: the peak alone")
    parser.add_argument("--of", nargs="*", choices=DEATHS, help="which deaths (all, a node's if there are any)")
    parser.add_argument("--nodes", type=int, default=0, help="of Ray's beside its head, each for one voice")
    parser.add_argument("--peak", type=float, default=45.0, help="seconds that people come for; 0: no peak")
    chosen = parser.parse_args()
    if chosen.times:
        which = chosen.of or [each for each in DEATHS if chosen.nodes or each != "node"]
        run(deaths(chosen.times, which, chosen.nodes))
    if chosen.peak:
        run(peak(chosen.peak))
