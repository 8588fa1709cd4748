"""What HAProxy, nginx and Caddy do before two front ends, with the files that are shipped.

First before two small apps, which show what reaches a front end and what comes back at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from proxying import BALANCERS, haproxy_before
from serving import eventually, served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from uploading import MIB
from websockets.sync.client import connect

pytestmark = pytest.mark.long

PEOPLE = 20
COOKIE = "voxdemo_visitor"


class FrontEnd:
    """Says which one it is, and what reaches it.

    `is_leaving`: it does what a server does that was told to stop. `is_waiting`: what one does whose line is away.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_leaving = self.is_waiting = False
        self.asked = 0
        """How often it was asked whether it is ready, since it was changed."""
        self.may_go_on = threading.Event()
        routes = [
            *(Route(path, self.who) for path in ("/", "/config", "/who", "/health")),
            Route("/ready", self.ready),
            Route("/work", self.work, methods=["POST"]),
            Route("/gradio_api/upload", self.take, methods=["POST"]),
            Route("/headers", self.headers),
            Route("/stream", self.stream),
            WebSocketRoute("/socket", self.echo),
        ]
        self.app = Starlette(routes=routes)

    async def ready(self, _: Request) -> Response:
        self.asked += 1
        return PlainTextResponse(self.name, 503 if self.is_leaving or self.is_waiting else 200)

    async def who(self, _: Request) -> Response:
        return PlainTextResponse(self.name)

    async def work(self, request: Request) -> Response:
        return PlainTextResponse(f"{self.name} {await request.body()!r}", 503 if self.is_leaving else 200)

    async def take(self, request: Request) -> Response:
        return JSONResponse(sum([len(chunk) async for chunk in request.stream()]))

    async def headers(self, request: Request) -> Response:
        return JSONResponse(dict(request.headers))

    async def stream(self, _: Request) -> Response:
        async def pieces() -> AsyncGenerator[str, None]:
            yield "first"
            while not self.may_go_on.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.01)
            yield "last"

        return StreamingResponse(pieces(), media_type="text/event-stream")

    async def echo(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())


class Site:
    """A balancer before two front ends. `asks`: it asks them whether they are ready."""

    def __init__(self, url: str, front_ends: dict[str, FrontEnd], asks: bool) -> None:
        self.url = url
        self.front_ends = front_ends
        self.asks = asks

    def visitor(self, name: str = "") -> httpx.Client:
        cookie = {"Cookie": f"{COOKIE}={name}"} if name else {}
        return httpx.Client(base_url=self.url, timeout=30, verify=False, headers=cookie)

    def at(self) -> dict[str, str]:
        """Which front end answers each of many visitors."""
        with self.visitor() as http:
            names = [f"somebody-{number}" for number in range(PEOPLE)]
            return {name: http.get("/who", headers={"Cookie": f"{COOKIE}={name}"}).text for name in names}


@pytest.fixture(scope="module", params=BALANCERS)
def _site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    front_ends = {name: FrontEnd(name) for name in ("one", "other")}
    with ExitStack() as stack:
        urls = [stack.enter_context(served(each.app)) for each in front_ends.values()]
        ports = [int(url.rsplit(":", 1)[1]) for url in urls]
        folder = tmp_path_factory.mktemp(request.param)
        site = Site(stack.enter_context(BALANCERS[request.param](ports, folder)), front_ends, request.param != "nginx")
        yield site


@pytest.fixture
def site(_site: Site) -> Iterator[Site]:
    yield _site
    for each in _site.front_ends.values():
        each.is_leaving = each.is_waiting = False


def test_each_visitor_stays_at_one_front_end_and_both_have_some(site: Site) -> None:
    eventually(lambda: {*site.at().values()} == {"one", "other"})  # once both have been found to be ready
    assert site.at() == site.at()


def test_a_stranger_gets_a_cookie_by_which_they_are_known_and_no_second_one(site: Site) -> None:
    with site.visitor() as visitor:
        assert "set-cookie" not in visitor.get("/who").headers
        told = visitor.get("/config").headers["set-cookie"]
        assert told.startswith(f"{COOKIE}=")
        assert "HttpOnly" in told
        assert len({visitor.get("/who").text for _ in range(10)}) == 1
        assert "set-cookie" not in visitor.get("/").headers
    with site.visitor() as one, site.visitor() as other:
        assert one.get("/").cookies[COOKIE] != other.get("/").cookies[COOKIE]


def test_who_keeps_no_cookies_stays_at_one_front_end_too(site: Site) -> None:
    def answering() -> str:
        with site.visitor() as stranger:
            return stranger.get("/who").text

    assert len({answering() for _ in range(5)}) == 1


