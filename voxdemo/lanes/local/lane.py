"""Seats behind one line: places, turns, cancelling, bounds.

At most as many jobs run as there are seats, whether they speak or listen. Jobs for an address take its seats alone, and
compete among themselves. Everything here lives on the event loop. It knows nothing of files, caches or the web.
"""

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from voxdemo.errors import BusyError, LimitError, NotReadyError
from voxdemo.estimates.paces import Paces
from voxdemo.intake.catalogue import Catalogue
from voxdemo.lanes.jobs import Job, LaneEvent
from voxdemo.lanes.line import Claim, LaneStats, LineTicket
from voxdemo.lanes.local.job_run import End
from voxdemo.lanes.local.order import Order, free_seat, with_jobs
from voxdemo.lanes.local.seats import AnySeat, Seats, until_restarted_s
from voxdemo.lanes.local.ticket import Ticket
from voxdemo.lanes.turns import AT_ITS_TURN, Place, Size
from voxdemo.speech import RecognizerInfo, Waiting

log = logging.getLogger(__name__)

AnyTicket = TypeVar("AnyTicket", bound=Ticket)

TELL_EVERY_S = 1.0
"""How often those that wait are told their places again."""


class Lane:
    """A `JobLine` over the seats of this process. All methods are for the event loop's thread.

    Closing the generator of `run` takes a waiting job out of the line at once. A running one is cancelled: it frees its
    seat when the model has really stopped, within one engine step, and never before.

    Whose turn it is when a seat is free: `in_turn`. A longer text leaves its seat between two parts to one brief job at
    a time (a recording, or a text of at most BRIEF_S of work), and then goes on there, in the same voice.

    At most `queue_size` jobs may wait, and `most_waiting` of one client; 0: any number. How long those take whose jobs
    aren't there yet is reckoned by the `paces`.
    """

    is_shared = False
    others = ()
    fault = ""
    """It's here."""

    def __init__(
        self,
        seats: Sequence[AnySeat],
        queue_size: int,
        job_timeout_s: float,
        most_waiting: int = 0,
        paces: Paces | None = None,
        tell_every_s: float = TELL_EVERY_S,
    ) -> None:
        self.moved: list[Callable[[], None]] = []
        self._seats = Seats()
        self._job_timeout_s = job_timeout_s
        self._queue_size = queue_size
        self._most_waiting = most_waiting
        self._paces = paces or Paces()
        self._tell_every_s = tell_every_s
        self._waiting: list[Ticket] = []
        self._overtook = False
        self._forecast: tuple[float, Mapping[LineTicket, Place]] | None = None
        self._busy_s = 0.0
        self._restarted_at: float | None = None
        self._inside: set[Ticket] = set()
        self._is_empty = asyncio.Event()
        self._closing = False
        self._telling: asyncio.Task[None] | None = None
        self._moving_soon: asyncio.Handle | None = None
        self._telling_soon: asyncio.Handle | None = None
        """What moves the line up, and tells places, in the next turn of the event loop."""
        self.gives_turns = True
        """Whether seats that are free are given to those who wait."""
        self.awaited: Sequence[float] = ()
        """The monotonic times at which further seats are expected."""
        self.tells_places = True
        """Whether those who wait are told their places by their events."""
        self._is_held = False
        for seat in seats:
            self.add(seat)

    def add(self, seat: AnySeat) -> None:
        """Have another seat, which is given jobs from the next move on."""
        seat.timeout_s, seat.released = self._job_timeout_s, partial(self._release, seat)
        self._seats.add(seat)

    def remove(self, seat: AnySeat) -> None:
        """Do without this seat, and without the jobs that it has."""
        self._seats.remove(seat)
        for ticket in seat.tickets:
            self.leave(ticket)
        self.move_up()

    @property
    def catalogue(self) -> Catalogue:
        return self._seats.catalogue

    @property
    def recognizer_info(self) -> RecognizerInfo:
        return self._seats.recognizer_info

    @property
    def order(self) -> Order:
        usual = self._seats.usual.name if self._seats.offering else ""
        awaited = [max(0.0, at - time.monotonic()) for at in self.awaited]
        return Order(self._waiting, self._seats.pools, usual, self._overtook, awaited)

    @property
    def refusal(self) -> NotReadyError | None:
        if self._restarted_at is not None:
            return NotReadyError.restarting(self._restarted_at - time.monotonic())
        return NotReadyError.stopping() if self._closing else None

    def start(self) -> None:
        for seat in self._seats.all:
            seat.start()

    def check_room(self) -> None:
        if refusal := self.refusal:
            raise refusal
        if len(self._waiting) < self._queue_size:  # so that of thousands not all are looked at
            return
        waiting = len(self.order.to_wait())
        if waiting >= self._queue_size:
            raise BusyError.full(waiting, self.foretell(Size(None)).start_s)

    def check_caller(self, caller: str) -> None:
        if not (caller and self._most_waiting):
            return
        if sum(ticket.claim.caller == caller for ticket in self._waiting) < self._most_waiting:  # as in `check_room`
            return
        theirs = [ticket for ticket in self.order.to_wait() if ticket.claim.caller == caller]
        if len(theirs) >= self._most_waiting:
            raise LimitError.waiting(self._most_waiting, self.place(theirs[0]).start_s)

    def take(self, claim: Claim, arrived_at: float) -> Ticket:
        if refusal := self.refusal:
            raise refusal
        return self.join(Ticket(claim, arrived_at, self.reckon))

    def join(self, ticket: AnyTicket) -> AnyTicket:
        """Have this one stand in line."""
        self._inside.add(ticket)
        self._is_empty.clear()
        self._waiting.insert(bisect_right(self._waiting, ticket.arrived_at, key=_arrival), ticket)
        self.move_up()
        return ticket

    def reckon(self, claim: Claim) -> Size:
        """How much work it is, as far as that is known now."""
        listener = self.recognizer_info.key if claim.recording_s and self._seats.offering else ""
        return claim.reckoned(self._paces, listener)

    def place(self, ticket: LineTicket) -> Place:
        made_at, places = self.forecast
        return places.get(ticket, AT_ITS_TURN).after(time.monotonic() - made_at)

    @property
    def forecast(self) -> tuple[float, Mapping[LineTicket, Place]]:
        """When it was made, and the places of all who wait, as of then: it is made again when the line has moved."""
        if self._forecast is None:
            self._forecast = time.monotonic(), dict(zip(self._waiting, self.order.places(), strict=True))
        return self._forecast

    def leave(self, ticket: LineTicket) -> None:
        assert isinstance(ticket, Ticket), "it is one of this line"
        ticket.ended = True
        self._inside.discard(ticket)
        if not self._inside:
            self._is_empty.set()
        if ticket.run:
            ticket.run.cancel()
            for seat in self._seats.all:
                if seat.host is ticket:
                    seat.host = None
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
            self.move_up()

    async def run(self, job: Job, ticket: LineTicket) -> AsyncGenerator[LaneEvent, None]:
        assert isinstance(ticket, Ticket), "it is one of this line"
        try:
            ticket.bring(job)
            self._move(self.order.pool(ticket.size))
            while not isinstance(event := await ticket.events.get(), End):
                yield event
            if event.error:
                raise event.error
        finally:
            self.leave(ticket)

    @property
    def is_busy(self) -> bool:
        return any(seat.ticket for seat in self._seats.all)

    def foretell(self, coming: Size) -> Place:
        """Without seconds while models load or where nothing is known of a job."""
        return self.order.place_of(coming)

    def stats(self) -> LaneStats:
        here, order = self._seats.pools[""], self.order
        return LaneStats(
            seats=len(here),
            running=sum(len(seat.tickets) for seat in self._seats.all),
            waiting=len(self._waiting),
            queue_size=self._queue_size,
            busy_s=self._busy_s + sum(ticket.turn_elapsed_s for ticket in order.running("")),
            ready_seats=sum(seat.is_ready for seat in here),
            models=tuple(self._seats.reports),
            addresses=tuple(order.load(pool) for pool in self._seats.pools if pool),
        )

    def refuse_all(self, within_s: float) -> NotReadyError:
        self._restarted_at = time.monotonic() + until_restarted_s(self._seats.all, within_s)
        loading = [seat.ticket for seat in self._seats.all if seat.ticket and seat.waits_for_model]
        return self._refuse([*self._waiting, *loading])

    async def drain(self, within_s: float) -> None:
        with suppress(asyncio.TimeoutError):
            if self._inside:
                await asyncio.wait_for(self._is_empty.wait(), within_s)
        if self._inside:
            self._refuse(self._inside)

    async def close(self) -> None:
        self._closing = True
        if self._telling:
            self._telling.cancel()
        if self._telling_soon:
            self._telling_soon.cancel()
        self._refuse([*self._waiting, *(seat.host for seat in self._seats.all if seat.host)])
        await asyncio.gather(*(seat.close() for seat in self._seats.all))

    async def _keep_telling(self) -> None:
        """Deliver places and seconds again while somebody waits: jobs turn out faster or slower than expected."""
        while self._somebody_waits:
            await asyncio.sleep(self._tell_every_s)
            self._call()  # by now it may be known how much work they are
            self._tell_seats()
            self._tell_places()

    @property
    def _somebody_waits(self) -> bool:
        return bool(self._waiting) or any(seat.host or seat.waits_for_model for seat in self._seats.all)

    def _refuse(self, tickets: Iterable[Ticket]) -> NotReadyError:
        """End these with the refusal, which is returned."""
        refusal = self.refusal
        assert refusal, "the line is still open"
        for ticket in tickets:
            ticket.refuse(refusal)
        self._waiting = [ticket for ticket in self._waiting if not ticket.ended]
        self._tell_seats()
        self._tell_places()
        return refusal

    def _release(self, seat: AnySeat) -> None:
        ticket, seat.ticket = seat.ticket, None
        if ticket:
            worked_s = ticket.rest()
            self._busy_s += 0.0 if seat.address else worked_s
        if ticket and ticket.stands_aside and (guest := self._guest(seat, self.order)):
            seat.host = ticket
            self._begin(seat, guest)
        elif ticket and ticket.stands_aside:
            self._begin(seat, ticket)
        elif seat.host:
            host, seat.host = seat.host, None
            if not host.ended:
                self._begin(seat, host)
        self._move(seat.address)
        if not (seat.tickets or self._closing):
            seat.rest_later()

    def _begin(self, seat: AnySeat, ticket: Ticket) -> None:
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        seat.begin(ticket)
        if ticket.claim.key:  # others may have begun with it
            self._waiting = [each for each in self._waiting if not each.run]

    def _guest(self, seat: AnySeat, order: Order) -> Ticket | None:
        """The job that may be served between two parts of a longer text."""
        brief = [] if self.refusal else [each for each in order.turns[seat.address] if each.size.is_brief]
        return next((each for each in with_jobs(brief) if seat.hosting_s(each.job) is not None), None)

    @contextmanager
    def one_move(self) -> Generator[None, None, None]:
        """All that happens within is one move, made at its end: of many who come at once, none needs one alone."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            self.move_up()

    def move_up(self) -> None:
        if self._is_held:
            return
        if self._moving_soon:
            self._moving_soon.cancel()
            self._moving_soon = None
        if self.gives_turns and not self.refusal:
            for pool, seats in self._seats.pools.items():
                while self._fill(pool, seats):
                    pass
        self._ask_for_room(self._call())
        self._tell_seats()
        self._forecast = None
        self._telling_soon = self._telling_soon or asyncio.get_running_loop().call_soon(self._tell_places)
        if not self.refusal and self._somebody_waits and (self._telling is None or self._telling.done()):
            self._telling = asyncio.ensure_future(self._keep_telling())

    def _move(self, address: str) -> None:
        """Move up; where jobs at an address come or end, once for all of them in a turn of the event loop."""
        if not address:
            self.move_up()
        elif not self._moving_soon:
            self._moving_soon = asyncio.get_running_loop().call_soon(self.move_up)

    def _fill(self, pool: str, seats: Sequence[AnySeat]) -> bool:
        """Give free seats to those whose turn it is; True: up to one that decides whose turn it is then."""
        turns = self.order.turns[pool] if any(not seat.tickets for seat in seats) else []
        for ticket in with_jobs(turns):
            seat = free_seat(ticket.job, seats)
            if seat is None:
                break
            if not pool:
                first = next(each for each in self._waiting if each in turns)
                self._overtook = not ticket.size.speaks and ticket is not first
            self._begin(seat, ticket)
            if not pool or ticket.claim.key:
                return True
        return False

    def _call(self) -> Order:
        """Have jobs prepared: of brief and of longer ones one more than there are seats for them.

        So the next one is there before a seat is free, or before a longer text stands aside. Those that wait for the
        same answer are called along with the first of them, and stand where it stands. Returns the order after that.
        """
        order, has_moved = self.order, False
        for pool, turns in order.turns.items():
            begun = [ticket.size.is_brief for ticket in order.running(pool)]
            room = {kind: 1 + len(self._seats.pools[pool]) - begun.count(kind) for kind in (False, True)}
            called: dict[str, Ticket] = {}
            for ticket in turns:
                if first := called.get(ticket.claim.key):
                    has_moved = has_moved or ticket.arrived_at != first.arrived_at
                    ticket.arrived_at, ticket.is_called = first.arrived_at, True
                    continue
                room[ticket.size.is_brief] -= 1
                ticket.is_called = ticket.is_called or room[ticket.size.is_brief] >= 0
                if ticket.is_called and ticket.claim.key:
                    called[ticket.claim.key] = ticket
        if has_moved:
            self._waiting.sort(key=_arrival)
        return self.order if has_moved else order

    def _ask_for_room(self, order: Order) -> None:
        """Have longer texts stand aside after their next part, if a brief job waits."""
        for seat in self._seats.all:
            if seat.ticket and not seat.host and not seat.ticket.size.is_brief:
                guest = self._guest(seat, order) if self.gives_turns else None
                if seat.ask_for_room(guest) and guest:
                    seat.host, seat.ticket = seat.ticket, None
                    self._begin(seat, guest)
                    order = self.order

    def _tell_seats(self) -> None:
        """Those whose jobs have begun, and wait all the same."""
        for seat in self._seats.all:
            if seat.ticket and seat.waits_for_model:
                seat.ticket.tell(seat.place)
            if seat.ticket and seat.host:
                seat.host.pause(seat.ticket.left_s)

    def _tell_places(self) -> None:
        """Once for all that has happened in a turn of the event loop: many jobs at an address may end together."""
        if self._moving_soon:
            self.move_up()
        self._telling_soon = None
        self._forecast = None
        for ticket in self._waiting if self.tells_places else ():
            if ticket.brought:
                place = self.place(ticket)
                ticket.tell(Waiting(place.ahead, place.end_s))
        for tell in self.moved:
            try:
                tell()
            except Exception:  # it is that door's fault, and the line goes on for all
                log.exception("a door can't show the places of those who wait")


def _arrival(ticket: Ticket) -> float:
    return ticket.arrived_at
