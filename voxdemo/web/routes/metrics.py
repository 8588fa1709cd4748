"""/metrics for Prometheus, /v1/stats for people and front ends. Nothing in them is anybody's words, name or address."""

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxdemo.web.routes.parts import FRESH, parts_of


async def metrics(request: Request) -> Response:
    """The metrics, in the format that the scraper asks for."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(parts_of(request).service.metrics.registry), media_type=media_type, headers=FRESH)


async def stats(request: Request) -> Response:
    """The line, the alarms and the last hours as plain numbers; seconds, and shares from 0 to 1."""
    service = parts_of(request).service
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


ROUTES = (
    Route("/metrics", metrics),
    Route("/v1/stats", stats),
)
