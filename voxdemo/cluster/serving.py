"""The line and the voices as two applications of Ray Serve, which restarts what dies and starts more voices.

`serve deploy` finds them as `voxdemo.cluster.serving:line` and `voxdemo.cluster.serving:voices`. The line and each
voice have a port of their own; Serve's proxies tell where the line's is. Every process of Ray needs the VOXDEMO_
settings in its environment.
"""

import asyncio
import atexit
import socket
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import Literal

import ray
import uvicorn
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy
from starlette.types import ASGIApp

from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.elsewhere.asgi import url_of
from voxdemo.server.assemble import Models, models_of
from voxdemo.server.elsewhere import EVERYWHERE, app_of, config_of, line_of, voice_of
from voxdemo.server.start import begun
from voxdemo.settings import Settings

MOST_AT_ONCE = 10_000
"""Requests to the line: each front end listens for as long as it lives."""
LONGEST_S = 2 * 3600.0
"""How long a voice that is to stop may go on with the job that it has."""
LOOK_EVERY_S = 1.0
"""How often Serve looks whether the line and the voices work."""
ANSWER_S = 5.0


def line(_: Mapping[str, str]) -> serve.Application:
    """The line: one replica, so that there is one order of all who wait."""
    deployment = serve.deployment(
        serve.ingress()(Line),
        name="Line",
        num_replicas=1,
        max_ongoing_requests=MOST_AT_ONCE,
        ray_actor_options={"num_cpus": 0.1},
        health_check_period_s=LOOK_EVERY_S,
        health_check_timeout_s=ANSWER_S,
        graceful_shutdown_timeout_s=1.0,
    )
    return deployment.bind()


def voices(_: Mapping[str, str], models: Callable[[Settings], Models] = models_of) -> serve.Application:
    """The voices: one seat with its models each."""
    elastic = _elastic(begun(listens=False))
    deployment = serve.deployment(
        Voice,
        name="Voice",
        ray_actor_options={"num_cpus": 1},
        health_check_period_s=LOOK_EVERY_S,
        health_check_timeout_s=ANSWER_S,
        graceful_shutdown_timeout_s=LONGEST_S,
        autoscaling_config=AutoscalingConfig(
            min_replicas=elastic.least,
            initial_replicas=max(1, elastic.least),
            max_replicas=elastic.most,
            upscale_delay_s=0.0,
            downscale_delay_s=0.0,
            policy=AutoscalingPolicy(policy_function="voxdemo.cluster.policy:ByWaiting"),
        ),
    )
    return deployment.bind(models)


def _elastic(settings: Settings) -> Elastic:
    least, most = settings.voices_least, settings.voices_most
    return Elastic(least, most, settings.voices_target_s, idle_s=settings.voices_idle_s)


class OwnPort:
    """A free port of this machine; `url` is where others reach it."""

    def __init__(self, settings: Settings) -> None:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        self._listening = socket.create_server((settings.host, 0), family=family)
        self._settings = settings
        host = ray.util.get_node_ip_address() if settings.host in EVERYWHERE else settings.host
        self.url = url_of(host, self._listening.getsockname()[1])

    def serve(self, app: ASGIApp, lifespan: Literal["on", "off"]) -> None:
        """Have this app answer there, in the event loop that runs."""
        config = config_of(app, self._settings)
        config.lifespan = lifespan
        self._server = uvicorn.Server(config)
        self._served = asyncio.get_running_loop().create_task(self._server.serve([self._listening]))

    def check_health(self) -> None:
        """Raises RuntimeError where nobody answers there."""
        if self._served.done():
            raise RuntimeError("the server at the port of its own has ended")

    async def close(self) -> None:
        self._server.should_exit = True
        await self._served


class Line:
    """The line at a port of its own, which `/line/where` tells, and at Serve's proxies."""

    def __init__(self) -> None:
        settings = begun(listens=False)
        self._port = OwnPort(settings)
        self._line = line_of(settings, _elastic(settings), self._port.url)
        self._port.serve(self._line, lifespan="off")  # Serve has it work

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._line

    def check_health(self) -> None:
        self._port.check_health()


class Voice:
    """A voice at a port of its own. Stopped, it has no more jobs given and ends those that it has."""

    def __init__(self, models: Callable[[Settings], Models]) -> None:
        settings = begun(listens=False)
        self._port = OwnPort(settings)
        self._process = voice_of(settings, self._port.url, models(settings))
        self._port.serve(app_of(self._process, settings), lifespan="on")
        self._loop, self._drain_s = asyncio.get_running_loop(), settings.drain_s
        atexit.register(self._end_with_process)

    def check_health(self) -> None:
        """Raises RuntimeError where another voice is to take its place."""
        self._port.check_health()
        if self._process.hangs:
            raise RuntimeError("a model hangs past its job's deadline")

    def _end_with_process(self) -> None:
        """At a SIGTERM, Python ends in another thread than the one that serves: what runs there has VOXDEMO_DRAIN_S."""
        drained = asyncio.run_coroutine_threadsafe(self._process.drain(self._drain_s), self._loop)
        futures.wait([drained], self._drain_s + ANSWER_S)

    async def __del__(self) -> None:
        """Serve waits for this when it stops the voice."""
        atexit.unregister(self._end_with_process)
        await self._process.drain(LONGEST_S)
        await self._port.close()
