"""Requests of front ends and the seats of voices, as the line's process knows them: the lane does the rest.

Lives on the event loop. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from voxdemo.lanes.jobs import Job, LaneEvent, SpeakJob
from voxdemo.lanes.line import Claim, ModelReport
from voxdemo.lanes.local.job_run import End
from voxdemo.lanes.local.seats import AnySeat
from voxdemo.lanes.local.ticket import Ticket
from voxdemo.lanes.messages import Beat, Called, InHand, Lost, Refused, Turn, VoiceOffer
from voxdemo.lanes.turns import TURN_S, Place, Size
from voxdemo.speech import EngineInfo, RecognizerInfo, Waiting

TAKEN_WITHIN_S = 5.0
"""How long a turn is kept for a front end that doesn't take it."""
SOON_S = 0.5
"""How soon a voice is expected that should be there already."""
GONE_S = 3.0
"""After so long without a beat, a voice isn't there any more."""
UNTOLD = 0.0, Place(-1, None, None)
"""Before anything was told: unlike any place."""


class FrontEnd:
    """What is to be told to a front end, where it is, and since when it hasn't listened."""

    def __init__(self) -> None:
        self.url = ""
        self.news: asyncio.Queue[Any] = asyncio.Queue()
        self.deaf_since: float | None = time.monotonic()

    def tell(self, news: Any) -> None:
        if self.deaf_since is None:
            self.news.put_nowait(news)

    def all_news(self) -> list[Any]:
        return [self.news.get_nowait() for _ in range(self.news.qsize())]


class Visitor(Ticket):
    """A request of a front end: its ticket in the line's process. Its job is there in outline."""

    run: Hearing | None

    def __init__(
        self, id: str, front_end: FrontEnd | None, claim: Claim, since: float, reckon: Callable[[Claim], Size]
    ) -> None:
        self.id = id
        self.front_end = front_end
        self._is_called = False
        self.granted: tuple[float, Turn] | None = None
        """When it got its turn, and where."""
        self.in_hand: tuple[float, InHand] | None = None
        """What its voice said of it, and when."""
        self.place_told = UNTOLD
        """What its front end knows of its place, and the monotonic time at which that was foretold."""
        self._sized: Size | None = None
        super().__init__(claim, since, reckon)

    def bring(self, job: Job) -> None:
        super().bring(job)
        self.reckon_again()

    @property
    def size(self) -> Size:
        """As it was reckoned last: thousands may wait, and each move looks at all of them."""
        if self._sized is None:
            self._sized = super().size
        return self._sized

    def reckon_again(self) -> None:
        self._sized = None

    def wants_same(self, first: Visitor) -> bool:
        """Whether it waits, with its job there, for what is made for that one."""
        is_ready = self.brought is not None and self.run is None and self is not first
        return is_ready and bool(self.claim.key) and self.claim.key == first.claim.key

    def tell_front_end(self, news: Any) -> None:
        if self.front_end:
            self.front_end.tell(news)

    @property
    def is_called(self) -> bool:
        return self._is_called

    @is_called.setter
    def is_called(self, called: bool) -> None:
        if called and not self._is_called:
            self.tell_front_end(Called(self.id))
        self._is_called = called

    @property
    def left_s(self) -> float | None:
        if self.in_hand is None:
            return self.size.expected_s
        at, told = self.in_hand
        return None if told.left_s is None else max(0.0, told.left_s - (time.monotonic() - at))

    @property
    def turn_s(self) -> float:
        return self.in_hand[1].turn_s if self.in_hand else TURN_S

    @property
    def has_let_turn_go(self) -> bool:
        return bool(self.granted and time.monotonic() - self.granted[0] > TAKEN_WITHIN_S)

    def deliver(self, event: LaneEvent | End) -> None:
        """Only how it ends is told from here; its voice tells the rest."""
        if isinstance(event, End):
            self.ended = True
            if self.refusal:
                self.tell_front_end(Refused(self.id, self.refusal))

    def tell(self, place: Waiting) -> None:
        pass

    def note(self, told: InHand) -> None:
        """Its voice says how far it is."""
        now = time.monotonic()
        self.in_hand = (now, told)
        if told.elapsed_s is not None and self.begun_at is None:
            self.start()
            self.begun_at = now - told.elapsed_s


