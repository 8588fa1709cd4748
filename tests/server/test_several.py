"""Two real servers over one line and one voice, behind each balancer: all kinds of clients, and a rolling restart."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from browsing import OpenPage, expect, needs_browser, speak
from gradio_client import Client
from gradio_client.exceptions import AppError
from line_elsewhere import RATE, SECRET
from listening import frames, key_of
from openai import OpenAI
from proxying import BALANCERS, haproxy_before
from rings import AT_NIGHT
from serving import Server, eventually, free_port

pytestmark = pytest.mark.long

WORDS = "one two three"
LENGTH_S = 3 * 0.4
SCRIPTS, PROGRAMS, REGULARS = (28, 11, 4) if AT_NIGHT else (2, 2, 1)
"""How many clients wait at once, with a page: 40 at night; and how many ask again and again."""
PAUSE_S = 0.1
"""Between two requests of one who asks again and again."""
RESTARTED = (0, 1) if AT_NIGHT else (0,)
RESTARTING = r"^The server is restarting: try again in \d+ s\.$"


class Cluster:
    """A line, a voice that can be held, and two servers in one folder, each of which may be started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hold = folder / "held"
        self.ports = [free_port(), free_port()]
        self.line = self._run("line", GATHER_S=0)
        line = {"VOXDEMO_LINE_URL": self.line.url}
        self.voice = self._run("voice", WORD_S=0.01, HELD=self.hold, **line)
        self.servers = [self.started(number) for number in range(2)]
        for server in self.servers:
            server.wait_until_ready()

    def started(self, number: int, **settings: Any) -> Server:
        usual = {
            "VOXDEMO_CACHE_DIR": self._folder / "cache",
            "VOXDEMO_CACHE_SIZE": 0,
            "VOXDEMO_TRUSTED_PROXIES": "127.0.0.1",
        }
        shared = {"VOXDEMO_LINE_URL": self.line.url, "MOVED_S": 0.8, "VOXDEMO_DRAIN_S": 60, **usual}
        return self._run("server", port=self.ports[number], **{**shared, **settings})

    def restarted(self, number: int, **settings: Any) -> None:
        """The server has ended well, and is there again."""
        server = self.servers[number]
        assert server.process.wait(timeout=60) == 0, server.log
        assert "Traceback" not in server.log
        server.http.close()
        self.servers[number] = self.started(number, **settings)
        self.servers[number].wait_until_ready()

    def told_to_stop(self, number: int) -> None:
        server = self.servers[number]
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: server.http.get("/ready").status_code == 503)

    def has_in_line(self, count: int) -> None:
        """Wait until so many stand in line, as each server says that isn't stopping."""
        eventually(lambda: {server.in_line() for server in self.servers} == {count}, within_s=60.0)

    def close(self) -> None:
        self.hold.unlink(missing_ok=True)
        for each in (*self.servers, self.voice, self.line):
            each.end()

    def _run(self, role: str, **settings: Any) -> Server:
        folder = self._folder / f"{role}-{len(list(self._folder.iterdir()))}"
        folder.mkdir()
        return Server(folder, "tests/line_elsewhere.py", ROLE=role, VOXDEMO_LINE_SECRET=SECRET, **settings)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def people() -> Iterator[ThreadPoolExecutor]:
    people = ThreadPoolExecutor(100)
    yield people
    people.shutdown(wait=False, cancel_futures=True)  # whoever is left ends with the servers


def script(url: str, text: str = WORDS) -> float:
    """The seconds of sound that gradio_client gets."""
    with closing(Client(url, verbose=False, httpx_kwargs={"timeout": 60})) as client:
        return float(soundfile.info(client.predict(text, api_name="/generate")).duration)


def program(url: str, text: str = WORDS) -> float:
    """The seconds of sound that OpenAI's client gets."""
    with OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=120) as opened:
        sound = opened.audio.speech.create(model="tts-1", voice="alloy", input=text, response_format="pcm")
    return len(sound.content) / 2 / RATE


def is_spoken(page: Any) -> None:
    expect(page.locator("#vx-card .card")).to_have_attribute("data-state", "done", timeout=60_000)


class Outside(Server):
    """The servers as people reach them."""

    def __init__(self, url: str) -> None:
        self.url = url


ASKED = [WORDS, None, "", 2.0, 10, False, False]


