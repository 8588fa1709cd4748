"""What the server says of itself: /health and /ready, /metrics for Prometheus, /v1/stats for people and front ends.

Nothing in it is anybody's words, name or address.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxdemo import __version__
from voxdemo.lanes.line import ModelReport
from voxdemo.speech import EngineInfo, ModelInfo, Utterance
from voxdemo.web.components import wording
from voxdemo.web.routes import FRESH, parts_of


async def health(request: Request) -> Response:
    """200 while the event loop turns and no model hangs, else 503 with the reason: restart the server."""
    parts = parts_of(request)
    reason = parts.pulse.trouble() or _hanging(parts.service.line.stats().models)
    body = {"alive": not reason, "reason": reason, "version": __version__}
    return JSONResponse(body, 503 if reason else 200, FRESH)


async def ready(request: Request) -> Response:
    """200 while jobs are taken in and will be served, else 503 with the reason; says how many generators can work."""
    service, batches = parts_of(request).service, parts_of(request).batches
    readiness, stats = service.readiness(), service.line.stats()
    body = {
        **asdict(readiness),
        "notice": wording.notice(service),
        "jobs": batches.notice,
        **service.stores.notices,
        "engine": service.engine_info.name,
        "title": service.engine_info.title,
        "recognizer": service.recognizer_info.name,
        "models": [_report(model) for model in stats.models],
        "generators": stats.seats,
        "generators_ready": stats.ready_seats,
        "running": service.running,
        "waiting": service.waiting,
        "wait_s": wording.rounded(service.until_next_s, 2),
        "line": wording.line_ahead(service.forecast(Utterance(""))),
        "busy_s": round(stats.busy_s, 3),
    }
    return JSONResponse(body, 200 if readiness.ready else 503, FRESH)


async def metrics(request: Request) -> Response:
    """The metrics, in the format that the scraper asks for."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(parts_of(request).service.metrics.registry), media_type=media_type, headers=FRESH)


async def stats(request: Request) -> Response:
    """The line, the alarms and the last hours as plain numbers; seconds, and shares from 0 to 1."""
    service = parts_of(request).service
    line = service.line.stats()
    now = {
        "ready": service.readiness().ready,
        "running": line.running,
        "queue_length": service.waiting,
        "queue_size": line.queue_size,
        "generators": line.seats,
        "addresses": [asdict(each) for each in line.addresses],
        "live": asdict(service.live_sessions.stats()),
        "warnings": service.alarms.warnings,
    }
    return JSONResponse({**now, **service.history.told()}, headers=FRESH)


ROUTES = (
    Route("/health", health),
    Route("/ready", ready),
    Route("/metrics", metrics),
    Route("/v1/stats", stats),
)


def _hanging(models: Sequence[ModelReport]) -> str:
    titles = [model.info.title for model in models if model.hangs]
    return f"{titles[0]} hangs in a job that is past its deadline: see the server's log." if titles else ""


def _report(model: ModelReport) -> dict[str, Any]:
    names = ("name", "title", "version", "device", "precision")
    described = {name: getattr(model.info, name) for name in names}
    load_s = wording.rounded(model.status.load_s, 2)
    told = {"load_s": load_s, "state": model.status.state, "serving": model.serving, "memory_bytes": model.memory_bytes}
    return {**described, **told, **_voices(model.info)}


def _voices(info: ModelInfo) -> dict[str, Any]:
    if not isinstance(info, EngineInfo):
        return {}
    return {"voices": len(info.voices), "languages": info.languages, "copies": "prompt_audio" in info.honours}
