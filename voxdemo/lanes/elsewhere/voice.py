"""A voice's process: one seat with its models, and jobs that front ends carry to it. It beats for the line.

Jobs come when the line has given them their turn; where two come at once, the lane here has the second one wait. What
several front ends want is said once, and heard by all of them.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress
from typing import Any

import httpx
import psutil
from prometheus_client import Metric
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from voxdemo.errors import UNEXPECTED, InputError, UnavailableError, VoxdemoError
from voxdemo.estimates.paces import Paces
from voxdemo.lanes import wire
from voxdemo.lanes.elsewhere.asgi import Guarded, Stream, sent
from voxdemo.lanes.elsewhere.line import working
from voxdemo.lanes.elsewhere.reaching import LineAddress, client_of, why_not
from voxdemo.lanes.elsewhere.said import Said
from voxdemo.lanes.jobs import Job, ListenJob, Paused, Piece, Resumed, SpeakJob, Started
from voxdemo.lanes.line import Claim, LaneStats
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Seat
from voxdemo.lanes.local.ticket import Ticket
from voxdemo.lanes.messages import END, Beat, InHand, VoiceOffer

log = logging.getLogger(__name__)

BEAT_EVERY_S = 0.5
TRY_AGAIN_S = 0.2
"""After a line that didn't answer."""
PATIENCE_S = 5.0
"""How long a line may be out of reach until the log says so: one that was started again is back sooner."""
MOST_JOBS = 8
"""One runs, one may wait for a part of it, others have just been left."""


