"""Who may join the line: answers that are at hand pass it by, and who can't be served is told why.

Every refusal is one sentence. Where a client of Gradio's has asked for too much, it is an HTTP answer of its own, 429,
unless gradio_client asks; the other refusals come as the result of the job, because Gradio's clients have words of
their own for them. One of Gradio's methods is wrapped here; a test fails when Gradio changes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import gradio as gr
from fastapi import HTTPException, Request
from gradio.data_classes import PredictBodyInternal

from voxdemo.errors import InputError, LimitError, UnavailableError
from voxdemo.intake.request import RecordingRequest, SpeechRequest
from voxdemo.monitoring.visit import Visit
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance
from voxdemo.stores.protocols import RequestLimits
from voxdemo.threads import in_thread
from voxdemo.web.guards import access, gradio_client
from voxdemo.web.guards.callers import caller_of
from voxdemo.web.line import gradio_queue
from voxdemo.web.line.entries import Entry, Wish, door_of, examined, requested

MOST_AT_HAND = 256
"""How many may be served beside the line at once; those beyond stand in line."""
MOST_UNREAD = 1_000
"""Sessions that have messages to fetch, up to which gradio_client is refused by one; beyond, as anybody."""

Push = Callable[..., Coroutine[Any, Any, tuple[bool, Any, Any]]]


class Admission:
    """Decides who joins a line, over all doors. Making it lets the queue of `demo` ask it."""

    def __init__(
        self,
        demo: gr.Blocks,
        line: gradio_queue.Line,
        service: SpeechService,
        settings: Settings,
        limits: RequestLimits,
    ) -> None:
        self._demo = demo
        self._line = line
        self._service = service
        self._settings = settings
        self.limits = limits
        self._examining = asyncio.Lock()  # or a short text overtakes a long one that came before it
        demo._queue.push = partial(self._push, demo._queue.push)  # type: ignore[method-assign]

    async def entry(self, wish: Callable[[], Wish], caller: str, visit: Visit) -> Entry:
        """What is known of somebody who asks for this; its `objection` says why it can't be.

        Raises LimitError where this client has asked for too much. Call `join` next, with no await in between.
        """
        try:
            asked = await requested(wish(), self._service)
        except InputError as error:
            await self._count(caller)
            return Entry(caller=caller, visit=visit, objection=error)
        if asked and self._service.is_at_hand(asked) and self._line.beside() < MOST_AT_HAND:
            return Entry(caller=caller, visit=visit, asked=asked, key=asked.key, is_at_hand=True)
        if objection := self._objection():
            return Entry(caller=caller, visit=visit, objection=objection)
        await self._count(caller)
        return await self._examined(asked, caller, visit)

    async def accepted(self, utterance: Utterance, visit: Visit) -> Entry:
        """What is known of a text that was let in before, with its batch. Raises InputError for one that can't be."""
        asked = await self._service.request(utterance)
        if self._service.is_at_hand(asked):
            return Entry(visit=visit, asked=asked, key=asked.key, is_at_hand=True)
        entry = await self._examined(asked, "", visit)
        if entry.objection:
            raise entry.objection
        return entry

    def join(self, entry: Entry) -> None:
        """Look again, right before it joins: others may have done so meanwhile. Raises LimitError as above."""
        if not entry.is_at_hand and not entry.objection:
            self._refuse_crowding(entry.caller)
            entry.objection = self._objection()

    async def _push(
        self, push: Push, body: PredictBodyInternal, request: Request, username: str | None
    ) -> tuple[bool, Any, Any]:
        """In place of Gradio's own, which is `push`."""
        body.session_hash = body.session_hash or None  # Gradio makes one, but not in place of an empty one
        function = self._demo.fns.get(-1 if body.fn_index is None else body.fn_index)
        if function is not None and function.fn is not None and not function.queue:  # the page asks for these directly
            raise HTTPException(404, "This isn't offered here: press the buttons of the page.")
        if function is None or function.fn is None or function.concurrency_id != gradio_queue.LINE:
            return await push(body, request=request, username=username)
        access.refuse_without_key(request.scope, function.api_name, self._settings)
        door = door_of(function.fn)
        visit = Visit(door.name)
        try:
            entry = await self.entry(partial(door.wish, body.data), caller_of(request.scope), visit)
            self.join(entry)  # from here on nobody else can
        except LimitError as error:
            if not self._fails_later(request):
                self._service.turned_back(door.task, visit, error)
                raise
            entry = Entry(caller=caller_of(request.scope), visit=visit, objection=error)
        with self._line.entries.arriving(body, entry):
            joined, event_id, state = await push(body, request=request, username=username)
        self._line.receive(event_id, entry)
        return joined, event_id, state

    def _fails_later(self, request: Request) -> bool:
        """Whether a refusal comes as the end of a job: gradio_client shows no other. They may not pile up unread."""
        unread = len(self._demo._queue.pending_messages_per_session)
        return gradio_client.is_gradio_client(request.scope) and unread < MOST_UNREAD

    def _objection(self) -> UnavailableError | None:
        """Why nobody can join now."""
        if closing := self._service.closing:
            return closing
        return self._service.busy(self._settings.queue_size) if self._service.is_full else None

    async def _count(self, caller: str) -> None:
        """Count one more job of this client. Raises LimitError where that is too much."""
        self._refuse_crowding(caller)
        await self.limits.take(caller)

    def _refuse_crowding(self, caller: str) -> None:
        """Raises LimitError where so many of this client's jobs wait that another may not."""
        most, line = self._settings.max_waiting_per_client, self._line.without_seat()
        theirs = [index for index, entry in enumerate(line) if entry.caller == caller]
        if most and len(theirs) >= most:
            jobs = "a job" if most == 1 else f"{most} jobs"
            until_next_s = self._service.foretell(self._line.sizes(line[: theirs[0] + 1]))[-1].start_s
            sentence = "You already have {jobs} waiting: send more when one of them has started."
            raise LimitError(sentence, until_next_s, reason="waiting", jobs=jobs, most=most)

    async def _examined(self, asked: SpeechRequest | RecordingRequest | None, caller: str, visit: Visit) -> Entry:
        async with self._examining:
            entry = await in_thread(partial(examined, asked))
        entry.caller, entry.visit, entry.asked = caller, visit, asked
        entry.key = asked.key if asked and self._service.shares else ""
        return entry
