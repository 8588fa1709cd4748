"""The doors of a line and of a voice: the secret, what they refuse, and turns that nobody takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fakes import CLONER, LISTENER, FakeEngine, FakeRecognizer, Stage, until
from servers import Servers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from voxdemo.estimates.paces import Paces
from voxdemo.lanes import wire
from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.elsewhere import asgi, places
from voxdemo.lanes.elsewhere import line as line_module
from voxdemo.lanes.elsewhere import voice as voice_module
from voxdemo.lanes.elsewhere.front_end import LineElsewhere
from voxdemo.lanes.elsewhere.line import LineProcess, line_app
from voxdemo.lanes.elsewhere.reaching import LineAddress
from voxdemo.lanes.elsewhere.voice import VoiceProcess, voice_app
from voxdemo.lanes.jobs import SpeakJob, outline
from voxdemo.lanes.line import Claim
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.lanes.messages import (
    END,
    Beat,
    BeatAnswer,
    Enter,
    Leave,
    LineState,
    Lost,
    Offer,
    Places,
    Ready,
    Refused,
    Turn,
    VoiceOffer,
)
from voxdemo.lanes.turns import Size
from voxdemo.speech import Utterance, Waiting

SECRET = "the-secret-of-the-tests"
JOB = outline(SpeakJob(CLONER, Utterance("a"), ["a"], 1.0))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new line gives its first turns without waiting for those of another one."""
    monkeypatch.setattr(line_module, "GATHER_S", 0.0)


@pytest.fixture
async def line() -> Any:
    app = line_app(LineProcess(10), SECRET)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://line") as http:
        yield http


