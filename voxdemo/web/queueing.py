"""All that touches Gradio's queue: its limits, the shared line, and what it tells those who wait.

Gradio's queue is the line that people see; the lane below is what guarantees. Gradio knows neither how long a text
takes nor what already stands at the lane, answers a full queue with words of its own, and lets the job of somebody who
left run on; and recognitions would starve in its line behind generations. So three of its methods are wrapped here.
They are private; tests fail when Gradio changes them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage, ProcessStartsMessage

from voxdemo.lane import in_turn
from voxdemo.service import SpeechService
from voxdemo.threads import in_thread
from voxdemo.web.asking import Entries, Entry, examined, is_generation

UPDATE_EVERY_S = 1.0
"""How often everybody who waits is told anew of their place and seconds."""
LINE = "speech"
"""The concurrency id that every event which needs a model shares."""


def in_line(service: SpeechService) -> dict[str, Any]:
    """Arguments for every event that needs a model, so that all of them stand in one line.

    One more than there are seats is let through, so that the next job is at the lane before a seat is free. Among
    events that share an id the smallest limit wins, and an unset one counts as 1: so it is set on each.
    """
    return {"concurrency_id": LINE, "concurrency_limit": service.stats().seats + 1}


def attach(demo: gr.Blocks, service: SpeechService, queue_size: int) -> None:
    """Turn on the queue of `demo`, with our order, places, seconds and refusals in it.

    One more than `queue_size` may join, because who finds it full joins for the moment that it takes to be told so.
    """
    demo.queue(max_size=queue_size + 1, api_open=False, status_update_rate=UPDATE_EVERY_S)
    queue, entries = demo._queue, Entries()
    service.doors.append(lambda: _expected(service, entries, [*_on_the_way(queue, service), *_waiting(queue)]))
    _take_turns(queue)
    _tell_honest_places(queue, service, entries)
    _refuse_in_words(demo, service, entries, queue_size)
    _stop_for_who_left(queue)


def _take_turns(queue: Queue) -> None:
    """Keep Gradio's line in the order of the lane's turns, of which `in_turn` tells."""
    overtook = False
    send, broadcast = queue.send_message, queue.broadcast_estimations

    def put_in_order() -> None:
        if line := queue.event_queue_per_concurrency_id.get(LINE):
            arrived = sorted(line.queue, key=lambda event: event.enqueue_time)
            line.queue[:] = in_turn(arrived, [not is_generation(event.fn.fn) for event in arrived], overtook)

    def send_message(event: Event, event_message: EventMessage) -> None:
        nonlocal overtook
        send(event, event_message)
        if event.concurrency_id == LINE and isinstance(event_message, ProcessStartsMessage):
            older = [other for other in _waiting(queue) if other.enqueue_time < event.enqueue_time]
            overtook = not is_generation(event.fn.fn) and any(is_generation(other.fn.fn) for other in older)
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
        if event.concurrency_id == LINE:
            _correct(event_message, event, queue, service, entries)
        send(event, event_message)

    queue.send_message = send_message  # type: ignore[method-assign]


def _correct(message: EventMessage, event: Event, queue: Queue, service: SpeechService, entries: Entries) -> None:
    """Put the jobs ahead, and the seconds until the result, into a message about them."""
    if isinstance(message, EstimationMessage) and message.rank is not None:
        stats = service.stats()
        coming = _on_the_way(queue, service)
        before = _expected(service, entries, [*coming, *_waiting(queue)[: message.rank]])
        at_lane = stats.running + stats.waiting + len(coming)
        message.rank += at_lane
        message.queue_size += at_lane
        message.rank_eta = _told_s(service, entries.of(event), before)
    elif isinstance(message, ProcessStartsMessage):
        coming = [other for other in _on_the_way(queue, service) if other is not event]
        message.eta = _told_s(service, entries.of(event), _expected(service, entries, coming))


def _expected(service: SpeechService, entries: Entries, events: Sequence[Event]) -> list[float | None]:
    return [entries.of(event).expected_s(service) for event in events]


def _on_the_way(queue: Queue, service: SpeechService) -> Sequence[Event]:
    """Who has left Gradio's line and isn't at the lane yet: their text is being cut, or a recording decoded."""
    active = [event for events in queue.active_jobs if events for event in events if event.concurrency_id == LINE]
    stats = service.stats()
    count = max(0, len(active) - stats.running - stats.waiting)
    return sorted(active, key=lambda event: event.enqueue_time)[len(active) - count :]


def _told_s(service: SpeechService, entry: Entry, before: Sequence[float | None]) -> float | None:
    wait_s, own_s = service.wait_s(before), entry.expected_s(service)
    return entry.countdown.tell(None if wait_s is None or own_s is None else wait_s + own_s, time.monotonic())


def _refuse_in_words(demo: gr.Blocks, service: SpeechService, entries: Entries, queue_size: int) -> None:
    queue = demo._queue
    push = queue.push
    examining = asyncio.Lock()  # or a short text overtakes a long one that came before it

    async def push_or_refuse(body: PredictBodyInternal, *arguments: Any, **keywords: Any) -> tuple[bool, Any, Any]:
        function = demo.fns.get(-1 if body.fn_index is None else body.fn_index)
        if function is None or function.fn is None or function.concurrency_id != LINE:
            return await push(body, *arguments, **keywords)
        async with examining:
            entry = await in_thread(partial(examined, function.fn, body.data, service.engine_info, service.files))
        waiting = len(_waiting(queue)) + service.stats().waiting
        if waiting >= queue_size:
            entry.objection = entry.objection or service.busy(waiting).sentence
        with entries.arriving(body, entry):
            joined, event_id, state = await push(body, *arguments, **keywords)
        event = next((event for event in _waiting(queue) if event._id == event_id), None)
        if event and entry.objection:
            queue.event_queue_per_concurrency_id[LINE].queue.remove(event)
            del queue.event_ids_to_events[event._id]
            queue.send_message(event, _refusal(event, entry.objection))
        return joined, event_id, state

    queue.push = push_or_refuse  # type: ignore[method-assign]


def _refusal(event: Event, sentence: str) -> ProcessCompletedMessage:
    """What ends an event that can't be taken in: for the page's own a value for its card, for scripts an error."""
    refusal = getattr(event.fn.fn, "refusal", None)
    if refusal is None:
        return ProcessCompletedMessage(output={"error": sentence, "title": "Busy", "visible": True}, success=False)
    return ProcessCompletedMessage(output={"data": refusal(sentence), "is_generating": False}, success=True)


def _waiting(queue: Queue) -> Sequence[Event]:
    line = queue.event_queue_per_concurrency_id.get(LINE)
    return line.queue if line else ()


def _stop_for_who_left(queue: Queue) -> None:
    clean_events = queue.clean_events

    async def clean_and_stop(*, session_hash: str | None = None, event_id: str | None = None) -> None:
        running = [event for events in queue.active_jobs if events for event in events if event.concurrency_id == LINE]
        left = [event for event in running if event.session_hash == session_hash or event._id == event_id]
        await clean_events(session_hash=session_hash, event_id=event_id)
        names = {f"{event.session_hash}_{event.fn._id}<gradio-sep>{event._id}" for event in left}
        for task in asyncio.all_tasks():
            if task.get_name() in names:  # as gradio.utils.set_task_name makes them
                task.cancel()

    queue.clean_events = clean_and_stop  # type: ignore[method-assign]
