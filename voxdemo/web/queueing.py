"""All that touches Gradio's queue: its limits, the shared line, and what it tells those who wait.

Gradio's queue is the line that people see; the lane below is what guarantees. Gradio knows neither how long a text
takes nor what already stands at the lane, answers a full queue with words of its own, and lets the job of somebody who
left run on; and recognitions would starve in its line behind generations. So three of its methods are wrapped here.
They are private; tests fail when Gradio changes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.queueing import Event, Queue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage, ProcessStartsMessage

from voxdemo.errors import InputError
from voxdemo.lane import in_turn
from voxdemo.service import SpeechService

LINE = "speech"
"""The concurrency id that every event which needs a model shares."""


def in_line(service: SpeechService) -> dict[str, Any]:
    """Arguments for every event that needs a model, so that all of them stand in one line.

    One more than there are seats is let through, so that the next job is at the lane before a seat is free. Among
    events that share an id the smallest limit wins, and an unset one counts as 1: so it is set on each.
    """
    return {"concurrency_id": LINE, "concurrency_limit": service.stats().seats + 1}


def attach(demo: gr.Blocks, service: SpeechService, queue_size: int) -> None:
    """Turn on the queue of `demo`, with our places, seconds and refusals in it.

    One more than `queue_size` may join, because who finds it full joins for the moment that it takes to be told so.
    """
    demo.queue(max_size=queue_size + 1, api_open=False)
    queue = demo._queue
    service.doors.append(lambda: [_expected_s(service, event) for event in _waiting(queue)])
    _take_turns(queue)
    _tell_honest_places(queue, service)
    _refuse_in_words(queue, service, queue_size)
    _stop_for_who_left(queue)


def _take_turns(queue: Queue) -> None:
    """Keep Gradio's line in the order of the lane's turns, of which `in_turn` tells."""
    overtook = False
    send, push = queue.send_message, queue.push

    def put_in_order() -> None:
        if line := queue.event_queue_per_concurrency_id.get(LINE):
            arrived = sorted(line.queue, key=lambda event: event.enqueue_time)
            line.queue[:] = in_turn(arrived, [not _is_generation(event) for event in arrived], overtook)

    def send_message(event: Event, event_message: EventMessage) -> None:
        nonlocal overtook
        if event.concurrency_id == LINE and isinstance(event_message, ProcessStartsMessage):
            older = [other for other in _waiting(queue) if other.enqueue_time < event.enqueue_time]
            overtook = not _is_generation(event) and any(map(_is_generation, older))
            put_in_order()
        send(event, event_message)

    async def push_in_order(*arguments: Any, **keywords: Any) -> tuple[bool, Any, Any]:
        joined = await push(*arguments, **keywords)
        put_in_order()
        return joined

    queue.send_message, queue.push = send_message, push_in_order  # type: ignore[method-assign]


def _tell_honest_places(queue: Queue, service: SpeechService) -> None:
    send = queue.send_message

    def send_message(event: Event, event_message: EventMessage) -> None:
        if event.concurrency_id == LINE:
            _correct(event_message, event, queue, service)
        send(event, event_message)

    queue.send_message = send_message  # type: ignore[method-assign]


def _correct(message: EventMessage, event: Event, queue: Queue, service: SpeechService) -> None:
    """Put the jobs ahead, and the seconds until the result, into a message about them."""
    if isinstance(message, EstimationMessage) and message.rank is not None:
        stats = service.stats()
        before = [_expected_s(service, other) for other in _waiting(queue)[: message.rank]]
        message.rank += stats.running + stats.waiting
        message.queue_size += stats.running + stats.waiting
        message.rank_eta = _sum(service.wait_s(before), _expected_s(service, event))
    elif isinstance(message, ProcessStartsMessage):
        message.eta = _sum(service.wait_s([]), _expected_s(service, event))


def _refuse_in_words(queue: Queue, service: SpeechService, queue_size: int) -> None:
    push = queue.push

    async def push_or_refuse(*arguments: Any, **keywords: Any) -> tuple[bool, Any, Any]:
        waiting = len(_waiting(queue)) + service.stats().waiting
        joined, event_id, state = await push(*arguments, **keywords)
        event = next((event for event in _waiting(queue) if event._id == event_id), None)
        if event and (sentence := _objection(event, service, waiting, queue_size)):
            queue.event_queue_per_concurrency_id[LINE].queue.remove(event)
            del queue.event_ids_to_events[event._id]
            queue.send_message(event, _refusal(event, sentence))
        return joined, event_id, state

    queue.push = push_or_refuse  # type: ignore[method-assign]


def _objection(event: Event, service: SpeechService, waiting: int, queue_size: int) -> str | None:
    """Why the event gets no place in line: what it sent can't be spoken, or the line is full."""
    first = _first_argument(event)
    try:
        if isinstance(first, str):
            service.check_text(first)
    except InputError as error:
        return error.sentence
    return service.busy(waiting).sentence if waiting >= queue_size else None


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


def _first_argument(event: Event) -> Any:
    """The text to speak, or else a recording."""
    return event.data.data[0] if event.data and event.data.data else None


def _is_generation(event: Event) -> bool:
    return isinstance(_first_argument(event), str)


def _expected_s(service: SpeechService, event: Event) -> float | None:
    first = _first_argument(event)
    return service.expected_s(first if isinstance(first, str) else None)


def _sum(wait_s: float | None, own_s: float | None) -> float | None:
    return None if wait_s is None or own_s is None else wait_s + own_s