@pytest.mark.parametrize(
    "sent", [{}, asgi.credentials("wrong"), asgi.credentials(SECRET + "x"), {"Authorization": SECRET}]
)
@pytest.mark.parametrize("path", ["/line/voices", "/line/fronts/one"])
async def test_who_does_not_know_the_secret_is_refused(
    line: httpx.AsyncClient, path: str, sent: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = await line.post(path, content=wire.to_bytes([]), headers=sent)
    assert answer.status_code == 401
    assert SECRET not in answer.text + caplog.text


async def test_whoever_watches_it_needs_the_secret_for_figures_alone(line: httpx.AsyncClient) -> None:
    assert (await line.get("/health")).status_code == 200
    assert (await line.get("/metrics")).status_code == 401
    assert "process_resident_memory_bytes" in (await line.get("/metrics", headers=asgi.credentials(SECRET))).text


async def test_what_is_no_message_or_too_long_is_refused(
    line: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = asgi.credentials(SECRET)
    assert (await line.post("/line/fronts/one", content=b"{}", headers=known)).status_code == 400
    monkeypatch.setattr(wire, "MOST_BYTES", 100)
    assert (await line.post("/line/fronts/one", content=b"x" * 101, headers=known)).status_code == 413


def beat_of(voice: str) -> Beat:
    offer = VoiceOffer((CLONER,), (CLONER, True), (LISTENER, True), (), Paces().snapshot())
    return Beat(voice, f"http://{voice}", True, False, Waiting(0, None), (), offer)


async def test_whoever_waits_gets_a_turn_as_soon_as_a_voice_comes() -> None:
    process = LineProcess(10)
    front_end = process.listen("one")
    await anext(front_end)
    process.told("one", [Enter("a", Claim(Size(1.0)), 1.0), Ready("a", JOB)])
    process.beat(beat_of("voice"))
    assert Turn("a", "voice", "http://voice") in await asyncio.wait_for(anext(front_end), 10.0)
    await front_end.aclose()


async def test_a_voice_that_dies_is_counted_and_one_that_ends_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "GONE_S", 0.0)
    monkeypatch.setattr(line_module, "LOOK_EVERY_S", 0.01)
    process = LineProcess(10)

    def told(name: str, **labels: str) -> float:
        samples = [sample for metric in process.metrics() for sample in metric.samples]
        return next(each.value for each in samples if (each.name, each.labels) == (f"voxdemo_line_{name}", labels))

    process.beat(replace(beat_of("ending"), is_closing=True))
    process.beat(beat_of("dying"))
    assert told("voices", state="leaving") == 1
    running = asyncio.ensure_future(process.run())
    await until(lambda: told("voices", state="leaving") == told("voices", state="starting") == 0)
    running.cancel()
    assert told("voices_lost_total") == 1


async def test_nobody_gets_a_turn_at_a_voice_that_loads_its_models_until_it_is_ready() -> None:
    process = LineProcess(10, elastic=Elastic(1, 2))
    front_end = process.listen("one")
    await anext(front_end)
    beat = beat_of("voice")
    process.beat(replace(beat, is_ready=False))
    news = process.told("one", [Enter("a", Claim(Size(1.0)), 1.0), Ready("a", JOB)])
    process.beat(replace(beat, is_ready=False, offer=None))
    assert not [each for each in [*news, *process.told("one", [])] if isinstance(each, Turn)]
    process.beat(replace(beat, offer=None))
    assert Turn("a", "voice", "http://voice") in process.told("one", [])
    await front_end.aclose()


async def test_a_line_counts_as_lost_until_it_has_been_reached() -> None:
    offer = Offer(None, None, (), Paces().snapshot())  # type: ignore[arg-type]
    line = LineElsewhere("http://127.0.0.1:1", SECRET, offer, Paces())
    assert line.fault.startswith("The line can't be reached at the moment")
    await line.close()


async def test_only_requests_of_one_client_count_as_its_own() -> None:
    process = LineProcess(10, most_waiting=1)
    front_end = process.listen("one")
    await anext(front_end)
    callers = ["", "", "a", "a", "b", ""]
    for number, caller in enumerate(callers):
        news = process.told("one", [Enter(str(number), Claim(Size(1.0), caller=caller), 0.0)])
        assert [each.id for each in news if isinstance(each, Refused)] == ([str(number)] if number == 3 else [])
    await front_end.aclose()


async def test_a_turn_that_is_not_taken_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "TAKEN_WITHIN_S", 0.0)
    process = LineProcess(10)
    beat = beat_of("voice")
    process.beat(beat)
    one, other = (process.listen(name) for name in ("one", "other"))
    await anext(one)
    await anext(other)
    first = process.told("one", [Enter("a", Claim(Size(1.0)), 1.0), Ready("a", JOB)])
    second = process.told("other", [Enter("b", Claim(Size(1.0)), 0.0), Ready("b", JOB)])
    assert first[-1] == Turn("a", "voice", "http://voice")
    assert Turn not in [type(each) for each in second]
    process.beat(replace(beat, offer=None))
    assert Lost("a") in await anext(one)
    assert Turn("b", "voice", "http://voice") in await anext(other)
    await one.aclose()
    await other.aclose()


async def test_of_thousands_each_is_told_their_place_once_and_all_again_when_one_leaves() -> None:
    process = LineProcess(2_000)
    working = asyncio.ensure_future(process.run())
    front_ends = [process.listen(name) for name in ("one", "other")]
    for front_end in front_ends:
        await anext(front_end)
    for name in ("one", "other"):
        process.told(name, [Enter(f"{name} {number}", Claim(Size(20.0)), 10.0) for number in range(1_000)])
    told = [place for front_end in front_ends for each in await places_told(front_end) for place in each.table]
    assert sorted(place.ahead for place in told) == list(range(2_000))
    assert [await places_told(front_end) for front_end in front_ends] == [[], []]
    process.told("one", [Leave("one 0")])
    again = [await places_told(front_end) for front_end in front_ends]
    assert [len(each.ids) for places in again for each in places] == [999, 1_000]
    working.cancel()
    for front_end in front_ends:
        await front_end.aclose()


