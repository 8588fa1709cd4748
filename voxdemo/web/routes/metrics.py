"""What those are shown who watch the server: /metrics for Prometheus, /v1/stats for people and front ends.

Nothing in it is anybody's words, name or address.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxdemo.service.service import SpeechService

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How often it is looked whether something is wrong."""
FRESH = {"Cache-Control": "no-store"}


def routes(service: SpeechService) -> Sequence[Route]:
    """What is to be served."""

    async def metrics(request: Request) -> Response:
        """The metrics, in the format that the scraper asks for."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(service.metrics.registry), media_type=media_type, headers=FRESH)

    async def stats(_: Request) -> Response:
        """How it does, as plain numbers; seconds, and shares from 0 to 1."""
        line = service.stats()
        now = {
            "ready": service.readiness().ready,
            "running": line.running,
            "queue_length": service.waiting,
            "queue_size": line.queue_size,
            "generators": line.seats,
            "warnings": service.alarms.warnings,
        }
        return JSONResponse({**now, **service.history.told()}, headers=FRESH)

    return Route("/metrics", metrics), Route("/v1/stats", stats)


async def watch(service: SpeechService) -> None:
    """Look after it until this is cancelled."""
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
