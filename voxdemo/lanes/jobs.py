"""What a line of jobs is given, and what it tells of them: plain values, and the line itself as the service sees it.

Knows no threads and no models, and every value can be pickled, so that the line may be the lane of this process or one
on other machines.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.base import SpeechPart
from voxdemo.errors import NotReadyError
from voxdemo.lanes.reports import LaneStats
from voxdemo.lanes.turns import Place, Size
from voxdemo.speech import EngineInfo, RecognizerInfo, Samples, Transcript, Utterance, Waiting


def _new_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class ListenJob:
    """Transcribe `samples` with the recogniser of this name. Yields the growing `Transcript`."""

    recognizer: str
    samples: Samples
    sample_rate: int
    language: str | None
    expected_s: float | None
    id: str = field(default_factory=_new_id)

    @property
    def size(self) -> Size:
        """How much work it is."""
        return Size(self.expected_s, speaks=False)


@dataclass(frozen=True, slots=True)
class SpeakJob:
    """Say `parts`, one after the other, as the utterance wants it, with the engine it was planned for.

    Yields a `Piece` for every stretch of sound, `Retaken` and `Cut` where the engine lost its way. With `transcription`
    the prompt audio is transcribed first, on the same seat, and told as a `Transcript`.
    """

    engine: EngineInfo
    utterance: Utterance
    parts: Sequence[str]
    expected_s: float | None
    prompt: PromptAudio | None = None
    """The recording that `utterance` names, which has no path here."""
    transcription: ListenJob | None = None
    units: float = 0.0
    """How much there is to be spoken, by `estimates.paces.speech_units`."""
    shares: Sequence[float] = ()
    """The share of the work that each part is; empty where they are alike."""
    id: str = field(default_factory=_new_id)
    """What the engine knows the parts of this job by."""

    @property
    def speaking_s(self) -> float | None:
        """Seconds that it should take once the prompt audio is read."""
        if self.expected_s is None or self.transcription is None or self.transcription.expected_s is None:
            return self.expected_s
        return self.expected_s - self.transcription.expected_s

    @property
    def size(self) -> Size:
        """How much work it is."""
        return Size(self.expected_s)

    def part(self, index: int) -> SpeechPart:
        """What the engine is asked for as `parts[index]`."""
        return SpeechPart(self.utterance, self.parts[index], self.id, index, self.prompt)

    def done_before(self, part: int) -> float:
        """The share of the work that is done when `parts[part]` begins."""
        return sum(self.shares[:part]) if self.shares else part / len(self.parts)


Job = SpeakJob | ListenJob


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the sound of `SpeakJob.parts[part]`."""

    part: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Retaken:
    """What came of `SpeakJob.parts[part]` is void: it's said anew."""

    part: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The engine didn't find the end of `SpeakJob.parts[part]`: it was cut off where it was far too long."""

    part: int


@dataclass(frozen=True, slots=True)
class Started:
    """The job left the line and has a seat."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A brief job is served before the next part; it takes so many more seconds, None where that isn't known."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Resumed:
    """The job goes on with its next part."""


LaneEvent = Waiting | Started | Piece | Retaken | Cut | Paused | Resumed | Transcript
"""Waiting… → Started → Transcript… or Piece… (Retaken, Cut and Paused… → Resumed among them)"""


class JobLine(Protocol):
    """What the service needs of whatever runs its jobs: here a `Lane`, later perhaps one on other machines."""

    @property
    def engine_info(self) -> EngineInfo:
        """The engine that jobs which come now are for; another one when a better has been loaded."""
        ...

    @property
    def recognizer_info(self) -> RecognizerInfo:
        """The recogniser, as `engine_info`."""
        ...

    @property
    def refusal(self) -> NotReadyError | None:
        """Why no job is taken in any more; None as long as they are."""
        ...

    def run(self, job: Job) -> AsyncGenerator[LaneEvent, None]:
        """The job's events. Raises BusyError when the line is full, `refusal`, and what the model raised."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether a job runs. May be read from any thread."""
        ...

    def foretell(self, coming: Sequence[Size]) -> Sequence[Place]:
        """The places that jobs would have which came now, in this order, after all in line."""
        ...

    def stats(self) -> LaneStats:
        """How it is doing."""
        ...

    def start(self) -> None:
        """Begin to load the models."""
        ...

    def turn_away(self, within_s: float) -> NotReadyError:
        """Take no more jobs in, and end those that wait; who runs has so many seconds left. Returns the refusal."""
        ...

    async def drain(self, within_s: float) -> None:
        """Returns when the last job has ended; `turn_away` comes first. What runs after `within_s` is stopped."""
        ...

    async def close(self) -> None:
        """Turn away who waits, stop who runs, close the models."""
        ...
