"""What the engines that need no GPU cost: how fast they speak, how soon they are heard, how much memory they take.

    .venv/bin/python benchmarks/engines.py

Each is served by a process of its own and asked at /v1/audio/speech for one sentence of 60 characters, again and again.
The real-time factor is seconds of waiting over seconds of sound. The memory is the whole server's after that, the
built-in recogniser included. Figures mean something on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import time

import httpx
from overhead import running

ENGINES = ("builtin", "kokoro")
SENTENCE = "The ferry leaves the island at dawn, and we will be on board"
"""Of 60 characters."""
BYTES_A_SECOND = 24_000 * 2


def main() -> None:
    """Run everything and print a table."""
    rounds = _arguments().rounds
    print("real-time factor, first sound, resident memory: medians, the slowest in brackets")
    for engine in ENGINES:
        with running("app.py", VOXDEMO_ENGINE=engine) as app, httpx.Client(base_url=app.url, timeout=120) as client:
            factors, firsts = zip(*(_spoken(client) for _ in range(rounds)), strict=True)
            memory = app.process.memory_info().rss / 2**20
        factor, first_s = statistics.median(factors), statistics.median(firsts)
        print(f"{engine:8} {factor:.3f} ({max(factors):.3f})  {first_s:.2f} s ({max(firsts):.2f} s)  {memory:.0f} MiB")


def _spoken(client: httpx.Client) -> tuple[float, float]:
    """The real-time factor, and seconds until the first sound came."""
    begun, first_s, size = time.perf_counter(), 0.0, 0
    with client.stream("POST", "/v1/audio/speech", json={"input": SENTENCE, "response_format": "pcm"}) as answer:
        for block in answer.raise_for_status().iter_raw():
            first_s = first_s or time.perf_counter() - begun
            size += len(block)
    return (time.perf_counter() - begun) / (size / BYTES_A_SECOND), first_s


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each speaks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
