"""Valkey, Postgres and S3 stop for a while under load: what is lost, what people are told, how soon all is well again.

    .venv/bin/python benchmarks/deaths_of_stores.py --times 10

Two servers with a voice that sleeps share all three. Clients at both have jobs of two texts accepted, ask for speech,
and fetch at one server what the other one made. A trigger in Postgres counts how often a text becomes done. Both serve
again when they do what the store is needed for: they count in Valkey, keep a recording in S3, accept a job in Postgres;
the seconds count from when the store itself answers. Needs the programs that the tests of stores need.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import redis

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

from postgres_server import FINISHED_TWICE, PostgresServer, count_finishes, psycopg  # type: ignore[import-not-found]  # noqa: E402
from redis_server import RedisServer  # type: ignore[import-not-found]  # noqa: E402
from s3_server import S3Server  # type: ignore[import-not-found]  # noqa: E402
from serving import EVERY_JOB_ANEW, Server, eventually  # type: ignore[import-not-found]  # noqa: E402

PAUSE_S = 0.3
"""Between two requests of a client."""
BEFORE_S = 5.0
"""How long the load goes on until something stops."""
MOST_UNFINISHED = 40
"""Texts of jobs, so that all are spoken soon after a store is back."""
BACK_WITHIN_S = 180.0
RECORDING = ROOT / "assets" / "warm-up.flac"


class Load:
    """Clients of both servers, until `close`. What they are answered is counted."""

    def __init__(self, servers: Sequence[Server], unfinished: Callable[[], int]) -> None:
        self.accepted: list[str] = []
        """The addresses of jobs."""
        self.served = 0
        self.told: Counter[str] = Counter()
        """Refusals by their sentence."""
        self.odd: Counter[str] = Counter()
        """What was answered that is no sentence."""
        self._unfinished = unfinished
        self._is_over = threading.Event()
        self._people = ThreadPoolExecutor(10)
        self._asking = [
            self._people.submit(self._ask, does, here, there)
            for here, there in (servers, servers[::-1])
            for does in (self._leave_job, self._leave_job, self._speak, self._hear_at_the_other)
        ]

    def close(self) -> None:
        self._is_over.set()
        for each in self._asking:
            each.result(60)
        self._people.shutdown()

    def _ask(self, does: Callable[[httpx.Client, httpx.Client], None], here: Server, there: Server) -> None:
        with httpx.Client(base_url=here.url, timeout=60) as at, httpx.Client(base_url=there.url, timeout=60) as other:
            while not self._is_over.wait(PAUSE_S):
                try:
                    does(at, other)
                except httpx.HTTPError as error:
                    self.odd[type(error).__name__] += 1

    def _leave_job(self, here: httpx.Client, there: httpx.Client) -> None:
        if self._unfinished() >= MOST_UNFINISHED:
            return
        texts = [f"Text {secrets.token_hex(4)} is spoken." for _ in range(2)]
        answer = here.post("/v1/audio/jobs", json={"inputs": texts, "response_format": "wav"})
        if self._is_served(answer):
            self.accepted.append(answer.json()["url"])

    def _speak(self, here: httpx.Client, there: httpx.Client) -> None:
        said = {"input": f"Speech {secrets.token_hex(4)}.", "voice": "alloy", "response_format": "wav"}
        self._is_served(here.post("/v1/audio/speech", json=said))

    def _hear_at_the_other(self, here: httpx.Client, there: httpx.Client) -> None:
        asked = [f"Result {secrets.token_hex(4)}.", None, "", 2.0, 10, False, False]
        answer = here.post("/gradio_api/call/generate", json={"data": asked})
        if not self._is_served(answer):
            return
        end = here.get(f"/gradio_api/call/generate/{answer.json()['event_id']}").text
        if "event: complete" not in end:
            self.odd[end[-80:]] += 1
            return
        token = Path(end.split('"path": "', 1)[1].split('"', 1)[0]).parent.name
        self._is_served(there.get(f"/speech/{token}"))

    def _is_served(self, answer: httpx.Response) -> bool:
        if answer.is_success:
            self.served += 1
            return True
        try:
            body = answer.json()
            error = body["error"]
            self.told[f"{answer.status_code} {error if isinstance(error, str) else error['message']}"] += 1
        except (ValueError, LookupError, TypeError):
            self.odd[f"{answer.status_code} {answer.text[:60]}"] += 1
        return False


class Everything:
    """The stores, and two servers over them."""

    def __init__(self, stack: ExitStack) -> None:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(4)]
        self.postgres, self.s3, self.valkey = PostgresServer(), S3Server(folders[0]), RedisServer(folders[1])
        for close in (self.postgres.close, self.s3.close, self.valkey.kill):
            stack.callback(close)
        self.url = self.postgres.new_url()
        shared = {
            "VOXDEMO_DATABASE_URL": self.url, "VOXDEMO_STORAGE_URL": self.s3.new_url(), **self.s3.environment,
            "VOXDEMO_REDIS_URL": self.valkey.url, "VOXDEMO_RATE_LIMIT": "1000000/minute", "PACE": 0.05,
            **EVERY_JOB_ANEW,
        }  # fmt: skip
        self.servers = [Server(folder, "tests/paced_app.py", **shared) for folder in folders[2:]]
        for server in self.servers:
            stack.callback(server.stop)
        for server in self.servers:
            server.wait_until_ready()
        with self.asked() as db:
            count_finishes(db)

    def asked(self) -> Any:
        return psycopg.connect(self.url, autocommit=True)

    def unfinished(self) -> int:
        """Texts that are to be spoken, as Postgres says; none where it can't."""
        try:
            return self.count("SELECT count(*) FROM texts WHERE state IN ('queued', 'running')")
        except psycopg.OperationalError:
            return 0

    def count(self, question: str) -> int:
        with self.asked() as db:
            return int(db.execute(question).fetchone()[0])

    def stop(self, store: str) -> None:
        {"Valkey": self.valkey.kill, "Postgres": self.postgres.stop, "S3": self.s3.kill}[store]()

    def start(self, store: str) -> None:
        {"Valkey": self.valkey.start, "Postgres": self.postgres.start, "S3": self.s3.start}[store]()

    def serves_again(self, store: str) -> bool:
        """Whether both servers say that they have it again, and do what it is needed for."""
        name = {"Valkey": "limits", "Postgres": "jobs", "S3": "storage"}[store]
        ready = [server for server in self.servers if not server.http.get("/ready").json().get(name)]
        return ready == self.servers and all(self._does(server, store) for server in ready)

    def _does(self, server: Server, store: str) -> bool:
        if store == "Postgres":
            return bool(server.http.post("/v1/audio/jobs", json={"input": "Back."}).status_code == 202)
        if store == "S3":
            sent = {"audio_sample": RECORDING.read_bytes()}
            kept = server.http.post("/v1/audio/voices", data={"name": "Anna", "consent": "true"}, files=sent)
            return bool(kept.status_code == 201 and server.http.delete(kept.headers["Location"]).is_success)
        address = f"127.0.0.{2 + self.servers.index(server)}"  # a client of its own, whom Valkey has forgotten
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address), base_url=server.url) as somebody:
            somebody.post("/v1/audio/speech", json={"input": "Back.", "voice": "alloy"}, timeout=60)
        with redis.Redis.from_url(self.valkey.url) as valkey:
            return bool(valkey.keys(f"*{address}*"))