class VoiceProcess:
    """Serves jobs with the seat. All methods are for the event loop's thread."""

    def __init__(
        self,
        seat: Seat,
        paces: Paces,
        url: str,
        line_url: str,
        secret: str,
        job_timeout_s: float,
    ) -> None:
        self.id = secrets.token_hex(4)
        self.url = url
        self.is_closing = False
        self._start_s = time.time() - psutil.Process().create_time()
        self._expected: int | None = 0
        """How many jobs the line has given it; None: the line doesn't know yet that it is closing."""
        self._seat = seat
        self._paces = paces
        self._lane = Lane([seat], MOST_JOBS, job_timeout_s, paces=paces)
        self._line = client_of(line_url, secret, timeout=5.0)
        self._address = LineAddress(self._line, line_url)
        self._jobs: dict[str, Ticket] = {}
        self._said: dict[str, Said] = {}
        self._moved = asyncio.Event()
        self._lane.moved.append(self._moved.set)
        self._offered: VoiceOffer | None = None
        self._fault = ""
        """Why the line doesn't answer, as it was logged last."""
        self._heard_at = time.monotonic()
        """When the line answered last, or this process began."""
        self.endings = {"done": 0, "failed": 0}
        """How many of its jobs came to each end; those that nobody wanted any more came to none."""

    async def run(self) -> None:
        """Goes on until it is cancelled; then the models are closed."""
        self._lane.start()
        try:
            while True:
                self._moved.clear()
                try:
                    await self._beat()
                except (httpx.HTTPError, ValueError) as error:  # it was killed, or has just begun
                    self._tell_fault(why_not(error), error)
                    self._offered, self._expected = None, 0
                    self._address.forget()
                    await asyncio.sleep(TRY_AGAIN_S)
                else:
                    self._fault, self._heard_at = "", time.monotonic()
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self._moved.wait(), BEAT_EVERY_S)
        finally:
            await self._line.aclose()
            await self._lane.close()
            for said in self._said.values():
                said.close()

    def _tell_fault(self, fault: str, error: Exception) -> None:
        """Warn once of what an operator has to mend, and of a line that is out of reach for PATIENCE_S."""
        if not fault and time.monotonic() - self._heard_at > PATIENCE_S:
            fault = "the line can't be reached: start it, or set VOXDEMO_LINE_URL to where it is"
        if fault and fault != self._fault:
            log.warning(fault)
        log.debug("the line doesn't answer: %s", type(error).__name__)
        self._fault = fault or self._fault

    def stats(self) -> LaneStats:
        return self._lane.stats()

    @property
    def hangs(self) -> bool:
        """Whether a model goes on past its job's deadline."""
        return any(report.hangs for report in self._seat.reports)

    async def drain(self, within_s: float) -> None:
        """Have no more turns given here; returns when the last job has ended, also of those on their way."""
        self.is_closing, self._expected = True, None
        self._moved.set()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._is_idle(), within_s)

    async def _is_idle(self) -> None:
        while self._in_hand() or self._expected != 0:  # noqa: ASYNC110 - the model's thread is looked at
            await asyncio.sleep(TRY_AGAIN_S)

    def serve(self, id: str, job: Job) -> AsyncGenerator[bytes, None]:
        """What the job with this id says, as it travels; one that is here already is heard from its beginning."""
        said = self._said.get(id)
        if said and said.is_in_vain:
            self._said.pop(id).close()
            said = None
        if said is None:
            said = self._said[id] = Said(self._events(id, job))
        return said.heard()

    async def _events(self, id: str, job: Job) -> AsyncGenerator[Any, None]:
        """The events of a job, then END, or the error that it ended with."""
        try:
            self._lane.check_room()
            ticket = self._jobs[id] = self._lane.take(Claim(job.size), time.monotonic())
            async with aclosing(self._lane.run(job, ticket)) as events:
                async for event in events:
                    if isinstance(event, Started | Resumed | Paused | Piece):
                        self._moved.set()
                    yield event
            self._learn(job, ticket.elapsed_s)
            self.endings["done"] += 1
            yield END
        except VoxdemoError as error:
            self.endings["failed"] += not isinstance(error, InputError | UnavailableError)
            yield error
        except Exception:  # nothing of it may be told
            self.endings["failed"] += 1
            log.exception("a job failed")
            yield VoxdemoError(UNEXPECTED)
        finally:
            self._moved.set()  # it is over when this returns

    def _learn(self, job: Job, seconds: float) -> None:
        if isinstance(job, ListenJob):
            return
        if job.transcription is None and not job.guests:
            self._paces.speech(job.engine.key).learn(job.units, seconds)
            self._paces.keep()

    def _in_hand(self) -> list[InHand]:
        """The jobs that are here, until the model has really stopped working on them and all has been said of them.

        So the line knows of each at any time, as one that is here or that can still be heard.
        """
        being_said = {id for id, said in self._said.items() if not said.is_over}
        self._jobs = {
            id: each
            for id, each in self._jobs.items()
            if not each.ended or id in being_said or each in self._seat.tickets
        }
        return [
            InHand(
                id,
                elapsed_s=None if ticket.begun_at is None else ticket.elapsed_s,
                left_s=ticket.left_s if ticket.brought else ticket.size.expected_s,
                turn_s=ticket.turn_s if ticket.brought else 0.0,
            )
            for id, ticket in self._jobs.items()
        ]

    async def _beat(self) -> None:
        for id in [id for id, said in self._said.items() if said.is_past]:
            self._said.pop(id).close()
        offer = self._offer()
        beat = Beat(
            self.id, self.url, self._seat.is_ready, self.is_closing, self._seat.place, self._in_hand(),
            offer=None if offer == self._offered else offer,
            said=[id for id, said in self._said.items() if said.is_on_offer],
        )  # fmt: skip
        answer = await self._line.post(f"{await self._address.url()}/line/voices", content=wire.to_bytes(beat))
        answer.raise_for_status()
        heard = wire.from_bytes(answer.content)
        self._offered = None if heard.wants_offer else offer
        if beat.is_closing == self.is_closing:
            self._expected = heard.jobs

    def _offer(self) -> VoiceOffer:
        seat, listens = self._seat, self._seat.listens
        assert listens, "a voice listens, too"
        reports, paces = tuple(seat.reports), self._paces.snapshot()
        return VoiceOffer(tuple(seat.engines), seat.speaks, listens, reports, paces, self._start_s)


def voice_app(process: VoiceProcess, secret: str, *metrics: Callable[[], Iterable[Metric]]) -> ASGIApp:
    """The voice for front ends: a job is the body, what comes of it the answer. `metrics` are as in `Guarded`."""

    async def serve(request: Request) -> Response:
        job = await sent(request)
        if not isinstance(job, SpeakJob | ListenJob):
            raise HTTPException(400, "That isn't a job.")
        return Stream(process.serve(request.path_params["id"], job))

    routes = [Route("/voice/jobs/{id}", serve, methods=["POST"])]
    return Guarded(Starlette(routes=routes, lifespan=working(process.run)), secret, *metrics)
