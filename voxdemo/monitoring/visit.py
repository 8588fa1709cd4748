"""Somebody's way through the doors: how they came in, since when, and what they were told of seconds so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from voxdemo.estimates.countdown import Countdown

DoorName = Literal["page", "gradio", "openai", "program"]
"""A person's browser, gradio_client, an HTTP client that speaks OpenAI's API, or in process."""


@dataclass(slots=True, eq=False)
class Visit:
    """One request's."""

    door: DoorName = "program"
    begun_at: float = field(default_factory=time.monotonic)
    countdown: Countdown = field(default_factory=Countdown)
    has_reached_line: bool = False
    """Whether the line counts it; before, it stands at its door."""
