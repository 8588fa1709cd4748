"""What becomes of what people asked for when a process dies: real servers under load, each death so many times.

    .venv/bin/python benchmarks/deaths.py --times 10

A line, two voices that sleep as a model would work, two servers in one folder and Caddy before them are processes, and
each is started again as soon as it has ended. In a round, people ask through Caddy: scripts by gradio_client, programs
that hear sound as it comes, and one for a job of many texts; with --page, somebody on the page, too. When all of them
stand in line, one process gets its signal. Whoever is cut off or told to come again asks again, as the page does.

Printed of each death: how many asked, who wasn't served in the end (lost), whose sound is shorter or longer than the
words of any of its texts by half a word and more (so also where a text is missing, or is there twice), how often a
voice said a text to the end again, whose connection broke, and what was said to people that isn't in docs/errors.md;
then the median and the most seconds from the signal until a voice began with a text again (where a voice has died, with
those that it was saying), and until the process that had ended answered again. More is killed by adding to DEATHS.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import httpx  # noqa: E402
import soundfile  # noqa: E402
from browsing import CHROMIUM, OPTIONS, sync_api  # type: ignore[import-not-found]  # noqa: E402
from gradio_client import Client  # noqa: E402
from gradio_client.exceptions import AppError  # noqa: E402
from line_elsewhere import RATE, SECRET  # type: ignore[import-not-found]  # noqa: E402
from proxying import caddy_before  # type: ignore[import-not-found]  # noqa: E402
from serving import Server, eventually, free_port  # type: ignore[import-not-found]  # noqa: E402

from voxdemo.lanes.elsewhere.places import GONE_S  # noqa: E402

WORD_S, SOUND_S = 0.2, 0.4
"""What a word takes, and how long it sounds."""
SCRIPTS, PROGRAMS, TEXTS = 4, 11, 6
"""How many ask in a round; the texts are those of one job."""
LOST_S = 240.0
"""After so long whoever hasn't been served counts as lost."""
AGAIN_S = 1.0
Sounds = Mapping[str, float]
"""What somebody got: seconds of sound by text."""
SENTENCES = [
    re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(row.split(" | ")[1].removesuffix(" |"))))
    for row in (ROOT / "docs" / "errors.md").read_text("utf-8").splitlines()
    if row.startswith("| `")
]


class CutOffError(Exception):
    """The connection broke, or Caddy had nobody to ask."""


class ToldError(Exception):
    """What was said instead of a sound."""


class Part:
    """A process that is started again when it has ended."""

    def __init__(self, start: Callable[[], Server]) -> None:
        self._start = start
        self._past_log = ""
        self.server = start()
        self._ending: threading.Thread | None = None
        self.back_at = time.monotonic()

    @property
    def log(self) -> str:
        """What it and those before it printed."""
        return f"{self._past_log}{self.server.log}"

    @property
    def saying(self) -> set[str]:
        """The texts that this voice has begun and not ended."""
        return set(_lines(self.server.log, "says")) - set(_lines(self.server.log, "said"))

    def end(self, number: int) -> None:
        """Have this signal end it."""
        self.server.process.send_signal(number)
        self._ending = threading.Thread(target=self._follow)
        self._ending.start()

    def _follow(self) -> None:
        self.server.process.wait(LOST_S)
        ended, log = self.server, self.server.log
        self.server = self._start()
        self._past_log += log
        ended.http.close()
        self.server.wait_for("/health")
        self.back_at = time.monotonic()

    @property
    def is_back(self) -> bool:
        return self._ending is None or not self._ending.is_alive()

    def stop(self) -> None:
        if self._ending:
            self._ending.join()
        self.server.stop()


