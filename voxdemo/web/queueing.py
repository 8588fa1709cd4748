"""Gradio's queue as the line that people see: its order, and what it tells those who wait.

The lane below is what guarantees. Gradio knows neither how long a text takes nor what already stands at the lane, nor
who comes through another door, and lets the job of somebody who left run on; and recognitions would starve in its line
behind generations. So four of its methods are wrapped here, and a fifth in `admission`, which decides who joins. They
are private; tests fail when Gradio changes them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeVar

import gradio as gr
from gradio.queueing import Event, EventQueue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage, ProcessStartsMessage

from voxdemo.errors import InputError, UnavailableError
from voxdemo.lane import in_turn
from voxdemo.service import SpeechService
from voxdemo.speech import Waiting
from voxdemo.web.asking import Entries, Entry, door_of

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

    One more than there are seats is let through, so that the next job is at the lane before a seat is free. Among
    events that share an id the smallest limit wins, and an unset one counts as 1: so it is set on each.
    """
    return {"concurrency_id": LINE, "concurrency_limit": service.stats().seats + 1}


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
        service.doors.append(lambda: self.expected([*self._on_the_way(), *self.waiting]))
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
        return [*self._active()[self._service.stats().seats :], *self.waiting]

    def beside(self) -> int:
        """How many of Gradio's events are served beside the line, or are about to be."""
        beside = self.queue.event_queue_per_concurrency_id[AT_HAND]
        return len(beside.queue) + beside.current_concurrency

    def expected(self, asked: Sequence[Entry]) -> list[float | None]:
        """How long each of these will take; who waits for the same as somebody before takes no time."""
        firsts = {entry.key: index for index, entry in reversed(list(enumerate(asked)))}
        return [
            0.0 if entry.key and firsts[entry.key] < index else entry.expected_s(self._service)
            for index, entry in enumerate(asked)
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
        self._service.turned_back(door.task, self.entries.of(event).visit, error)
        if door.refusal is None:
            told = ProcessCompletedMessage(
                output={"error": error.sentence, "title": "Busy", "visible": True}, success=False
            )
        else:
            output = {"data": door.refusal(error.sentence), "is_generating": False}
            told = ProcessCompletedMessage(output=output, success=True)
        self.queue.send_message(event, told)
        self.queue.broadcast_estimations(LINE)  # as above

    async def in_turn(
        self, entry: Entry, begin: Callable[[], AsyncGenerator[E, None]]
    ) -> AsyncGenerator[E | Waiting, None]:
        """For a program that comes by HTTP: its places as long as others came before, then what `begin` yields.

        Recognitions wait for older recognitions only, as in Gradio's line. Raises the refusal of a service that closes.
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
            while before := self._before(entry):
                if closing := self._service.closing:
                    raise closing
                yield self._place(entry, before)
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), UPDATE_EVERY_S)
        except BaseException as error:
            self._service.turned_back(entry.task, entry.visit, error)
            raise
        finally:
            self._programs.remove(entry)

    def _before(self, program: Entry) -> Sequence[Entry]:
        """Those who came before this program and haven't reached the service: it would overtake them."""
        coming = [entry for entry in self._active() if not entry.is_taken_up]
        older = [entry for entry in (*coming, *self.waiting) if entry.visit.begun_at < program.visit.begun_at]
        return older if program.speaks else [entry for entry in older if not entry.speaks]

    def _place(self, program: Entry, before: Sequence[Entry]) -> Waiting:
        stats, ahead = self._service.stats(), [*self._on_the_way(), *before]
        return Waiting(stats.running + stats.waiting + len(ahead), self._told_s(program, ahead))

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

    def _on_the_way(self) -> Sequence[Entry]:
        """Who has had their turn and isn't at the lane yet: their text is being cut, or a recording decoded."""
        active, stats = self._active(), self._service.stats()
        count = max(0, len(active) - stats.running - stats.waiting)
        return active[len(active) - count :]

    def _told_s(self, entry: Entry, before: Sequence[Entry]) -> float | None:
        wait_s, own_s = self._service.wait_s(self.expected(before)), entry.expected_s(self._service)
        seconds = None if wait_s is None or own_s is None else wait_s + own_s
        return entry.visit.countdown.tell(seconds, time.monotonic())

    def _take_turns(self) -> None:
        """Keep Gradio's line in the order of the lane's turns, of which `lane.in_turn` tells."""
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
        """Let nobody leave Gradio's line as long as a program waits here that came before them."""
        get_events = self.queue.get_events

        def get_events_in_turn() -> tuple[list[Event], bool, str] | None:
            line = self.queue.event_queue_per_concurrency_id.get(LINE)
            if not line or not line.queue or not self._is_overtaking(self.entries.of(line.queue[0])):
                return get_events()
            held, line.queue = line.queue, []
            try:
                return get_events()
            finally:
                line.queue = held

        self.queue.get_events = get_events_in_turn  # type: ignore[method-assign]

    def _is_overtaking(self, first: Entry) -> bool:
        return any(
            program.speaks == first.speaks and program.visit.begun_at < first.visit.begun_at
            for program in self._programs
        )

    def _tell_programs(self) -> None:
        """The line has moved."""
        self._moved.set()
        self._moved = asyncio.Event()

    def _tell_honest_places(self) -> None:
        send = self.queue.send_message

        def send_message(event: Event, event_message: EventMessage) -> None:
            if event.concurrency_id in (LINE, AT_HAND):
                self._correct(event_message, event)
            send(event, event_message)

        self.queue.send_message = send_message  # type: ignore[method-assign]

    def _correct(self, message: EventMessage, event: Event) -> None:
        """Put the jobs ahead, and the seconds until the result, into a message about them."""
        entry = self.entries.of(event)
        if entry.is_at_hand or event.concurrency_id == AT_HAND:
            _tell_none_ahead(message)
        elif isinstance(message, EstimationMessage) and message.rank is not None:
            stats, coming = self._service.stats(), self._on_the_way()
            older = [program for program in self._programs if program.visit.begun_at < entry.visit.begun_at]
            in_front = [*(self.entries.of(other) for other in self._events()[: message.rank]), *older]
            at_lane = stats.running + stats.waiting + len(coming)
            message.rank = at_lane + len(in_front)
            message.queue_size += at_lane + len(self._programs)
            message.rank_eta = self._told_s(entry, [*coming, *in_front])
        elif isinstance(message, ProcessStartsMessage):
            message.eta = self._told_s(entry, [other for other in self._on_the_way() if other is not entry])

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


def _tell_none_ahead(message: EventMessage) -> None:
    if isinstance(message, EstimationMessage):
        message.rank, message.queue_size, message.rank_eta = 0, 1, None
    elif isinstance(message, ProcessStartsMessage):
        message.eta = None