async def places_told(front_end: AsyncGenerator[Sequence[Any], None]) -> list[Places]:
    """What it is told of places until it is told next how the line is doing."""
    news = list[Any]()
    while not any(isinstance(each, LineState) for each in news):
        news += await asyncio.wait_for(anext(front_end), 10.0)
    return [each for each in news if isinstance(each, Places)]


class Watched(LineProcess):
    """Keeps what voices said."""

    def __init__(self) -> None:
        super().__init__(10)
        self.beats: list[Beat] = []

    def beat(self, beat: Beat) -> BeatAnswer:
        self.beats.append(beat)
        return super().beat(beat)

    def said(self, closing: bool) -> list[Beat]:
        return [each for each in self.beats if each.is_ready and each.is_closing == closing]


def seat() -> Seat:
    worker = ModelWorker(CLONER, lambda tell: FakeEngine(Stage(open=True), CLONER, tell), lambda _: [(1.0, 1.0)])
    listener = ModelWorker(LISTENER, lambda tell: FakeRecognizer(Stage(open=True)), lambda _: [(1.0, 1.0)])
    return Seat(Role(worker), Role(listener))


async def test_a_voice_that_is_to_stop_ends_the_job_that_is_on_its_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "TAKEN_WITHIN_S", 600.0)
    line, servers = Watched(), Servers()
    line_url = await servers.serve(lambda url: line_app(line, SECRET))
    voices: list[VoiceProcess] = []

    def app_of(url: str) -> Any:
        voices.append(VoiceProcess(seat(), Paces(), url, line_url, SECRET, 30.0))
        return voice_app(voices[0], SECRET)

    url = await servers.serve(app_of)
    await until(lambda: bool(line.said(closing=False)))
    front_end = line.listen("one")
    await anext(front_end)
    news = line.told("one", [Enter("a", Claim(Size(1.0)), 1.0), Ready("a", JOB)])
    assert [each.url for each in news if isinstance(each, Turn)] == [url]
    draining = asyncio.ensure_future(voices[0].drain(600.0))
    await until(lambda: len(line.said(closing=True)) > 2)
    assert not draining.done()
    job = SpeakJob(CLONER, Utterance("a"), ["a"], 1.0)
    async with httpx.AsyncClient(headers=asgi.credentials(SECRET), trust_env=False) as http:
        answer = await http.post(f"{url}/voice/jobs/a", content=wire.to_bytes(job))
    assert wire.to_bytes(END) in answer.content
    line.told("one", [Leave("a")])
    await asyncio.wait_for(draining, 60.0)
    await front_end.aclose()
    await servers.close()


