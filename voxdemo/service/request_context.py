"""One request on its way: how it came in and when, what it asks for, its ticket, and what its client was shown."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from voxdemo import logs
from voxdemo.errors import InputError, UnavailableError, VoxdemoError
from voxdemo.estimates.countdown import Countdown
from voxdemo.intake.request import Examined
from voxdemo.lanes.jobs import JobLine, LineTicket
from voxdemo.lanes.turns import Size
from voxdemo.monitoring.outcomes import DoorName


@dataclass(slots=True, eq=False)
class RequestContext:
    """What belongs to one request, from its door to its end. For the event loop's thread."""

    door: DoorName = "program"
    caller: str = ""
    """Which client asks, as clients are counted; "" where it isn't counted."""
    begun_at: float = field(default_factory=time.monotonic)
    """When it arrived, in monotonic time."""
    request_id: str = field(default_factory=logs.request_id)
    countdown: Countdown = field(default_factory=Countdown)
    examined: Examined | None = None
    """What it asks for, as its door has examined it."""
    is_at_hand: bool = False
    """Whether its answer was there, or on its way, when it came."""
    objection: InputError | UnavailableError | None = None
    """Why it can't be served."""
    error: VoxdemoError | None = None
    """The error that its job failed with."""
    ticket: LineTicket | None = None
    """Its place in line, until whatever makes the answer takes it over; none where the answer is at hand."""

    @contextmanager
    def handing_over(self, line: JobLine, size: Size) -> Generator[LineTicket, None, None]:
        """The ticket, for work that is begun here, may go on when this request leaves, and then gives it back.

        If the work can't be begun, the ticket goes back to the line at once. A request that has none, because its
        answer was at hand when it came, takes it now, for work of this size. Raises as `JobLine.check_room`.
        """
        if self.ticket is None:
            line.check_room()
            self.ticket = line.take(lambda: size, self.begun_at)
        ticket, self.ticket = self.ticket, None
        try:
            yield ticket
        except BaseException:
            line.leave(ticket)
            raise
