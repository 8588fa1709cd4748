"""What every speech engine looks like from above. Three verbs and a description; no threads, no web."""

import math
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.errors import InputError, ModelDiedError, VoxdemoError
from voxdemo.model_support.devices import is_out_of_memory
from voxdemo.speech import SPEED, EngineInfo, Samples, Spans, Tell, Utterance

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class SpeechPart:
    """What an engine is asked to say: one part of a job's text, which may be all of it.

    It can be pickled, so that the engine may be in another process. Parts with the same `job` are said in one voice, in
    the order of their `index`; another job may be served between two of them.
    """

    utterance: Utterance
    """All that is asked for; the recording that it names, if it does, is here as `prompt`."""
    text: str
    """What to say now, from `utterance.text`."""
    job: str = ""
    index: int = 0
    """Which part of the job it is, from 0. Saying the first one again is a new beginning."""
    prompt: PromptAudio | None = None
    """The voice to speak in, at the engine's `prompt_rate`."""


@dataclass(frozen=True, slots=True)
class Retake:
    """Forget the samples of this text so far: they ran on without an end, and it is said again from its beginning."""


@dataclass(frozen=True, slots=True)
class RanOn:
    """The end of the text was not found: it was cut off where it was far too long."""


@dataclass(frozen=True, slots=True)
class Step:
    """There is nothing to hear yet, but the work can be stopped here."""


@dataclass(frozen=True, slots=True)
class WordTimes:
    """When each of `text.split.words` of this text is heard, in seconds from its first sample."""

    spans: Spans


class SpeechEngine(Protocol):
    """A loaded speech model.

    Threading: built, used and closed on one thread, that of its `ModelWorker`; one call at a time. The class
    knows its description before anything is loaded, so doors can be built while the model loads.
    """

    @property
    def info(self) -> EngineInfo:
        """What it is and what it honours."""

    def speak(self, part: SpeechPart) -> Generator[Samples | Retake | RanOn | Step | WordTimes, None, None]:
        """The sound of `part.text`, as soon as samples exist.

        Yields float32 mono arrays at `info.sample_rate`, in order, without gaps; engines that may lose their way yield
        a Retake before they begin again, and RanOn last where that didn't help either. Those that work long before
        there is sound yield Steps meanwhile, those that know when words are heard yield WordTimes behind all sound.
        Closing the generator stops the work at the next step. Raises InputError for what it can't say, ModelDiedError
        when it must not be used again.
        """

    def close(self) -> None:
        """Give back memory and devices."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine that isn't loaded yet: its description, and how to load it (on its worker's thread).

    `info` is what can be known before; the loaded engine's own is what counts. `build` reports its progress, and raises
    WeightsError, whose sentence people read, when the weights can't be had or trusted.
    """

    info: EngineInfo
    build: Callable[[Tell], SpeechEngine]


class Settled(Generic[Made]):
    """What all seats have in common, made by the first one that asks for it. Threading: any thread."""

    def __init__(self, make: Callable[[Tell], Made]) -> None:
        self.made: Made | None = None
        self._make = make
        self._lock = threading.Lock()

    def __call__(self, tell: Tell) -> Made:
        with self._lock:
            if self.made is None:
                self.made = self._make(tell)
            return self.made


def checked_speed(speed: float, info: EngineInfo) -> float:
    """`speed`, if this engine speaks at that. Raises InputError, which names its range."""
    dial = info.dial(SPEED)
    if math.isfinite(speed) and dial.low <= speed <= dial.high:
        return float(speed)
    raise InputError(
        "{subject} speaks at speeds from {slowest} to {fastest}: choose one in between.",
        code="speed_out_of_range",
        subject=info.subject,
        slowest=dial.low,
        fastest=dial.high,
    )


@contextmanager
def deaths() -> Iterator[None]:
    """Whatever a package raises in speaking means that its model died: caches and seeds are in an unknown state."""
    try:
        yield
    except VoxdemoError:
        raise
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # their variables hold the model, and with it the memory
        raise died("ran out of memory" if is_out_of_memory(error) else "failed") from error


def died(how: str) -> ModelDiedError:
    """For the caller to raise, where a model "failed"."""
    sentence = "The voice {how} and is reloading: press Speak again in about {time}."
    return ModelDiedError(sentence, how, reason="voice", how=how, time="20 s")
