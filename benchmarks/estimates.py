"""How well people are told what a job will take, next to what a bare Gradio app tells, both in one run.

    .venv/bin/python benchmarks/estimates.py

Starts `app.py` and `bare_app.py`, and gives each in turn the same line of mixed texts, 20 to 2,000 characters, that
come a few at a time and faster than they're spoken; ours reads some recordings among them too, for which the bare app
has nothing. Every figure that a client is told until its result is there counts: Gradio's own estimates, and the
seconds in texts like "2 ahead of you, about 25 s". Printed are the error of the first figure and the worst step up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from overhead import ROOT, App, running

AT_ONCE = 4
"""How many jobs come together."""
EVERY_S = 1.2
"""How long after the ones before; the built-in voice speaks about two of these texts in that time."""
ROUNDED_BELOW_S = 2.0
"""Smaller figures count as this much: they are told as "1 s" or "2 s", so steps between them say nothing."""
WANTED_ERROR, WANTED_STEP = 0.15, 0.20


@dataclass(frozen=True, slots=True)
class Job:
    """What one client asks for: to speak a text, or to read a recording."""

    endpoint: str
    argument: str | Path


@dataclass(frozen=True, slots=True)
class Told:
    """One figure: at the time `at` it was said that the result comes in `seconds`, give or take `rounded_by`."""

    at: float
    seconds: float
    rounded_by: float = 0.0


@dataclass(slots=True)
class Watched:
    """A job, all that was told of it, and when it was done."""

    job: Job
    told: list[Told] = field(default_factory=list)
    done_at: float = 0.0

    @property
    def error(self) -> float | None:
        """How far the first figure was off, as a share of what it really took; below 0 where it promised too much."""
        if not self.told:
            return None
        actual = self.done_at - self.told[0].at
        return (self.told[0].seconds - actual) / actual

    @property
    def steps(self) -> Iterator[float]:
        """By how much each figure is above what the one before had left, as a share of that."""
        for one, next_ in pairwise(self.told):
            left = max(ROUNDED_BELOW_S, one.seconds + one.rounded_by - (next_.at - one.at))
            yield max(ROUNDED_BELOW_S, next_.seconds - next_.rounded_by) / left - 1


def main() -> None:
    """Run both and print a table."""
    arguments = _arguments()
    os.environ["VOXDEMO_QUEUE_SIZE"] = str(arguments.jobs)
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        recordings = _recordings(Path(folder))
        with running("app.py") as our_app, running("benchmarks/bare_app.py") as bare_app:
            _first_jobs(our_app, bare_app)
            for number in range(arguments.rounds):
                jobs = _jobs(random.Random(number), arguments.jobs, recordings, arguments.recordings)
                ours += _watch_all(our_app, jobs)
                bare += _watch_all(bare_app, [job for job in jobs if job.endpoint == "generate"])
    _print("ours", ours)
    _print("Gradio", bare)
    if arguments.each:
        _print_each(ours)


def _print(name: str, watched: Sequence[Watched]) -> None:
    errors = [job.error for job in watched if job.error is not None]
    sizes = sorted(map(abs, errors))
    print(f"{name}: {len(watched)} jobs, of which {len(errors)} were told something when they joined")
    if not errors:
        return
    print(
        f"  |told - actual| / actual at joining: median {statistics.median(sizes):.1%} (want <= {WANTED_ERROR:.0%}), "
        f"nine in ten within {np.quantile(sizes, 0.9):.0%}; told / actual - 1: median {statistics.median(errors):+.1%}"
    )
    steps = [step for job in watched for step in job.steps]
    figures = sum(len(job.told) for job in watched)
    print(
        f"  {figures} figures told, worst step up {max(steps, default=0.0):.1%} (want <= {WANTED_STEP:.0%}; "
        f"figures under {ROUNDED_BELOW_S:.0f} s count as that, because they are rounded)"
    )


def _print_each(watched: Sequence[Watched]) -> None:
    for each in watched:
        argument = each.job.argument
        what = f"{len(argument)} characters" if isinstance(argument, str) else f"recording of {argument.stem}"
        told = " ".join(f"{told.seconds:.1f} at {told.at - each.told[0].at:.1f}," for told in each.told)
        step = max(each.steps, default=0.0)
        print(f"{what}, {each.error or 0.0:+.0%}, {step:+.0%}: {told} done at {each.done_at - each.told[0].at:.1f}")


# Watching


def _watch_all(app: App, jobs: Sequence[Job]) -> list[Watched]:
    """What each of the jobs is told, when they come AT_ONCE at a time."""
    begun = time.monotonic()
    requests = _requests(httpx.get(f"{app.url}/config").json())

    def watch(index: int) -> Watched:
        job = jobs[index]
        with httpx.Client(base_url=app.url, timeout=120) as http:
            argument = _argument(http, job)
            time.sleep(max(0.0, begun + EVERY_S * (1 + index // AT_ONCE) - time.monotonic()))
            return _watch(http, job, _with_argument(requests[job.endpoint], argument))

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(watch, range(len(jobs))))


def _watch(http: httpx.Client, job: Job, request: dict[str, Any]) -> Watched:
    watched = Watched(job)
    for message in _messages(http, request):
        now = time.monotonic()
        watched.told += [Told(now, *figure) for figure in _figures(message)]
        if message["msg"] == "process_completed":
            watched.done_at = now
            if not message["success"]:
                raise RuntimeError(f"a job failed: {message['output']}")
            return watched
    raise RuntimeError("the server hung up")


def _messages(http: httpx.Client, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What Gradio's queue tells a client of one job."""
    session = secrets.token_hex(8)
    http.post("/gradio_api/queue/join", json={**request, "session_hash": session}).raise_for_status()
    with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def _requests(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """For each endpoint, what is sent to join its queue, with the usual value of every argument."""
    usual = {component["id"]: component["props"].get("value") for component in config["components"]}
    return {
        function["api_name"]: {"fn_index": function["id"], "data": [usual[number] for number in function["inputs"]]}
        for function in config["dependencies"]
    }


def _with_argument(request: dict[str, Any], argument: Any) -> dict[str, Any]:
    return {**request, "data": [argument, *request["data"][1:]]}


def _argument(http: httpx.Client, job: Job) -> Any:
    if isinstance(job.argument, str):
        return job.argument
    with job.argument.open("rb") as file:
        uploaded = http.post("/gradio_api/upload", files={"files": (job.argument.name, file, "audio/wav")}).json()
    return {"path": uploaded[0], "orig_name": job.argument.name, "meta": {"_type": "gradio.FileData"}}


_IN_WORDS = re.compile(r"about (\d+) (s|min)")


def _figures(message: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """The seconds that a message tells, and how far they are rounded."""
    if message["msg"] == "estimation" and message.get("rank_eta") is not None:
        yield message["rank_eta"], 0.0
    elif message["msg"] == "process_starts" and message.get("eta") is not None:
        yield message["eta"], 0.0
    elif message["msg"] == "progress":
        for unit in message["progress_data"]:
            if found := _IN_WORDS.search(unit.get("desc") or ""):
                unit_s = 1.0 if found[2] == "s" else 60.0
                yield int(found[1]) * unit_s, unit_s / 2


# What is asked for

_SENTENCES = [line for line in (ROOT / "tests/data/sentences.txt").read_text("utf-8").splitlines() if line]
_LONG = (
    "When the committee, which had met four times since the spring without agreeing on anything but the minutes, "
    "finally turned to the question of the bridge, the engineer, who had waited outside all afternoon with his "
    "drawings under his arm, was no longer there, and nobody could say whether he had gone home or to the newspaper."
)
_KINDS = {
    "prose": _SENTENCES,
    "long sentences": [_LONG, _LONG.replace("committee", "council").replace("bridge", "harbour")],
    "short sentences": ["No.", "Yes, really.", "Come in!", "Why not?", "He left.", "It rains.", "We know."],
    "numbers": ["In 1987 the firm sold 12,450 units at $39.99 each.", "Call 020 7946 0958 before 17:30 on 3/14/2025."],
    "addresses": ["See https://docs.example.com/en/setup.html for more.", "Write to support@voice-demo.org today."],
    "lists": ["- two eggs\n", "- a cup of flour\n", "1. Open the lid\n", "2. Press start and wait\n"],
    "capitals": ["THE LINE IS CLOSED UNTIL FURTHER NOTICE.", "NASA and the BBC met the FBI."],
}
SHORTEST, LONGEST = 20, 2_000
RECORDING_S = (3, 6, 10, 15)
"""About what people record to be copied: most engines want 5 to 15 s."""


def _jobs(chance: random.Random, count: int, recordings: Sequence[Path], listening: int) -> list[Job]:
    """`count` jobs in an order of chance, that many of them recordings.

    These overtake the texts, and take longer than most: who waits can't be told of those yet to come.
    """
    jobs = [Job("prompt_wav_recognition", chance.choice(recordings)) for _ in range(listening)]
    jobs += [Job("generate", _text(chance)) for _ in range(count - len(jobs))]
    chance.shuffle(jobs)
    return jobs


def _text(chance: random.Random) -> str:
    """A text of one kind or of all of them, any length being equally likely."""
    length = chance.randint(SHORTEST, LONGEST)
    everything = [piece for pieces in _KINDS.values() for piece in pieces]
    pieces = chance.choice([everything, _KINDS["prose"], *_KINDS.values()])
    text = ""
    while len(text) < length:
        text += chance.choice(pieces) + " "
    return text[:length].strip()


def _recordings(folder: Path) -> list[Path]:
    """Recordings of speech, of RECORDING_S."""
    samples, rate = soundfile.read(ROOT / "assets/warm-up.flac", dtype="float32")
    paths = []
    for seconds in RECORDING_S:
        paths.append(folder / f"{seconds}s.wav")
        soundfile.write(paths[-1], np.resize(samples, seconds * rate), rate)
    return paths


def _first_jobs(*apps: App) -> None:
    """Let everybody speak once, so that Gradio too has something to go by."""
    for app in apps:
        client = app.client()
        client.predict(_SENTENCES[0], api_name="/generate")
        client.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=24, help="jobs in one line")
    parser.add_argument("--recordings", type=int, default=3, help="how many of them are recordings to be read")
    parser.add_argument("--rounds", type=int, default=3, help="lines, each of other jobs")
    parser.add_argument("--each", action="store_true", help="print every figure that was told")
    return parser.parse_args()


if __name__ == "__main__":
    main()
