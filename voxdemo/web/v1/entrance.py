"""How a program comes in over HTTP: counted, refused or let into the line, heard as long as it listens.

Knows the line and the service, not what programs call things.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from starlette.requests import ClientDisconnect, Request

from voxdemo.errors import StorageError, VoxdemoError
from voxdemo.monitoring.outcomes import Task
from voxdemo.monitoring.visit import Visit
from voxdemo.service.service import SpeechService
from voxdemo.speech import SpeechEvent, Utterance
from voxdemo.threads import READING, in_thread
from voxdemo.web.guards.callers import caller_of
from voxdemo.web.line.admission import Admission
from voxdemo.web.line.entries import Entry, Wish
from voxdemo.web.line.gradio_queue import Line

E = TypeVar("E")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entrance:
    """The way in; all its methods are for the event loop's thread."""

    service: SpeechService
    line: Line
    admission: Admission

    async def admitted(
        self, request: Request, task: Task, wish: Callable[[], Wish], recording: Path | None = None
    ) -> Entry:
        """Let a program in that asks for this. Raises the VoxdemoError that says why not; then its `recording` goes."""
        visit = Visit("openai")
        try:
            entry = await self.admission.entry(wish, caller_of(request.scope), visit)
            self.admission.join(entry)
            if entry.objection:
                raise entry.objection
        except VoxdemoError as error:
            self.service.turned_back(task, visit, error)
            if recording:
                await in_thread(partial(shutil.rmtree, recording.parent, ignore_errors=True))
            raise
        return entry

    async def counted(self, caller: str) -> None:
        """Count one more request of this client. Raises the UnavailableError that says why it can't be now."""
        if closing := self.service.closing:
            raise closing
        await self.admission.limits.take(caller)

    def served(self, entry: Entry, begin: Callable[[], AsyncGenerator[E, None]]) -> AsyncGenerator[Any, None]:
        """What `begin` yields when it's this one's turn, its places before; at once where the answer is at hand."""
        return begin() if entry.is_at_hand else self.line.in_turn(entry, begin)

    async def later(self, utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        """For a text of a batch: spoken when its turn has come, from the end of the line. As `SpeechService.speak`."""
        visit = Visit("openai")
        entry = await self.admission.accepted(utterance, visit)
        async with aclosing(self.served(entry, partial(self.service.speak, utterance, visit))) as events:
            async for event in events:
                yield event

    async def kept(self, sent: Callable[[], BinaryIO | bytes]) -> Path:
        """A recording that was sent, as a file where people's files are; `sent` may take a moment, on a thread.

        Raises StorageError where there's no room, and what `sent` raises.
        """
        try:
            return await in_thread(partial(_write, self.service.files, sent), READING)
        except OSError as error:
            raise StorageError from error


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; when whoever asked hangs up, it is cancelled. Raises ClientDisconnect then."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


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