class Site:
    """All that serves; `settings` are further ones of the servers. `url` is where people reach it."""

    url: str

    def __init__(self, folder: Path, **settings: object) -> None:
        self._folder, self._folders = folder, count()
        ports = {name: free_port() for name in ("line", "voice 1", "voice 2", "server 1", "server 2")}
        self.line_url = f"http://127.0.0.1:{ports['line']}"
        usual = {"VOXDEMO_CACHE_DIR": folder / "cache", "VOXDEMO_TRUSTED_PROXIES": "127.0.0.1", "VOXDEMO_DRAIN_S": 60}
        self.held = folder / "held"
        self.parts = {
            name: Part(partial(self._run, name.split()[0], port, usual | settings)) for name, port in ports.items()
        }
        self.servers = [part for name, part in self.parts.items() if name.startswith("server")]
        self.ports = [ports["server 1"], ports["server 2"]]

    def _run(self, role: str, port: int, settings: Mapping[str, object]) -> Server:
        folder = self._folder / str(next(self._folders))
        folder.mkdir()
        shared = {"VOXDEMO_LINE_SECRET": SECRET, "VOXDEMO_LINE_URL": self.line_url, "VOXDEMO_QUEUE_SIZE": 200}
        if role == "server":
            return Server(folder, port=port, **{**shared, **settings})
        more = {"WORD_S": WORD_S, "HELD": self.held, "VOXDEMO_DRAIN_S": 60}
        return Server(folder, "tests/line_elsewhere.py", port=port, ROLE=role, **{**shared, **more})

    def is_whole(self) -> bool:
        """Whether both servers are ready, and know both voices and no other."""
        return all(part.is_back for part in self.parts.values()) and all(map(_knows_all, self.servers))

    @property
    def in_line(self) -> int:
        told = [_ready(part) for part in self.servers]
        return max(int(each.get("running", 0)) + int(each.get("waiting", 0)) for each in told)

    def said(self, word: str) -> list[str]:
        """The texts that voices have begun ("says") or said to the end ("said")."""
        logs = "".join(part.log for name, part in self.parts.items() if name.startswith("voice"))
        return _lines(logs, word)

    def close(self) -> None:
        self.held.unlink(missing_ok=True)
        for part in reversed(self.parts.values()):
            part.stop()


def _lines(log: str, word: str) -> list[str]:
    return re.findall(rf"^{word}: (.+)$", log, re.MULTILINE)


def _ready(part: Part) -> dict[str, Any]:
    try:
        return dict(part.server.http.get("/ready", timeout=5).json())
    except (httpx.TransportError, ValueError):
        return {}


def _knows_all(part: Part) -> bool:
    told = _ready(part)
    return bool(told.get("ready")) and told["generators"] == 2


@contextmanager
def running(**settings: object) -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), **settings)
        try:
            eventually(site.is_whole, within_s=LOST_S)
            balancer = Path(folder, "caddy")
            balancer.mkdir()
            with caddy_before(site.ports, balancer) as site.url:
                yield site
        finally:
            site.close()


# Those who ask: each returns the sounds that it got


def script(url: str, text: str) -> Sounds:
    try:
        with closing(Client(url, verbose=False, httpx_kwargs={"timeout": LOST_S})) as client:
            return {text: float(soundfile.info(client.predict(text, api_name="/generate")).duration)}
    except AppError as error:
        raise ToldError(error.message) from error


def program(url: str, text: str) -> Sounds:
    wanted = {"input": text, "response_format": "pcm"}
    with httpx.stream("POST", f"{url}/v1/audio/speech", json=wanted, timeout=LOST_S) as answer:
        return {text: len(_body(answer)) / 2 / float(RATE)}


def job(url: str, text: str) -> Sounds:
    texts = [f"{text} {word}" for word in ("one", "two", "three", "four", "five", "six")[:TEXTS]]
    with httpx.Client(base_url=url, timeout=30) as http:
        wanted = {"inputs": texts, "response_format": "wav"}
        accepted = http.post("/v1/audio/jobs", json=wanted, headers={"Idempotency-Key": text.replace(" ", "-")})
        told = _json(accepted)
        while not told["finished_at"]:
            time.sleep(0.5)
            told = _again(partial(_job, http, told["url"]))
        failed = [item["error"] for item in told["items"] if item["status"] != "done"]
        if failed:
            raise ToldError(failed[0])
        assert [item["index"] for item in told["items"]] == list(range(1, TEXTS + 1))
        sounds = [_again(partial(_got, http, item["audio_url"])) for item in told["items"]]
        return {
            text: float(soundfile.info(io.BytesIO(sound)).duration) for text, sound in zip(texts, sounds, strict=True)
        }


