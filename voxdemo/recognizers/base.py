"""What every recogniser looks like from above, and what it demands of a recording. No threads, no web."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from voxdemo.errors import InputError
from voxdemo.speech import RecognizerInfo, Samples, Tell, Transcript

MIN_SAMPLES = 400
"""25 ms at 16 kHz, one window of the spectrum: with less there is nothing to listen to."""

_LOUD = 0.1
"""RMS of the loudest tenth of a second of speech at an ordinary level (-20 dB)."""
_MOST_GAIN = 300.0
"""50 dB: what is fainter still is the noise of the microphone."""


class Recognizer(Protocol):
    """A loaded speech recogniser.

    Threading: built, used and closed on one thread, that of its `ModelWorker`; one call at a time.
    """

    @property
    def info(self) -> RecognizerInfo:
        """What it is."""

    def transcribe(
        self,
        samples: Samples,
        sample_rate: int,
        language: str | None = None,
        with_words: bool = False,
        is_live: bool = False,
    ) -> Generator[Transcript, None, None]:
        """What is said in `samples` (mono float32 in [-1, 1]), as a transcript that grows segment by segment.

        Segments know their words only if it's asked for `with_words`, which takes a little longer. Where it `is_live`,
        somebody speaks and waits to see it: it hurries, and may mishear a little more.

        Yields at least once; the last one is the whole, with text "" where there is no speech. Closing the generator
        stops the work at the next segment. Raises ModelDiedError when it must not be used again.
        """

    def close(self) -> None:
        """Give back memory and devices."""


@dataclass(frozen=True, slots=True)
class RecognizerChoice:
    """A recogniser that isn't loaded yet: its description, and how to load it, as `EngineChoice`."""

    info: RecognizerInfo
    build: Callable[[Tell], Recognizer]


def brought_up(samples: Samples, sample_rate: int) -> Samples:
    """Quiet `samples` at an ordinary level, others as they are: of faint speech in noise models make loops."""
    step = max(1, sample_rate // 10)
    tenths = samples[: max(1, len(samples) // step) * step].reshape(-1, min(step, len(samples)))
    loudest = float(tenths.std(axis=1).max())
    gain = np.float32(np.clip(_LOUD / max(loudest, 1e-9), 1.0, _MOST_GAIN))
    return np.clip(samples * gain, -1.0, 1.0) if gain > 1 else samples


def check_samples(samples: Samples, sample_rate: int, language: str | None, info: RecognizerInfo) -> None:
    """See that `samples` are finite mono float32, at least MIN_SAMPLES of them, at the model's rate, else ValueError.

    Models don't look: they crash, or answer with rubbish. Raises InputError for a language that the model doesn't know.
    """
    if sample_rate != info.sample_rate:
        raise ValueError(f"want {info.sample_rate} Hz, got {sample_rate}")
    if samples.dtype != np.float32 or samples.ndim != 1:
        raise ValueError(f"want mono float32, got {samples.dtype} of shape {samples.shape}")
    if len(samples) < MIN_SAMPLES:
        raise ValueError(f"want at least {MIN_SAMPLES} samples, got {len(samples)}")
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinity")
    check_language(language, info)


def check_language(language: str | None, info: RecognizerInfo) -> None:
    """Raises InputError for a language that the recogniser doesn't know."""
    if language is not None and language not in info.languages:
        sentence = "{title} doesn't know that language: leave it empty to have it detected."
        raise InputError(sentence, code="unknown_language", title=info.subject)
