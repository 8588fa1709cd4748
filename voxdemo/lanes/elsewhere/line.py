"""The line's process: the places of all front ends, and the turns that voices are given. No sound goes through it.

What it knows it has from front ends and voices, and has again from them when it was killed and another one follows it:
front ends enter their people again with the moment at which they came, voices say what they have in hand.
"""

import asyncio
import gc
import logging
import math
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from voxdemo.errors import UnavailableError
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.elsewhere.asgi import Guarded, Stream, answer, as_bytes, sent
from voxdemo.lanes.elsewhere.places import UNTOLD, FrontEnd, Visitor, VoiceSeat
from voxdemo.lanes.elsewhere.scaling import Scaling
from voxdemo.lanes.line import Claim
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.messages import (
    Beat,
    BeatAnswer,
    Called,
    Enter,
    Entered,
    InHand,
    Leave,
    LineState,
    Lost,
    Offer,
    Places,
    Ready,
    Refused,
    Unreachable,
)
from voxdemo.lanes.turns import AT_ITS_TURN, PlaceTable, Size
from voxdemo.settings import VOICES_TARGET_S

log = logging.getLogger(__name__)

GATHER_S = 1.5
"""How long a new line that is reached waits for all who stood in the one before it, until it gives turns."""
DEAF_S = 10.0
"""After so long without listening, a front end's people are taken out: it has died."""
LOOK_EVERY_S = 0.5
TELL_EVERY_S = 1.0
"""How often front ends are told something at least: they take a line that says nothing for gone."""
BETWEEN_S, EACH_S = 0.02, 1e-4
"""Seconds between two rounds of telling places: at least the first, and the second for each who waits, as it costs
front ends: 1 s for 10,000.
"""
OFF_BY_S = 0.5
"""How far off a place may be, counted down, until it is told again."""
KINDS = {"long": Size(None), "brief": Size(0.0), "recording": Size(0.0, speaks=False)}
"""Of jobs that may come: when one begins depends on which it is."""