def _again(ask: Callable[[], Any]) -> Any:
    """As `ask` answers as soon as it does: reading is done again by anybody."""
    for _ in range(int(LOST_S / AGAIN_S)):
        try:
            return ask()
        except (CutOffError, httpx.TransportError):
            time.sleep(AGAIN_S)
    raise CutOffError


def _got(http: httpx.Client, url: str) -> bytes:
    with http.stream("GET", url) as answer:
        return _body(answer)


def _job(http: httpx.Client, url: str) -> Any:
    return _json(http.get(url))


def _json(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise _refusal(answer)
    return answer.json()


def _body(answer: httpx.Response) -> bytes:
    if answer.is_error:
        answer.read()
        raise _refusal(answer)
    return answer.read()


def _refusal(answer: httpx.Response) -> Exception:
    if (not answer.content and answer.status_code in (502, 503, 504)) or "No server answers" in answer.text:
        return CutOffError()
    try:
        return ToldError(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ToldError(f"{answer.status_code} {answer.text[:200]}")


class Visitor:
    """Somebody with a page that stays open; for one thread."""

    def __init__(self, url: str) -> None:
        self._playwright = sync_api.sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        self._page = self._browser.new_page()
        self._page.goto(url)
        self._page.wait_for_selector(".chip[data-state=ready]", timeout=60_000)

    def ask(self, url: str, text: str) -> Sounds:
        """The sound is as long as the player takes it for."""
        page, box, player = self._page, "#vx-text textarea", "document.querySelector('#vx-card audio')"
        page.wait_for_selector(".chip[data-state=ready]", timeout=LOST_S * 1000)
        page.fill(box, text)
        page.click("#vx-speak")
        card = "#vx-card .card:is([data-state={}], [data-state={}])"
        page.wait_for_selector(card.format("waiting", "speaking"), timeout=LOST_S * 1000)
        ended = page.wait_for_selector(card.format("done", "failed"), timeout=LOST_S * 1000)
        assert page.input_value(box) == text, "the text is lost"
        if ended.get_attribute("data-state") != "done":
            raise ToldError(ended.inner_text())
        return {text: float(page.wait_for_function(f"{player}.duration", timeout=30_000).json_value())}

    def close(self) -> None:
        self._browser.close()
        self._playwright.stop()


# Rounds


@dataclass
class Asked:
    """Somebody's text, and what came of it."""

    text: str
    kind: str
    sounds: Sounds = field(default_factory=dict)
    """None of them: it is lost."""
    told: list[str] = field(default_factory=list)
    cut_off: int = 0
    odd: list[str] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        return any(seconds > SOUND_S * (len(text.split()) + 0.5) for text, seconds in self.sounds.items())

    @property
    def is_short(self) -> bool:
        return any(seconds < SOUND_S * (len(text.split()) - 0.5) for text, seconds in self.sounds.items())


def served(ask: Callable[[str, str], Sounds], url: str, asked: Asked) -> Asked:
    """Until it is, or is lost."""
    deadline = time.monotonic() + LOST_S
    while time.monotonic() < deadline:
        try:
            asked.sounds = ask(url, asked.text)
            return asked
        except (CutOffError, httpx.TransportError, CancelledError):  # the last is gradio_client's
            asked.cut_off += 1
        except ToldError as told:
            (asked.told if any(each.fullmatch(str(told)) for each in SENTENCES) else asked.odd).append(str(told))
        except Exception as error:
            asked.odd.append(f"{type(error).__name__}: {error}"[:300])
        time.sleep(AGAIN_S)
    return asked


@dataclass(frozen=True)
class Death:
    """Which of the processes gets which signal."""

    part: str
    number: int


DEATHS: Mapping[str, Death] = {
    "a voice killed": Death("voice 1", signal.SIGKILL),
    "the line killed": Death("line", signal.SIGKILL),
    "a server killed": Death("server 1", signal.SIGKILL),
    "a voice told to stop": Death("voice 1", signal.SIGTERM),
    "the line told to stop": Death("line", signal.SIGTERM),
    "a server told to stop": Death("server 1", signal.SIGTERM),
}


@dataclass
class Round:
    """What came of one death; `asked` are those under way meanwhile."""

    asked: Sequence[Asked]
    begun_s: float
    """Until a voice began with a text again."""
    back_s: float
    """Until the process was there again."""
    said_anew: int
    """How often a text was said to the end that had been before."""


NAMES = ("q" + "".join(letters) for letters in product(ascii_lowercase, repeat=3))
"""Words that no voice reads in another way."""


def round_of(site: Site, death: Death, people: ThreadPoolExecutor, visiting: ThreadPoolExecutor | None) -> Round:
    site.held.touch()
    kinds: list[tuple[str, Any]] = [("script", script)] * SCRIPTS + [("program", program)] * PROGRAMS + [("job", job)]
    before = len(site.said("said"))
    asked: list[Future[Asked]] = []
    for kind, ask in kinds:
        asked.append(people.submit(served, ask, site.url, Asked(f"{next(NAMES)} and three words more", kind)))
    if visiting:
        asked.append(visiting.submit(served, VISITORS[0].ask, site.url, Asked(f"{next(NAMES)} is on the page", "page")))
    eventually(lambda: site.in_line >= SCRIPTS + PROGRAMS + 1 + bool(visiting), within_s=LOST_S)
    site.held.unlink()
    time.sleep(2.5 * WORD_S)
    part, begun = site.parts[death.part], site.said("says")
    broken_off = part.saying if death.number == signal.SIGKILL else set()
    killed_at = time.monotonic()
    part.end(death.number)

    def has_begun() -> bool:
        anew = site.said("says")[len(begun) :]
        return broken_off <= set(anew) if broken_off else bool(anew)

    eventually(has_begun, LOST_S)
    begun_s = time.monotonic() - killed_at
    ended = [each.result() for each in asked]
    eventually(lambda: part.is_back, LOST_S)
    said = site.said("said")[before:]
    settled = time.monotonic() + GONE_S  # until then, a voice that has died may still be counted
    eventually(lambda: time.monotonic() > settled and site.is_whole(), LOST_S)
    return Round(ended, begun_s, part.back_at - killed_at, len(said) - len(set(said)))


VISITORS: list[Visitor] = []


def told(name: str, rounds: Sequence[Round]) -> None:
    asked = [each for one in rounds for each in one.asked]
    lost = [each for each in asked if not each.sounds]
    short, long = ([each for each in asked if getattr(each, which)] for which in ("is_short", "is_long"))
    odd = [sentence for each in asked for sentence in each.odd]
    counts = {
        "asked": len(asked),
        "lost": len(lost),
        "too short": len(short),
        "too long": len(long),
        "said anew": sum(one.said_anew for one in rounds),
        "connections broken": sum(each.cut_off for each in asked),
        "told to come again": sum(len(each.told) for each in asked),
        "told anything else": len(odd),
    }
    begun, back = (_of([getattr(one, which) for one in rounds]) for which in ("begun_s", "back_s"))
    print(f"{name}, {len(rounds)} times: {', '.join(f'{number} {what}' for what, number in counts.items())};")
    print(f"  a voice began again after {begun}, the process was back after {back}", flush=True)
    for what, ones in (("lost", lost), ("too short", short), ("too long", long)):
        for each in ones:
            print(f"  {what}: {each}")
    for sentence in sorted({sentence for each in asked for sentence in each.told}):
        print(f"  told: {sentence}")
    for sentence in sorted(set(odd)):
        print(f"  ELSE: {sentence}", flush=True)


def _of(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.1f} s ({max(seconds):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="each death")
    parser.add_argument("--only", nargs="+", choices=[*DEATHS], default=[*DEATHS], help="of the deaths")
    parser.add_argument("--page", action="store_true", help="with somebody on the page")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what it started ends with it
    # Caddy is the one of ./launch.sh cluster, where that is installed.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    visiting = ThreadPoolExecutor(1) if chosen.page else None
    with running() as site, ThreadPoolExecutor(SCRIPTS + PROGRAMS + 1) as people:
        if visiting:
            visiting.submit(lambda: VISITORS.append(Visitor(site.url))).result()
        for name in chosen.only:
            rounds = list[Round]()
            for _ in range(chosen.times):
                rounds.append(round_of(site, DEATHS[name], people, visiting))
                print(f"  {name}: {len(rounds)}", file=sys.stderr, flush=True)
            told(name, rounds)
        if visiting:
            visiting.submit(VISITORS[0].close).result()


if __name__ == "__main__":
    main()