class Rounds:
    """What became of all rounds with one store."""

    def __init__(self) -> None:
        self.jobs = self.lost = self.twice = self.served = 0
        self.told, self.odd = Counter[str](), Counter[str]()
        self.back_s: list[float] = []

    def play(self, all_of_it: Everything, store: str, away_s: float) -> None:
        before = all_of_it.count(FINISHED_TWICE)
        load, pause = Load(all_of_it.servers, all_of_it.unfinished), threading.Event()
        with closing(load):
            pause.wait(BEFORE_S)
            all_of_it.stop(store)
            pause.wait(away_s)
            all_of_it.start(store)
            begun = time.monotonic()
            eventually(lambda: all_of_it.serves_again(store), within_s=BACK_WITHIN_S)
            self.back_s.append(time.monotonic() - begun)
        eventually(lambda: not all_of_it.unfinished(), within_s=BACK_WITHIN_S)
        self.twice += all_of_it.count(FINISHED_TWICE) - before
        for number, job in enumerate(load.accepted):
            self.lost += not _is_whole(all_of_it.servers[number % 2].http, job)
        self.jobs += len(load.accepted)
        self.served += load.served
        self.told += load.told
        self.odd += load.odd


def _is_whole(server: httpx.Client, job: str) -> bool:
    told = server.get(job).json()
    return told.get("status") == "done" and all(server.get(each["audio_url"]).is_success for each in told["items"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="rounds with each store")
    parser.add_argument("--away", type=float, default=20.0, help="seconds that a store is stopped for")
    parser.add_argument("--stores", default="Valkey,Postgres,S3", help="which of them, in this order")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what it started ends with it
    with ExitStack() as stack:
        all_of_it = Everything(stack)
        print(
            "| stopped | jobs accepted | lost | finished twice | other answers | refused, each by a sentence |"
            " answered anything else | serving again after (median, at most) |"
        )
        print("|---|---|---|---|---|---|---|---|")
        told = Counter[str]()
        for store in given.stores.split(","):
            rounds = Rounds()
            for _ in range(given.times):
                rounds.play(all_of_it, store, given.away)
            told += rounds.told
            seconds = f"{statistics.median(rounds.back_s):.1f} s, {max(rounds.back_s):.1f} s"
            print(
                f"| {store} {given.times} × {given.away:g} s | {rounds.jobs:,} | {rounds.lost} | {rounds.twice} |"
                f" {rounds.served - rounds.jobs:,} | {rounds.told.total():,} | {dict(rounds.odd) or 0} | {seconds} |",
                flush=True,
            )
        print("\nRefusals:")
        for sentence, count in told.most_common():
            print(f"{count:>6,} × {sentence}")
        tracebacks = sum(server.log.count("Traceback") for server in all_of_it.servers)
        print(f"\nTracebacks in the servers' logs: {tracebacks}")


if __name__ == "__main__":
    main()