async def test_whoever_comes_back_to_a_new_line_first_does_not_overtake_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long it had run until it was found: a proxy may know it late."""
    monkeypatch.setattr(line_module, "GATHER_S", 0.05)
    process = LineProcess(10)
    working = asyncio.ensure_future(process.run())
    await asyncio.sleep(0.1)  # nobody came for twice as long as it gathers
    one, other = (process.listen(name) for name in ("one", "other"))
    await anext(one)
    await anext(other)
    process.beat(beat_of("voice"))
    process.told("one", [Enter("later", Claim(Size(1.0)), 1.0, since=2.0), Ready("later", JOB)])
    process.told("other", [Enter("earlier", Claim(Size(1.0)), 1.0, since=1.0), Ready("earlier", JOB)])
    news = list[Any]()
    while not any(isinstance(each, Turn) for each in news):
        news += await asyncio.wait_for(anext(other), 10.0)
    assert Turn("earlier", "voice", "http://voice") in news
    working.cancel()
    await one.aclose()
    await other.aclose()


async def test_a_line_behind_a_proxy_is_reached_straight_and_looked_for_again_when_it_has_moved() -> None:
    offer = Offer(None, None, (), Paces().snapshot())  # type: ignore[arg-type]
    lines, proxies = [Servers(), Servers()], Servers()
    at = [await each.serve(lambda url: line_app(LineProcess(10), SECRET)) for each in lines]
    where = Starlette(routes=[Route("/line/where", lambda _: asgi.answer(at[0]))])  # and nothing else
    proxy = await proxies.serve(lambda url: where)
    front_end = LineElsewhere(proxy, SECRET, offer, Paces(), own_url="http://front-end")
    front_end.start()
    await until(lambda: front_end.stats().queue_size == 10)
    ticket = front_end.take(Claim(Size(1.0)), 0.0)
    await until(lambda: ticket.since is not None)
    first_since = ticket.since
    at[0] = at[1]
    await lines[0].close()
    other = LineElsewhere(at[1], SECRET, offer, Paces(), own_url="http://other")
    other.start()
    await until(lambda: other.others == ["http://front-end"] and other.stats().waiting == 1)
    assert ticket.since == first_since
    await front_end.close()
    await other.close()
    for each in (lines[1], proxies):
        await each.close()


async def test_a_line_without_a_proxy_is_asked_once_where_it_is_and_again_when_it_has_gone() -> None:
    asked = []

    async def where(_: Request) -> Response:
        asked.append(True)
        return asgi.answer("")

    transport = httpx.ASGITransport(Starlette(routes=[Route("/line/where", where)]))
    async with httpx.AsyncClient(transport=transport) as http:
        address = LineAddress(http, "http://line/")
        assert [await address.url() for _ in range(3)] == ["http://line"] * 3
        assert len(asked) == 1
        address.forget()
        assert await address.url() == "http://line"
        assert len(asked) == 2


async def test_a_voice_that_finds_no_line_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(voice_module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(voice_module, "TRY_AGAIN_S", 0.0)
    servers, asked = Servers(), list[Request]()

    async def broken(request: Request) -> Response:
        asked.append(request)
        return Response(status_code=502)

    nothing = Starlette(routes=[Route("/{path:path}", broken, methods=["GET", "POST"])])
    line_url = await servers.serve(lambda url: nothing)
    await servers.serve(lambda url: voice_app(VoiceProcess(seat(), Paces(), url, line_url, SECRET, 30.0), SECRET))
    await until(lambda: len(asked) > 5)
    assert caplog.text.count("the line can't be reached: start it") == 1
    await servers.close()


@pytest.mark.parametrize("is_closing", [False, True])
async def test_only_a_voice_that_was_lost_is_a_warning(
    is_closing: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(places, "GONE_S", 0.0)
    monkeypatch.setattr(line_module, "LOOK_EVERY_S", 0.01)
    process = LineProcess(10)
    process.beat(replace(beat_of("voice"), is_closing=is_closing))
    caplog.clear()
    working = asyncio.ensure_future(process.run())
    try:
        await until(lambda: bool(caplog.records))
    finally:
        working.cancel()
    assert [each.levelname for each in caplog.records] == ["INFO" if is_closing else "WARNING"]


@pytest.mark.parametrize(
    ("status", "said"), [(400, "run the same voxdemo at both"), (401, "set VOXDEMO_LINE_SECRET to what it has there")]
)
async def test_a_line_that_is_there_and_doesnt_understand_a_voice_is_told_of_once(
    status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked, servers = list[Request](), Servers()

    async def refuse(request: Request) -> Response:
        asked.append(request)
        return Response(status_code=status)

    where = Route("/line/where", lambda _: asgi.answer(""))
    routes = [where, Route("/line/voices", refuse, methods=["POST"])]
    url = await servers.serve(lambda _: Starlette(routes=routes))
    running = asyncio.ensure_future(VoiceProcess(seat(), Paces(), "http://voice", url, SECRET, 30.0).run())
    await until(lambda: len(asked) > 2)
    running.cancel()
    await asyncio.wait([running])
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [said in each for each in warned] == [True]
    await servers.close()
