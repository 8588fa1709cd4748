"""Where in a recording somebody speaks, in parts short enough for a recogniser that listens to a part at once.

By Silero's voice detector, whose weights lie inside faster-whisper's wheel. Knows no recogniser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from voxdemo.recognizers.recordings import MIN_SAMPLES
from voxdemo.speech import Samples

SAMPLE_RATE = 16_000
"""The one rate that the detector knows."""

WHOLE_S = 30.0
"""Recordings up to this are not cut within speech: what a recogniser learns from context is worth more."""

PART_S = 20.0
"""Longest part of a longer recording. Sentences fit, and people see the text grow."""

PAUSE_S = 2.0
"""Silence from here on is left out: in it recognisers hear things."""

_BREATH_MS = 300
_MARGIN_MS = 200


@dataclass(frozen=True, slots=True)
class Span:
    """The samples from `start` to before `end`."""

    start: int
    end: int


def cut(samples: Samples) -> list[Span]:
    """The parts of `samples` (float32, shape [n], 16 kHz) with speech in them, in order and apart; none for silence.

    Parts end in pauses where there are any.
    """
    from faster_whisper.vad import get_speech_timestamps  # here: it takes a second

    is_short = len(samples) <= WHOLE_S * SAMPLE_RATE
    pieces = get_speech_timestamps(
        samples,
        max_speech_duration_s=math.inf if is_short else PART_S,
        min_silence_duration_ms=_BREATH_MS,
        speech_pad_ms=_MARGIN_MS,
    )
    spans = _merged([Span(piece["start"], piece["end"]) for piece in pieces], WHOLE_S if is_short else PART_S)
    return [span for span in spans if span.end - span.start >= MIN_SAMPLES]


def _merged(pieces: list[Span], longest_s: float) -> list[Span]:
    spans: list[Span] = []
    for piece in pieces:
        if spans and _belong_together(spans[-1], piece, longest_s):
            spans[-1] = Span(spans[-1].start, piece.end)
        else:
            spans.append(piece)
    return spans


def _belong_together(earlier: Span, later: Span, longest_s: float) -> bool:
    pause_s = (later.start - earlier.end) / SAMPLE_RATE
    length_s = (later.end - earlier.start) / SAMPLE_RATE
    return pause_s < PAUSE_S and length_s <= longest_s