def messages_at(server: Server, path: str, **query: str) -> list[Any]:
    """What a server says of a session or an event, to the end."""
    with server.http.stream("GET", f"/gradio_api{path}", params=query, timeout=60) as stream:
        return [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data: ")]


def test_what_was_begun_at_one_server_goes_on_at_the_other(cluster: Cluster, people: ThreadPoolExecutor) -> None:
    here, there = cluster.servers
    cluster.hold.touch()
    event = here.joined("generate", ASKED, "moved").json()["event_id"]
    stopped = here.joined("generate", ASKED, "stopped").json()["event_id"]
    called = here.http.post("/gradio_api/call/generate", json={"data": ASKED}).json()["event_id"]
    cluster.has_in_line(3)  # the line has said by then where each of them is
    heard = people.submit(messages_at, there, "/queue/data", session_hash="moved")
    result = people.submit(messages_at, there, f"/call/generate/{called}")
    functions = here.http.get("/config").json()["dependencies"]
    number = next(each["id"] for each in functions if each["api_name"] == "generate")
    there.http.post("/gradio_api/cancel", json={"session_hash": "stopped", "fn_index": number, "event_id": stopped})
    cluster.has_in_line(2)
    cluster.hold.unlink()
    done = [each for each in heard.result(60) if each["msg"] == "process_completed"]
    assert [(each["event_id"], each["success"]) for each in done] == [(event, True)]
    assert result.result(60)[-1][0]["path"].endswith(".wav")
    assert there.http.get("/live/nobody").status_code == 404


def test_what_is_spoken_at_one_server_is_heard_live_and_stopped_at_the_other(cluster: Cluster) -> None:
    here, there = cluster.servers
    event = here.joined("speak", here.page_values("word " * 600), "live").json()["event_id"]
    number = next(each["id"] for each in here.http.get("/config").json()["dependencies"] if each["api_name"] == "speak")
    with here.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": "live"}) as told:
        lines = (line for line in told.iter_lines() if line.startswith("data: "))
        key = key_of(json.loads(line.removeprefix("data: ")) for line in lines)
        with there.http.stream("GET", f"/live/{key}") as heard:
            assert next(sound for _, sound in frames(heard) if sound)
            stop = {"session_hash": "live", "fn_index": number, "event_id": event}
            there.http.post("/gradio_api/cancel", json=stop).raise_for_status()
            cluster.has_in_line(0)


class Regulars:
    """Programs that ask again and again, one after the other, until they are told to go."""

    def __init__(self, url: str, people: ThreadPoolExecutor, count: int) -> None:
        self._url = url
        self._may_go = threading.Event()
        self._asking = [people.submit(self._ask) for _ in range(count)]

    def gone(self) -> int:
        """How often they were served; what went wrong is raised."""
        self._may_go.set()
        return sum(each.result(60) for each in self._asking)

    def _ask(self) -> int:
        served = 0
        while not self._may_go.wait(PAUSE_S):
            assert program(self._url, "one") == pytest.approx(0.4, abs=0.3)
            assert script(self._url, "one") == pytest.approx(0.4, abs=0.7)
            served += 2
        return served


@needs_browser
@pytest.mark.parametrize("balancer", BALANCERS)
def test_servers_are_restarted_while_people_wait_and_nobody_notices(
    balancer: str, cluster: Cluster, people: ThreadPoolExecutor, open_page: OpenPage, tmp_path: Path
) -> None:
    with BALANCERS[balancer](cluster.ports, tmp_path) as url:
        page = open_page(Outside(url))
        for number in RESTARTED:
            cluster.hold.touch()
            asked = [people.submit(script, url) for _ in range(SCRIPTS)]
            asked += [people.submit(program, url) for _ in range(PROGRAMS)]
            speak(page, WORDS)
            cluster.has_in_line(SCRIPTS + PROGRAMS + 1)
            cluster.told_to_stop(number)
            asked += [people.submit(script, url) for _ in range(SCRIPTS)]
            cluster.has_in_line(2 * SCRIPTS + PROGRAMS + 1)
            cluster.hold.unlink()
            regulars = Regulars(url, people, REGULARS)
            assert all(each.result(60) == pytest.approx(LENGTH_S, abs=0.7) for each in asked)
            is_spoken(page)
            cluster.restarted(number)
            assert regulars.gone()


@needs_browser
def test_who_waits_for_longer_than_a_server_may_take_to_stop_stands_in_line_at_the_other(
    cluster: Cluster, people: ThreadPoolExecutor, open_page: OpenPage, tmp_path: Path
) -> None:
    cluster.told_to_stop(0)
    cluster.restarted(0, VOXDEMO_DRAIN_S=3)
    with haproxy_before(cluster.ports, tmp_path) as url:
        cookie = eventually(lambda: cookie_of(url, cluster.ports[0]))
        cluster.hold.touch()
        first = people.submit(program, cluster.servers[1].url)
        cluster.has_in_line(1)
        page = open_page(Outside(url), before=lambda page: page.context.add_cookies([{**cookie, "url": url}]))
        speak(page, WORDS)
        waiting = people.submit(script, cluster.servers[0].url)
        cluster.has_in_line(3)
        cluster.told_to_stop(0)
        with pytest.raises(AppError, match=RESTARTING):
            waiting.result(60)
        expect(page.locator("#vx-card .card")).to_have_attribute("data-state", "waiting")
        eventually(lambda: cluster.servers[1].in_line() == 2, within_s=60.0)  # the other one may be gone by now
        cluster.restarted(0)
        cluster.hold.unlink()
        is_spoken(page)
        assert first.result(60) == pytest.approx(LENGTH_S, abs=0.7)


def cookie_of(url: str, port: int) -> dict[str, str] | None:
    """That of a visitor who stays at the server at this port; None while there is none."""
    for name in map(str, range(30)):
        if httpx.get(f"{url}/which", headers={"Cookie": f"voxdemo_visitor={name}"}).text == str(port):
            return {"name": "voxdemo_visitor", "value": name}
    return None
