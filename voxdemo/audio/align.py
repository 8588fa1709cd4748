"""Where each sentence and each word is heard in a stretch of speech, by its pauses and how long each takes to say.

For captions, where the voice doesn't know it. Of sentences right to about a tenth of a second where the speaker pauses
between them, and never far off where not; of words to about a fifth. Knows samples and how long texts are when spoken;
no recogniser.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voxdemo.model_support.process_wide import CHANGES
from voxdemo.speech import Samples, Spans
from voxdemo.text.length import SENTENCE, spoken_length

_FRAME_S = 0.01
_MUTE_H = re.compile("(?<=[bcdfgklnprstvw])h", re.IGNORECASE)
"""What makes one sound of two letters in most languages: th, ch, ph, lh."""
_FINAL = 2.0
"""How much longer the last word before a pause takes, in letters."""
_CLAUSE_END = re.compile(r"[,;:.!?…—，；：、。！？][\"”’»)\]」』）】]*$")
_SILENCE_BELOW_SPEECH_DB = 35.0  # vowels are 35 dB above the softest "th" and "f" of the built-in voice
_NOISE_MARGIN_DB = 6.0
_LEAST_CONTRAST_DB = 12.0  # for speech without any pause, whose quietest is not noise
_INAUDIBLE_DB = -80.0
_SHORTEST_PAUSE_S = 0.05  # a "t" or "k" closes the mouth for about as long
_SMOOTH_FRAMES = 7
_DIP_DB = 6.0
"""How far the level drops in what may be the end of a sentence without a pause."""
_PACE_SPREAD = 0.2
"""How far the time that a sentence takes is off what its length says, as a share (standard deviation)."""
_PACE_SPREAD_S = 0.15
_LONG_PAUSE_S = 0.6
_PAUSE_WORTH = 8.0
"""What a long pause weighs: as much as a sentence that takes four standard deviations more or less than expected."""


def sentence_spans(samples: Samples, sample_rate: int, sentences: Sequence[str]) -> list[tuple[float, float]]:
    """Start and end in seconds of each of `sentences`, said one after the other in `samples` (mono, shape [n]).

    Spans are in order and don't overlap; a single sentence goes from the first sound to the last. Where there is no
    sound at all they share the time by their length.
    """
    if not sentences:
        return []
    levels = _levels(samples, sample_rate)
    sound = levels > _silence_db(levels) if len(levels) else np.zeros(0, np.bool_)
    if not sound.any():
        return list(_shared(0.0, len(samples) / sample_rate, _lengths(sentences)))
    places = np.flatnonzero(sound)
    first, last = int(places[0]), int(places[-1]) + 1
    gaps = _best(_gaps(levels, sound, first, last), np.cumsum(sound), _lengths(sentences)) if len(sentences) > 1 else []
    starts = [first, *(gap.end for gap in gaps)]
    ends = [*(gap.start for gap in gaps), last]
    return [(start * _FRAME_S, end * _FRAME_S) for start, end in zip(starts, ends, strict=True)]


def word_spans(samples: Samples, sample_rate: int, words: Sequence[str]) -> Spans:
    """Start and end in seconds of each of `words`, said one after the other in `samples` (mono, shape [n]).

    Between two pauses that signs ask for, the time in which there is sound is shared by the length of the words.
    """
    ends = [index for index, word in enumerate(words, 1) if _CLAUSE_END.search(word) or index == len(words)]
    clauses = [words[start:end] for start, end in pairwise([0, *ends])]
    times = sentence_spans(samples, sample_rate, [" ".join(clause) for clause in clauses])
    levels = _levels(samples, sample_rate)
    sound = levels > _silence_db(levels) if len(levels) else np.zeros(0, np.bool_)
    return tuple(span for clause, time in zip(clauses, times, strict=True) for span in _within(sound, time, clause))


def shared_span(start_s: float, end_s: float, words: Sequence[str]) -> Spans:
    """The time from `start_s` to `end_s`, shared by the length of the words."""
    lengths = _lengths([_MUTE_H.sub("", word) for word in words])
    lengths[-1] += _FINAL
    return _shared(start_s, end_s, lengths)


@dataclass(frozen=True, slots=True)
class _Gap:
    """Frames between which a sentence may end and the next begin; the same one where the voice doesn't pause."""

    start: int
    end: int


def _levels(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """Level of each frame in dB; a last frame that isn't whole is left out."""
    frame = round(sample_rate * _FRAME_S)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)
    levels: NDArray[np.float64] = 10.0 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return levels


