"""A pulse of the event loop, and a thread that feels it: how a server that hangs is told from one that is busy.

Knows no models and no web.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

BEAT_S = 0.25
"""How often the loop shows that it turns."""
LOOK_S = 0.5
"""How often the thread looks."""
STALL_S = 5.0
"""How long the loop may stand still; what is right takes 0.05 s at most."""
TOLD_S = 30.0
"""How long a stall is told of after it has ended: a probe can't be answered before."""


class Pulse:
    """Whether an event loop turns. Use it as `async with pulse.felt():` on that loop; `trouble` is for that loop too.

    Only time in which the watching thread could run counts: while the process is paused, or a library holds the whole
    interpreter as it is loaded, nothing is wrong with the loop, and a probe notices by itself that nobody answers.
    """

    def __init__(self, stall_s: float = STALL_S, look_s: float = LOOK_S, told_s: float = TOLD_S) -> None:
        self._stalled_after_s, self._look_s, self._told_s = stall_s, look_s, told_s
        self._loop_thread = 0
        self._beat_at = time.monotonic()
        self._looks = 0
        self._stall_s = 0.0
        self._stall_ended_at = -told_s - 1
        self._was_logged = False
        self._over = threading.Event()

    @asynccontextmanager
    async def felt(self) -> AsyncGenerator[None, None]:
        """While this is open, the loop is watched."""
        self._loop_thread = threading.get_ident()
        self._beat_at = time.monotonic()
        beating = asyncio.create_task(self._beat())
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        try:
            yield
        finally:
            self._over.set()
            beating.cancel()

    def trouble(self) -> str:
        """That the loop stalls or has done so lately, as a sentence; "": nothing is wrong."""
        now = time.monotonic()
        stalled_s = now - self._beat_at if self._is_stalled(now) else 0.0
        if not stalled_s and now - self._stall_ended_at < self._told_s:
            stalled_s = self._stall_s
        return f"The server stood still for {stalled_s:.0f} s: its log says where." if stalled_s else ""

    def _is_stalled(self, now: float) -> bool:
        return now - self._beat_at >= self._stalled_after_s and self._looks * self._look_s >= self._stalled_after_s / 2

    async def _beat(self) -> None:
        while True:
            now = time.monotonic()
            if self._is_stalled(now):
                self._stall_s, self._stall_ended_at = now - self._beat_at, now
                log.error("the event loop turns again after %.1f s", self._stall_s)
            self._beat_at, self._looks, self._was_logged = now, 0, False
            await asyncio.sleep(BEAT_S)

    def _watch(self) -> None:
        while not self._over.wait(self._look_s):
            self._looks += 1
            if self._is_stalled(time.monotonic()) and not self._was_logged:
                self._was_logged = True
                log.error("the event loop has stood still for %.0f s, at:\n%s", self._stalled_after_s, self._where())

    def _where(self) -> str:
        """What the loop's thread is at: lines of code, without the values they work on."""
        frame = sys._current_frames().get(self._loop_thread)
        return "".join(traceback.format_stack(frame)) if frame else "an unknown place"
