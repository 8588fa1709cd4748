"""Where in a recording somebody speaks, found by Silero's voice detector, which comes inside faster-whisper's wheel.

Knows samples and nothing of files or models that speak.
"""

from __future__ import annotations

from voxdemo.audio.resample import resample
from voxdemo.speech import Samples

DETECTOR_RATE = 16_000
"""Hz that the detector listens at."""
MARGIN_MS = 200
"""Silence kept on both sides: voxcpm's own trimming keeps as much (model/voxcpm2.py, `max_silence_ms`)."""


def trim_silence(samples: Samples, rate: int) -> Samples:
    """Mono `samples` (shape [n], at `rate` Hz) from just before the first word to just after the last.

    A recording in which no speech is found (singing, a whisper) comes back whole.
    """
    from faster_whisper.vad import get_speech_timestamps  # here: it takes half a second

    heard = resample(samples, rate, DETECTOR_RATE)
    spans = get_speech_timestamps(heard, speech_pad_ms=MARGIN_MS, min_silence_duration_ms=MARGIN_MS)
    if not spans:
        return samples
    first, last = spans[0]["start"] / DETECTOR_RATE, spans[-1]["end"] / DETECTOR_RATE
    return samples[round(first * rate) : round(last * rate)]
