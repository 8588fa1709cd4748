"""Gradio's queue as the line that people see: its order, and what it tells those who wait.

The lane below is what guarantees. Gradio knows neither how long a text takes nor what already stands at the lane, and
lets the job of somebody who left run on; and recognitions would starve in its line behind generations. So three of its
methods are wrapped here, and a fourth in `admission`, which decides who joins. They are private; tests fail when Gradio
changes them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.queueing import Event, EventQueue, Queue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage, ProcessStartsMessage

from voxdemo.errors import UnavailableError
from voxdemo.lane import in_turn
from voxdemo.service import SpeechService
from voxdemo.web.asking import Entries, Entry, door_of

UPDATE_EVERY_S = 1.0
"""How often everybody who waits is told anew of their place and seconds."""
LINE = "speech"
"""The concurrency id that every event which needs a model shares."""
AT_HAND = "at hand"
"""That of those whose answer is there, or is being made for somebody else: they wait for nobody."""


def in_line(service: SpeechService) -> dict[str, Any]:
    """Arguments for every event that needs a model, so that all of them stand in one line.

    One more than there are seats is let through, so that the next job is at the lane before a seat is free. Among
    events that share an id the smallest limit wins, and an unset one counts as 1: so it is set on each.
    """
    return {"concurrency_id": LINE, "concurrency_limit": service.stats().seats + 1}


def attach(demo: gr.Blocks, service: SpeechService) -> Entries:
    """Turn on the queue of `demo`, with our order, places and seconds in it. Returns the entries of who waits."""
    demo.queue(max_size=None, api_open=False, status_update_rate=UPDATE_EVERY_S)  # `admission` keeps the bound
    queue, entries = demo._queue, Entries()
    queue.event_queue_per_concurrency_id[AT_HAND] = EventQueue(AT_HAND, None)
    service.doors.append(lambda: expected(service, entries, [*_on_the_way(queue, service), *waiting(queue)]))
    _take_turns(queue)
    _tell_honest_places(queue, service, entries)
    _let_follow(queue, entries)
    _stop_for_who_left(queue)
    return entries


def waiting(queue: Queue) -> Sequence[Event]:
    """Who waits in the line."""
    line = queue.event_queue_per_concurrency_id.get(LINE)
    return line.queue if line else ()


def without_seat(queue: Queue, service: SpeechService) -> Sequence[Event]:
    """Who waits, in the line or next at the lane."""
    return [*_active(queue)[service.stats().seats :], *waiting(queue)]


def let_through(queue: Queue, event: Event) -> None:
    """Take somebody out of the line whose answer is at hand."""
    queue.event_queue_per_concurrency_id[LINE].queue.remove(event)
    event.concurrency_id = AT_HAND
    queue.event_queue_per_concurrency_id[AT_HAND].queue.append(event)
    queue.broadcast_estimations(LINE)  # while it joined, it was counted


def refuse(queue: Queue, event: Event, sentence: str) -> None:
    """Take somebody out of the line who can't be served, and say why: on the page in its card, to scripts as error."""
    queue.event_queue_per_concurrency_id[LINE].queue.remove(event)
    queue.event_ids_to_events.pop(event._id, None)
    refusal = door_of(event.fn.fn).refusal
    if refusal is None:
        told = ProcessCompletedMessage(output={"error": sentence, "title": "Busy", "visible": True}, success=False)
    else:
        told = ProcessCompletedMessage(output={"data": refusal(sentence), "is_generating": False}, success=True)
    queue.send_message(event, told)
    queue.broadcast_estimations(LINE)  # as above


def turn_away(demo: gr.Blocks, error: UnavailableError) -> None:
    """Refuse everybody who waits in the line."""
    for event in list(waiting(demo._queue)):
        refuse(demo._queue, event, error.sentence)


def _take_turns(queue: Queue) -> None:
    """Keep Gradio's line in the order of the lane's turns, of which `in_turn` tells."""
    overtook = False
    send, broadcast = queue.send_message, queue.broadcast_estimations

    def put_in_order() -> None:
        if line := queue.event_queue_per_concurrency_id.get(LINE):
            arrived = sorted(line.queue, key=lambda event: event.enqueue_time)
            line.queue[:] = in_turn(arrived, [not door_of(event.fn.fn).speaks for event in arrived], overtook)

    def send_message(event: Event, event_message: EventMessage) -> None:
        nonlocal overtook
        send(event, event_message)
        if event.concurrency_id == LINE and isinstance(event_message, ProcessStartsMessage):
            older = [other for other in waiting(queue) if other.enqueue_time < event.enqueue_time]
            overtook = not door_of(event.fn.fn).speaks and any(door_of(other.fn.fn).speaks for other in older)
            queue.broadcast_estimations(LINE)

    def broadcast_in_order(concurrency_id: str, after: int | None = None) -> None:
        if concurrency_id == LINE:
            put_in_order()
            after = None  # who came last may not be last
        broadcast(concurrency_id, after)

    queue.send_message, queue.broadcast_estimations = send_message, broadcast_in_order  # type: ignore[method-assign]


