"""One request on its way: how it came in and when, what it asks for, its ticket, and what its client was shown."""

import time
from dataclasses import dataclass, field

from voxdemo import logs
from voxdemo.errors import InputError, UnavailableError, VoxdemoError
from voxdemo.estimates.countdown import Countdown
from voxdemo.intake.request import Examined
from voxdemo.lanes.line import LineTicket
from voxdemo.monitoring.outcomes import DoorName


@dataclass(slots=True, eq=False)
class RequestContext:
    """What belongs to one request, from its door to its end. For the event loop's thread."""

    door: DoorName = "program"
    caller: str = ""
    """Which client asks, as clients are counted; "" where it isn't counted."""
    is_private: bool = False
    """Whether its answer is neither kept nor shared with equal requests."""
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
