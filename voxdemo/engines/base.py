"""What every speech engine looks like from above. Three verbs and a description; no threads, no web."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from voxdemo.speech import EngineInfo, Samples, Utterance


class SpeechEngine(Protocol):
    """A loaded speech model.

    Threading: built, used and closed on one thread, that of its `ModelWorker`; one call at a time. The class
    knows its description before anything is loaded, so doors can be built while the model loads.
    """

    @property
    def info(self) -> EngineInfo:
        """What it is and what it honours."""
        ...

    def speak(self, utterance: Utterance, text: str) -> Generator[Samples, None, None]:
        """The sound of `text` (a part of `utterance.text`), as soon as samples exist.

        Yields float32 mono arrays at `info.sample_rate`, in order, without gaps. Closing the generator stops the work
        at the next step. Raises InputError for what it can't say, ModelDiedError when it must not be used again.
        """
        ...

    def close(self) -> None:
        """Give back memory and devices."""
        ...


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine that isn't loaded yet: its description, and how to load it (on its worker's thread)."""

    info: EngineInfo
    build: Callable[[], SpeechEngine]
