"""What HTTP costs over the engine alone, for a program that asks /v1/audio/speech on a connection that it keeps.

    .venv/bin/python benchmarks/programs.py

For a text that is spoken anew, that is what the program waits for the whole sound less the time that the engine worked,
as /metrics tells it; for an answer from the cache, all of what the program waits.
"""

from __future__ import annotations

import argparse
import statistics
import time

import httpx
from overhead import SENTENCE, App, running
from prometheus_client.parser import text_string_to_metric_families

LENGTHS = (1, 5, 20)
"""Sentences."""


def main() -> None:
    """Run everything and print a table."""
    rounds = _arguments().rounds
    print(f"milliseconds over the engine, {rounds} requests each: median, 95th percentile (want a median <= 15)")
    with running("app.py", VOXDEMO_CACHE_SIZE="1GB") as app, httpx.Client(base_url=app.url, timeout=60) as client:
        for sentences in LENGTHS:
            text = SENTENCE * sentences
            _speak(client, text, seed=0)
            _tell("anew", text, [_over_engine(app, client, text, seed) for seed in range(1, rounds + 1)])
            _tell("from the cache", text, [_speak(client, text, seed=0) for _ in range(rounds)])


def _over_engine(app: App, client: httpx.Client, text: str, seed: int) -> float:
    worked_s = _worked_s(app)
    return _speak(client, text, seed) - (_worked_s(app) - worked_s)


def _speak(client: httpx.Client, text: str, seed: int) -> float:
    begun = time.perf_counter()
    client.post("/v1/audio/speech", json={"input": text, "response_format": "wav", "seed": seed}).raise_for_status()
    return time.perf_counter() - begun


def _worked_s(app: App) -> float:
    families = text_string_to_metric_families(httpx.get(f"{app.url}/metrics").text)
    samples = (sample for family in families for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == "voxdemo_work_seconds_sum")


def _tell(how: str, text: str, seconds: list[float]) -> None:
    median_ms, p95_ms = (
        1000 * value for value in (statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1])
    )
    print(f"  {len(text):5} characters {how}: {median_ms:.1f}, {p95_ms:.1f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="requests for each figure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
