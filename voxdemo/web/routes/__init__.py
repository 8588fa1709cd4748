"""Our own HTTP routes beside Gradio's, and what they work with."""

from dataclasses import dataclass

from starlette.requests import Request

from voxdemo.batches.runner import Batches
from voxdemo.monitoring.event_loop import Pulse
from voxdemo.service.service import SpeechService

FRESH = {"Cache-Control": "no-store"}
"""For answers that are true at the moment only."""


@dataclass(frozen=True, slots=True)
class Parts:
    """One of each for all requests: what a route finds in the state that the app's lifespan yields."""

    service: SpeechService
    batches: Batches
    pulse: Pulse
    has_accounts: bool


def parts_of(request: Request) -> Parts:
    """Those of the server that this request came to."""
    parts: Parts = request.state.parts
    return parts
