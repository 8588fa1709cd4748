"""A place in a line elsewhere, as the front end knows it whose people stand there."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from typing import Any

import anyio

from voxdemo.errors import UnavailableError
from voxdemo.lanes.jobs import Job
from voxdemo.lanes.line import Claim
from voxdemo.lanes.messages import Enter, Turn
from voxdemo.lanes.turns import Place

OVER = object()
"""What comes behind the last event."""


class PlaceElsewhere:
    """A `LineTicket` of a line elsewhere."""

    def __init__(self, claim: Claim, arrived_at: float) -> None:
        self.id = secrets.token_hex(8)
        self.claim = claim
        self.arrived_at = arrived_at
        self.is_called = False
        self.refusal: UnavailableError | None = None
        self.since: float | None = None
        self.told: tuple[float, Place] | None = None
        self.job: Job | None = None
        """Its job in outline, once that is there."""
        self.turn: Turn | None = None
        self.is_served = False
        self.changed = asyncio.Event()
        self._hearing: anyio.CancelScope | None = None
        """In which the next event of a voice is waited for."""

    def refuse(self, error: UnavailableError) -> None:
        self.refusal = error
        self.changed.set()
        if self._hearing:
            self._hearing.cancel()

    def entry(self) -> Enter:
        """How it enters the line, which may be another one than that in which it stood."""
        return Enter(self.id, self.claim, time.monotonic() - self.arrived_at, self.since, self.is_served)

    async def next_of(self, events: AsyncGenerator[Any, None]) -> Any:
        """The next event, or OVER. Raises the refusal, if it is turned away before that comes."""
        with anyio.CancelScope() as self._hearing:
            if self.refusal:
                raise self.refusal
            return await anext(events, OVER)
        assert self.refusal, "nothing else cancels it"
        raise self.refusal
