"""The line and a voice as processes of their own, and the service of a front end whose line is elsewhere."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from voxdemo.errors import SettingsError
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.elsewhere.asgi import url_of
from voxdemo.lanes.elsewhere.front_end import LineElsewhere, offer_of
from voxdemo.lanes.elsewhere.line import LineProcess, line_app, seldom_collected
from voxdemo.lanes.elsewhere.voice import VoiceProcess, voice_app
from voxdemo.lanes.local import memory
from voxdemo.monitoring.metrics import of_voice
from voxdemo.server.assemble import Models, models_of, service_of
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings

EVERYWHERE = ("0.0.0.0", "::")
OFFERED_WITHIN_S = 120.0
"""How long a front end waits at its start for a line with a voice: as long as loading one may take."""


def service_elsewhere(settings: Settings) -> SpeechService:
    """The service over the line at VOXDEMO_LINE_URL, not started yet. Waits until that has a voice.

    Raises SettingsError where there is none, or where it knows another secret.
    """
    url, secret = settings.line_url, secret_of(settings)
    print(f"Waiting for the line and a first voice: at most {OFFERED_WITHIN_S:g} s.", flush=True)
    try:
        offer = asyncio.run(offer_of(url, secret, OFFERED_WITHIN_S))
    except asyncio.TimeoutError as error:
        sentence = f"No line with a voice answered at VOXDEMO_LINE_URL within {OFFERED_WITHIN_S:g} s: start them first."
        raise SettingsError(sentence) from error
    except PermissionError as error:
        raise SettingsError("The line refuses this server: set VOXDEMO_LINE_SECRET to what it has there.") from error
    paces = Paces.load(settings.cache_dir / "paces.json")
    own_url = _address(settings, url)
    return service_of(LineElsewhere(url, secret, offer, paces, own_url), settings, paces)


def _address(settings: Settings, line_url: str) -> str:
    """Where others reach this server: if it listens on all addresses, at the one by which it reaches the line."""
    host = settings.host
    if host in EVERYWHERE:
        parts = urlsplit(line_url)
        kind, _, _, _, address = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_DGRAM)[0]
        with socket.socket(kind, socket.SOCK_DGRAM) as reached:
            reached.connect(address)  # sends nothing
            host = reached.getsockname()[0]
    return url_of(host, settings.port)


def serve_line(settings: Settings) -> None:
    """Serve the line until a signal comes: front ends and voices find another one at the same address."""
    app = line_of(settings)
    print(f"The line is at {url_of(settings.host, settings.port)}. Press Ctrl-C to stop it.", flush=True)
    _Server(config_of(app, settings), partial(asyncio.sleep, 0)).run()


def serve_voice(settings: Settings, url: str, models: Models | None = None) -> None:
    """Serve one seat until a signal comes; then its jobs have VOXDEMO_DRAIN_S to end, and others go elsewhere.

    `url` is where front ends reach it; "": at VOXDEMO_HOST and VOXDEMO_PORT, or this machine's name where that is any.
    """
    host = socket.gethostname() if settings.host in EVERYWHERE else settings.host
    url = url or url_of(host, settings.port)
    process = voice_of(settings, url, models)
    memory.keep_for_good()
    print(f"The voice is at {url} and is loading its models. Press Ctrl-C to stop it.", flush=True)
    app = app_of(process, settings)
    _Server(config_of(app, settings), partial(process.drain, settings.drain_s)).run()


def line_of(settings: Settings, elastic: Elastic | None = None, own_url: str = "") -> ASGIApp:
    """The app of the line, which this process is from now on. Raises SettingsError.

    `elastic` where something starts and stops its voices, `own_url` as in `line_app`.
    """
    seldom_collected()
    process = LineProcess(settings.queue_size, settings.max_waiting_per_client, elastic, settings.voices_target_s)
    return line_app(process, secret_of(settings), own_url)


def voice_of(settings: Settings, url: str, models: Models | None = None) -> VoiceProcess:
    """A voice that front ends reach at this URL, its models not loaded yet. Raises SettingsError."""
    if not settings.line_url:
        raise SettingsError("A voice needs a line: set VOXDEMO_LINE_URL to its address.")
    if settings.remote_engines.get_secret_value():
        raise SettingsError("A voice of a line can't have engines at addresses: leave VOXDEMO_REMOTE_ENGINES out.")
    secret, models = secret_of(settings), models or models_of(settings)
    return VoiceProcess(models.seat(), models.paces, url, settings.line_url, secret, settings.job_timeout_s)


def app_of(voice: VoiceProcess, settings: Settings) -> ASGIApp:
    """The app of a voice, which also tells Prometheus of its jobs and models. Raises SettingsError."""
    return voice_app(voice, secret_of(settings), lambda: of_voice(voice.stats(), voice.endings))


def secret_of(settings: Settings) -> str:
    """Raises SettingsError where there is none."""
    secret = settings.line_secret.get_secret_value()
    if not secret:
        raise SettingsError("A line elsewhere needs a secret: set VOXDEMO_LINE_SECRET alike at all of its processes.")
    return secret


def config_of(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How the line and the voices are served."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=2,
    )


class _Server(uvicorn.Server):
    """Ends well at the first signal, when `drain` has returned; at once at a second one."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._draining:
            super().handle_exit(sig, frame)
        else:
            self._draining = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        await self._drain()
        self.should_exit = True
