"""One take: the sound of an utterance as it comes, piece by piece. Knows its text and a clock, no model, no file."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from voxdemo.speech import Chunk, Samples, Segment, Speaking


class Take:
    """Collects the pieces of one utterance, and tells its chunks, progress, captions and whole sound.

    `expected_s` is how long the work was expected to take; the first progress is told by it, later ones by the share
    of the text that is done.
    """

    def __init__(self, parts: Sequence[str], sample_rate: int, expected_s: float | None) -> None:
        self._parts = parts
        self._rate = sample_rate
        self._expected_s = expected_s
        self._pieces: list[Samples] = []
        self._starts: dict[int, float] = {}
        self._begun_at = time.monotonic()
        self.seconds_to_first_chunk = 0.0
        self.duration_s = 0.0

    def begin(self) -> Speaking:
        """The engine turns to this utterance now."""
        self._begun_at = time.monotonic()
        return self._progress(part=0)

    @property
    def seconds_spent(self) -> float:
        """Since `begin`."""
        return time.monotonic() - self._begun_at

    def add(self, part: int, samples: Samples) -> tuple[Chunk, Speaking]:
        """A stretch of sound of the part with this index has come."""
        if not self._pieces:
            self.seconds_to_first_chunk = self.seconds_spent
        start_s = self.duration_s
        self._starts.setdefault(part, start_s)
        self._pieces.append(samples)
        self.duration_s += len(samples) / self._rate
        return Chunk(samples, self._parts[part], start_s), self._progress(part)

    def sound(self) -> Samples:
        """All of it: float32 mono, shape [n]."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)

    def captions(self) -> tuple[Segment, ...]:
        """Each part of the text with the seconds at which it is heard."""
        starts = list(self._starts.items())
        ends = [start_s for _, start_s in starts[1:]] + [self.duration_s] * bool(starts)
        return tuple(Segment(self._parts[part], start, end) for (part, start), end in zip(starts, ends, strict=True))

    def _progress(self, part: int) -> Speaking:
        done = self._done_fraction(part)
        left = self.seconds_spent * (1 - done) / done if done else self._expected_s
        return Speaking(done, left, sentence=part + 1, sentences=len(self._parts))

    def _done_fraction(self, part: int) -> float:
        if not self._pieces:
            return 0.0
        return sum(map(len, self._parts[: part + 1])) / sum(map(len, self._parts))
