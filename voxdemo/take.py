"""One take: the sound of an utterance as it comes, piece by piece. Knows its text and a clock, no model, no file."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from voxdemo.speech import Chunk, Retaken, Samples, Segment, Speaking


class Take:
    """Collects the pieces of one utterance, and tells its chunks, progress, captions and whole sound.

    `expected_s` is how long the work was expected to take. Progress is the share of that time which is over, within the
    bounds that the text sets: at least what came before the part that is being spoken, at most that part too.
    """

    def __init__(self, parts: Sequence[str], sample_rate: int, expected_s: float | None) -> None:
        self._parts = parts
        self._rate = sample_rate
        self._expected_s = expected_s
        self._pieces: list[tuple[int, Samples]] = []
        self._cut: set[int] = set()
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
        self._pieces.append((part, samples))
        self.duration_s += len(samples) / self._rate
        return Chunk(samples, self._parts[part], start_s), self._progress(part)

    def retake(self, part: int) -> Retaken:
        """The sound of the part with this index, the last one that came, is void."""
        start_s = self._starts.pop(part, self.duration_s)
        self._pieces = [(index, samples) for index, samples in self._pieces if index != part]
        self.duration_s = start_s
        return Retaken(start_s)

    def cut(self, part: int) -> None:
        """The part with this index was cut off where it was far too long."""
        self._cut.add(part)

    def warnings(self) -> tuple[str, ...]:
        """What people should know about the sound, one sentence each."""
        if not self._cut:
            return ()
        return ("The voice didn't find the end of this text and was cut off: try it again, or in shorter sentences.",)

    def sound(self) -> Samples:
        """All of it: float32 mono, shape [n]."""
        return np.concatenate([np.zeros(0, np.float32), *(samples for _, samples in self._pieces)])

    def captions(self) -> tuple[Segment, ...]:
        """Each part of the text with the seconds at which it is heard."""
        starts = list(self._starts.items())
        ends = [start_s for _, start_s in starts[1:]] + [self.duration_s] * bool(starts)
        return tuple(Segment(self._parts[part], start, end) for (part, start), end in zip(starts, ends, strict=True))

    def _progress(self, part: int) -> Speaking:
        done, spent = self._done_fraction(part), self.seconds_spent
        left = spent * (1 - done) / done if done and self._pieces else self._expected_s
        return Speaking(done, left, sentence=part + 1, sentences=len(self._parts))

    def _done_fraction(self, part: int) -> float:
        if not self._pieces:
            return 0.0
        chars = [len(text) for text in self._parts]
        before, with_it = sum(chars[:part]) / sum(chars), sum(chars[: part + 1]) / sum(chars)
        by_time = self.seconds_spent / self._expected_s if self._expected_s else with_it
        return min(max(before, by_time), with_it)
