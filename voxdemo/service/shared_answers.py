"""One answer for all equal requests: kept from before, or being made at the moment.

Lives on the event loop. Knows the cache and the line, and nothing of how an answer is made.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from pydantic import TypeAdapter, ValidationError

from voxdemo.lanes.line import Claim, JobLine, LineTicket
from voxdemo.lanes.shared_work import SharedWork
from voxdemo.lanes.turns import Size
from voxdemo.service.request_context import RequestContext
from voxdemo.speech import Spoken, Transcript
from voxdemo.stores.answer_cache import Cache
from voxdemo.stores.results import made_in
from voxdemo.threads import in_thread

Answer = TypeVar("Answer", Spoken, Transcript)
AnyWork = TypeVar("AnyWork", bound=SharedWork[Any])


class SharedAnswers(Generic[Answer, AnyWork]):
    """Answers of the type `kind` by the keys of their requests; "" is the key of what is neither kept nor shared.

    All methods are for the event loop's thread.
    """

    def __init__(self, line: JobLine, cache: Cache, kind: type[Answer]) -> None:
        self._line = line
        self._cache = cache
        self._adapter: TypeAdapter[Answer] = TypeAdapter(kind)
        self._works: WeakValueDictionary[str, AnyWork] = WeakValueDictionary()

    async def is_at_hand(self, key: str) -> bool:
        """Whether the answer is kept or being made, so that it costs nothing and waits in no line."""
        if key and not self._work(key):
            await self._cache.bring(key)
        return bool(key) and (self._cache.has(key) or self._work(key) is not None)

    def work(self, key: str, context: RequestContext, size: Size, begin: Callable[[LineTicket], AnyWork]) -> AnyWork:
        """The work that makes this answer now; `begin` begins it where there is none that can still be joined.

        It takes over the ticket of the request, may go on when this request leaves, and then gives the ticket back. If
        it can't be begun, the ticket goes back to the line at once. A request that has none, because its answer was at
        hand when it came, takes it now, for work of this `size`. Raises as `JobLine.check_room`.
        """
        ticket, context.ticket = context.ticket, None
        if work := self._work(key):
            if ticket:
                self._line.leave(ticket)
            return work
        if ticket is None:
            self._line.check_room()
            ticket = self._line.take(Claim(size), context.begun_at)
        try:
            work = begin(ticket)
        except BaseException:
            self._line.leave(ticket)
            raise
        if key and self._cache.is_on:
            self._works[key] = work
        return work

    def _work(self, key: str) -> AnyWork | None:
        work = self._works.get(key)
        return work if work and not work.is_over else None

    async def kept(self, key: str, into: Path | None = None) -> Answer | None:
        """The answer from before, marked as `cached`, or None; its files are put into the folder `into`."""
        if not key:
            return None
        await self._cache.bring(key)
        answer = await in_thread(self._fetch, key, into)
        if answer is None and not self._work(key) and self._cache.has(key):  # it was made while it was looked for
            answer = await in_thread(self._fetch, key, into)
        return answer

    async def keep(self, key: str, answer: Answer, folder: Path | None = None) -> None:
        """Keep an answer, with the files that were made for it in `folder`."""
        if key:
            await in_thread(lambda: self._cache.keep(key, self._adapter.dump_json(answer).decode(), _files(folder)))
            self._cache.share(key)

    def _fetch(self, key: str, into: Path | None) -> Answer | None:
        facts = self._cache.fetch(key, into)
        try:
            return replace(self._adapter.validate_json(facts), cached=True) if facts else None
        except ValidationError:
            self._cache.drop(key)  # made by another release
            for file in _files(into):
                file.unlink()
            return None


def _files(folder: Path | None) -> Sequence[Path]:
    return made_in(folder) if folder else []
