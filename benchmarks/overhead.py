"""What the demo costs over a bare Gradio app that calls the same engine, both measured in one run.

    .venv/bin/python benchmarks/overhead.py

Starts `bare_app.py` and then `app.py`, with the settings that a user has, and asks them in turn from the moment
at which `app.py` is ready, so that a machine that slows down slows both. Every text is new, so that the cache has no
answer. Prints the ratio of latencies (one client), of throughputs (ten clients), the share of time that the generator
is busy while ten clients ask, and our resident memory after 50 and after 500 requests.
"""

from __future__ import annotations

import argparse
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from gradio_client import Client

ROOT = Path(__file__).parent.parent
CACHE = "2GB"
"""As a user has it by default; where nothing is kept, nothing is made ahead either."""
SENTENCE = "The ferry leaves at half past nine, calls at two islands, and is back at the pier before it is dark. "
CLIENTS = 10
REQUESTS_PER_SESSION = 5
"""So that the memory that a visitor costs is seen too."""


def main() -> None:
    """Run everything and print a table."""
    arguments = _arguments()
    with running("benchmarks/bare_app.py") as bare, running("app.py", VOXDEMO_CACHE_SIZE=CACHE) as ours:
        print(f"latency, 1 client, {arguments.rounds} pairs (ours / bare, want <= 1.10)")
        for sentences in (1, 5, 20):
            _latency(ours, bare, sentences, arguments.rounds)
        print(f"throughput, {CLIENTS} clients, 3 pairs (ours / bare, want >= 0.95)")
        for sentences in (5, 20):
            _throughput(ours, bare, sentences)
        _busy(ours, sentences=40)
        _memory(ours, arguments.requests)


class App:
    """A running app."""

    def __init__(self, process: psutil.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    def client(self) -> Client:
        """A client of its own session."""
        return Client(self.url, verbose=False, download_files=False)

    def line(self) -> int:
        """How many jobs run or wait."""
        told = httpx.get(f"{self.url}/ready").json()
        return int(told["running"] + told["waiting"])


_asked = itertools.count(100)


def new_text(sentences: int) -> str:
    """One that wasn't asked for before."""
    return f"This is number {next(_asked)}. " + SENTENCE * sentences


def _latency(ours: App, bare: App, sentences: int, rounds: int) -> None:
    seconds: dict[App, list[float]] = {ours: [], bare: []}
    clients = {app: app.client() for app in (ours, bare)}
    for _ in range(rounds):
        text = new_text(sentences)
        for app, client in clients.items():
            begun = time.perf_counter()
            client.predict(text, api_name="/generate")
            seconds[app].append(time.perf_counter() - begun)
    ratio = statistics.median(a / b for a, b in zip(seconds[ours], seconds[bare], strict=True))
    medians = [1000 * statistics.median(seconds[app]) for app in (ours, bare)]
    print(f"  {len(text):5} characters: {medians[0]:6.0f} ms / {medians[1]:6.0f} ms, median ratio {ratio:.3f}")


def _throughput(ours: App, bare: App, sentences: int) -> None:
    ratios = [_requests_per_s(ours, sentences) / _requests_per_s(bare, sentences) for _ in range(3)]
    print(f"  {len(new_text(sentences)):5} characters: median ratio {statistics.median(ratios):.3f}")


def _requests_per_s(app: App, sentences: int, each: int = 4) -> float:
    clients = [app.client() for _ in range(CLIENTS)]

    def ask(client: Client) -> None:
        for _ in range(each):
            client.predict(new_text(sentences), api_name="/generate")

    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(ask, clients))
    return CLIENTS * each / (time.perf_counter() - begun)


def _busy(ours: App, sentences: int) -> None:
    clients = [ours.client() for _ in range(CLIENTS)]
    busy, begun = _busy_s(ours), time.perf_counter()
    for job in [client.submit(new_text(sentences), api_name="/generate") for client in clients]:
        job.result()
    share = (_busy_s(ours) - busy) / (time.perf_counter() - begun)
    length = len(new_text(sentences))
    print(f"generator busy while {CLIENTS} clients wait for {length} characters each: {share:.1%} (want >= 90 %)")


def _busy_s(app: App) -> float:
    return float(httpx.get(f"{app.url}/ready").json()["busy_s"])


def _memory(ours: App, requests: int) -> None:
    done = 0
    resident = {}
    for mark in (requests // 10, requests):
        while done < mark:
            if done % REQUESTS_PER_SESSION == 0:
                client = ours.client()
            client.predict(new_text(1), api_name="/generate")
            done += 1
        resident[mark] = ours.process.memory_info().rss / 2**20
    few, many = resident.values()
    print(
        f"resident memory after {requests // 10} requests more {few:.0f} MiB, after {requests} {many:.0f} MiB: "
        f"ratio {many / few:.3f} (want <= 1.10)"
    )


@contextmanager
def running(script: str, **settings: str) -> Iterator[App]:
    """An app on a free port that says everything anew, as long as `settings` don't say otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "VOXDEMO_PORT": str(port),
            "VOXDEMO_CACHE_DIR": folder,
            "VOXDEMO_LOG_LEVEL": "warning",
            "VOXDEMO_CACHE_SIZE": "0",
            "VOXDEMO_DRAIN_S": "0",
            "GRADIO_ANALYTICS_ENABLED": "False",
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, str(ROOT / script)], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            app = App(psutil.Process(process.pid), port)
            _wait(app, "/ready" if script == "app.py" else "/config")
            yield app
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(app: App, path: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(app.url + path).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{app.url} didn't come up")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="pairs of requests for the latency")
    parser.add_argument("--requests", type=int, default=500, help="requests for the memory")
    return parser.parse_args()


if __name__ == "__main__":
    main()
