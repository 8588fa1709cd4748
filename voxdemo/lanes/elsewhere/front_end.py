"""A front end's side of a line elsewhere: its people's places by what the line said last, their jobs and the sound.

A place is entered again, with the moment at which its request came, whenever the line has to be reached again: it may
have been killed, be somewhere else by now, or have forgotten this front end. A voice that dies is followed by another
one, from the part on that wasn't heard whole. Lives on the event loop. Knows no models.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

import httpx

from voxdemo.errors import EngineError, NotReadyError, VoxdemoError
from voxdemo.estimates.paces import Paces
from voxdemo.intake.catalogue import Catalogue
from voxdemo.lanes import wire
from voxdemo.lanes.elsewhere.progress import Progress
from voxdemo.lanes.elsewhere.reaching import LineAddress, client_of, why_not
from voxdemo.lanes.elsewhere.ticket import OVER, PlaceElsewhere
from voxdemo.lanes.jobs import Job, LaneEvent, SpeakJob, outline
from voxdemo.lanes.line import Claim, LaneStats, LineTicket
from voxdemo.lanes.messages import (
    END,
    Called,
    Entered,
    Leave,
    LineState,
    Lost,
    Offer,
    Places,
    Ready,
    Refused,
    Turn,
    Unreachable,
)
from voxdemo.lanes.turns import AT_ITS_TURN, Place, Size
from voxdemo.speech import RecognizerInfo, Waiting

log = logging.getLogger(__name__)

SILENT_S = 5.0
"""A line or a voice that has said nothing for so long has gone; both say something more often."""
TRY_AGAIN_S = 0.2
MOST_AT_ONCE = 500
"""How many messages the line is sent together: it answers soon, however many enter it again."""
MOST_VOICES = 5
"""How many voices may die of one job."""
RESTART_S = 5.0
"""How long a front end takes until it is there again."""
UNREACHED = "The line can't be reached at the moment: places are as they were told last."


class LineElsewhere:
    """A `JobLine` over the line's process at `url`.

    All methods are for the event loop's thread. The `offer` is what the line has said before; `paces` take over what it
    has learned. `own_url` is where others reach this server.
    """

    is_shared = True

    def __init__(self, url: str, secret: str, offer: Offer, paces: Paces, own_url: str = "") -> None:
        self.moved: list[Callable[[], None]] = []
        self.fault = UNREACHED
        """Why the line can't be reached, in one sentence; "" from when it is reached until it is lost."""
        self._logged = ""
        """What the log has of that."""
        self._offer = offer
        self._paces = paces
        self._state: tuple[float, LineState] | None = None
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self._http = client_of(url, secret, timeout=SILENT_S, limits=limits)
        self._address = LineAddress(self._http, url)
        self._path = f"/line/fronts/{secrets.token_hex(4)}"
        self._own_url = own_url
        self._places: dict[str, PlaceElsewhere] = {}
        self._messages: list[Any] = []
        self._sending: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._restarted_at: float | None = None
        self._closing = False
        self._is_empty = asyncio.Event()

    # -- what is known

    @property
    def catalogue(self) -> Catalogue:
        return self._offer.catalogue

    @property
    def recognizer_info(self) -> RecognizerInfo:
        return self._offer.recognizer

    @property
    def refusal(self) -> NotReadyError | None:
        if self._restarted_at is not None:
            return NotReadyError.restarting(self._restarted_at - time.monotonic())
        return NotReadyError.stopping() if self._closing else None

    @property
    def others(self) -> Sequence[str]:
        return [url for url in self._state[1].front_ends if url != self._own_url] if self._state else ()

    @property
    def is_busy(self) -> bool:
        return any(place.is_served for place in self._places.values())

    def stats(self) -> LaneStats:
        if self._state is None:
            return LaneStats(0, 0, len(self._places), 0, 0.0, 0, tuple(self._offer.models))
        stats = self._state[1].stats
        return replace(stats, models=tuple(self._offer.models), ready_seats=0 if self.fault else stats.ready_seats)

    def foretell(self, coming: Size) -> Place:
        if self._state is None:
            return Place(0, None, None)
        at, state = self._state
        kind = "recording" if not coming.speaks else "brief" if coming.is_brief else "long"
        place = state.coming[kind].after(time.monotonic() - at)
        is_known = place.start_s is not None and coming.expected_s is not None
        return Place(place.ahead, place.start_s, place.start_s + coming.expected_s if is_known else None)  # type: ignore[operator]

    def place(self, ticket: LineTicket) -> Place:
        assert isinstance(ticket, PlaceElsewhere), "it is one of this line"
        if ticket.turn or ticket.refusal:
            return AT_ITS_TURN
        if ticket.told is None:
            return self.foretell(ticket.claim.reckoned(self._paces, self.recognizer_info.key))
        at, place = ticket.told
        return place.after(time.monotonic() - at)

    # -- who comes and goes

    def check_room(self) -> None:
        if refusal := self.refusal:
            raise refusal
        if self._state and (full := self._state[1].refusal):
            raise full

    def check_caller(self, caller: str) -> None:
        """The line itself counts them, over all front ends."""

    def take(self, claim: Claim, arrived_at: float) -> PlaceElsewhere:
        if refusal := self.refusal:
            raise refusal
        ticket = PlaceElsewhere(claim, arrived_at)
        self._places[ticket.id] = ticket
        self._is_empty.clear()
        self._say(ticket)
        return ticket

    def leave(self, ticket: LineTicket) -> None:
        assert isinstance(ticket, PlaceElsewhere), "it is one of this line"
        if self._places.pop(ticket.id, None):
            self._say(Leave(ticket.id))
            ticket.is_served = False
            if not self._places:
                self._is_empty.set()

    async def run(self, job: Job, ticket: LineTicket) -> AsyncGenerator[LaneEvent, None]:
        assert isinstance(ticket, PlaceElsewhere), "it is one of this line"
        progress = Progress(job)
        try:
            for _ in range(MOST_VOICES):
                ticket.job = outline(progress.rest)
                self._say(Ready(ticket.id, ticket.job))
                async with aclosing(self._until_its_turn(ticket, progress)) as places:
                    async for event in places:
                        yield event
                async with aclosing(self._said(progress, ticket)) as events:
                    async for event in events:
                        yield event
                if progress.is_over:
                    return
                progress.broken_off()
                self._stand_in_again(ticket, progress.rest)
            sentence = "The voices failed on this again and again: try again in a minute."
            raise EngineError(sentence, "voices_gone")
        finally:
            self.leave(ticket)

    async def _until_its_turn(self, ticket: PlaceElsewhere, progress: Progress) -> AsyncGenerator[LaneEvent, None]:
        """Its places; after it has begun, for how long it pauses."""
        told: Place | None = None
        while ticket.turn is None and ticket.refusal is None:
            ticket.changed.clear()
            if (place := self.place(ticket)) != told:
                told = place
                if event := progress.waits(Waiting(place.ahead, place.end_s)):
                    yield event
            await ticket.changed.wait()
        if ticket.refusal:
            raise ticket.refusal

    async def _said(self, progress: Progress, ticket: PlaceElsewhere) -> AsyncGenerator[LaneEvent, None]:
        """What a voice makes of it, as far as it comes."""
        turn = ticket.turn
        assert turn, "its turn has come"
        ticket.is_served = True
        was_reached = False
        try:
            async with (
                self._http.stream(
                    "POST", f"{turn.url}/voice/jobs/{turn.with_id or turn.id}", content=wire.to_bytes(progress.rest)
                ) as said,
                aclosing(wire.values(said.aiter_bytes())) as events,
            ):
                said.raise_for_status()
                was_reached = True
                while (event := await ticket.next_of(events)) is not OVER:
                    if isinstance(event, VoxdemoError):
                        raise event
                    if event == END:
                        progress.is_over = True
                        return
                    for told in progress.note(event) if event is not None else ():
                        yield told
        except (httpx.HTTPError, EOFError, ValueError) as error:
            log.warning("a voice has gone in the middle of a job: %s", type(error).__name__)
            if not was_reached:
                self._say(Unreachable(turn.voice))

    def _stand_in_again(self, ticket: PlaceElsewhere, job: Job) -> None:
        """Stand where it stood, as another request: what the line knows of the one that broke off is over."""
        self._places.pop(ticket.id, None)
        self._say(Leave(ticket.id))
        ticket.id, ticket.turn, ticket.told, ticket.is_served = secrets.token_hex(8), None, None, False
        first = job.first if isinstance(job, SpeakJob) else 0
        key = ticket.claim.key and f"{ticket.claim.key} {first}"  # others that heard as much go on together with it
        ticket.claim = replace(ticket.claim, size=job.size, work={}, recording_s=0.0, key=key)
        self._places[ticket.id] = ticket
        self._say(ticket)

    # -- the end

    def refuse_all(self, within_s: float) -> NotReadyError:
        self._restarted_at = time.monotonic() + within_s + RESTART_S
        refusal = self.refusal
        assert refusal, "it is closed"
        for ticket in list(self._places.values()):
            if not ticket.is_served:
                ticket.refuse(refusal)
                self._say(Leave(ticket.id))
        self._tell_doors()
        return refusal

    async def drain(self, within_s: float) -> None:
        with suppress(asyncio.TimeoutError):
            if self._places:
                await asyncio.wait_for(self._is_empty.wait(), within_s)
        if self._places and self.refusal:
            self._refuse_rest(self.refusal)

    async def close(self) -> None:
        self._closing = True
        self._refuse_rest(self.refusal or NotReadyError.stopping())
        if self._sending:
            await asyncio.wait([self._sending], timeout=1.0)  # so that nobody waits for who has left
        for task in (self._listening, self._sending):
            if task:
                task.cancel()
                await asyncio.wait([task])
        await self._http.aclose()

    def _refuse_rest(self, refusal: NotReadyError) -> None:
        for ticket in list(self._places.values()):
            ticket.refuse(refusal)
        self._tell_doors()

    # -- the line

    def start(self) -> None:
        self._listening = asyncio.ensure_future(self._keep_listening())

    def _say(self, message: Any) -> None:
        """Tell the line, with all that is said in the same moment, in this order; a ticket enters it."""
        self._messages.append(message)
        if self._listening and not self.fault and (self._sending is None or self._sending.done()):
            self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        await asyncio.sleep(0)
        while self._messages:
            saying, self._messages = self._messages[:MOST_AT_ONCE], self._messages[MOST_AT_ONCE:]
            messages = [each.entry() if isinstance(each, PlaceElsewhere) else each for each in saying]
            try:
                url = f"{await self._address.url()}{self._path}"
                answer = await self._http.post(url, content=wire.to_bytes(messages))
                answer.raise_for_status()
                news = wire.from_bytes(answer.content)
            except (httpx.HTTPError, ValueError) as error:
                self._lose(why_not(error))  # all is said again to the line that comes
                return
            self._hear(news)

    async def _keep_listening(self) -> None:
        while True:
            try:
                url = f"{await self._address.url()}{self._path}"
                async with self._http.stream("GET", url, params={"at": self._own_url}) as answer:
                    answer.raise_for_status()
                    self._enter_all()
                    async with aclosing(wire.values(answer.aiter_bytes())) as all_news:
                        async for news in all_news:
                            if self.fault:
                                break
                            self._hear(news)
                why = ""
            except (httpx.HTTPError, EOFError, ValueError) as error:
                log.debug("the line doesn't answer: %s", type(error).__name__)
                why = why_not(error)
            self._lose(why)
            await asyncio.sleep(TRY_AGAIN_S)

    def _lose(self, why: str) -> None:
        """`why`: what it doesn't understand, where it is there. The log has it once, also after the line was away."""
        told = why or self._logged or "the line can't be reached"
        if told != self._logged:
            log.warning(told)
        self._address.forget()
        self.fault, self._logged = UNREACHED, told

    def _enter_all(self) -> None:
        """Tell the line that is reached who stands in it; it may be another one, or have forgotten them."""
        self.fault = self._logged = ""
        self._messages = []
        for ticket in list(self._places.values()):
            if not ticket.refusal:
                self._say(ticket)
                if ticket.job:
                    self._say(Ready(ticket.id, ticket.job))

    def _hear(self, all_news: Any) -> None:
        for news in all_news:
            match news:
                case Places():
                    self._place(news)
                case Offer():
                    self._offer = news
                    with suppress(ValueError):
                        self._paces.adopt(news.paces)
                case LineState():
                    self._state = time.monotonic(), news
                case _ if ticket := self._places.get(news.id):
                    self._tell(ticket, news)
        if not all(isinstance(news, Entered | Turn) for news in all_news):
            self._tell_doors()

    def _place(self, told: Places) -> None:
        now = time.monotonic()
        for id, place in zip(told.ids, told.table, strict=True):
            if ticket := self._places.get(id):
                ticket.told = now, place

    def _tell(self, ticket: PlaceElsewhere, news: Any) -> None:
        match news:
            case Entered(since=since):
                ticket.since = since
            case Called():
                ticket.is_called = True
            case Turn() if not ticket.is_served:
                ticket.turn = news
            case Refused(error=error):
                ticket.refuse(error)
            case Lost() if not ticket.is_served:
                ticket.turn = None
                self._say(ticket)
                if ticket.job:
                    self._say(Ready(ticket.id, ticket.job))
        ticket.changed.set()

    def _tell_doors(self) -> None:
        for ticket in self._places.values():
            ticket.changed.set()
        for tell in list(self.moved):
            try:
                tell()
            except Exception:  # it is that door's fault, and the line goes on for all
                log.exception("a door can't show the places of those who wait")


async def offer_of(url: str, secret: str, within_s: float) -> Offer:
    """What the line at `url` offers, as soon as it has a voice. Raises TimeoutError, and PermissionError if refused."""
    address = f"{url.rstrip('/')}/line/fronts/{secrets.token_hex(4)}"

    async def asked() -> Offer:
        async with client_of(url, secret, timeout=SILENT_S) as http:
            while True:
                with suppress(httpx.TransportError, EOFError, ValueError):
                    async with http.stream("GET", address) as answer:
                        if answer.status_code == 401:
                            raise PermissionError("the secret is another one")
                        async for news in wire.values(answer.aiter_bytes()):
                            for each in news:
                                if isinstance(each, Offer):
                                    return each
                await asyncio.sleep(TRY_AGAIN_S)

    return await asyncio.wait_for(asked(), within_s)
