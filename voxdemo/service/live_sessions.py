"""Live sessions: sound comes in, and what is read of it goes out while somebody speaks.

A session holds no seat between its readings: each is a job of its own, which overtakes as recognitions do. There is one
at a time in a session; while it waits, newer sound takes its place at its place in line. Lives on the event loop. Knows
the line and no model, no web.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace

import numpy as np

from voxdemo.audio.voice_activity import VoiceDetector
from voxdemo.errors import BusyError, EngineError, InputError, LimitError, NotReadyError, UnavailableError, VoxdemoError
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.jobs import ListenJob, Started
from voxdemo.lanes.line import Claim, JobLine
from voxdemo.lanes.shared_work import see_through
from voxdemo.live import (
    LIVE_RATE,
    LiveBounds,
    LiveEnded,
    LiveEvent,
    LiveOptions,
    LiveStats,
    NothingCommitted,
    TurnEnded,
)
from voxdemo.recognizers.base import check_language
from voxdemo.recognizers.streaming import StreamingRecognition, Wanted
from voxdemo.service.request_context import RequestContext
from voxdemo.speech import Samples, Transcript
from voxdemo.threads import READING, in_thread

log = logging.getLogger(__name__)

LONGEST_S = 1800.0
"""How long a session lasts."""
MOST_UNREAD_S = 600.0
"""How much sound may wait to be read: as much as the longest recording has."""
LOOK_EVERY_S = 0.5
"""How often it is looked whether a session is over."""
LAST_S = 10.0
"""How long a reading may still take when the server stops."""
AGAIN_S = 1.0
"""After how long a reading is tried again that the line had no room for."""
_AT_ONCE_S = 5.0
"""How much sound is looked at for voices at once."""


class LiveSessions:
    """Those of a server, within its bounds. All methods are for the event loop's thread."""

    def __init__(self, line: JobLine, paces: Paces, bounds: LiveBounds) -> None:
        self._line = line
        self._paces = paces
        self._bounds = bounds
        self._open: dict[LiveSession, str] = {}
        """With the client of each."""
        self._is_ending = False
        self._has_ended = asyncio.Event()
        """Set while none is open."""
        self._has_ended.set()

    @property
    def refusal(self) -> UnavailableError | None:
        """Why no session is opened any more, at a server that ends."""
        return self._line.refusal or (NotReadyError.restarting(0) if self._is_ending else None)

    def end(self) -> None:
        """Open no more, though the line still serves; those that are open end with what was said in them."""
        self._is_ending = True

    async def ended(self, within_s: float) -> None:
        """Returns when none is open any more, at the latest after `within_s`; `end` comes first."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._has_ended.wait(), min(within_s, LAST_S + LOOK_EVERY_S))

    def stats(self) -> LiveStats:
        behind_s = max((session.behind_s for session in self._open), default=0.0)
        return LiveStats(len(self._open), self._bounds.sessions, behind_s)

    @asynccontextmanager
    async def open(self, options: LiveOptions, context: RequestContext) -> AsyncIterator["LiveSession"]:
        """A session; when this is left, all that it has is freed.

        Raises BusyError where there are too many, LimitError where its client has too many, NotReadyError when the
        server stops, InputError for a language that the recogniser doesn't know.
        """
        if refusal := self.refusal:
            raise refusal
        check_language(options.language, self._line.recognizer_info)
        most, theirs = self._bounds.per_client, list(self._open.values()).count(context.caller)
        if context.caller and most and theirs >= most:
            raise LimitError.live(most)
        if len(self._open) >= self._bounds.sessions:
            raise BusyError.live(len(self._open))
        session = LiveSession(self._line, self._paces, options, self._bounds.silence_s, lambda: bool(self.refusal))
        self._open[session] = context.caller
        self._has_ended.clear()
        try:
            await session.begin()
            yield session
        finally:
            del self._open[session]
            if not self._open:
                self._has_ended.set()
            await session.close()
            log.info("a live session of %.1f s ended, door %s: %s", session.lasted_s, context.door, session.told)


class LiveSession:
    """One of them: it is fed sound, and says what it hears. For the event loop's thread."""

    rate = LIVE_RATE

    def __init__(
        self, line: JobLine, paces: Paces, options: LiveOptions, silence_s: float, is_stopping: Callable[[], bool]
    ) -> None:
        self._line = line
        self._paces = paces
        self._silence_s = silence_s
        self._is_stopping = is_stopping
        self._begun_at = self._fed_at = time.monotonic()
        self._recognition = StreamingRecognition(options)
        self._fed: deque[Samples | Callable[[], Sequence[LiveEvent]]] = deque()
        self._fed_samples = 0
        """How many of those wait to be looked at."""
        self._has_come = asyncio.Event()
        self._has_grown = asyncio.Event()
        self._events: asyncio.Queue[LiveEvent | Exception | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_finished = False
        self._ending: LiveEnded | None = None
        """Why it ends when what came before is read."""
        self.is_over = False
        self._turns = 0
        self._worked_s = 0.0

    @property
    def behind_s(self) -> float:
        """How much sound it has had that isn't read yet."""
        return self._recognition.behind_s + self._fed_samples / LIVE_RATE

    @property
    def lasted_s(self) -> float:
        return time.monotonic() - self._begun_at

    @property
    def told(self) -> str:
        """What there was in it, for the log."""
        return f"{self._turns} turns, worked {self._worked_s:.2f} s"

    async def begin(self) -> None:
        self._detector = await in_thread(VoiceDetector, pool=READING)
        self._begun_at = self._fed_at = time.monotonic()
        for work in (self._listen, self._keep_reading, self._watch):
            self._tasks.append(asyncio.ensure_future(self._guarded(work)))

    async def close(self) -> None:
        self.is_over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def feed(self, samples: Samples) -> None:
        """More sound: float32, shape [n], LIVE_RATE, finite. It never waits, and is ignored once the session is over.

        Raises InputError where far more has come than can be read.
        """
        if self.is_over:
            return
        if self.behind_s + len(samples) / LIVE_RATE > MOST_UNREAD_S:
            sentence = "There are {minutes} minutes of sound that isn't read yet: send it as it is spoken."
            raise InputError(sentence, code="too_much_sound", minutes=round(MOST_UNREAD_S / 60))
        self._fed_at = time.monotonic()
        self._fed_samples += len(samples)
        self._give(samples)

    def commit(self, event_id: str = "") -> None:
        """End the open turn with the sound that has been fed; NothingCommitted, with this id, says that none was."""
        self._give(lambda: self._recognition.commit() or [NothingCommitted(event_id)])

    def clear(self) -> None:
        """Forget the sound of the open turn, which ends with what has settled of it."""
        self._give(self._recognition.clear)

    def change(self, options: LiveOptions) -> None:
        """Listen like this from the next turn on. Raises InputError for a language that the recogniser doesn't know."""
        check_language(options.language, self._line.recognizer_info)

        def change() -> Sequence[LiveEvent]:
            self._recognition.options = options
            return ()

        self._give(change)

    def finish(self) -> None:
        """No more sound comes: the open turn ends, and `events` when all has been read."""
        self._give(self._finish)
        self.is_over = True

    async def events(self) -> AsyncGenerator[LiveEvent, None]:
        """What happens, until the session is over or, after `finish`, all is read. For one caller."""
        while (event := await self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def _give(self, fed: Samples | Callable[[], Sequence[LiveEvent]]) -> None:
        if not self.is_over:
            self._fed.append(fed)
            self._has_come.set()

    def _tell(self, events: Sequence[LiveEvent]) -> None:
        for event in events:
            self._turns += isinstance(event, TurnEnded)
            self._events.put_nowait(event)
        if self._is_finished and self._recognition.is_read:
            self._end(self._ending)

    def _finish(self) -> Sequence[LiveEvent]:
        self._is_finished = True
        return self._recognition.commit()

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # a bug: whoever reads the events is told
            log.exception("a live session failed")
            self._events.put_nowait(error)

    # -- when it is over

    async def _watch(self) -> None:
        """End it when it is over: what came before is read first, though not for long when the server stops."""
        while not self._is_stopping():
            await asyncio.sleep(LOOK_EVERY_S)
            if self._ending is None and not self.is_over and (ending := self._due_end()):
                self._ending = ending
                self.finish()
        self._ending = LiveEnded("stopping")
        self.finish()
        await asyncio.sleep(LAST_S)
        self._end(self._ending)

    def _due_end(self) -> LiveEnded | None:
        now = time.monotonic()
        if now - self._begun_at > LONGEST_S:
            return LiveEnded("too_long")
        if 0 < self._silence_s < max(now - self._fed_at, self._recognition.silent_s):
            return LiveEnded("silence")
        return None

    def _end(self, ended: LiveEnded | None) -> None:
        self.is_over = True
        if ended:
            self._events.put_nowait(ended)
        self._events.put_nowait(None)
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    # -- sound

    async def _listen(self) -> None:
        """Look where somebody speaks in what comes, and do what its client wants in between, in order."""
        while True:
            await self._has_come.wait()
            self._has_come.clear()
            while self._fed:
                if callable(self._fed[0]):
                    change = self._fed.popleft()
                    assert callable(change), "it has been looked at"
                    self._tell(change())
                else:
                    samples = self._next_sound()
                    sound, voices = await in_thread(self._detector.hear, samples)
                    self._fed_samples -= len(samples)
                    self._tell(self._recognition.add(sound, voices))
                self._has_grown.set()

    def _next_sound(self) -> Samples:
        sound: list[Samples] = []
        while self._fed and isinstance(self._fed[0], np.ndarray) and sum(map(len, sound)) < _AT_ONCE_S * LIVE_RATE:
            sound.append(self._fed.popleft())  # type: ignore[arg-type]
        return np.concatenate(sound)

    # -- readings

    async def _keep_reading(self) -> None:
        while True:
            await self._has_grown.wait()
            self._has_grown.clear()
            while wanted := self._recognition.wanted():
                await self._read(wanted)

    async def _read(self, wanted: Wanted | None) -> None:
        """Have this read, or what is wanted instead by the time its turn comes."""
        came_at = time.monotonic()
        while wanted:
            has_begun = asyncio.Event()
            reading = asyncio.ensure_future(self._transcript(wanted, came_at, has_begun))
            try:
                while not reading.done() and not (not has_begun.is_set() and self._recognition.is_newer_than(wanted)):
                    await self._something(reading)
            finally:
                was_read = reading.done()
                reading.cancel()
                await see_through(reading)
            if was_read and await self._took(wanted, reading):
                return
            wanted = self._recognition.wanted()

    async def _something(self, reading: asyncio.Task[Transcript]) -> None:
        """Returns when there is more sound, or the reading is over."""
        growing = asyncio.ensure_future(self._has_grown.wait())
        try:
            await asyncio.wait({reading, growing}, return_when=asyncio.FIRST_COMPLETED)
        finally:  # also where the session is closed meanwhile
            growing.cancel()
        self._has_grown.clear()

    async def _took(self, wanted: Wanted, reading: asyncio.Task[Transcript]) -> bool:
        """Whether the reading has been made use of; else it is to be tried again."""
        try:
            self._tell(self._recognition.read(wanted, reading.result()))
        except BusyError:  # others came in elsewhere
            await asyncio.sleep(AGAIN_S)
            return False
        except VoxdemoError as error:
            log.warning("a live reading failed: %s", type(error).__name__)
            self._tell(self._recognition.failed(wanted, error))
        return True

    async def _transcript(self, wanted: Wanted, came_at: float, has_begun: asyncio.Event) -> Transcript:
        info = self._line.recognizer_info
        pace = self._paces.listening(f"{info.key} live")
        seconds = len(wanted.samples) / LIVE_RATE
        job = ListenJob(
            info.name,
            wanted.samples,
            LIVE_RATE,
            wanted.language if wanted.language in info.languages else None,
            pace.seconds(seconds) or self._paces.listening(info.key).seconds(seconds),
            with_words=wanted.closes,
            is_live=True,
        )
        ticket = self._line.take(Claim(job.size), came_at)
        heard, begun_at = None, time.monotonic()
        try:
            async with aclosing(self._line.run(job, ticket)) as events:
                async for event in events:
                    if isinstance(event, Started):
                        has_begun.set()
                        begun_at = time.monotonic()
                    elif isinstance(event, Transcript):
                        heard = event
        finally:
            self._line.leave(ticket)
        if heard is None:
            raise EngineError("{title} returned no transcript: try again.", code="no_transcript", title=info.title)
        spent_s = time.monotonic() - begun_at
        pace.learn(seconds, spent_s)
        self._worked_s += spent_s
        return replace(heard, seconds_spent=spent_s)
