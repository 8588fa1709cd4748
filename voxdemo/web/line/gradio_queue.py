"""Gradio's queue as the line that people see: it releases the event whose ticket is called, and shows places.

The line gives the tickets and decides whose turn it is. Gradio's queue holds the events of its clients until then. It
knows neither how long a text takes nor a client that comes through another door, and lets the job of a client that left
run on; so this subclass has some of its methods done differently. They are private;
`tests/web/line/test_gradio_patches.py` lists them, and fails when Gradio changes them.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr
from fastapi import HTTPException, Request
from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, EventQueue, Queue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage, ProcessStartsMessage

from voxdemo.errors import UNEXPECTED, InputError, LimitError, UnavailableError, VoxdemoError
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web.guards import access
from voxdemo.web.guards.callers import Incoming
from voxdemo.web.guards.refusals import is_gradio_client
from voxdemo.web.guards.uploads import Uploads
from voxdemo.web.line.admission import Admission
from voxdemo.web.line.handlers import CURRENT, info_of

LOOK_EVERY_S = 0.02
"""How often Gradio looks whether an event's turn has come: with its own 0.001 an idle server takes 6 % of a core."""
TELL_EVERY_S = 0.1
"""How often it looks whether to tell programs how far their jobs are: with its own 0.01 that takes 1 % more."""
LINE = "speech"
"""The concurrency id that every event which needs a model shares."""
MOST_UNREAD = 1_000
"""Sessions that have messages to fetch, up to which gradio_client is refused by one; beyond, as anybody."""
IN_LINE: Mapping[str, Any] = {"concurrency_id": LINE, "concurrency_limit": None}
"""Arguments for every event that needs a model, so that all of them stand in one line."""
_CONTEXT = "voxdemo.context"
"""In the ASGI scope of the request by which an event came."""


class Failed(ProcessCompletedMessage):
    """With the code and the values of our error, for programs that read the queue: gradio_client passes them over."""

    code: str
    values: dict[str, Any]


