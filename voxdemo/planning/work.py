"""How long a generator is at a request, measured: by a load test, or in benchmarks, whose figures stand here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from voxdemo.errors import InputError
from voxdemo.planning import text_of

CHARACTERS_A_SECOND = 17.5
"""Of sound: 20,048 characters are 19.1 minutes (benchmarks/README.md, "What a long text costs")."""
VARIATION = 1.0
"""How much the lengths of texts vary: standard deviation over mean, in a log-normal distribution. An assumption."""
LISTEN_S, LISTEN_PER_S = 1.35, 0.05
"""Seconds of the built-in recogniser for a recording, and for each of its seconds (benchmarks/README.md, "What the
models without a GPU cost")."""
RECORDING_S = 20.0
"""How long a recording is. An assumption."""
DRAWN = 1_000
"""Requests that stand for all, at equal steps of their distribution: no chance in it."""


@dataclass(frozen=True, slots=True)
class MeasuredVoice:
    """A voice as it was measured: seconds for a text, and for each second of its sound; memory of a server with it."""

    name: str
    title: str
    fixed_s: float
    real_time_factor: float
    server_gb: float
    """With one generator."""
    generator_gb: float
    """Each further one."""
    machine: str
    source: str


VOICES = {
    voice.name: voice
    for voice in (
        MeasuredVoice(
            "builtin", "the built-in voice", 0.14, 0.006, 0.95, 0.65, "cpu",
            "benchmarks/README.md: 177 ms for 121 characters, 834 ms for 2,040, on two cores",
        ),
        MeasuredVoice(
            "kokoro", "Kokoro-82M", 0.14, 0.38, 1.75, 1.25, "cpu",
            "benchmarks/README.md: 0.38 s for a second of sound, on two cores",
        ),
    )
}  # fmt: skip
"""Memory: benchmarks/README.md for a server, docs/operating.md for models."""


def on_a_gpu(real_time_factor: float) -> MeasuredVoice:
    """A voice on a GPU, whose speed the reader has measured; its memory is that of VoxCPM2 (benchmarks/README.md)."""
    source = "the real-time factor that was given"
    return MeasuredVoice("given", "a voice on a GPU", 0.0, real_time_factor, 6.3, 5.8, "gpu", source)


@dataclass(frozen=True, slots=True)
class Work:
    """What requests are to a generator. `texts_s`: seconds for each of some texts that stand for all."""

    title: str
    texts_s: Sequence[float]
    server_gb: float
    generator_gb: float
    source: str
    recording_share: float = 0.0
    """The share of the requests that are recordings, 0..1."""

    @property
    def recording_s(self) -> float:
        """Seconds that a recording takes."""
        return LISTEN_S + LISTEN_PER_S * RECORDING_S

    @property
    def services(self) -> Sequence[float]:
        """DRAWN requests, texts and recordings in their shares, as `theory` takes them."""
        recordings = round(DRAWN * self.recording_share)
        return [*_spread(self.texts_s, DRAWN - recordings), *[self.recording_s] * recordings]

    @property
    def recordings_load(self) -> float:
        """Which share of the work, 0..1, recordings are, which go before texts."""
        return round(DRAWN * self.recording_share) * self.recording_s / sum(self.services)

    def memory_gb(self, generators: int) -> float:
        """Of a server with so many."""
        return self.server_gb + (generators - 1) * self.generator_gb


def as_measured(voice: MeasuredVoice, characters: float, recording_share: float) -> Work:
    """The work of texts of so many characters on average."""
    sigma = math.sqrt(math.log(1 + VARIATION**2))
    lengths = NormalDist(math.log(characters) - sigma**2 / 2, sigma)
    texts_s = [
        voice.fixed_s + voice.real_time_factor * math.exp(lengths.inv_cdf(share)) / CHARACTERS_A_SECOND
        for share in _steps(DRAWN)
    ]
    return Work(voice.title, texts_s, voice.server_gb, voice.generator_gb, voice.source, recording_share)


class ReportedRequest(BaseModel):
    """A request, as a load test's report has it."""

    started_at: float | None
    ended_at: float
    outcome: str


def at_work_s(service_s: float, worked: float | None) -> float:
    """For how long a generator was at a request that a client saw served for `service_s`.

    `worked`: for which share, 0..1, it was; later, the result was on its way. None or 0: that isn't known.
    """
    return service_s * (worked or 1.0)


class _Memory(BaseModel):
    memory_gb: float | None


class ReportedRun(BaseModel, allow_inf_nan=False):
    """A run of a load test."""

    name: str
    generators: Annotated[int, Field(ge=1)]
    worked: Annotated[float | None, Field(ge=0, le=1)] = None
    """As `at_work_s` takes it."""
    server: _Memory
    requests: Sequence[ReportedRequest]

    @property
    def services(self) -> Sequence[float]:
        """For how long each request with a result and a known start occupied a generator."""
        return [
            at_work_s(each.ended_at - each.started_at, self.worked)
            for each in self.requests
            if each.outcome == "done" and each.started_at is not None
        ]


class Report(BaseModel):
    """What `python -m voxdemo.loadtest` wrote."""

    url: str
    door: Literal["gradio", "openai"]
    runs: Sequence[ReportedRun]


def read_report(path: Path) -> ReportedRun:
    """The last run in which a request was served, of a load test's report.json, or of the folder with it.

    Raises InputError for another file.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        report = Report.model_validate_json(text_of(file))
    except ValidationError as error:
        sentence = "{name} isn't a load test's report: name the report.json that it wrote."
        raise InputError(sentence, code="not_a_report", name=file.name) from error
    served = [run for run in report.runs if any(run.services)]
    if not served:
        sentence = "No request was served in the load test of {name}: repeat it, then try again."
        raise InputError(sentence, code="empty_report", name=file.name)
    return served[-1]


def of_run(run: ReportedRun, voice: MeasuredVoice, recording_share: float) -> Work:
    """The work that a load test has measured; memory is the voice's where the server didn't say."""
    texts_s = run.services
    server_gb, generator_gb = voice.server_gb, voice.generator_gb
    if run.server.memory_gb:
        server_gb = generator_gb = run.server.memory_gb / run.generators
    source = f"{len(texts_s)} requests of the load test's run with {run.name}"
    return Work("the server that was tested", texts_s, server_gb, generator_gb, source, recording_share)


def _steps(count: int) -> Sequence[float]:
    """So many shares, 0..1, at equal distances."""
    return [(number + 0.5) / count for number in range(count)]


def _spread(values: Sequence[float], count: int) -> Sequence[float]:
    """So many values that are distributed as these are."""
    return [float(value) for value in np.quantile(values, _steps(count))] if count else []