def test_the_address_of_a_client_is_the_real_one_whatever_it_claims(site: Site) -> None:
    claims = {"X-Forwarded-For": "192.0.2.7", "X-Voxdemo-Visitor": "me", "X-Forwarded-Host": "evil.example"}
    with site.visitor("somebody") as visitor:
        seen = visitor.get("/headers", headers=claims).json()
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    host = site.url.removeprefix("http://")
    assert seen["x-forwarded-host"] in (host, "127.0.0.1")
    assert seen["host"] == host


def test_haproxy_believes_a_proxy_before_it_that_is_named(tmp_path: Path) -> None:
    told = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "Host": "voice.example"}
    with served(FrontEnd("one").app) as one, served(FrontEnd("other").app) as other:
        ports = [int(url.rsplit(":", 1)[1]) for url in (one, other)]
        with haproxy_before(ports, tmp_path, "10.0.0.0/8 127.0.0.0/8") as url, httpx.Client(base_url=url) as http:
            seen = http.get("/headers", headers=told).json()
            strangers = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(PEOPLE)]
            eventually(lambda: len({http.get("/who", headers=each).text for each in strangers}) == 2)
    assert seen["x-forwarded-for"] == "192.0.2.7"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-host"] == seen["host"] == "voice.example"


def test_sound_and_places_pass_as_they_come(site: Site) -> None:
    with site.visitor("somebody") as visitor, visitor.stream("GET", "/stream") as answer:
        pieces = answer.iter_text()
        assert next(pieces) == "first"
        for each in site.front_ends.values():
            each.may_go_on.set()
        assert "".join(pieces) == "last"


def test_a_socket_passes(site: Site) -> None:
    with connect(site.url.replace("http", "ws") + "/socket") as socket:
        socket.send("heard")
        assert socket.recv() == "heard"


def test_a_large_recording_passes(site: Site) -> None:
    with site.visitor("somebody") as visitor:
        assert visitor.post("/gradio_api/upload", content=b"x" * (30 * MIB)).json() == 30 * MIB


def test_one_that_stops_is_sent_no_more_work_and_goes_on_with_what_it_has(site: Site) -> None:
    before = site.at()
    leaving, staying = (
        site.front_ends[before["somebody-0"]],
        next(each for name, each in site.front_ends.items() if name != before["somebody-0"]),
    )
    leaving.may_go_on.clear()
    with site.visitor("somebody-0") as visitor, visitor.stream("GET", "/stream") as answer:
        pieces = answer.iter_text()
        assert next(pieces) == "first"
        leaving.is_leaving = True
        eventually(lambda: _all_work_goes_to(site, staying.name))
        leaving.may_go_on.set()
        assert "".join(pieces) == "last"
    leaving.is_leaving = False
    eventually(lambda: site.at() == before)


def test_where_none_is_ready_people_stay_at_those_that_are_alive(site: Site) -> None:
    eventually(lambda: {*site.at().values()} == {"one", "other"})
    before = site.at()
    for each in site.front_ends.values():
        each.is_waiting, each.asked = True, 0
    eventually(lambda: not site.asks or all(each.asked > 1 for each in site.front_ends.values()))
    assert site.at() == before
    test_a_stranger_gets_a_cookie_by_which_they_are_known_and_no_second_one(site)
    test_the_address_of_a_client_is_the_real_one_whatever_it_claims(site)
    test_a_socket_passes(site)
    test_a_large_recording_passes(site)
    with site.visitor("somebody-0") as visitor:
        assert visitor.post("/work", content=b"text").text == f"{before['somebody-0']} b'text'"
        assert visitor.get("/ready").status_code == 503
    if site.asks:
        site.front_ends["other"].is_waiting = False
        eventually(lambda: {*site.at().values()} == {"other"})


def test_caddy_says_in_a_sentence_that_no_server_answers(tmp_path: Path) -> None:
    with ExitStack() as alive, ExitStack() as balancer:
        urls = [alive.enter_context(served(FrontEnd(name).app)) for name in ("one", "other")]
        ports = [int(url.rsplit(":", 1)[1]) for url in urls]
        site = balancer.enter_context(BALANCERS["caddy"](ports, tmp_path))
        alive.close()
        told = [httpx.post(f"{site}/work", json={}, timeout=30)]
        told += [httpx.get(f"{site}/", headers={"Accept": kind}, timeout=30) for kind in ("*/*", "text/html,*/*")]
    assert [(each.status_code, each.headers["retry-after"]) for each in told] == [(503, "5")] * 3
    sentence = "No server answers: try again in a few seconds."
    assert [each.json()["error"]["message"] for each in told[:2]] == [sentence] * 2
    assert (told[0].json()["detail"], told[2].text) == (sentence, sentence)


def _all_work_goes_to(site: Site, name: str) -> bool:
    try:
        with site.visitor("somebody-0") as visitor:
            answers: list[Any] = [visitor.post("/work", content=b"text") for _ in range(5)]
    except httpx.RemoteProtocolError:  # on a busy machine Caddy 2.6 has broken off an answer while it changed servers
        return False
    return all(answer.text == f"{name} b'text'" for answer in answers)