class Grant:
    """A turn that was given, to all who want the same: if they leave before the voice has the job, the seat is free."""

    def __init__(self, seat: VoiceSeat, first: Visitor) -> None:
        self._seat = seat
        self._first = first
        self.heard_by = {first}

    def left_by(self, visitor: Visitor) -> None:
        self.heard_by.discard(visitor)
        if not self.heard_by and self._first.in_hand is None and self._seat.ticket is self._first:
            self._seat.released()


class Hearing:
    """One request's share in a turn; `cancel` gives it up."""

    def __init__(self, grant: Grant, visitor: Visitor) -> None:
        self.grant = grant
        self._visitor = visitor
        grant.heard_by.add(visitor)

    def cancel(self) -> None:
        self.grant.left_by(self._visitor)


class VoiceSeat(AnySeat):
    """The seat of a voice elsewhere.

    `share` is called with the seat and a visitor that gets its turn, `forget` with one whose job has left the voice,
    however that ended.
    """

    ticket: Visitor | None
    host: Visitor | None

    def __init__(
        self,
        beat: Beat,
        offer: VoiceOffer,
        share: Callable[[VoiceSeat, Visitor], None],
        forget: Callable[[Visitor], None],
    ) -> None:
        super().__init__()
        self.beat = beat
        self.offer = offer
        self.is_suspect = False
        """Whether a front end couldn't reach it since it was heard of."""
        self.heard_at = time.monotonic()
        self._share = share
        self.ready_at: float | None = None
        """When its models will have been loaded for the first time, where that is known: until then it has no jobs."""
        self._forget = forget
        self._given: dict[str, Visitor] = {}
        """Those that got a turn of which the voice hasn't told yet: a brief job may be said and left before it does."""
        self._said: dict[str, Visitor] = {}

    @property
    def is_gone(self) -> bool:
        return time.monotonic() - self.heard_at > GONE_S

    @property
    def is_open(self) -> bool:  # type: ignore[override]
        return not (self.is_leaving or self.ready_at or self.is_suspect or self.is_gone)

    @property
    def is_leaving(self) -> bool:  # type: ignore[override]
        return self.beat.is_closing

    @property
    def outline(self) -> tuple[Any, ...]:
        """What of it decides turns."""
        begun = [visitor.begun_at is not None for visitor in self.visitors]
        return self.is_open, self.is_ready, self.beat.place, self.visitors, begun, self.offer

    @property
    def visitors(self) -> list[Visitor]:
        return [visitor for visitor in (self.ticket, self.host) if visitor]

    @property
    def heard_from(self) -> Sequence[Visitor]:
        """Those whose answers others can hear from here: as they are said, or, for a while, when they have been."""
        return [*self.visitors, *self._given.values(), *self._said.values()]

    def look(self, beat: Beat, adopted: Callable[[InHand], Visitor]) -> None:
        """What the voice is at now. A job that nobody entered here is of the line before this one, and is `adopted`.

        A turn that was given longer than TAKEN_WITHIN_S ago, and whose job isn't there, is lost.
        """
        self.beat, self.offer = beat, beat.offer or self.offer
        self.is_suspect, self.heard_at = False, time.monotonic()
        jobs = {each.id: each for each in beat.jobs}
        given = {id: each for id, each in self._given.items() if not each.has_let_turn_go}
        self._given = {id: each for id, each in given.items() if not (id in jobs or id in beat.said)}
        for visitor in self.visitors:
            if visitor.id in jobs:
                visitor.note(jobs[visitor.id])
            elif visitor.in_hand:
                visitor.in_hand = None
                self._put_down(visitor)
                self._said[visitor.id] = visitor
            elif visitor.has_let_turn_go:
                visitor.tell_front_end(Lost(visitor.id))
                self._put_down(visitor)
        self._said = {id: each for id, each in {**given, **self._said}.items() if id in beat.said}
        for job in beat.jobs:
            if self.ticket is None:
                self.ticket = given.get(job.id) or adopted(job)
                self.ticket.run = Hearing(Grant(self, self.ticket), self.ticket)
                self.ticket.note(job)

    def _put_down(self, visitor: Visitor) -> None:
        if visitor.run:
            visitor.run.grant.heard_by.clear()
        self._forget(visitor)

    def let_hear(self, visitor: Visitor, first: Visitor) -> None:
        """What is or was said for the `first` is for this one, too."""
        assert first.run, "it has a turn"
        turn = Turn(visitor.id, self.beat.id, self.beat.url, first.id)
        visitor.run, visitor.granted = Hearing(first.run.grant, visitor), (time.monotonic(), turn)
        visitor.tell_front_end(turn)

    @property
    def speaks(self) -> tuple[EngineInfo, bool]:
        return self.offer.speaks

    @property
    def listens(self) -> tuple[RecognizerInfo, bool] | None:
        return self.offer.listens

    @property
    def engines(self) -> Sequence[EngineInfo]:
        return self.offer.engines

    @property
    def reports(self) -> Sequence[ModelReport]:
        return self.offer.models

    @property
    def is_ready(self) -> bool:
        return self.beat.is_ready and not self.is_gone

    @property
    def ready_in_s(self) -> float | None:
        if self.ready_at is None:
            return super().ready_in_s
        return max(SOON_S, self.ready_at - time.monotonic())

    @property
    def has_failed(self) -> bool:
        """Whether a model of it has, so that its jobs end with that error."""
        return any(report.status.state == "failed" for report in self.reports if report.serving)

    @property
    def waits_for_model(self) -> bool:
        return bool(self.ticket and self.ticket.begun_at is None and self.beat.place.loading)

    @property
    def place(self) -> Waiting:
        return self.beat.place

    def hosting_s(self, job: Job) -> float | None:
        return (job.expected_s or 0.0) if self._state_of(job) == "ready" else None

    def serves(self, engine: str) -> bool:
        return not self.has_failed and self.speaks[0].name == engine

    def can_do(self, job: Job) -> bool:
        return self._state_of(job) != "failed"

    def effort(self, job: Job) -> int:
        return int(self._state_of(job) != "ready")

    def start(self) -> None:
        """It does so by itself."""

    def rest_later(self) -> None:
        """It does so by itself."""

    def begin(self, ticket: Ticket) -> None:
        assert isinstance(ticket, Visitor), "it is one of a front end"
        self.ticket = ticket
        if ticket.in_hand is None:
            self._given[ticket.id] = ticket
            turn = Turn(ticket.id, self.beat.id, self.beat.url)
            ticket.run, ticket.granted = Hearing(Grant(self, ticket), ticket), (time.monotonic(), turn)
            ticket.tell_front_end(turn)
            self._share(self, ticket)

    def ask_for_room(self, guest: Ticket | None) -> bool:
        """The voice's own lane has it stand aside for a guest, as soon as that is there."""
        visitor = self.ticket
        if visitor is None or visitor.begun_at is None:
            return False
        return isinstance(visitor.brought, SpeakJob) and visitor.brought.parts_left > 1

    async def close(self) -> None:
        """It does so by itself."""

    def _state_of(self, job: Job) -> str:
        name = job.engine.name if isinstance(job, SpeakJob) else job.recognizer
        kind = EngineInfo if isinstance(job, SpeakJob) else RecognizerInfo
        of_kind = [report for report in self.reports if isinstance(report.info, kind)]
        named = [report for report in of_kind if report.info.name == name] or [each for each in of_kind if each.serving]
        return named[0].status.state if named else "failed"