class LineProcess:
    """All methods are for the event loop's thread. `target_s`: within how many seconds the last in line is to begin."""

    def __init__(
        self, queue_size: int, most_waiting: int = 0, elastic: Elastic | None = None, target_s: float = VOICES_TARGET_S
    ) -> None:
        self._paces = Paces()
        self._snapshot = ""
        self._lane = Lane([], queue_size, 0.0, most_waiting, self._paces)
        self._lane.gives_turns, self._lane.tells_places = not GATHER_S, False
        self._latest = 0.0
        """No newcomer stands before those that stood in the line before this."""
        self._front_ends: dict[str, FrontEnd] = {}
        self._seats: dict[str, VoiceSeat] = {}
        self._visitors: dict[str, Visitor] = {}
        self._is_reached = asyncio.Event()
        """Whether a front end or a voice has found it."""
        self._moved = asyncio.Event()
        self._lane.moved.append(self._moved.set)
        self._offer: Offer | None = None
        self.scaling = Scaling(elastic, self._lane) if elastic else None
        """For what starts and stops voices; None: nothing does."""
        self._target_s = target_s
        self._voices_lost = 0

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        await asyncio.gather(self._watch(), self._keep_telling(), self._begin_turns())

    async def listen(self, name: str, url: str = "") -> AsyncGenerator[Sequence[Any], None]:
        """What the front end at this address is told, as it comes, several at a time."""
        self._is_reached.set()
        front_end = self._front_ends.setdefault(name, FrontEnd())
        front_end.url = url
        front_end.all_news()
        news: asyncio.Queue[Any] = asyncio.Queue()
        front_end.news = news
        front_end.deaf_since = None
        try:
            yield [*([self._offer] if self._offer else []), self._state()]
            while True:
                yield [await news.get(), *front_end.all_news()]
        finally:
            if front_end.news is news:
                front_end.deaf_since = time.monotonic()

    def told(self, name: str, messages: Sequence[Any]) -> Sequence[Any]:
        """What a front end says, in its order. Returns what there is to be told in return."""
        front_end = self._front_ends.setdefault(name, FrontEnd())
        with self._lane.one_move():
            for message in messages:
                match message:
                    case Enter():
                        self._enter(name, front_end, message)
                    case Ready(id=id, job=job) if id in self._visitors:
                        self._visitors[id].bring(job)
                        self._let_hear(self._visitors[id])
                    case Leave(id=id) if id in self._visitors:
                        self._lane.leave(self._visitors.pop(id))
                    case Unreachable(voice=voice) if voice in self._seats:
                        self._seats[voice].is_suspect = True
        return front_end.all_news()

    def beat(self, beat: Beat) -> BeatAnswer:
        """What a voice says, and what it is told in return."""
        self._is_reached.set()
        seat = self._seats.get(beat.id)
        before = seat.outline if seat else None
        if seat is None:
            if beat.offer is None:
                return BeatAnswer(wants_offer=True, jobs=len(beat.jobs))
            seat = self._seats[beat.id] = VoiceSeat(beat, beat.offer, self._share, self._forget)
            self._lane.add(seat)
            log.info("a voice has come: %s", beat.url)
        if beat.offer:
            self._learn(beat.offer.paces)
        seat.look(beat, self._adopted)
        if beat.offer:
            self._reckon_again()
        if self.scaling and (before is None or seat.ready_at):
            self.scaling.look(self._seats.values())  # first, as it sees to it that nobody gets a turn where models load
        if seat.outline != before:  # else only seconds have passed
            self._lane.move_up()
        return BeatAnswer(wants_offer=False, jobs=len(seat.visitors))

    def _enter(self, name: str, front_end: FrontEnd, message: Enter) -> None:
        visitor = self._visitors.get(message.id)
        if visitor is None:
            since = self._now(message.age_s) if message.since is None else message.since
            self._latest = max(self._latest, message.since or 0.0)
            claim, is_begun = message.claim, self._is_begun(message.claim.key)
            try:
                if message.since is None and not is_begun:
                    self._lane.check_room()
                    self._lane.check_caller(claim.caller)
            except UnavailableError as error:
                return front_end.tell(Refused(message.id, error))
            visitor = self._visitors[message.id] = Visitor(message.id, front_end, claim, since, self._lane.reckon)
            if not message.is_served:
                self._lane.join(visitor)
                visitor.is_called = visitor.is_called or is_begun
        visitor.front_end, visitor.place_told, visitor.claim = front_end, UNTOLD, message.claim
        visitor.reckon_again()
        front_end.tell(Entered(visitor.id, visitor.arrived_at))
        if visitor.is_called:
            front_end.tell(Called(visitor.id))
        if visitor.granted and visitor.in_hand is None:
            front_end.tell(visitor.granted[1])
        return None

    def _now(self, age_s: float) -> float:
        return max(self._latest, time.time() - max(0.0, age_s))

    def _adopted(self, job: InHand) -> Visitor:
        """The visitor whose job this is; one that its front end will enter, if this line is younger than the job."""
        if job.id not in self._visitors:
            claim = Claim(Size(job.left_s))
            self._visitors[job.id] = Visitor(job.id, None, claim, 0.0, self._lane.reckon)
        return self._visitors[job.id]

    def _is_begun(self, key: str) -> bool:
        """Whether a voice has begun with what this request wants, or has said it a moment ago."""
        return any(key and each.claim.key == key for seat in self._seats.values() for each in seat.heard_from)

    def _let_hear(self, visitor: Visitor) -> None:
        """Have it hear what a voice has begun already for another one, or has said a moment ago."""
        for seat in self._seats.values():
            for first in seat.heard_from:
                if visitor.wants_same(first):
                    self._lane.leave(visitor)
                    return seat.let_hear(visitor, first)
        return None

    def _share(self, seat: VoiceSeat, first: Visitor) -> None:
        """Have all hear what this voice begins with who want the same."""
        for visitor in self._visitors.values() if first.claim.key else ():
            if visitor.wants_same(first):
                seat.let_hear(visitor, first)

    def _forget(self, visitor: Visitor) -> None:
        self._visitors.pop(visitor.id, None)
        self._lane.leave(visitor)

    def _learn(self, snapshot: str) -> None:
        if snapshot != self._snapshot:
            self._snapshot = snapshot
            self._paces.adopt(snapshot)

    def _reckon_again(self) -> None:
        """Voices have learned, or there are others."""
        for visitor in self._visitors.values():
            visitor.reckon_again()

    async def _begin_turns(self) -> None:
        """Give turns when GATHER_S have passed since a front end or a voice came: a proxy may lead here late."""
        await self._is_reached.wait()
        await asyncio.sleep(GATHER_S)
        self._lane.gives_turns = True
        self._lane.move_up()

    async def _watch(self) -> None:
        """Do without voices and front ends that have died."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self.scaling:
                self.scaling.look(self._seats.values())
            for id, seat in [(id, seat) for id, seat in self._seats.items() if seat.is_gone]:
                if seat.is_leaving:
                    log.info("a voice has ended its jobs and left")
                else:
                    log.warning("a voice has not been heard of for a while, and is done without")
                    self._voices_lost += 1
                del self._seats[id]
                for visitor in seat.visitors:
                    self._visitors.pop(visitor.id, None)
                    visitor.tell_front_end(Lost(visitor.id))
                self._lane.remove(seat)
                self._reckon_again()
            now = time.monotonic()
            for name, front_end in list(self._front_ends.items()):
                if front_end.deaf_since is not None and now - front_end.deaf_since > DEAF_S:
                    del self._front_ends[name]
                    for visitor in [each for each in self._visitors.values() if each.front_end is front_end]:
                        if visitor.in_hand is None:
                            self._forget(visitor)

    async def _keep_telling(self) -> None:
        while True:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._moved.wait(), TELL_EVERY_S)
            self._moved.clear()
            self._tell()
            await asyncio.sleep(min(max(BETWEEN_S, EACH_S * len(self._visitors)), TELL_EVERY_S))

    def _tell(self) -> None:
        """Tell every front end where its people stand, and how the line is doing."""
        made_at, foretold = self._lane.forecast
        visitors = [each for each in self._visitors.values() if each.front_end and not each.run]
        places, now = [foretold.get(each, AT_ITS_TURN) for each in visitors], time.monotonic()
        table = PlaceTable.of(places).after(now - made_at)
        told = PlaceTable.of([each.place_told[1] for each in visitors])
        told = told.after([now - each.place_told[0] for each in visitors])
        news = defaultdict[FrontEnd | None, list[int]](list)
        for row in table.off_from(told, OFF_BY_S):
            visitors[row].place_told = made_at, places[row]
            news[visitors[row].front_end].append(row)
        for front_end, rows in news.items():
            if front_end:
                front_end.tell(Places([visitors[row].id for row in rows], table.rows(rows)))
        if (offer := self._offered()) != self._offer:
            self._offer = offer
            self._tell_all(offer)
        self._tell_all(self._state())

    def _tell_all(self, news: Any) -> None:
        for front_end in self._front_ends.values():
            front_end.tell(news)

    def _offered(self) -> Offer | None:
        if not self._seats:
            return self._offer
        models = self._lane.stats().models
        return Offer(self._lane.catalogue, self._lane.recognizer_info, models, self._snapshot)

    def _state(self) -> LineState:
        coming = {kind: self._lane.foretell(size) for kind, size in KINDS.items()}
        refusal = None
        try:
            self._lane.check_room()
        except UnavailableError as error:
            refusal = error
        urls = tuple(each.url for each in self._front_ends.values() if each.url and each.deaf_since is None)
        stats = replace(self._lane.stats(), models=())
        if self.scaling and self.scaling.rests:  # as models that were unloaded: they are there when a job needs them
            stats = replace(stats, seats=1, ready_seats=1)
        return LineState(stats, coming, refusal, urls)

    def metrics(self) -> Sequence[Metric]:
        """The line, its seats and its waits, as /metrics shows them."""
        states = Counter(_state_of(seat) for seat in self._seats.values())
        if self.scaling:
            states["starting"] = self.scaling.starting
        voices = GaugeMetricFamily("voxdemo_line_voices", "Voices by how they are.", labels=["state"])
        for state in ("starting", "ready", "failed", "leaving"):
            voices.add_metric([state], states[state])
        lost = CounterMetricFamily("voxdemo_line_voices_lost", "Voices that died.", self._voices_lost)
        stats, wait_s = self._lane.stats(), self._lane.foretell(Size(None)).start_s
        figures: Mapping[str, tuple[str, float]] = {
            "running": ("Jobs that voices have begun.", stats.running),
            "waiting": ("Jobs in line.", stats.waiting),
            "waiting_limit": ("Most jobs that may be in line (VOXDEMO_QUEUE_SIZE).", stats.queue_size),
            "wait_seconds": ("How long a text waits that comes now.", math.nan if wait_s is None else wait_s),
            "wait_target_seconds": ("How long it is to wait at most (VOXDEMO_VOICES_TARGET_S).", self._target_s),
            **(self.scaling.figures() if self.scaling else {}),
        }
        rest = [GaugeMetricFamily(f"voxdemo_line_{name}", help, value) for name, (help, value) in figures.items()]
        return [voices, lost, *rest]


def _state_of(seat: VoiceSeat) -> str:
    if seat.is_leaving:
        return "leaving"
    return "ready" if seat.is_ready else "failed" if seat.has_failed else "starting"


def seldom_collected() -> None:
    """Have this process collect garbage seldom: each time it would look through all of the thousands who wait."""
    gc.set_threshold(100_000)


def line_app(process: LineProcess, secret: str, own_url: str = "") -> ASGIApp:
    """The line for other processes, over HTTP: front ends listen and tell, voices beat.

    `own_url` is where they reach it straight, if the URL by which they know it is that of a proxy.
    """

    async def where(_: Request) -> Response:
        return answer(own_url)

    async def listen(request: Request) -> Response:
        name, at = request.path_params["front_end"], request.query_params.get("at", "")
        return Stream(as_bytes(process.listen(name, at)))

    async def tell(request: Request) -> Response:
        return answer(process.told(request.path_params["front_end"], await sent(request)))

    async def beat(request: Request) -> Response:
        return answer(process.beat(await sent(request)))

    async def wanted(request: Request) -> Response:
        return answer(process.scaling and process.scaling.wanted)

    routes = [
        Route("/line/where", where),
        Route("/line/fronts/{front_end}", listen),
        Route("/line/fronts/{front_end}", tell, methods=["POST"]),
        Route("/line/voices", beat, methods=["POST"]),
        Route("/line/voices/wanted", wanted),
    ]
    return Guarded(Starlette(routes=routes, lifespan=working(process.run)), secret, process.metrics)


def working(run: Callable[[], Any]) -> Any:
    """A lifespan in which this goes on."""

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None, None]:
        task = asyncio.ensure_future(run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    return lifespan
