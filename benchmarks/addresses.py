"""How many jobs pass through one line to a server that speaks many at once in real time, and what that costs here.

    .venv/bin/python benchmarks/addresses.py --streams 64 --jobs 128

A stub, in a process of its own, answers as such a server would: a job is so many tenths of a second of sound, each sent
when it would be made. The same jobs are sent to it straight, and through the line of this process, whose share of a
processor is printed; then some of them leave, and it is seen whether the others keep their order and places.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.audio.wav import header
from voxdemo.engines.address.client import AddressEngine
from voxdemo.engines.address.config import Address
from voxdemo.lanes.jobs import Piece, SpeakJob
from voxdemo.lanes.line import Claim
from voxdemo.lanes.local.address_worker import AddressWorker
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.settings import Settings
from voxdemo.speech import Utterance, Waiting

RATE, STEP_S = 24_000, 0.1
STEP = b"\x10\x10" * round(RATE * STEP_S)


async def speech(request: Request) -> Response:
    """The stub: as many steps of sound as there are words."""
    steps = len((await request.json())["input"].split())

    async def made() -> AsyncGenerator[bytes, None]:
        begun = time.monotonic()
        yield header(RATE, 0)
        for step in range(1, steps + 1):
            await asyncio.sleep(max(0.0, begun + step * STEP_S - time.monotonic()))
            yield STEP

    return StreamingResponse(made(), media_type="audio/wav")


async def straight(url: str, texts: Sequence[str], streams: int) -> float:
    """Seconds of sound that came, without a line."""
    room, came = asyncio.Semaphore(streams), 0

    async def one(client: httpx.AsyncClient, text: str) -> None:
        nonlocal came
        async with room, client.stream("POST", f"{url}/v1/audio/speech", json={"input": text}) as answer:
            async for data in answer.aiter_raw():
                came += len(data)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=streams)
    async with httpx.AsyncClient(timeout=600, limits=limits) as client:
        await asyncio.gather(*(one(client, text) for text in texts))
    return came / 2 / RATE


async def through(lane: Lane, texts: Sequence[str], told: list[tuple[int, Any]] | None = None) -> float:
    """Seconds of sound that came, through the line; `told` gets the events of all but the sound, by job."""
    info = next(engine for engine in lane.catalogue.engines if engine.name == "stub")
    came = 0

    async def one(number: int, text: str) -> None:
        nonlocal came
        job = SpeakJob(info, Utterance(text, voice="one"), [text], len(text.split()) * STEP_S)
        async with aclosing(lane.run(job, lane.take(Claim(job.size), time.monotonic()))) as events:
            async for event in events:
                if isinstance(event, Piece):
                    came += len(event.samples)
                elif told is not None:
                    told.append((number, event))

    tasks = [asyncio.ensure_future(one(number, text)) for number, text in enumerate(texts)]
    if told is not None:
        await asyncio.sleep(2 * STEP_S)
        for task in tasks[::8]:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=told is not None)
    return came / info.sample_rate


async def measured(url: str, streams: int, jobs: int, words: int) -> None:
    """Print it all."""
    texts = [" ".join(["word"] * words)] * jobs
    engine = AddressEngine(Address(name="stub", url=url, voices=("one",), at_once=streams))  # type: ignore[arg-type]
    worker = AddressWorker(engine, _check)
    listener = RECOGNIZERS.built_in(Settings())
    idle = Role(ModelWorker(listener.info, listener.build, lambda _: []))
    here = Seat(Role(worker), idle)
    lane = Lane([here, *(Seat(Role(worker), None) for _ in range(streams))], 10 * jobs, 600)
    worker.start()
    while worker.status.state != "ready":  # noqa: ASYNC110 - once, before anything is measured
        await asyncio.sleep(0.05)
    alone = await _rate("straight", lambda: straight(url, texts, streams))
    lined = await _rate("through the line", lambda: through(lane, texts))
    print(f"the line's share of the stub's own throughput: {lined / alone:.1%}")
    told: list[tuple[int, Any]] = []
    await through(lane, texts, told)
    begun = [number for number, event in told if not isinstance(event, Waiting)]
    places = [event.ahead for _, event in told if isinstance(event, Waiting)]
    print(f"one in eight left after {2 * STEP_S:g} s: {len(begun)} began, in order: {begun == sorted(begun)}; ", end="")
    print(f"places told from {max(places, default=0)} down to {min(places, default=0)}")
    await lane.close()


async def _check(engine: AddressEngine) -> list[tuple[float, float]]:
    await engine.check("one two three")
    return []


async def _rate(what: str, work: Callable[[], Awaitable[float]]) -> float:
    process, begun = psutil.Process(), time.perf_counter()
    used = process.cpu_times()
    sound_s = await work()
    took_s, after = time.perf_counter() - begun, process.cpu_times()
    share = (after.user + after.system - used.user - used.system) / took_s
    print(f"{what}: {sound_s / took_s:.1f} seconds of sound a second, {share:.0%} of a processor here")
    return sound_s / took_s


def main() -> None:
    """Start the stub and measure, or be the stub."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=64, help="how many it speaks at once")
    parser.add_argument("--jobs", type=int, default=128, help="how many are sent")
    parser.add_argument("--words", type=int, default=100, help="tenths of a second of a job")
    parser.add_argument("--stub", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    app = Starlette(routes=[Route("/v1/audio/speech", speech, methods=["POST"])])
    if asked.stub:
        uvicorn.run(app, port=asked.stub, log_level="critical")
        return
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with subprocess.Popen([sys.executable, __file__, "--stub", str(port)]) as stub:
        try:
            _wait_for(port)
            asyncio.run(measured(f"http://127.0.0.1:{port}", asked.streams, asked.jobs, asked.words))
        finally:
            stub.terminate()


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
            return
        except httpx.TransportError:
            time.sleep(0.1)


if __name__ == "__main__":
    main()
