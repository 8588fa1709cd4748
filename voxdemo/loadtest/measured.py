"""What was measured: of one request, of one moment of the server, of one run. Plain values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from voxdemo.planning.work import at_work_s

RequestOutcome = Literal["done", "refused", "failed", "cancelled"]


@dataclass(slots=True)
class Request:
    """One request as its client saw it. Moments are seconds of one monotonic clock."""

    begun_at: float
    started_at: float | None = None
    """When the generator began, as the client was told."""
    first_audio_at: float | None = None
    """When the first sound came, through a door that gives it before the end."""
    ended_at: float = 0.0
    outcome: RequestOutcome = "cancelled"
    reason: str = ""
    """What the server said where it isn't done."""
    audio_s: float = 0.0
    retry_after_s: float | None = None

    @property
    def latency_s(self) -> float:
        """From the request to its result."""
        return self.ended_at - self.begun_at

    @property
    def wait_s(self) -> float | None:
        """From the request until the generator began."""
        return None if self.started_at is None else self.started_at - self.begun_at

    @property
    def service_s(self) -> float | None:
        """From then on to the result."""
        return None if self.started_at is None else self.ended_at - self.started_at

    @property
    def first_audio_s(self) -> float | None:
        """From the request to the first sound."""
        return None if self.first_audio_at is None else self.first_audio_at - self.begun_at


@dataclass(frozen=True, slots=True)
class Moment:
    """What the server told of itself at a moment: the samples of /metrics, by name and labels."""

    at: float
    samples: Mapping[tuple[str, tuple[tuple[str, str], ...]], float]

    def sum(self, name: str, **labels: str) -> float:
        """All samples of this name with these labels, added up."""
        return sum(
            value
            for (called, has), value in self.samples.items()
            if called == f"voxdemo_{name}" and labels.items() <= dict(has).items()
        )

    def most(self, name: str) -> float | None:
        """The highest of them; None where there are none."""
        return max((value for (called, _), value in self.samples.items() if called == f"voxdemo_{name}"), default=None)


@dataclass(slots=True)
class Run:
    """One run: so many users at once, or None of them and a rate of arrivals a minute."""

    users: int | None
    per_minute: float | None
    think_s: float
    requests: list[Request] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    """Empty where the server has no /metrics; else the first is from before the run, the last from after it."""

    @property
    def name(self) -> str:
        """As people read it."""
        if self.users is None:
            return f"{self.per_minute:g} requests a minute"
        return "1 user" if self.users == 1 else f"{self.users} users"

    @property
    def done(self) -> Sequence[Request]:
        """The requests with a result."""
        return [request for request in self.requests if request.outcome == "done"]

    @property
    def steady(self) -> Sequence[Request]:
        """Those of a closed loop that met a full line: all but the first of each user."""
        begun = sorted(self.done, key=lambda request: request.begun_at)
        return begun[self.users :] if self.users else begun

    @property
    def span_s(self) -> float:
        """From the first request to the last result."""
        if not self.requests:
            return 0.0
        return max(each.ended_at for each in self.requests) - min(each.begun_at for each in self.requests)

    @property
    def failures(self) -> Mapping[str, int]:
        """How many weren't done, by what was said."""
        return Counter(f"{each.outcome}: {each.reason}" for each in self.requests if each.outcome != "done")

    @property
    def generators(self) -> int:
        """How many the server has; 1 if the server doesn't say."""
        return round(self.moments[0].sum("generators")) or 1 if self.moments else 1

    @property
    def busy(self) -> float | None:
        """The share of the time, 0..1, for which generators worked with jobs waiting; None if it doesn't say."""
        if not self.moments:
            return None
        busy = [moment for moment in self.moments if moment.sum("jobs_running") and moment.sum("jobs_waiting")]
        chosen = busy if len(busy) > 1 else self.moments
        begun, ended = chosen[0], chosen[-1]
        worked_s = ended.sum("generator_busy_seconds_total") - begun.sum("generator_busy_seconds_total")
        return worked_s / (self.generators * (ended.at - begun.at)) if ended.at > begun.at else None

    @property
    def address_seats(self) -> int:
        """How many requests addresses take at once; 0 where the server names none."""
        return round(self.moments[-1].sum("address_seats")) if self.moments else 0

    @property
    def worked(self) -> float | None:
        """The share of the services, 0..1, for which a generator worked, by the server's count; None: not known.

        After that it turns to the next job, while the client of the last one still waits for the result. The server
        doesn't count how long addresses work.
        """
        services_s = sum(request.service_s or 0.0 for request in self.done)
        if not services_s or not self.moments or self.address_seats:
            return None
        return min(1.0, self.gained("generator_busy_seconds_total") / services_s) or None

    @property
    def services(self) -> Sequence[float]:
        """For how long each request of the steady part occupied a generator."""
        worked = self.worked
        return [at_work_s(request.service_s, worked) for request in self.steady if request.service_s]

    @property
    def cores(self) -> float | None:
        """How many processor cores the server kept busy."""
        if not self.moments or self.moments[-1].at <= self.moments[0].at:
            return None
        return self.gained("process_cpu_seconds_total") / (self.moments[-1].at - self.moments[0].at)

    def counted(self, door: str) -> Mapping[str, int] | None:
        """How many requests the server counted meanwhile at this door, by outcome; None if the server doesn't say."""
        if not self.moments:
            return None
        outcomes = ("done", "stopped", "refused", "failed", "cancelled")
        gained = {
            outcome: round(self.gained("requests_total", task="generation", door=door, outcome=outcome))
            for outcome in outcomes
        }
        gained["failed"] += gained.pop("stopped")  # half a sound is of no use to the client
        return gained

    def gained(self, name: str, **labels: str) -> float:
        """By how much the server's samples of this name with these labels grew from its first moment to its last."""
        return self.moments[-1].sum(name, **labels) - self.moments[0].sum(name, **labels)
