"""What a line is given to do, and what it says of it, as plain values.

Knows no threads and no models, and every value can travel (`wire`), so that the work may be done on other machines.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.engines.base import SpeechPart
from voxdemo.intake.request import Passage
from voxdemo.lanes.turns import Size
from voxdemo.speech import EngineInfo, Samples, Spans, Transcript, Utterance, Waiting


def _new_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class ListenJob:
    """Transcribe `samples` with the recogniser of this name, and `with_words` their times, too.

    Yields the growing `Transcript`; sooner where it `is_live`, as `Recognizer.transcribe` says.
    """

    recognizer: str
    samples: Samples
    sample_rate: int
    language: str | None
    expected_s: float | None
    with_words: bool = False
    is_live: bool = False
    id: str = field(default_factory=_new_id)

    @property
    def size(self) -> Size:
        return Size(self.expected_s, speaks=False)


@dataclass(frozen=True, slots=True)
class SpeakJob:
    """Say `parts`, from the `first` on, as the utterance wants it, with the engine it was planned for.

    Its `guests` are other voices, perhaps of other engines, that say some of the parts: those of the passages, by the
    index of the part. The utterance's text is what is left for its own voice. Yields a `Piece` for every stretch of
    sound, `PartTimed` where the engine knows the times of words, `PartRetaken` and `Cut` where it lost its way. With
    `transcription` the prompt audio is transcribed first, on the same seat, and told as a `Transcript`.
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
    guests: Mapping[int, Passage] = field(default_factory=dict)
    recordings: Mapping[Path, PromptAudio] = field(default_factory=dict)
    """Those of the guests that speak in the voice of one, by what their utterances call it."""
    seat_of: str = ""
    """The name of the engine at whose seats it is done; "": its own."""
    id: str = field(default_factory=_new_id)
    """What the engine knows the parts of this job by."""
    first: int = 0
    """Which part it begins with: those before were said by a voice that has died."""

    @property
    def speaking_s(self) -> float | None:
        """Seconds that it should take once the prompt audio is read."""
        if self.expected_s is None or self.transcription is None or self.transcription.expected_s is None:
            return self.expected_s
        return self.expected_s - self.transcription.expected_s

    @property
    def size(self) -> Size:
        return Size(self.expected_s, engine=self.seat_of or self.engine.name)

    def engine_of(self, part: int) -> EngineInfo:
        return self.guests[part].engine if part in self.guests else self.engine

    def part(self, index: int) -> SpeechPart:
        """What its engine is given of it: of every voice the parts count from 0, as those of a job of its own."""
        guest, voice = self.guests.get(index), self._voice(index)
        before = sum(self._voice(each) == voice for each in range(index)) if self.guests else index
        if guest is None:
            return SpeechPart(self.utterance, self.parts[index], self.id, before, self.prompt)
        path = guest.utterance.prompt_audio
        recording = self.recordings[path] if path else None
        return SpeechPart(guest.utterance, self.parts[index], f"{self.id} {voice}", before, recording)

    def _voice(self, part: int) -> str:
        guest = self.guests.get(part)
        return f"{guest.engine.name}/{guest.utterance.prompt_audio or guest.utterance.voice}" if guest else ""

    @property
    def parts_left(self) -> int:
        """How many parts it is to say."""
        return len(self.parts) - self.first

    def done_before(self, part: int) -> float:
        """The share of its work that is done when `parts[part]` begins."""
        shares = self.shares or [1.0] * len(self.parts)
        return sum(shares[self.first : part]) / sum(shares[self.first :])

    def rest(self, first: int) -> SpeakJob:
        """What is left from this part on."""
        left = 1 - self.done_before(first)
        expected_s = None if self.expected_s is None else self.expected_s * left
        return replace(self, first=first, expected_s=expected_s, units=self.units * left)


Job = SpeakJob | ListenJob


def outline(job: Job) -> Job:
    """All of a job that decides its turn and its time: without the words and the sounds."""
    if isinstance(job, ListenJob):
        return replace(job, samples=job.samples[:0])
    transcription = job.transcription and replace(job.transcription, samples=job.transcription.samples[:0])
    words = [""] * len(job.parts)
    return replace(
        job, utterance=Utterance(""), parts=words, prompt=None, transcription=transcription, guests={}, recordings={}
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the sound of `SpeakJob.parts[part]`."""

    part: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class PartTimed:
    """When each word of `SpeakJob.parts[part]` is heard, in seconds from its first sample, by what said it."""

    part: int
    spans: Spans


@dataclass(frozen=True, slots=True)
class PartRetaken:
    """What came of `SpeakJob.parts[part]` is void: it is said again."""

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
    """A brief job is served before the next part, or a model is loaded for it, for so many more seconds.

    They are None where that isn't known.
    """

    seconds: float | None
    loading: str = ""
    """The model that is being loaded, as people read it."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The job goes on with its next part."""


LaneEvent = Waiting | Started | Piece | PartTimed | PartRetaken | Cut | Paused | Resumed | Transcript
"""Waiting… → Started → Transcript… or Piece… (PartTimed, PartRetaken, Cut and Paused… → Resumed among them)"""
