"""The web floor as a whole: the page with its queue, the routes beside it, and what stands before both.

`serve` launches it; tests build it over fakes in the same way.
"""

from __future__ import annotations

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
from voxdemo.server import examples_ahead
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web import page, v1
from voxdemo.web.guards import access, callers, headers
from voxdemo.web.guards.wellformed import HANDLERS
from voxdemo.web.line.admission import Admission
from voxdemo.web.line.gradio_patches import leave_nothing_unfinished
from voxdemo.web.line.gradio_queue import LineQueue
from voxdemo.web.routes import routes, voices
from voxdemo.web.v1.entrance import Entrance


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
    # uvicorn sets up handlers of its own, which would tell of a request that failed without its id.
    LOGGING_CONFIG["formatters"]["default"] = {"()": partial(logs.formatter, settings.log_format, settings.log_text)}
    leave_nothing_unfinished()
    callers.trust(settings.trusted_proxies)
    stores, limits = service.stores, service.stores.limits
    demo = page.build_page(service, settings)
    admission = Admission(service, limits, settings.max_waiting_per_client)
    LineQueue(demo, service, admission, settings)
    guards = headers.guards(settings, limits, *more_middleware)
    entrance, keep_s = Entrance(service, admission), settings.keep_hours * 3600
    batches = Batches(lambda: stores.batches, entrance.speak_in_turn, settings.generators, keep_s)
    more_work = [batches.run, *examples_ahead.work(service, settings)]
    options = routes.app_options(service, limits, keep_s, guards, more_work)
    kept_voices = voices.routes(stores.voices, bool(settings.accounts))
    log_out = Route(access.LOG_OUT, access.log_out, methods=["POST"])
    options["routes"] += [*more_routes, *kept_voices, log_out, v1.mounted(entrance, batches)]
    options["exception_handlers"] = HANDLERS
    return Site(demo, {"auth": settings.accounts or None, "app_kwargs": options, **page.launch_options()})