class LineQueue(Queue):
    """The queue of `demo`. Making it puts it in the place of Gradio's own. For the event loop's thread."""

    def __init__(self, demo: gr.Blocks, service: SpeechService, admission: Admission, settings: Settings) -> None:
        demo.api_open = False
        super().__init__(
            live_updates=True, concurrency_count=demo.max_threads, update_intervals=1, max_size=None, blocks=demo
        )
        demo._queue = self
        self.sleep_when_free, self.progress_update_sleep_when_free = LOOK_EVERY_S, TELL_EVERY_S
        # By itself Gradio releases none of them.
        self.event_queue_per_concurrency_id[LINE] = EventQueue(LINE, concurrency_limit=0)
        self._service = service
        self._admission = admission
        self._settings = settings
        self._uploads = Uploads(settings.files_dir, service.stores.uploads) if service.stores.bucket else None
        self._tasks: dict[Event, asyncio.Task[Any]] = {}
        service.line.moved.append(self._line_moved)

    async def push(self, body: PredictBodyInternal, request: Request, username: str | None) -> tuple[bool, Any, Any]:
        """As Gradio's, for a request that is admitted; one whose answer is at hand passes the line by.

        Every refusal is one sentence. Where a client has asked for too much, it is an HTTP answer of its own, 429,
        unless gradio_client asks; the other refusals come as the result of the job, because Gradio's clients have words
        of their own for them.
        """
        body.session_hash = body.session_hash or None  # Gradio makes one, but not in place of an empty one
        function = None if body.fn_index is None else self.blocks.fns.get(body.fn_index)
        if body.fn_index is None or (function and function.fn is None):  # Gradio answers these itself
            return await super().push(body, request, username)
        if function is None or not function.queue:  # the page asks for these directly
            raise HTTPException(404, "This isn't offered here: press the buttons of the page.")
        access.refuse_without_key(request.scope, function.api_name, self._settings)
        if self._uploads:
            await self._uploads.fetch(body.data)
        if function.concurrency_id != LINE:
            return await super().push(body, request, username)
        context = await self._admitted(body, function, request)
        request.scope[_CONTEXT] = context
        try:
            joined, event_id, state = await super().push(body, request, username)
        except BaseException:
            self._service.leave(context)
            raise
        event = self.event_ids_to_events.get(str(event_id)) if joined else None
        refusal = context.objection or (context.ticket and context.ticket.refusal)
        if event is None:
            self._service.leave(context)
        elif refusal:
            self._refuse(event, refusal)
        return joined, event_id, state

    def knows_session(self, session: str) -> bool:
        """Whether events of it wait or are served here, or have messages that it hasn't fetched."""
        return bool(self.pending_event_ids_session.get(session))

    def knows_event(self, id: str) -> bool:
        """Whether it waits or is served here, or its result hasn't been fetched yet."""
        return id in self.event_ids_to_events or any(id in ids for ids in self.pending_event_ids_session.values())

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The event whose ticket is called, or whose answer is at hand; else as Gradio's, one that needs no model."""
        for event in self._waiting():
            ticket = _context_of(event).ticket
            if ticket is None or ticket.is_called:
                self.event_queue_per_concurrency_id[LINE].queue.remove(event)
                return [event], False, LINE
        return super().get_events()

    async def process_events(self, events: list[Event], batch: bool, begin_time: float, fn: BlockFunction) -> None:
        """As Gradio's. The task is remembered, so that it can be stopped, and the ticket is given back at its end."""
        event = events[0]
        if event.concurrency_id != LINE:
            return await super().process_events(events, batch, begin_time, fn)
        if not event.alive:  # its client left when it had just been released, and Gradio only tidies up
            self._leave(event)
        context, task = _context_of(event), asyncio.current_task()
        assert task, "Gradio serves events in tasks"
        CURRENT.set(context)
        self._tasks[event] = task
        try:
            with self._service.holding(context):
                await super().process_events(events, batch, begin_time, fn)
        finally:
            del self._tasks[event]

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """As Gradio's, with the seconds that the line knows, and the code and values of an error."""
        if event.concurrency_id == LINE and isinstance(event_message, ProcessStartsMessage):
            event_message.eta = self._place(event)[1]
        elif event.concurrency_id == LINE and isinstance(event_message, ProcessCompletedMessage):
            event_message = _with_code(event_message, _context_of(event).error)
        super().send_message(event, event_message)

    def set_progress(self, event_id: str, iterables: Any) -> None:
        """As Gradio's; that a job is at another stage is told at once, and not when Gradio looks next."""
        event = next((event for event in self._tasks if event._id == event_id), None)
        before = event and _stage(event)
        super().set_progress(event_id, iterables)
        if event and event.progress and _stage(event) != before:
            event.progress_pending = False
            self.send_message(event, event.progress)

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        """As Gradio's, with the places and seconds of the line."""
        if concurrency_id != LINE:
            return super().broadcast_estimations(concurrency_id, after)
        stats = self._service.line.stats()
        for event in self._waiting()[after or 0 :]:
            ahead, seconds = self._place(event)
            in_line = stats.running + stats.waiting if _context_of(event).ticket else 1
            self.send_message(event, EstimationMessage(rank=ahead, rank_eta=seconds, queue_size=in_line))
        return None

    async def remove_from_queue(self, event_id: str) -> None:
        """As Gradio's, for an event that is cancelled while it waits; its ticket is given back."""
        event = self.event_ids_to_events.get(event_id)
        await super().remove_from_queue(event_id)
        if event and event.concurrency_id == LINE and event_id not in self.event_ids_to_events:
            self._leave(event)

    async def clean_events(self, *, session_hash: str | None = None, event_id: str | None = None) -> None:
        """As Gradio's, for a client that has left; what is being served for it stops too."""

        def is_meant(event: Event) -> bool:
            return event.session_hash == session_hash or event._id == event_id

        waited = [event for event in self._waiting() if is_meant(event)]
        served = [task for event, task in self._tasks.items() if is_meant(event)]
        await super().clean_events(session_hash=session_hash, event_id=event_id)
        for event in waited:
            self._leave(event)
        for task in served:
            task.cancel()

    def _waiting(self) -> Sequence[Event]:
        return tuple(self.event_queue_per_concurrency_id[LINE].queue)

    async def _admitted(self, body: PredictBodyInternal, function: BlockFunction, request: Request) -> RequestContext:
        """Raises LimitError where the client has asked for too much, unless the refusal is the end of a job."""
        info = info_of(function.fn)
        context = RequestContext(info.name, Incoming(request.scope).caller)
        try:
            beside = [event for event in (*self._waiting(), *self._tasks) if _context_of(event).is_at_hand]
            await self._admission.admit(partial(info.asked, body.data), context, len(beside))
        except LimitError as error:
            if not self._fails_later(request):
                self._service.ended_at_door(info.task, context, error)
                raise
            context.objection = error
        return context

    def _fails_later(self, request: Request) -> bool:
        """Whether a refusal comes as the end of a job: gradio_client shows no other. They may not pile up unread."""
        return is_gradio_client(request.scope) and len(self.pending_messages_per_session) < MOST_UNREAD

    def _place(self, event: Event) -> tuple[int, float | None]:
        """How many jobs are ahead of it, and in how many seconds its result should be there."""
        context = _context_of(event)
        if context.ticket is None:
            return 0, None
        place = self._service.line.place(context.ticket)
        return place.ahead, context.countdown.tell(place.end_s, time.monotonic())

    def _line_moved(self) -> None:
        for event in self._waiting():
            ticket = _context_of(event).ticket
            if ticket and ticket.refusal:
                self._refuse(event, ticket.refusal)
        self.broadcast_estimations(LINE)

    def _refuse(self, event: Event, error: InputError | UnavailableError) -> None:
        """End an event that can't be served, and say why: to the page in its card, to scripts by an error."""
        queue = self.event_queue_per_concurrency_id[LINE].queue
        if event not in queue:  # it has just been released, or its client has left
            return
        queue.remove(event)
        self.event_ids_to_events.pop(event._id, None)
        _context_of(event).error = error
        info = info_of(event.fn.fn)
        if info.refusal is None:
            told = ProcessCompletedMessage(
                output={"error": error.sentence, "title": "Busy", "visible": True}, success=False
            )
        else:
            output = {"data": info.refusal(error), "is_generating": False}
            told = ProcessCompletedMessage(output=output, success=True)
        self.send_message(event, told)
        self._ended_at_door(event, error)

    def _leave(self, event: Event) -> None:
        self._ended_at_door(event, asyncio.CancelledError())

    def _ended_at_door(self, event: Event, error: BaseException) -> None:
        context = _context_of(event)
        self._service.ended_at_door(info_of(event.fn.fn).task, context, error)
        self._service.leave(context)


def _with_code(message: ProcessCompletedMessage, error: VoxdemoError | None) -> ProcessCompletedMessage:
    if message.success:
        return message
    error = error or VoxdemoError(UNEXPECTED)
    return Failed(**message.model_dump(), code=error.code, values=error.values)


def _stage(event: Event) -> str | None:
    """What `contract` told last of the stage that the event's job is at."""
    return event.progress.progress_data[-1].unit if event.progress else None


def _context_of(event: Event) -> RequestContext:
    context: RequestContext = event.request.scope[_CONTEXT]
    return context