def _silence_db(levels: NDArray[np.float64]) -> float:
    """The level up to which a frame is silent: well below the voice, and above the noise if there is some."""
    noise, voice = np.quantile(levels, [0.05, 0.9])
    threshold = max(voice - _SILENCE_BELOW_SPEECH_DB, noise + _NOISE_MARGIN_DB)
    return float(max(min(threshold, voice - _LEAST_CONTRAST_DB), _INAUDIBLE_DB))


def _lengths(sentences: Sequence[str]) -> NDArray[np.float64]:
    return np.array([max(1.0, spoken_length(sentence) - SENTENCE) for sentence in sentences])


def _shared(start_s: float, end_s: float, lengths: NDArray[np.float64]) -> Spans:
    bounds = start_s + (end_s - start_s) * np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
    return tuple(pairwise(bounds.tolist()))


def _within(sound: NDArray[np.bool_], time: tuple[float, float], words: Sequence[str]) -> Spans:
    """Spans of the words of a clause, by the frames of it that have `sound`."""
    first, last = (round(seconds / _FRAME_S) for seconds in time)
    frames = np.flatnonzero(sound[first:last]) + first
    if not len(frames):
        return shared_span(*time, words)
    shares = np.array(shared_span(0.0, len(frames), words)).round().astype(int)
    starts, ends = np.append(frames, frames[-1] + 1)[shares[:, 0]], np.append(frames[0], frames + 1)[shares[:, 1]]
    return tuple(zip((starts * _FRAME_S).tolist(), (np.maximum(starts, ends) * _FRAME_S).tolist(), strict=True))


def _gaps(levels: NDArray[np.float64], sound: NDArray[np.bool_], first: int, last: int) -> list[_Gap]:
    """Pauses and, for a voice that hurries on, dips in the level."""
    with CHANGES:
        from scipy.signal import find_peaks  # here: it takes a second

    edges = np.flatnonzero(np.diff(sound[first:last].astype(np.int8))) + first + 1
    pauses = [_Gap(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    pauses = [gap for gap in pauses if gap.end - gap.start >= _SHORTEST_PAUSE_S / _FRAME_S]
    smooth = np.convolve(levels, np.full(_SMOOTH_FRAMES, 1 / _SMOOTH_FRAMES), "same")
    dips = find_peaks(-smooth[first:last], prominence=_DIP_DB)[0] + first
    return sorted(pauses + [_Gap(int(dip), int(dip)) for dip in dips if sound[dip]], key=lambda gap: gap.start)


def _best(gaps: list[_Gap], sounding: NDArray[np.int64], lengths: NDArray[np.float64]) -> list[_Gap]:
    """The gap after each sentence but the last: those that make the sentences take their time and the pauses long.

    `sounding` counts the frames with sound up to each frame. Where there are fewer gaps than needed, the time is cut
    in proportion.
    """
    total = int(sounding[-1])
    expected = total * lengths / lengths.sum()
    if len(gaps) < len(lengths) - 1:
        return [_Gap(int(at), int(at)) for at in np.searchsorted(sounding, np.cumsum(expected)[:-1])]
    positions = np.array([sounding[gap.start] for gap in gaps], np.float64)
    pauses = np.array([gap.end - gap.start for gap in gaps]) * _FRAME_S
    bonus = _PAUSE_WORTH * np.minimum(pauses / _LONG_PAUSE_S, 1.0)
    costs = _misfit(positions, expected[0]) - bonus
    choices: list[NDArray[np.intp]] = []
    for length in expected[1:-1]:
        steps = costs[:, None] + _misfit(positions[None, :] - positions[:, None], length)
        steps[np.tril_indices(len(gaps))] = np.inf  # the next boundary is a later one
        choices.append(np.argmin(steps, axis=0))
        costs = steps.min(axis=0) - bonus
    path = [int(np.argmin(costs + _misfit(total - positions, expected[-1])))]
    for choice in reversed(choices):
        path.append(int(choice[path[-1]]))
    return [gaps[index] for index in reversed(path)]


def _misfit(frames: NDArray[np.float64], expected: float) -> NDArray[np.float64]:
    """How unlikely it is for a sentence to take `frames` of sound."""
    spread = _PACE_SPREAD * expected + _PACE_SPREAD_S / _FRAME_S
    misfit: NDArray[np.float64] = ((frames - expected) / spread) ** 2 / 2
    return misfit
