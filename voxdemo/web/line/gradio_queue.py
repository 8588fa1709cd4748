"""Gradio's queue as the line that people see: its order, and what it tells those who wait.

The lane below is what guarantees. Gradio knows neither how long a text takes nor what already stands at the lane, nor
a client that comes through another door, and lets the job of a client that left run on; and recognitions would starve
in its line behind generations. So four of its methods are wrapped here, and a fifth in `admission`, which decides who
joins. They are private; tests fail when Gradio changes them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, TypeVar

import gradio as gr
from gradio.queueing import Event, EventQueue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage, ProcessStartsMessage

from voxdemo.errors import UNEXPECTED, InputError, UnavailableError, VoxdemoError
from voxdemo.lanes.turns import Place, Size, in_turn
from voxdemo.service.service import SpeechService
from voxdemo.speech import Waiting
from voxdemo.web.line.entries import Entries, Entry, door_of

UPDATE_EVERY_S = 1.0
"""How often everybody who waits is told anew of their place and seconds."""
LOOK_EVERY_S = 0.02
"""How often Gradio looks whether somebody's turn has come: with its own 0.001 an idle server takes 6 % of a core."""
LINE = "speech"
"""The concurrency id that every event which needs a model shares."""
AT_HAND = "at hand"
"""That of those whose answer is there, or is being made for somebody else: they wait for nobody."""

E = TypeVar("E")


def in_line(service: SpeechService) -> dict[str, Any]:
    """Arguments for every event that needs a model, so that all of them stand in one line.

    Who is let through is the line's to say. Among events that share an id the smallest limit wins, and an unset one
    counts as 1: so it is set on each.
    """
    return {"concurrency_id": LINE, "concurrency_limit": None}


class Failed(ProcessCompletedMessage):
    """With the code and the values of our error, for programs that read the queue: gradio_client passes them over."""

    code: str
    values: dict[str, Any]


