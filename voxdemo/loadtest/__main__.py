"""`python -m voxdemo.loadtest URL`: runs the load test and writes its report."""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer

from voxdemo import terminal
from voxdemo.cli.results import ShowProgress, bar
from voxdemo.errors import SettingsError
from voxdemo.loadtest import report
from voxdemo.loadtest.doors import DOORS, Door
from voxdemo.loadtest.measured import Run
from voxdemo.loadtest.running import OnDone, closed_loop, open_loop, uncached, watched
from voxdemo.settings import CLIENT_KEY, client_key

TEXTS = Path(__file__).parent / "texts.txt"
"""One text per line, about half a minute of speech each: shorter ones measure the client as much as the server."""
FAILED, WRONG, NOT_NOW, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(
    url: Annotated[str, typer.Argument(help="The server, such as http://127.0.0.1:7860.")],
    users: Annotated[str, typer.Option(help="Users at the same time; each number is a run of its own.")] = "5,10",
    requests: Annotated[int, typer.Option(min=1, help="Requests in each run.")] = 20,
    text_file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="A file with one text per line.")
    ] = TEXTS,
    door: Annotated[str, typer.Option(help=f"What to test: {' or '.join(DOORS)}.")] = "gradio",
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Requests a minute, arriving at random, instead of --users.")
    ] = None,
    think: Annotated[float, typer.Option(min=0, help="Seconds a user pauses between requests.")] = 0.0,
    each_per_minute: Annotated[
        float, typer.Option(min=0.001, help="Requests a minute of each person online, for the recommendation.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the random arrivals and of the prediction.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Folder for the report. Default: loadtest- and the time.")] = None,
) -> None:
    """Load-test a running server and write a report. Ctrl-C stops the test; what was measured is still reported."""
    terminal.show_everything()
    texts = _texts(text_file)
    folder = _folder(output or Path(time.strftime("loadtest-%Y%m%d-%H%M%S")))
    if door not in DOORS or not texts:
        _end(f"--door must be {' or '.join(DOORS)}, and --text-file must contain a text.", WRONG)
    runs = [Run(None, rate, think)] if rate else [Run(count, None, think) for count in _counts(users)]
    was_stopped = False
    try:
        asyncio.run(_test(url, _headers(), runs, DOORS[door](), uncached(texts), requests, random.Random(seed)))
    except KeyboardInterrupt:
        was_stopped = True
    except httpx.HTTPStatusError as error:
        _end(
            f"{url} answered {error.response.status_code}: see that it is ready; if it needs a key, set {CLIENT_KEY}.",
            NOT_NOW,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _end(f"{url} can't be reached ({type(error).__name__}): check that it is running, then try again.", NOT_NOW)
    test = report.LoadTest(url, door, seed, each_per_minute, was_stopped, [run for run in runs if run.requests])
    _write(test, folder)
    raise typer.Exit(INTERRUPTED if was_stopped else 0 if any(run.done for run in runs) else FAILED)


async def _test(
    url: str,
    headers: Mapping[str, str],
    runs: Sequence[Run],
    door: Door,
    texts: Iterator[str],
    count: int,
    rng: random.Random,
) -> None:
    limits = httpx.Limits(max_connections=None)
    with bar() as tell:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=None, limits=limits) as client:
            (await client.get("/ready")).raise_for_status()
            for run in runs:
                told = _teller(run, count, tell)
                async with watched(run, client):
                    if run.users:
                        await closed_loop(run, client, door, texts, count, told)
                    else:
                        await open_loop(run, client, door, texts, count, told, rng)


def _teller(run: Run, count: int, tell: ShowProgress) -> OnDone:
    def told() -> None:
        ended = len(run.requests)
        tell(f"{run.name}: {ended} of {count}", ended / count)
        if not sys.stderr.isatty():
            print(f"{run.name}: {ended} of {count}", file=sys.stderr)

    tell(f"{run.name}: 0 of {count}", 0.0)
    return told


def _write(test: report.LoadTest, folder: Path) -> None:
    (folder / "report.json").write_text(json.dumps(report.as_json(test), indent=2), encoding="utf-8")
    from voxdemo.loadtest import plots  # here: matplotlib takes a second, and before a run nobody waits for it

    names = plots.draw(test.runs, folder)
    told = report.as_markdown(test, names)
    (folder / "report.md").write_text(told, encoding="utf-8")
    print(told)
    print(f"Report saved in {folder}.", file=sys.stderr)


def _headers() -> dict[str, str]:
    try:
        key = client_key()
    except SettingsError as error:
        _end(error.sentence, WRONG)
    return {"Authorization": f"Bearer {key}"} if key else {}


def _texts(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        _end("--text-file must be a text file in UTF-8.", WRONG)
    return [line.strip() for line in lines if line.strip()]


def _folder(path: Path) -> Path:
    """The folder of the report, made before anything is asked."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _end(f"{path} can't be created ({error.strerror}): choose another --output.", WRONG)
    return path


def _counts(users: str) -> list[int]:
    counts: list[int] = []
    with suppress(ValueError):
        counts = [int(count) for count in users.split(",")]
    if not counts or min(counts) < 1:
        _end(f"--users must be numbers of 1 or more, such as 1,2,5,10, not {users[:40]!r}.", WRONG)
    return counts


def _end(sentence: str, code: int) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(code)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # some shells start background jobs with it ignored
    app()
