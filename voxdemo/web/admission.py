"""Who may join Gradio's line: answers that are at hand pass it by, and who can't be served is told why.

Every refusal is one sentence. What a client has asked for too much of is an HTTP answer of its own, 429; the other
refusals come as the result of the job, because Gradio's clients have words of their own for them. One of Gradio's
methods is wrapped here; a test fails when Gradio changes it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import gradio as gr
from fastapi import HTTPException, Request
from gradio.data_classes import PredictBodyInternal

from voxdemo import logs
from voxdemo.errors import InputError, LimitError, UnavailableError
from voxdemo.limits import Limits
from voxdemo.request import RecordingRequest, SpeechRequest
from voxdemo.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.threads import in_thread
from voxdemo.web import access, queueing
from voxdemo.web.asking import Door, Entries, Entry, door_of, examined, requested
from voxdemo.web.callers import caller_of

UNKNOWN_S = 10
"""When to come again, for who is told so while nothing is known of how long a job takes."""
MOST_AT_HAND = 256
"""How many may be served beside the line at once; those beyond stand in line."""
SHORTEST_WORDS = 20
"""Characters of what is taken for somebody's words, rather than the name of a choice."""

Push = Callable[..., Coroutine[Any, Any, tuple[bool, Any, Any]]]


def attach(demo: gr.Blocks, service: SpeechService, entries: Entries, settings: Settings, limits: Limits) -> None:
    """Decide who joins the queue of `demo`, which `queueing.attach` has turned on."""
    admission = _Admission(demo, service, entries, settings, limits)
    demo._queue.push = partial(admission.push, demo._queue.push)  # type: ignore[method-assign]


class _Admission:
    def __init__(
        self, demo: gr.Blocks, service: SpeechService, entries: Entries, settings: Settings, limits: Limits
    ) -> None:
        self._demo = demo
        self._queue = demo._queue
        self._service = service
        self._entries = entries
        self._settings = settings
        self._limits = limits
        self._examining = asyncio.Lock()  # or a short text overtakes a long one that came before it

    async def push(
        self, push: Push, body: PredictBodyInternal, request: Request, username: str | None
    ) -> tuple[bool, Any, Any]:
        """In place of Gradio's own, which is `push`."""
        body.session_hash = body.session_hash or None  # Gradio makes one, but not in place of an empty one
        function = self._demo.fns.get(-1 if body.fn_index is None else body.fn_index)
        if function is not None and function.fn is not None and not function.queue:  # the page asks for these directly
            raise HTTPException(404, "This isn't offered here: press the buttons of the page.")
        if function is None or function.fn is None or function.concurrency_id != queueing.LINE:
            return await push(body, request=request, username=username)
        access.refuse_without_key(request.scope, function.api_name, self._settings)
        logs.keep_private(*(value for value in body.data if isinstance(value, str) and len(value) > SHORTEST_WORDS))
        door = door_of(function.fn)
        try:
            entry = await self._entry(door, body, caller_of(request.scope))
            if not entry.is_at_hand and not entry.objection:  # others may have joined meanwhile; from here nobody can
                self._refuse_crowding(entry.caller)
                entry.objection = self._objection()
        except LimitError as error:
            self._service.refuse(door.task, door.name, error)
            raise _too_many(error) from error
        with self._entries.arriving(body, entry):
            joined, event_id, state = await push(body, request=request, username=username)
        event = next((event for event in queueing.waiting(self._queue) if event._id == event_id), None)
        if event and entry.objection:
            self._service.refuse(door.task, door.name, entry.objection)
            queueing.refuse(self._queue, event, entry.objection.sentence)
        elif event and entry.is_at_hand:
            queueing.let_through(self._queue, event)
        return joined, event_id, state

    async def _entry(self, door: Door, body: PredictBodyInternal, caller: str) -> Entry:
        try:
            asked = await requested(door.wish(body.data), self._service)
        except InputError as error:
            await self._count(caller)
            return Entry(caller=caller, objection=error)
        if asked and self._service.is_at_hand(asked) and self._serves_beside():
            return Entry(caller=caller, key=asked.key, is_at_hand=True)
        if objection := self._objection():
            return Entry(caller=caller, objection=objection)
        await self._count(caller)
        return await self._examined(asked, caller)

    def _serves_beside(self) -> bool:
        beside = self._queue.event_queue_per_concurrency_id[queueing.AT_HAND]
        return len(beside.queue) + beside.current_concurrency < MOST_AT_HAND

    def _objection(self) -> UnavailableError | None:
        """Why nobody can join now."""
        if closing := self._service.closing:
            return closing
        waiting = len(queueing.waiting(self._queue)) + self._service.stats().waiting
        return self._service.busy(waiting) if waiting >= self._settings.queue_size else None

    async def _count(self, caller: str) -> None:
        """Count one more job of this client. Raises LimitError where that is too much."""
        self._refuse_crowding(caller)
        await self._limits.take(caller)

    def _refuse_crowding(self, caller: str) -> None:
        """Raises LimitError where so many of this client's jobs wait that another may not."""
        most, line = self._settings.max_waiting_per_client, queueing.without_seat(self._queue, self._service)
        theirs = [index for index, event in enumerate(line) if self._entries.of(event).caller == caller]
        if most and len(theirs) >= most:
            jobs = "a job" if most == 1 else f"{most} jobs"
            until_next_s = self._service.wait_s(queueing.expected(self._service, self._entries, line[: theirs[0]]))
            raise LimitError(f"You have {jobs} waiting already: send more when one of them has begun.", until_next_s)

    async def _examined(self, asked: SpeechRequest | RecordingRequest | None, caller: str) -> Entry:
        async with self._examining:
            entry = await in_thread(partial(examined, asked))
        entry.caller = caller
        entry.key = asked.key if asked and self._service.shares else ""
        return entry


def _too_many(error: LimitError) -> HTTPException:
    seconds = UNKNOWN_S if error.retry_after_s is None else max(1, math.ceil(error.retry_after_s))
    return HTTPException(429, error.sentence, {"Retry-After": str(seconds)})
