"""The web floor as a whole: the page with its queue, the routes beside it, and what stands before both.

`serve` launches it; tests build it over fakes in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from uvicorn.config import LOGGING_CONFIG

from voxdemo import logs
from voxdemo.batches.runner import Batches
from voxdemo.monitoring.event_loop import Pulse
from voxdemo.server import examples_ahead
from voxdemo.server.lifespan import lifespan
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web import page, v1
from voxdemo.web.components import front
from voxdemo.web.guards import access, callers, headers
from voxdemo.web.guards.wellformed import HANDLERS
from voxdemo.web.line.admission import Admission
from voxdemo.web.line.gradio_patches import leave_nothing_unfinished
from voxdemo.web.line.gradio_queue import LineQueue
from voxdemo.web.routes import Parts, health, sounds, voices
from voxdemo.web.v1.entrance import Entrance

OWN_ROUTES = (*health.ROUTES, *sounds.ROUTES, *voices.ROUTES, *front.ROUTES)


@dataclass(frozen=True, slots=True)
class Site:
    """A page and how it is to be launched."""

    demo: gr.Blocks
    options: dict[str, Any]
    """What `demo.launch` gets."""


def build(
    service: SpeechService,
    settings: Settings,
    more_routes: Sequence[BaseRoute] = (),
    more_middleware: Sequence[Middleware] = (),
) -> Site:
    """The site over this service. `more_routes` and `more_middleware`, innermost, are for tests."""
    logs.take_over_prints(gr.queueing, gr.routes)
    # uvicorn sets up handlers of its own, which would log a failed request without its id.
    LOGGING_CONFIG["formatters"]["default"] = {"()": partial(logs.formatter, settings.log_format, settings.log_text)}
    leave_nothing_unfinished()
    callers.trust(settings.trusted_proxies)
    stores, limits = service.stores, service.stores.limits
    demo = page.build_page(service, settings)
    admission = Admission(service, limits, settings.max_waiting_per_client)
    LineQueue(demo, service, admission, settings)
    entrance, keep_s = Entrance(service, admission), settings.keep_hours * 3600
    batches = Batches(lambda: stores.batches, entrance.speak_in_turn, settings.generators, keep_s)
    more_work = [batches.run, *examples_ahead.work(service, settings)]
    log_out = Route(access.LOG_OUT, access.log_out, methods=["POST"])
    options = {
        "routes": [*OWN_ROUTES, *more_routes, log_out, v1.mounted(entrance, batches)],
        "middleware": headers.guards(settings, limits, *more_middleware),
        "exception_handlers": HANDLERS,
        "lifespan": lifespan(Parts(service, Pulse(), bool(settings.accounts)), keep_s, more_work),
        "openapi_url": None,  # Gradio's own lists addresses that aren't for programs
    }
    return Site(demo, {"auth": settings.accounts or None, "app_kwargs": options, **page.launch_options()})
