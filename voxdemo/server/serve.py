"""From launch to exit: serves the page until a signal comes, and then ends without losing what was begun.

The first SIGTERM or SIGINT closes the doors and lets running jobs finish; a second one ends the process at once.
"""

import asyncio
import logging
import multiprocessing
import os
import queue
import signal
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import matplotlib

from voxdemo.lanes.local import memory
from voxdemo.server.site import Site
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web.guards import access
from voxdemo.web.guards.traffic import Traffic

log = logging.getLogger(__name__)

MOVED_S = 4.0
"""After this long a balancer that asks /ready each second sends people to other servers of the same line."""
QUIET_S = 2.0
"""After this long without requests every client counts as served: it fetches its sound as soon as its job is done."""
QUIET_AT_ONCE_S = 0.3
"""The same where nobody is given time to finish: long enough to be told so."""
FETCHING_S = 10.0
"""How long that is waited for at most."""
LOOK_EVERY_S = 0.5
"""How often it is looked whether a signal has come."""
OVERDUE_S = 5.0
"""How much longer than allowed an ending may take, until it is given up."""
IDLE_S = 120
"""How long a connection may lie idle before it is closed. With uvicorn's 5 s, clients that keep one in a pool find it
closed now and then, and fail: Go's keeps it 90 s, nginx and load balancers 60 to 75 s.
"""
OPEN_STREAMS_S = 2
"""How long uvicorn waits for streams that stay open; without a bound it would for ever."""


def serve(site: Site, service: SpeechService, settings: Settings) -> NoReturn:
    """Serve the site until a signal comes; then the process ends.

    The exit code is 0 after a first signal, however many jobs had to be stopped; a second one, while that goes on, ends
    it with 128 and the signal's number: 143 or 130.
    """
    access.warn_if_open(settings)
    matplotlib.use("Agg")  # or Gradio looks for a window system in its first event, seconds long and on the event loop
    signals, traffic, demo = _caught(), Traffic(), site.demo
    options = site.options["app_kwargs"]
    options["middleware"] = [traffic.middleware, *options["middleware"]]
    memory.keep_for_good()
    demo.launch(
        server_name=settings.host,
        server_port=settings.port,
        prevent_thread_lock=True,
        quiet=True,
        _frontend=False,  # else a start ends if the page isn't there within 3 s: on a busy machine that loads models
        **site.options,
    )
    demo.server.config.timeout_keep_alive = IDLE_S  # looked at when a connection is made
    print(f"voxdemo is at {demo.local_url} and is loading its models. Press Ctrl-C to stop it.", flush=True)
    _wait_for(signals)
    print(
        f"voxdemo is stopping: running jobs have {settings.drain_s:g} s. Press Ctrl-C again to stop at once.",
        flush=True,
    )
    try:
        traffic.run(_drain(service, settings.drain_s, traffic), settings.drain_s + FETCHING_S + OVERDUE_S)
    except Exception:  # whatever goes wrong here must not keep the process
        log.exception("the running jobs can't be waited for")
    demo.server.config.timeout_graceful_shutdown = OPEN_STREAMS_S
    demo.close(verbose=False)
    for process in multiprocessing.active_children():  # those of `spaces`; what follows would leave them behind
        process.terminate()
    os._exit(0)  # a model that is still loading can't be stopped, and PyTorch aborts where its thread outlives the rest


def _caught() -> queue.SimpleQueue[int]:
    """Where the first signal turns up; a second one ends the process."""
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # which may be put to whatever the main thread is at
    came: list[int] = []

    def catch(number: int, _: FrameType | None) -> None:
        if came:
            os._exit(128 + number)
        came.append(number)
        signals.put(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, catch)
    return signals


def _wait_for(signals: queue.SimpleQueue[int]) -> None:
    """Returns when a signal has come.

    Looks now and then by itself: the system may give a signal to any thread, Python handles it in the main one, and
    that isn't woken for it where it waits without an end.
    """
    while True:
        with suppress(queue.Empty):
            signals.get(timeout=LOOK_EVERY_S)
            return


async def _drain(service: SpeechService, within_s: float, traffic: Traffic) -> None:
    end = time.monotonic() + within_s
    service.live_sessions.end()  # while their last words can still be read
    if service.line.is_shared:
        await _leave_to_others(service, within_s, traffic)
    await service.live_sessions.ended(max(0.0, end - time.monotonic()))
    left_s = max(0.0, end - time.monotonic())
    service.line.refuse_all(left_s)
    await service.line.drain(left_s)
    await traffic.settled(QUIET_S if within_s else QUIET_AT_ONCE_S, FETCHING_S)


async def _leave_to_others(service: SpeechService, within_s: float, traffic: Traffic) -> None:
    """Serve on all that stand in the line, which goes on, and those that come until balancers send them elsewhere."""
    await asyncio.sleep(min(MOVED_S, within_s))
    traffic.is_left_to_others = True
    await traffic.settled(QUIET_S, max(0.0, within_s - MOVED_S))
