"""Where in a recording somebody speaks, found by Silero's voice detector, which comes inside faster-whisper's wheel.

Knows samples and nothing of files or models.
"""

import math
from dataclasses import dataclass

import numpy as np

from voxdemo.audio.resample import resample
from voxdemo.model_support.process_wide import CHANGES
from voxdemo.speech import Samples

DETECTOR_RATE = 16_000
"""Hz, the one rate that the detector knows."""
MARGIN_MS = 200
"""Silence kept on both sides: voxcpm's own trimming keeps as much (model/voxcpm2.py, `max_silence_ms`)."""
WHOLE_S = 30.0
"""Recordings up to this are not cut within speech: what a recogniser learns from context is worth more."""
PART_S = 20.0
"""Longest part of a longer recording. Sentences fit, and people see the text grow."""
PAUSE_S = 2.0
"""Silence from here on is left out: in it recognisers hear things."""
_BREATH_MS = 300
WINDOW = 512
"""Samples, 32 ms, that the detector looks at together, after as many of those before as _CONTEXT (faster_whisper.vad,
from snakers4/silero-vad)."""
_CONTEXT = 64


@dataclass(frozen=True, slots=True)
class Span:
    """The samples from `start` to before `end`."""

    start: int
    end: int


def trim_silence(samples: Samples, rate: int) -> Samples:
    """Mono `samples` (shape [n], at `rate` Hz) from just before the first word to just after the last.

    A recording in which no speech is found (singing, a whisper) comes back whole.
    """
    spans = _spans(resample(samples, rate, DETECTOR_RATE), MARGIN_MS, MARGIN_MS)
    if not spans:
        return samples
    first, last = spans[0].start / DETECTOR_RATE, spans[-1].end / DETECTOR_RATE
    return samples[round(first * rate) : round(last * rate)]


def stretches(samples: Samples) -> int:
    """How many stretches of speech there are in `samples` (shape [n], DETECTOR_RATE), with pauses of PAUSE_S between.

    Takes 2 ms for each second of sound.
    """
    return len(_spans(samples, 2 * MARGIN_MS, round(PAUSE_S * 1000)))


def parts(samples: Samples) -> list[Span]:
    """What of `samples` (shape [n], DETECTOR_RATE) has speech, for a recogniser that listens to a part at once.

    In order and apart, none for silence. Parts end in pauses where there are any.
    """
    is_short = len(samples) <= WHOLE_S * DETECTOR_RATE
    pieces = _spans(samples, MARGIN_MS, _BREATH_MS, math.inf if is_short else PART_S)
    return _merged(pieces, WHOLE_S if is_short else PART_S)


class VoiceDetector:
    """How likely somebody speaks, in sound that comes bit by bit. For one thread at a time."""

    def __init__(self) -> None:
        """Load the detector, which takes a second in a fresh process."""
        with CHANGES:
            from faster_whisper.vad import get_vad_model  # here: it takes a second

        self._session = get_vad_model().session
        self._hidden = self._cell = np.zeros((1, 1, 128), np.float32)
        self._rest = np.zeros(_CONTEXT, np.float32)

    def hear(self, samples: Samples) -> tuple[Samples, list[float]]:
        """What of `samples` (shape [n], DETECTOR_RATE), and of those before, makes whole windows; a probability each.

        Takes 5 ms for each second of sound.
        """
        sound = np.concatenate([self._rest, samples])
        count = (len(sound) - _CONTEXT) // WINDOW
        self._rest = sound[count * WINDOW :]
        if not count:
            return sound[:0], []
        windows = np.lib.stride_tricks.sliding_window_view(sound, _CONTEXT + WINDOW)[: count * WINDOW : WINDOW]
        given = {"input": np.ascontiguousarray(windows), "h": self._hidden, "c": self._cell}
        found, self._hidden, self._cell = self._session.run(None, given)
        return sound[_CONTEXT : _CONTEXT + count * WINDOW], found.reshape(-1).tolist()


def _spans(samples: Samples, margin_ms: int, pause_ms: int, longest_s: float = math.inf) -> list[Span]:
    with CHANGES:
        from faster_whisper.vad import get_speech_timestamps  # here: it takes a second

    found = get_speech_timestamps(
        samples, max_speech_duration_s=longest_s, min_silence_duration_ms=pause_ms, speech_pad_ms=margin_ms
    )
    return [Span(span["start"], span["end"]) for span in found]


def _merged(pieces: list[Span], longest_s: float) -> list[Span]:
    spans: list[Span] = []
    for piece in pieces:
        if spans and _belong_together(spans[-1], piece, longest_s):
            spans[-1] = Span(spans[-1].start, piece.end)
        else:
            spans.append(piece)
    return spans


def _belong_together(earlier: Span, later: Span, longest_s: float) -> bool:
    pause_s = (later.start - earlier.end) / DETECTOR_RATE
    length_s = (later.end - earlier.start) / DETECTOR_RATE
    return pause_s < PAUSE_S and length_s <= longest_s