def _tell_honest_places(queue: Queue, service: SpeechService, entries: Entries) -> None:
    send = queue.send_message

    def send_message(event: Event, event_message: EventMessage) -> None:
        if event.concurrency_id in (LINE, AT_HAND):
            _correct(event_message, event, queue, service, entries)
        send(event, event_message)

    queue.send_message = send_message  # type: ignore[method-assign]


def _correct(message: EventMessage, event: Event, queue: Queue, service: SpeechService, entries: Entries) -> None:
    """Put the jobs ahead, and the seconds until the result, into a message about them."""
    if entries.of(event).is_at_hand or event.concurrency_id == AT_HAND:
        _tell_none_ahead(message)
    elif isinstance(message, EstimationMessage) and message.rank is not None:
        stats = service.stats()
        coming = _on_the_way(queue, service)
        before = expected(service, entries, [*coming, *waiting(queue)[: message.rank]])
        at_lane = stats.running + stats.waiting + len(coming)
        message.rank += at_lane
        message.queue_size += at_lane
        message.rank_eta = _told_s(service, entries.of(event), before)
    elif isinstance(message, ProcessStartsMessage):
        coming = [other for other in _on_the_way(queue, service) if other is not event]
        message.eta = _told_s(service, entries.of(event), expected(service, entries, coming))


def _tell_none_ahead(message: EventMessage) -> None:
    if isinstance(message, EstimationMessage):
        message.rank, message.queue_size, message.rank_eta = 0, 1, None
    elif isinstance(message, ProcessStartsMessage):
        message.eta = None


def expected(service: SpeechService, entries: Entries, events: Sequence[Event]) -> list[float | None]:
    """How long each of these will take; who waits for the same as somebody before takes no time."""
    asked = [entries.of(event) for event in events]
    firsts = {entry.key: index for index, entry in reversed(list(enumerate(asked)))}
    return [
        0.0 if entry.key and firsts[entry.key] < index else entry.expected_s(service)
        for index, entry in enumerate(asked)
    ]


def _on_the_way(queue: Queue, service: SpeechService) -> Sequence[Event]:
    """Who has left Gradio's line and isn't at the lane yet: their text is being cut, or a recording decoded."""
    active, stats = _active(queue), service.stats()
    count = max(0, len(active) - stats.running - stats.waiting)
    return active[len(active) - count :]


def _active(queue: Queue) -> Sequence[Event]:
    """Who has left Gradio's line, in order of arrival: the first ones have seats, as far as there are any."""
    active = [event for events in queue.active_jobs if events for event in events if event.concurrency_id == LINE]
    return sorted(active, key=lambda event: event.enqueue_time)


def _told_s(service: SpeechService, entry: Entry, before: Sequence[float | None]) -> float | None:
    wait_s, own_s = service.wait_s(before), entry.expected_s(service)
    return entry.countdown.tell(None if wait_s is None or own_s is None else wait_s + own_s, time.monotonic())


def _let_follow(queue: Queue, entries: Entries) -> None:
    """When a job leaves the line, let those follow who wait for the same: they share its answer."""
    send = queue.send_message

    def send_message(event: Event, event_message: EventMessage) -> None:
        send(event, event_message)
        if event.concurrency_id == LINE and isinstance(event_message, ProcessStartsMessage):
            key = entries.of(event).key
            for other in [other for other in waiting(queue) if key and entries.of(other).key == key]:
                let_through(queue, other)

    queue.send_message = send_message  # type: ignore[method-assign]


def _stop_for_who_left(queue: Queue) -> None:
    clean_events = queue.clean_events

    async def clean_and_stop(*, session_hash: str | None = None, event_id: str | None = None) -> None:
        lines = (LINE, AT_HAND)
        running = [event for events in queue.active_jobs if events for event in events if event.concurrency_id in lines]
        left = [event for event in running if event.session_hash == session_hash or event._id == event_id]
        await clean_events(session_hash=session_hash, event_id=event_id)
        names = {f"{event.session_hash}_{event.fn._id}<gradio-sep>{event._id}" for event in left}
        for task in asyncio.all_tasks():
            if task.get_name() in names:  # as gradio.utils.set_task_name makes them
                task.cancel()

    queue.clean_events = clean_and_stop  # type: ignore[method-assign]
