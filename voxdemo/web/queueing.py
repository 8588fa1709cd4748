"""All that touches Gradio's queue: its limits, the shared line, and what it tells those who wait.

Gradio's queue is the line that people see; the lane below is what guarantees. Gradio knows neither how long a text
takes nor what already stands at the lane, and answers a full queue with words of its own, so two of its methods are
wrapped here. Both are private, and tests fail when Gradio changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.queueing import Event, Queue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage, ProcessStartsMessage

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
    _tell_honest_places(queue, service)
    _refuse_in_words(queue, service, queue_size)


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
        event = queue.event_ids_to_events.get(str(event_id))
        if joined and event and event.concurrency_id == LINE and waiting >= queue_size:
            queue.event_queue_per_concurrency_id[LINE].queue.remove(event)
            del queue.event_ids_to_events[event._id]
            queue.send_message(event, _refusal(event, service.busy(waiting).sentence))
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


def _expected_s(service: SpeechService, event: Event) -> float | None:
    """What the event's job will take: the first argument is the text to speak, or else a recording."""
    first = event.data.data[0] if event.data and event.data.data else None
    return service.expected_s(first if isinstance(first, str) else None)


def _sum(wait_s: float | None, own_s: float | None) -> float | None:
    return None if wait_s is None or own_s is None else wait_s + own_s
