"""The web floor as a whole: the page with its queue, the routes beside it, and what stands before both.

`serve` launches it; tests build it over fakes in the same way.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from uvicorn.config import LOGGING_CONFIG

from voxdemo import logs
from voxdemo.batches.runner import Batches
from voxdemo.conversation.language_model import LanguageModel
from voxdemo.intake import detection
from voxdemo.monitoring.event_loop import Pulse
from voxdemo.server import examples_ahead
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.stores.opening import Stores
from voxdemo.threads import READING, SETTLING, in_thread
from voxdemo.web import page, v1
from voxdemo.web.components import front
from voxdemo.web.guards import callers, headers
from voxdemo.web.guards.begun import BegunElsewhere
from voxdemo.web.guards.logins import LOGIN_ROUTES, Logins
from voxdemo.web.guards.uploads import SharedUploads, Uploads
from voxdemo.web.guards.wellformed import HANDLERS
from voxdemo.web.line.admission import Admission
from voxdemo.web.line.gradio_patches import leave_nothing_unfinished, make_no_loops, refuse_unknown_numbers
from voxdemo.web.line.gradio_queue import LineQueue
from voxdemo.web.routes import Parts, health, sounds, voices
from voxdemo.web.v1.entrance import Entrance

log = logging.getLogger(__name__)

CLEAN_EVERY_S = 3600.0
SETTLE_EVERY_S = 5.0
"""How often what couldn't be sent to other servers is tried again."""
LOOK_EVERY_S = 1.0
"""How often it is looked whether something is wrong."""

Work = Callable[[], Coroutine[Any, Any, None]]
"""Something to be done, most of it until it is cancelled."""

OWN_ROUTES = (*health.ROUTES, *sounds.ROUTES, *voices.ROUTES, *front.ROUTES, *v1.ASKED_WITHOUT_VERSION)


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
    make_no_loops()
    callers.trust(settings.trusted_proxies)
    stores, limits = service.stores, service.stores.limits
    demo = page.build_page(service, settings)
    refuse_unknown_numbers(demo)
    admission = Admission(service, limits)
    queue = LineQueue(demo, service, admission, settings)
    model = _language_model(settings)
    entrance, keep_s = Entrance(service, admission, model), settings.keep_hours * 3600
    batches = Batches(
        lambda: stores.batches,
        entrance.speak_in_turn,
        lambda options: service.catalogue.engine_of(options).name,
        lambda engine: service.catalogue.is_away(engine),
        settings.generators,
        keep_s,
    )
    more_work: list[Work] = [
        partial(in_thread, detection.load, pool=READING),
        batches.run,
        partial(_settle, stores),
        *examples_ahead.work(service, settings),
    ]
    logins = Logins(settings.line_secret.get_secret_value(), dict(settings.accounts), valkey=stores.valkey)
    options = {
        "routes": [
            *OWN_ROUTES,
            *more_routes,
            *(LOGIN_ROUTES if settings.accounts else ()),
            v1.mounted(entrance, batches),
        ],
        # What is passed on stands behind what `serve` counts by: a server that stops waits for those answers, too.
        "middleware": [
            *headers.guards(settings, limits, *more_middleware),
            *_passing_on(queue, service, settings),
            *_sharing_uploads(stores, settings),
        ],
        "exception_handlers": HANDLERS,
        "lifespan": _lifespan(
            Parts(service, batches, Pulse(), bool(settings.accounts)),
            logins,
            keep_s,
            more_work,
            [service.close, stores.close, *([model.close] if model else [])],
        ),
        "openapi_url": None,  # Gradio's own lists addresses that aren't for programs
    }
    return Site(demo, {"auth": settings.accounts or None, "app_kwargs": options, **page.launch_options()})


def _language_model(settings: Settings) -> LanguageModel | None:
    if not settings.chat_url:
        return None
    return LanguageModel(settings.chat_url, settings.chat_key.get_secret_value(), settings.chat_model)


def _passing_on(queue: LineQueue, service: SpeechService, settings: Settings) -> Sequence[Middleware]:
    if not service.line.is_shared:
        return ()
    is_here = {"session": queue.knows_session, "event": queue.knows_event, "sound": service.live_sounds.__contains__}
    secret = settings.line_secret.get_secret_value()
    return [
        Middleware(BegunElsewhere, lambda begun: is_here[begun.kind](begun.id), lambda: service.line.others, secret)
    ]


def _sharing_uploads(stores: Stores, settings: Settings) -> Sequence[Middleware]:
    if not stores.bucket:
        return ()
    return [Middleware(SharedUploads, Uploads(settings.files_dir, stores.uploads))]


def _lifespan(
    parts: Parts, logins: Logins, keep_s: float, more_work: Sequence[Work], closing: Sequence[Work]
) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """The `lifespan` of an app that serves these parts, and in which Gradio asks `logins` for people's accounts.

    What people sent and got is deleted after `keep_s` seconds. `more_work` goes on as long as the server is up; in the
    end all of `closing` is done, in this order.
    """
    service = parts.service

    @asynccontextmanager
    async def served(app: Any) -> AsyncGenerator[dict[str, Any], None]:
        app.cookie_id, app.tokens = logins.cookie_id, logins
        service.start()
        work: Sequence[Work] = (partial(_clean, service, keep_s), partial(_watch, service), *more_work)
        tasks = [asyncio.create_task(begin()) for begin in work]
        try:
            async with parts.pulse.felt():
                yield {"parts": parts}
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for close in closing:
                await close()

    return served


async def _clean(service: SpeechService, keep_s: float) -> None:
    while True:
        try:
            await service.clean(keep_s)
        except Exception:  # the disk, for one; it is tried again
            log.exception("what is old can't be deleted")
        await asyncio.sleep(min(CLEAN_EVERY_S, keep_s / 2))


async def _settle(stores: Stores) -> None:
    while True:
        await asyncio.sleep(SETTLE_EVERY_S)
        await in_thread(stores.settle, pool=SETTLING)


async def _watch(service: SpeechService) -> None:
    is_failing = False
    while True:
        try:
            service.watch()
            is_failing = False
        except Exception:  # the machine can't be looked at, for one; it is tried again
            if not is_failing:
                log.exception("the server can't be watched")
            is_failing = True
        await asyncio.sleep(LOOK_EVERY_S)