class Line:
    """The line before the lane, over all doors: Gradio's events, and programs that come by HTTP.

    `entries` tells what is known of Gradio's events. Making it turns on the queue of `demo`, with our order, places and
    seconds in it. For the event loop's thread.
    """

    def __init__(self, demo: gr.Blocks, service: SpeechService) -> None:
        demo.queue(max_size=None, api_open=False, status_update_rate=UPDATE_EVERY_S)  # `admission` keeps the bound
        self.queue = demo._queue
        self.queue.sleep_when_free = LOOK_EVERY_S
        self.entries = Entries()
        self._service = service
        self._programs: list[Entry] = []
        self._inside: list[Entry] = []
        self._moved = asyncio.Event()
        self.queue.event_queue_per_concurrency_id[AT_HAND] = EventQueue(AT_HAND, None)
        service.doors.append(lambda: self.sizes(self._at_door()))
        self._take_turns()
        self._hold_who_came_later()
        self._tell_honest_places()
        self._let_follow()
        self._stop_for_who_left()

    @property
    def waiting(self) -> Sequence[Entry]:
        """Who waits here, by arrival: what is at the lane isn't here any more."""
        return _by_arrival([*(self.entries.of(event) for event in self._events()), *self._programs])

    def without_seat(self) -> Sequence[Entry]:
        """Who waits, here or next at the lane."""
        at_lane, coming = self._let_in()
        return [*at_lane, *coming, *self.waiting][self._service.stats().seats :]

    def beside(self) -> int:
        """How many of Gradio's events are served beside the line, or are about to be."""
        beside = self.queue.event_queue_per_concurrency_id[AT_HAND]
        return len(beside.queue) + beside.current_concurrency

    def sizes(self, asked: Sequence[Entry]) -> list[Size]:
        """How much work each of these is; who waits for the same as somebody before takes no time."""
        firsts = {entry.key: index for index, entry in reversed(list(enumerate(asked)))}
        return [
            replace(size, expected_s=0.0) if entry.key and firsts[entry.key] < index else size
            for index, (entry, size) in enumerate((entry, entry.size(self._service)) for entry in asked)
        ]

    def receive(self, event_id: str, entry: Entry) -> None:
        """Gradio has put this event into its line: it leaves at once if it is refused, or its answer is at hand."""
        entry.when_taken_up = self._tell_programs
        event = next((event for event in self._events() if event._id == event_id), None)
        if event and entry.objection:
            self._refuse(event, entry.objection)
        elif event and entry.is_at_hand:
            self._let_through(event)

    def turn_away(self, error: UnavailableError) -> None:
        """Refuse everybody who waits in Gradio's line; programs see by themselves that the service is closing."""
        for event in list(self._events()):
            self._refuse(event, error)

    def _let_through(self, event: Event) -> None:
        """Take somebody out of the line whose answer is at hand."""
        self.queue.event_queue_per_concurrency_id[LINE].queue.remove(event)
        event.concurrency_id = AT_HAND
        self.queue.event_queue_per_concurrency_id[AT_HAND].queue.append(event)
        self.queue.broadcast_estimations(LINE)  # while it joined, it was counted

    def _refuse(self, event: Event, error: InputError | UnavailableError) -> None:
        """Take out of the line who can't be served, and say why: to the page in its card, to scripts by an error."""
        self.queue.event_queue_per_concurrency_id[LINE].queue.remove(event)
        self.queue.event_ids_to_events.pop(event._id, None)
        door = door_of(event.fn.fn)
        entry = self.entries.of(event)
        entry.error = error
        self._service.turned_back(door.task, entry.visit, error)
        if door.refusal is None:
            told = ProcessCompletedMessage(
                output={"error": error.sentence, "title": "Busy", "visible": True}, success=False
            )
        else:
            output = {"data": door.refusal(error), "is_generating": False}
            told = ProcessCompletedMessage(output=output, success=True)
        self.queue.send_message(event, told)
        self.queue.broadcast_estimations(LINE)  # as above

    async def in_turn(
        self, entry: Entry, begin: Callable[[], AsyncGenerator[E, None]]
    ) -> AsyncGenerator[E | Waiting, None]:
        """For a program that comes by HTTP: its places as long as others came before, then what `begin` yields.

        It waits for those who came earlier and are of no higher rank. Raises the refusal of a service that closes.
        """
        async with aclosing(self._until_turn(entry)) as places:
            async for place in places:
                yield place
        self._inside.append(entry)
        entry.is_taken_up = True
        self._tell_programs()
        try:
            async with aclosing(begin()) as events:
                async for event in events:
                    yield event
        finally:
            self._inside.remove(entry)

    async def _until_turn(self, entry: Entry) -> AsyncGenerator[Waiting, None]:
        self._programs.append(entry)
        try:
            while self._must_wait(entry):
                if closing := self._service.closing:
                    raise closing
                place = self._place(entry)
                yield Waiting(place.ahead, self._told_s(entry, place))
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), UPDATE_EVERY_S)
        except BaseException as error:
            self._service.turned_back(entry.task, entry.visit, error)
            raise
        finally:
            self._programs.remove(entry)

    def _must_wait(self, entry: Entry) -> bool:
        """Whether it would overtake somebody who came before and hasn't reached the service."""
        coming = [other for other in self._active() if not other.is_taken_up]
        rank = entry.size(self._service).rank
        return any(
            other.visit.begun_at < entry.visit.begun_at and other.size(self._service).rank <= rank
            for other in (*coming, *self.waiting)
        )

    def _place(self, entry: Entry) -> Place:
        """Its place among all who stand at a door."""
        there = self._at_door()
        if entry not in there:
            there.append(entry)
        return self._service.foretell(self.sizes(there))[there.index(entry)]

    def _at_door(self) -> list[Entry]:
        """Who hasn't reached the lane yet: before their turn, or while a text is being cut, or a recording decoded."""
        _, coming = self._let_in()
        return [*coming, *self.waiting]

    def _let_in(self) -> tuple[list[Entry], list[Entry]]:
        """Who has had their turn: those at the lane, as far as their jobs haven't ended, and those on the way there."""
        jobs = self._service.running + self._service.stats().waiting
        entries = sorted(self._active(), key=lambda entry: not entry.visit.has_reached_line)
        reached = sum(entry.visit.has_reached_line for entry in entries)
        at_lane = max(reached, jobs)  # the next ones are there already, and their events will tell it
        return entries[max(0, at_lane - jobs) : at_lane], entries[at_lane:]

    def _events(self) -> Sequence[Event]:
        """Who waits in Gradio's line."""
        line = self.queue.event_queue_per_concurrency_id.get(LINE)
        return line.queue if line else ()

    def _active_events(self) -> Sequence[Event]:
        jobs = self.queue.active_jobs
        return [event for events in jobs if events for event in events if event.concurrency_id == LINE]

    def _active(self) -> Sequence[Entry]:
        """Who has had their turn, by arrival: the first ones have seats, as far as there are any."""
        return _by_arrival([*(self.entries.of(event) for event in self._active_events()), *self._inside])

    def _told_s(self, entry: Entry, place: Place) -> float | None:
        return entry.visit.countdown.tell(place.end_s, time.monotonic())

    def _take_turns(self) -> None:
        """Keep Gradio's line in the order of the lane's turns, by `turns.in_turn`."""
        overtook = False
        queue, send, broadcast = self.queue, self.queue.send_message, self.queue.broadcast_estimations

        def put_in_order() -> None:
            if line := queue.event_queue_per_concurrency_id.get(LINE):
                arrived = sorted(line.queue, key=lambda event: event.enqueue_time)
                line.queue[:] = in_turn(arrived, [not door_of(event.fn.fn).speaks for event in arrived], overtook)

        def send_message(event: Event, event_message: EventMessage) -> None:
            nonlocal overtook
            send(event, event_message)
            if event.concurrency_id == LINE and isinstance(event_message, ProcessStartsMessage):
                older = [other for other in self._events() if other.enqueue_time < event.enqueue_time]
                overtook = not door_of(event.fn.fn).speaks and any(door_of(other.fn.fn).speaks for other in older)
                queue.broadcast_estimations(LINE)

        def broadcast_in_order(concurrency_id: str, after: int | None = None) -> None:
            if concurrency_id == LINE:
                put_in_order()
                self._tell_programs()
                after = None  # who came last may not be last
            broadcast(concurrency_id, after)

        queue.send_message, queue.broadcast_estimations = send_message, broadcast_in_order  # type: ignore[method-assign]

    def _hold_who_came_later(self) -> None:
        """Let through whose turn it is: none before a program that came earlier, and no more than the lane needs."""
        get_events = self.queue.get_events

        def get_events_in_turn() -> tuple[list[Event], bool, str] | None:
            line = self.queue.event_queue_per_concurrency_id.get(LINE)
            if not line or not line.queue:
                return get_events()
            waiting, going = line.queue, self._next()
            line.queue = [going] if going else []
            try:
                return get_events()
            finally:
                line.queue = waiting if line.queue or not going else [event for event in waiting if event is not going]

        self.queue.get_events = get_events_in_turn  # type: ignore[method-assign]

    def _next(self) -> Event | None:
        """Whose turn it is to be let through.

        Of brief and of longer jobs one more than there are seats is, so that the next one is at the lane before a seat
        is free, or before a longer text stands aside.
        """
        brief = [entry.size(self._service).is_brief for entry in map(self.entries.of, self._active_events())]
        room = [brief.count(kind) <= self._service.stats().seats for kind in (False, True)]
        for event in self._events() if any(room) else ():
            entry = self.entries.of(event)
            if room[entry.size(self._service).is_brief] and not self._must_wait(entry):
                return event
        return None

    def _tell_programs(self) -> None:
        """The line has moved."""
        self._moved.set()
        self._moved = asyncio.Event()

    def _tell_honest_places(self) -> None:
        send = self.queue.send_message

        def send_message(event: Event, event_message: EventMessage) -> None:
            if event.concurrency_id in (LINE, AT_HAND):
                self._correct(event_message, event)
                event_message = _with_code(event_message, self.entries.of(event))
            send(event, event_message)

        self.queue.send_message = send_message  # type: ignore[method-assign]

    def _correct(self, message: EventMessage, event: Event) -> None:
        """Put the jobs ahead, and the seconds until the result, into a message about them."""
        entry = self.entries.of(event)
        if entry.is_at_hand or event.concurrency_id == AT_HAND:
            _tell_none_ahead(message)
        elif isinstance(message, EstimationMessage) and message.rank is not None:
            place, stats = self._place(entry), self._service.stats()
            message.rank, message.queue_size = place.ahead, stats.running + stats.waiting + len(self._at_door())
            message.rank_eta = self._told_s(entry, place)
        elif isinstance(message, ProcessStartsMessage):
            message.eta = None if entry.visit.has_reached_line else self._told_s(entry, self._place(entry))

    def _let_follow(self) -> None:
        """When a job leaves the line, let those follow who wait for the same: they share its answer."""
        send = self.queue.send_message

        def send_message(event: Event, event_message: EventMessage) -> None:
            send(event, event_message)
            if event.concurrency_id == LINE and isinstance(event_message, ProcessStartsMessage):
                key = self.entries.of(event).key
                for other in [other for other in self._events() if key and self.entries.of(other).key == key]:
                    self._let_through(other)

        self.queue.send_message = send_message  # type: ignore[method-assign]

    def _stop_for_who_left(self) -> None:
        clean_events = self.queue.clean_events

        async def clean_and_stop(*, session_hash: str | None = None, event_id: str | None = None) -> None:
            def is_meant(event: Event) -> bool:
                return event.session_hash == session_hash or event._id == event_id

            waited = [event for event in self._events() if is_meant(event)]
            jobs = (job for jobs in self.queue.active_jobs if jobs for job in jobs)
            left = [event for event in jobs if event.concurrency_id in (LINE, AT_HAND) and is_meant(event)]
            await clean_events(session_hash=session_hash, event_id=event_id)
            for event in waited:
                door = door_of(event.fn.fn)
                self._service.turned_back(door.task, self.entries.of(event).visit, asyncio.CancelledError())
            self._tell_programs()
            names = {f"{event.session_hash}_{event.fn._id}<gradio-sep>{event._id}" for event in left}
            for task in asyncio.all_tasks():
                if task.get_name() in names:  # as gradio.utils.set_task_name makes them
                    task.cancel()

        self.queue.clean_events = clean_and_stop  # type: ignore[method-assign]


def _by_arrival(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.visit.begun_at)


def _with_code(message: EventMessage, entry: Entry) -> EventMessage:
    if not isinstance(message, ProcessCompletedMessage) or message.success:
        return message
    error = entry.error or VoxdemoError(UNEXPECTED)
    return Failed(**message.model_dump(), code=error.code, values=error.values)


def _tell_none_ahead(message: EventMessage) -> None:
    if isinstance(message, EstimationMessage):
        message.rank, message.queue_size, message.rank_eta = 0, 1, None
    elif isinstance(message, ProcessStartsMessage):
        message.eta = None
