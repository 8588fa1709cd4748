"""How a program comes in over HTTP: counted, refused or let into the line, answered for as long as it listens.

Knows the line and the service, not what programs call things.
"""

import asyncio
import json
import logging
import secrets
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar, cast

from fastapi import Depends
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from voxdemo.conversation.language_model import LanguageModel
from voxdemo.errors import UNEXPECTED, StorageError, VoxdemoError
from voxdemo.files import remove
from voxdemo.intake.request import Asked, AskedRecording
from voxdemo.monitoring.outcomes import Task
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.speech import RecognitionEvent, SpeechEvent, Utterance, Waiting
from voxdemo.threads import READING, in_thread
from voxdemo.web.guards.callers import Incoming, first_done, left
from voxdemo.web.guards.refusals import in_words, status_of
from voxdemo.web.line.admission import Admission

log = logging.getLogger(__name__)

NO_CACHE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # or nginx collects it

E = TypeVar("E")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entrance:
    """The way in; all its methods are for the event loop's thread."""

    service: SpeechService
    admission: Admission
    language_model: LanguageModel | None = None
    """None where the server has none, and so no /v1/talk."""

    async def admitted(
        self, request: Request, task: Task, asked: Callable[[], Asked], recording: Path | None = None
    ) -> RequestContext:
        """Let a program in that asks for this. Raises the VoxdemoError that says why not; then its `recording` goes."""
        context = RequestContext("openai", Incoming(request.scope).caller)
        try:
            await self.admission.admit(asked, context)
            if context.objection:
                raise context.objection
        except VoxdemoError as error:
            self.service.ended_at_door(task, context, error)
            if recording:
                await in_thread(remove, recording.parent)
            raise
        return context

    async def counted(self, caller: str) -> None:
        """Count one more request of this client. Raises the UnavailableError that says why it can't be now."""
        if closing := self.service.line.refusal:
            raise closing
        await self.admission.limits.take(caller)

    def speak(self, context: RequestContext) -> AsyncGenerator[SpeechEvent, None]:
        """As `SpeechService.speak`, from its place in line on, for the text that was let in."""
        assert context.examined, "it was examined when it was let in"
        utterance = cast(Utterance, context.examined.asked)
        return self._in_turn(context, "generation", partial(self.service.speak, utterance, context))

    def transcribe(self, asked: AskedRecording, context: RequestContext) -> AsyncGenerator[RecognitionEvent, None]:
        """As `SpeechService.transcribe`, from its place in line on."""
        begin = partial(self.service.transcribe, asked, context=context)
        return self._in_turn(context, "recognition", begin)

    async def speak_in_turn(self, utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        """For a text of a batch: spoken when its turn has come, from the end of the line. As `SpeechService.speak`."""
        context = RequestContext("openai")
        await self.admission.admit_later(utterance, context)
        async with aclosing(self.speak(context)) as events:
            async for event in events:
                yield event

    async def _in_turn(
        self, context: RequestContext, task: Task, begin: Callable[[], AsyncGenerator[E, None]]
    ) -> AsyncGenerator[E | Waiting, None]:
        """Its places until its ticket is called, then what `begin` yields. Raises the refusal of a line that closes."""
        with self.service.holding(context):
            try:
                async with aclosing(self._places(context)) as places:
                    async for place in places:
                        yield place
            except BaseException as error:
                self.service.ended_at_door(task, context, error)
                raise
            async with aclosing(begin()) as events:
                async for event in events:
                    yield event

    async def _places(self, context: RequestContext) -> AsyncGenerator[Waiting, None]:
        line, ticket, moved = self.service.line, context.ticket, asyncio.Event()
        line.moved.append(moved.set)
        try:
            while ticket and not ticket.is_called:
                if ticket.refusal:
                    raise ticket.refusal
                place = line.place(ticket)
                yield Waiting(place.ahead, context.countdown.tell(place.end_s, time.monotonic()))
                await moved.wait()
                moved.clear()
        finally:
            line.moved.remove(moved.set)

    async def kept(self, sent: Callable[[], BinaryIO | bytes]) -> Path:
        """A recording that was sent, as a file where people's files are; `sent` may take a moment, on a thread.

        Raises StorageError where there's no room, and what `sent` raises.
        """
        try:
            return await in_thread(_write, self.service.files, sent, pool=READING)
        except OSError as error:
            raise StorageError from error


async def _entrance(request: Request) -> Entrance:
    entrance: Entrance = request.app.state.entrance
    return entrance


TheEntrance = Annotated[Entrance, Depends(_entrance)]
"""What a route gets for a parameter of this type."""


class Streamed(StreamingResponse):
    """An answer that is sent as it comes; in the end, or when the client hangs up, its job is left by `leave`."""

    def __init__(
        self,
        sent: AsyncGenerator[bytes, None],
        leave: Callable[[], Awaitable[None]],
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(sent, media_type=media_type, headers={**NO_CACHE, **headers})
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()


def server_event(kind: str, **values: Any) -> bytes:
    """A server-sent event as OpenAI's API writes it, in ASCII: an error may repeat half a surrogate pair."""
    return f"data: {json.dumps({'type': kind, **values})}\n\n".encode()


async def ended_in_words(events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """These server-sent events; where something goes wrong an `error` is the last of them."""
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    except VoxdemoError as error:
        yield server_event("error", error=in_words(status_of(error), error))
    except Exception:  # the door: nothing of it may reach a client
        log.exception("a job failed")
        yield server_event("error", error=in_words(500, UNEXPECTED))


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; when the client hangs up, it is cancelled. Raises ClientDisconnect then."""

    async def leaving() -> T:
        await left(request.receive)
        raise ClientDisconnect

    return await first_done(work, leaving())


def _write(files: Path, sent: Callable[[], BinaryIO | bytes]) -> Path:
    recording = sent()
    path = files / secrets.token_urlsafe(16) / "recording"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        if isinstance(recording, bytes):
            file.write(recording)
        else:
            shutil.copyfileobj(recording, file)
    return path
