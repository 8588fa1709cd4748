"""What an answer from the cache costs, next to making it: in the server, and as a script sees it.

    .venv/bin/python benchmarks/cache.py

The built-in voice speaks texts of several lengths; each is then asked for again and again. "In the server" is from the
call of the service to the finished file in its folder; "for a script" is a whole `predict` of gradio_client, of which
most is Gradio's own and the client's (it polls every 50 ms). The last lines ask for hits while the line is full. With
`--elsewhere` a second server, with a folder of its own, gives what the first one has made, through Valkey and S3, which
run on this machine, too; that needs the programs that the tests of stores need.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path

from gradio_client import Client
from overhead import ROOT, SENTENCE, running

sys.path.insert(0, str(ROOT))

from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance

LENGTHS = (100, 1_000, 5_000, 20_000, 50_000)
QUEUE_SIZE = 3
LONG = 50_000
"""Characters of the texts that fill the line."""


def main() -> None:
    """Run everything and print a table."""
    arguments = _arguments()
    if arguments.elsewhere:
        asyncio.run(_from_another_server(arguments.rounds))
        return
    asyncio.run(_in_the_server(arguments.rounds))
    with running("app.py", VOXDEMO_CACHE_SIZE="1GB", VOXDEMO_QUEUE_SIZE=str(QUEUE_SIZE)) as app:
        client = app.client()
        made = _seconds(client, _text(5_000))
        hits = [_seconds(client, _text(5_000)) for _ in range(arguments.rounds)]
        print(f"for a script, 5,000 characters: made {1000 * made:.0f} ms, {_told(made, hits)}")
        jobs = [client.submit(_text(LONG, number), api_name="/generate") for number in range(QUEUE_SIZE + 1)]
        while app.line() < len(jobs):
            time.sleep(0.05)
        hits = [_seconds(client, _text(5_000)) for _ in range(arguments.rounds)]
        waiting = sum(not job.done() for job in jobs)
        print(f"the same while {waiting} of {len(jobs)} jobs of {LONG:,} characters stand in line: {_told(made, hits)}")


async def _in_the_server(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = local_service(Settings(cache_dir=Path(folder), engine="builtin", recognizer="builtin"))
        service.start()
        while not service.readiness().ready:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.1)
        for length in LENGTHS:
            made = await _spoken(service, _text(length))
            hits = [await _spoken(service, _text(length)) for _ in range(rounds)]
            print(f"in the server, {length:6,} characters: made {1000 * made:8.1f} ms, {_told(made, hits)}")
        await service.close()


async def _from_another_server(rounds: int) -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from redis_server import RedisServer  # type: ignore[import-not-found]
    from s3_server import S3Server  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as name, ExitStack() as ended:
        folders = {each: Path(name) / each for each in ("redis", "s3", "first", "second")}
        for folder in folders.values():
            folder.mkdir()
        redis, s3 = RedisServer(folders["redis"]), S3Server(folders["s3"])
        for end in (redis.kill, s3.close):
            ended.callback(end)
        os.environ.update(s3.environment)
        stores = {"redis_url": redis.url, "storage_url": s3.new_url(), "engine": "builtin", "recognizer": "builtin"}
        first, second = (local_service(Settings(cache_dir=folders[each], **stores)) for each in ("first", "second"))
        for service in (first, second):
            service.start()
            while not service.readiness().ready:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.1)
        for length in LENGTHS:
            texts = [_text(length, number) for number in range(rounds)]
            made = statistics.median([await _spoken(first, text) for text in texts])
            last = f"voxdemo:answer:{(await first.request(Utterance(texts[-1]))).key}"
            assert first.stores.valkey
            while not await first.stores.valkey.client.exists(last):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)
            hits = [await _spoken(second, text) for text in texts]
            print(f"from another server, {length:6,} characters: made {1000 * made:8.1f} ms, {_told(made, hits)}")
        for service in (first, second):
            await service.close()
            await service.stores.close()


async def _spoken(service: SpeechService, text: str) -> float:
    begun = time.perf_counter()
    async with aclosing(service.speak(Utterance(text))) as events:
        async for _ in events:
            pass
    return time.perf_counter() - begun


def _seconds(client: Client, text: str) -> float:
    begun = time.perf_counter()
    client.predict(text, api_name="/generate")
    return time.perf_counter() - begun


def _told(made: float, hits: Sequence[float]) -> str:
    median, most = statistics.median(hits), max(hits)
    return f"from cache {1000 * median:.1f} ms (at most {1000 * most:.1f}), {made / median:.0f} times as fast"


def _text(length: int, number: int = 0) -> str:
    return f"{number}. {SENTENCE * (length // len(SENTENCE) + 1)}"[:length]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What an answer from the cache costs.")
    parser.add_argument("--elsewhere", action="store_true", help="hits at another server")
    parser.add_argument("--rounds", type=int, default=20, help="hits to each text")
    return parser.parse_args()


if __name__ == "__main__":
    main()
