"""What every recogniser looks like from above. No threads, no web."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from voxdemo.speech import RecognizerInfo, Samples, Tell, Transcript


class Recognizer(Protocol):
    """A loaded speech recogniser.

    Threading: built, used and closed on one thread, that of its `ModelWorker`; one call at a time.
    """

    @property
    def info(self) -> RecognizerInfo:
        """What it is."""
        ...

    def transcribe(
        self, samples: Samples, sample_rate: int, language: str | None = None
    ) -> Generator[Transcript, None, None]:
        """What is said in `samples` (mono float32 in [-1, 1]), as a transcript that grows segment by segment.

        Yields at least once; the last one is the whole, with text "" where there is no speech. Closing the generator
        stops the work at the next segment. Raises ModelDiedError when it must not be used again.
        """
        ...

    def close(self) -> None:
        """Give back memory and devices."""
        ...


@dataclass(frozen=True, slots=True)
class RecognizerChoice:
    """A recogniser that isn't loaded yet: its description, and how to load it, as `EngineChoice`."""

    info: RecognizerInfo
    build: Callable[[Tell], Recognizer]
