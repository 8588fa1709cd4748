"""One take: the sound of an utterance as it comes, piece by piece, told as events.

Joins the parts, times the captions and measures the progress. Knows its text and a clock, no model and no file; of the
sound it holds only the part that is being spoken.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, islice
from types import MappingProxyType

import numpy as np

from voxdemo.audio.align import sentence_spans, shared_span, word_spans
from voxdemo.audio.join import LEAD_S, TAIL_S, Joiner
from voxdemo.estimates.countdown import remaining_s
from voxdemo.speech import Captions, Chunk, Retaken, Samples, Segment, Spans, Speaking, TakeEvent, Word
from voxdemo.text.length import S_PER_UNIT, SENTENCE, spoken_length
from voxdemo.text.split import Part, Stop, words

PAUSES_S: Mapping[Stop, float] = MappingProxyType(
    {Stop.CUT: 0.0, Stop.CLAUSE: 0.15, Stop.SENTENCE: 0.4, Stop.PARAGRAPH: 0.8}
)
"""Silence behind a part at normal pace, chosen by ear with the built-in voice."""


_Times = tuple[tuple[float, float], Spans]
"""Start and end of a sentence, in seconds of its part, and those of its words."""


class SpeechAssembler:
    """Turns the pieces of one utterance into chunks, captions and progress.

    `speed` is the pace that was asked for, `lead_s` the silence before the first part. Making the first one takes
    seconds, for what it loads.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        sample_rate: int,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        lead_s: float = 0.0,
    ) -> None:
        self._clock = clock
        self._parts = parts
        self._rate = sample_rate
        self._expected_s: float | None = None
        self._speed = speed
        self._joiner = Joiner(sample_rate)
        self._lead = np.zeros(round(lead_s * sample_rate), np.float32)
        self._asked_before = list(accumulate((part.pause_s or 0.0 for part in parts), initial=lead_s))
        """Seconds of silence that the text asks for, before each part and at the end."""
        lengths = [spoken_length(part.text) for part in parts]
        self._length_before = [0.0, *accumulate(lengths)]
        self._first_caption = [0, *accumulate(len(part.sentences) for part in parts)]
        self._part = -1
        self._start = 0
        self._sound: list[Samples] = []
        self._frames = 0
        self._captions: list[Segment] = []
        self._is_timed = False
        self._cut = False
        self._begun_at = self._clock()
        self._paused_at: float | None = None
        self._pause_s: float | None = 0.0
        self._loading = ""
        self.seconds_to_first_chunk = 0.0

    @property
    def duration_s(self) -> float:
        return self._frames / self._rate

    @property
    def seconds_spent(self) -> float:
        """Since `begin`, without pauses."""
        return (self._paused_at or self._clock()) - self._begun_at

    @property
    def captions(self) -> tuple[Segment, ...]:
        """What was spoken so far, sentence by sentence."""
        return tuple(self._captions)

    def begin(self, expected_s: float | None) -> Speaking:
        """The engine turns to this utterance now, or has read the prompt audio; from here it should take so long."""
        self._begun_at = self._clock()
        self._expected_s = expected_s
        return self._progress()

    def pause(self, seconds: float | None, loading: str = "") -> Speaking:
        """The engine is at another job now, or this one is loading, for so many seconds more."""
        self._paused_at, self._pause_s, self._loading = self._paused_at or self._clock(), seconds, loading
        return self._progress()

    def resume(self) -> Speaking:
        """It goes on with this utterance."""
        self._begun_at += self._clock() - (self._paused_at or self._clock())
        self._paused_at, self._pause_s, self._loading = None, 0.0, ""
        return self._progress()

    def add(self, part: int, samples: Samples) -> list[TakeEvent]:
        """A stretch of sound of the part with this index has come."""
        events = self._turn_to(part) if part != self._part else []
        return [*events, *self._chunk(self._joiner.add(samples)), self._progress()]

    def timed(self, part: int, spans: Spans) -> list[TakeEvent]:
        """The engine knows when each word of the part with this index is heard in the sound that it gave."""
        texts = [words(sentence) for sentence in self._parts[part].sentences]
        if part != self._part or sum(map(len, texts)) != len(spans):
            return []
        self._is_timed = True
        cut_s, end_s = self._joiner.cut_s, self._joiner.sounding_s  # a model counts silence behind a word as its end
        heard = iter([(_between(0.0, start - cut_s, end_s), _between(0.0, end - cut_s, end_s)) for start, end in spans])
        times = [tuple(islice(heard, len(text))) for text in texts]
        return [self._caption([((spans[0][0], spans[-1][1]), spans) for spans in times if spans])]

    def retake(self, part: int) -> list[TakeEvent]:
        """The sound of the part with this index, the last one that came, is void."""
        if part != self._part:
            return []
        self._joiner.drop_part()
        self._frames, self._sound, self._part = self._start, [], part - 1
        del self._captions[self._first_caption[part] :]
        return [Retaken(self.duration_s)]

    def cut(self) -> None:
        """A part was cut off where it was far too long."""
        self._cut = True

    def end(self) -> list[TakeEvent]:
        """No more comes: the rest of the sound."""
        if self._part < 0:
            return []
        tail_s = self._parts[self._part].pause_s
        rest = self._chunk(self._joiner.finish() if tail_s is None else self._joiner.finish(max(TAIL_S, tail_s)))
        sentences = len(self._parts)
        return [*rest, *self._captioned(), Speaking(1.0, 0.0, sentences, sentences, self.duration_s, 0.0)]

    def break_off(self) -> list[TakeEvent]:
        """No more comes, though the part that is being spoken isn't over: the captions of what was heard."""
        self._captions = [caption for caption in self._captions if caption.start_s < self.duration_s]
        if self._is_timed or not self._sound:  # nothing of this part was heard, or what was is void
            return []
        expected = [_until(self._heard_s, *times) for times in self._expected_times(self._part)]
        return [self._caption([times for times in expected if times])]

    def warnings(self) -> tuple[str, ...]:
        """What people should know about the sound, one sentence each."""
        if not self._cut:
            return ()
        return ("The voice didn't find the end of this text and was cut off: try another seed, or shorter sentences.",)

    def where_it_stopped(self) -> str:
        """The last sentence that was spoken to its end, for a sentence on a failure; after `break_off`."""
        whole = [caption.text for caption in self._captions if caption.end_s < self.duration_s]
        return f"“…{whole[-1][-40:]}”" if whole else "the beginning"

    def _turn_to(self, part: int) -> list[TakeEvent]:
        """The end of the part before, and the captions that are expected of this one."""
        events: list[TakeEvent] = []
        if self._sound:
            over = self._parts[self._part]
            pause_s = PAUSES_S[over.stop] / self._speed if over.pause_s is None else over.pause_s
            events = [*self._chunk(self._joiner.end_part(pause_s)), *self._captioned()]
        elif len(self._lead) and not self._frames:
            events = self._silence()
        self._part, self._start, self._sound, self._is_timed = part, self._frames, [], False
        return [*events, self._caption(self._expected_times(part), is_settled=False)]

    def _silence(self) -> list[TakeEvent]:
        """What the text asks for before its first word."""
        self.seconds_to_first_chunk = self.seconds_spent
        self._frames = len(self._lead)
        return [Chunk(self._lead, "", 0.0)]

    def _captioned(self) -> list[TakeEvent]:
        """The captions of the part that is over, by its sound, unless the engine has timed them."""
        if self._is_timed or not self._sound:
            return []
        sound, sentences = np.concatenate(self._sound), self._parts[self._part].sentences
        times: list[_Times] = []
        for text, (start, end) in zip(sentences, sentence_spans(sound, self._rate, sentences), strict=True):
            heard = sound[round(start * self._rate) : round(end * self._rate)]
            times.append(((start, end), _later(start, word_spans(heard, self._rate, words(text)))))
        return [self._caption(times)]

    def _chunk(self, samples: Samples) -> list[TakeEvent]:
        if not len(samples):
            return []
        if not self._frames:
            self.seconds_to_first_chunk = self.seconds_spent
        chunk = Chunk(samples, self._parts[self._part].text, self.duration_s)
        self._sound.append(samples)
        self._frames += len(samples)
        return [chunk]

    def _caption(self, times: Sequence[_Times], is_settled: bool = True) -> Captions:
        """The captions of the part that is being spoken, whose first sentences and their words lie at these times."""
        first, start_s = self._first_caption[self._part], self._start / self._rate
        segments = []
        for text, (span, spans) in zip(self._parts[self._part].sentences, times, strict=False):
            heard = zip(words(text), _later(start_s, spans), strict=False)
            (whole,) = _later(start_s, (span,))
            segments.append(Segment(text, *whole, words=tuple(Word(word, *each) for word, each in heard)))
        self._captions[first:] = segments
        return Captions(first, tuple(segments), is_settled)

    def _expected_times(self, part: int) -> list[_Times]:
        times: list[_Times] = []
        end = 0.0
        for sentence in self._parts[part].sentences:
            length = spoken_length(sentence)
            start, end = end, end + length * self._s_per_unit
            said = (start + LEAD_S, start + LEAD_S + (length - SENTENCE) * self._s_per_unit)
            times.append(((start, end), shared_span(*said, words(sentence))))
        return times

    @property
    def _s_per_unit(self) -> float:
        if self._part <= 0 or not self._start:
            return S_PER_UNIT / self._speed
        return max(0.0, self._start / self._rate - self._asked_before[self._part]) / self._length_before[self._part]

    def _progress(self) -> Speaking:
        done, spent = self._done_fraction(), self.seconds_spent
        left = remaining_s(self._expected_s, done, spent, spent)
        left = None if left is None or self._pause_s is None else left + self._pause_s
        told, part = self._pause_s if self._loading else left, max(1, self._part + 1)
        return Speaking(done, told, part, len(self._parts), self._total_s(), left, loading=self._loading)

    def _done_fraction(self) -> float:
        """The parts that are done, and of this one as much as has been heard of the sound that is expected of it."""
        if self._part < 0:
            return 0.0
        before, with_it = self._length_before[self._part : self._part + 2]
        heard = min(1.0, self._heard_s / max(0.1, (with_it - before) * self._s_per_unit))
        return min(0.99, (before + (with_it - before) * heard) / self._length_before[-1])

    def _total_s(self) -> float:
        units = self._length_before[-1] - self._length_before[max(0, self._part)]
        asked_s = self._asked_before[-1] - (self._asked_before[self._part] if self._part >= 0 else 0.0)
        return self.duration_s + asked_s + max(0.0, units * self._s_per_unit - self._heard_s)

    @property
    def _heard_s(self) -> float:
        """Seconds of the part that is being spoken."""
        return (self._frames - self._start) / self._rate


def _later(by_s: float, spans: Spans) -> Spans:
    return tuple((start + by_s, end + by_s) for start, end in spans)


def _until(end_s: float, span: tuple[float, float], spans: Spans) -> _Times | None:
    """What of a sentence and its words is heard up to `end_s`; None for nothing."""
    heard = [(start, min(end, end_s)) for start, end in (span, *spans) if start < end_s]
    return (heard[0], tuple(heard[1:])) if heard else None


def _between(least: float, value: float, most: float) -> float:
    return max(least, min(value, most))
