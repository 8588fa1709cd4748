"""Parts of a text, spoken one after the other, as one sound: no clicks, fitting pauses, one loudness.

Works on the stream: every piece that comes in gives back at once what can be heard now. It knows samples, and nothing
of texts, engines or files.

The silence that an engine puts around a part is cut, and the pause asked for takes its place; pauses inside a part
stay. Cut edges are faded. The first part that can be measured stays as loud as the engine made it, and every later one
is brought to its loudness (ITU-R BS.1770-4).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from voxdemo.audio.loudness import BLOCK, Meter, integrated
from voxdemo.audio.wav import clean
from voxdemo.speech import Samples

FRAME_S = 0.01
"""What is silent or not is decided for stretches of this length; also how far ahead of its gain a sound is known."""
LEAD_S = 0.05
"""Silence kept before the first sound of a part. The soft beginnings of "thirty" and "five" in the built-in voice rise
from -75 to -60 dB within 40 ms."""
EARLY_PAUSE_S = 0.2
"""Silence after a sound that is given back as it comes. What is beyond is held back, because it may be the end of the
part. It covers every soft ending (within 40 ms of -60 dB), and no pause that a text asks for is shorter."""
TAIL_S = 0.2
"""Silence after the very last sound."""
SOUND_DB = -60.0
"""K-weighted level from which a frame is sound. The built-in voice speaks at -26 LUFS; its silence is below -100 dB
around long sentences and up to -71 dB around the shortest ("Oh.")."""
NOISIEST_SILENCE_DB = -42.0
"""Where the voice brings noise along, silence may be as loud as this: a room in a poor recording."""
NOISE_MARGIN_DB = 6.0
"""How far sound is above the noise. Frames of steady noise stay within 3 dB of its level."""
LISTEN_S = 0.2
"""Sound of a later part that is heard before its gain is chosen. Over 60 sentences of the built-in voice, the loudness
of the first 0.08 / 0.16 / 0.24 / 0.8 s differs from the whole's by 5.5 / 2.0 / 1.2 / 0.9 LU (standard deviation)."""
MOST_GAIN_DB = 12.0
"""How much a part is raised or lowered at most: more would raise its noise with it."""
PEAK = 0.99
"""No gain raises a sample above this."""

_FADE_S = 0.005  # enough to be no click, too short to be heard as a fade
_LONG_FADE_S = 0.05  # where noise ends in digital silence
_PIECE_S = 0.4  # VoxCPM's pieces are 0.08 or 0.16 s, those of the built-in voice are sentences
_DECLINE_DB = 1.6
_DECLINE_S = 2.2
"""Speech declines: of the same 60 sentences the first 0.2 to 0.8 s are 1.8 LU louder than the whole, the first 1.6 s
by 0.7 LU, the first 2.4 s by 0.4 LU."""
_MOST_REDRESS_DB = 2.0  # how far the rest of a part makes up for its beginning
_STEP_DB = 0.5  # by frame, where the gain changes within a part: steep enough for a word, far from a crackle


class Joiner:
    """Joins the parts of one text. Call `add` for each piece of a part, then `end_part`, and `finish` for the last.

    Everything returned, one after the other, is the joined sound: float32 mono within [-1, 1]. The first part comes
    back at most 20 ms late. A later one that comes in small pieces is listened to for `LISTEN_S` first, behind the
    pause that came before it. State is bounded by the longest part. Not for several threads at once.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._noise = _Noise()
        self._leveller = _Leveller()
        self._part = _Part(sample_rate)

    def add(self, samples: Samples) -> Samples:
        """The next piece of the current part; what can be heard now comes back, maybe nothing yet."""
        self._part.add(clean(samples), self._noise)
        gain_db = self._leveller.gain_db(self._part, speaks_for_itself=len(samples) >= _PIECE_S * self._rate)
        return np.zeros(0, np.float32) if gain_db is None else self._part.release(gain_db)

    @property
    def cut_s(self) -> float:
        """Seconds of silence before the current part's first sound that are cut."""
        return self._part.cut_frames * FRAME_S

    @property
    def sounding_s(self) -> float:
        """Seconds from where the current part begins, once its silence is cut, to the end of its last sound so far."""
        return self._part.sounding_frames * FRAME_S

    def end_part(self, pause_s: float) -> Samples:
        """The part is over: what was held back of it, then the rest of the pause. The next `add` begins a new part.

        From its last sound to the first of the next part it is `pause_s`, or up to 0.25 s where that is less and the
        engine was silent for so long. A part without sound is nothing but the pause.
        """
        self._part.complete(self._noise)
        rest = self._part.rest(self._leveller.last_gain_db(self._part), pause_s - LEAD_S)
        self._leveller.learn(self._part)
        self._part = _Part(self._rate)
        return rest

    def drop_part(self) -> None:
        """The current part is void and will be said again; what came back of it is the caller's to drop."""
        self._part = _Part(self._rate)

    def finish(self, tail_s: float = TAIL_S) -> Samples:
        """The last part is over: what was held back of it, then a short silence; nothing if it was ended before."""
        return self.end_part(tail_s + LEAD_S) if self._part.begun else np.zeros(0, np.float32)


class _Leveller:
    """Chooses the gain of each part so that it ends up as loud as the first."""

    def __init__(self) -> None:
        self._reference: float | None = None
        """The loudness of the first part that could be measured."""

    def gain_db(self, part: _Part, speaks_for_itself: bool) -> float | None:
        """The gain for what came of a part; None where more should be heard first.

        It speaks for itself where it came as one piece: a sentence or the whole part.
        """
        if self._reference is None:
            return 0.0
        own = part.loudness()
        if own is None:
            return part.gain_db
        if speaks_for_itself:
            return _bounded(self._reference - own)
        return None if part.heard_s < LISTEN_S else _bounded(self._reference - self._expected(part, own))

    def last_gain_db(self, part: _Part) -> float:
        """The gain for the rest of a completed part: as before, or exact where nothing was given back yet."""
        if part.gain_db is not None:
            return part.gain_db
        return self.gain_db(part, speaks_for_itself=True) or 0.0

    def learn(self, part: _Part) -> None:
        """Take a completed part for the reference, if there is none and it is one."""
        if self._reference is None and part.is_measurable:
            self._reference = part.loudness()

    def _expected(self, part: _Part, own: float) -> float:
        """How loud the whole part will be, from what was heard of it; more, where that came out too loud."""
        decline = _DECLINE_DB * math.exp(-((part.heard_s / _DECLINE_S) ** 2))
        given = part.given_loudness()
        excess = 0.0 if given is None or self._reference is None else given - decline - self._reference
        return own - decline + min(max(excess, -_MOST_REDRESS_DB), _MOST_REDRESS_DB)


def _bounded(gain_db: float) -> float:
    return min(max(gain_db, -MOST_GAIN_DB), MOST_GAIN_DB)


class _Part:
    """The part that is being said: what of it is heard, what is still held back, how loud it is."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.frame = round(rate * FRAME_S)
        self._meter = Meter(rate)
        self._incomplete = np.zeros(0, np.float32)  # less than a frame
        self._held = np.zeros((0, self.frame), np.float32)
        self._fader = _Fader()
        self._silent_frames = 0
        """At the end of what came."""
        self._sounding = False
        self._padding = 0
        self.begun = False
        self.cut_frames = 0
        self.onset_frames = 0

    @property
    def gain_db(self) -> float | None:
        """The gain that its sound has now; None before any came back."""
        return self._fader.gain_db

    def given_loudness(self) -> float | None:
        """What was given back, in LUFS with its gain; None for less than it takes to listen."""
        gains = self._fader.gains_db
        if len(gains) < LISTEN_S / FRAME_S:
            return None
        return integrated(self._meter.powers[: len(gains)] * 10.0 ** (gains / 10.0))

    @property
    def heard_s(self) -> float:
        """Seconds of sound so far, with the pauses between."""
        return max(0, len(self._meter.powers) - self._silent_frames - self.onset_frames) * FRAME_S

    @property
    def sounding_frames(self) -> int:
        """From its beginning to its last sound."""
        return len(self._meter.powers) - self._silent_frames

    @property
    def is_measurable(self) -> bool:
        """Long enough for BS.1770."""
        return self._sounding and self._measured_frames() >= BLOCK

    def loudness(self) -> float | None:
        """What there is of it so far, in LUFS, without the silence around it; None for silence."""
        return integrated(self._meter.powers[: self._measured_frames()]) if self._sounding else None

    def add(self, samples: Samples, noise: _Noise) -> None:
        self.begun = True
        samples = np.concatenate([self._incomplete, samples])
        whole = len(samples) // self.frame * self.frame
        self._incomplete = samples[whole:]
        if whole:
            self._add_frames(samples[:whole].reshape(-1, self.frame), noise)

    def complete(self, noise: _Noise) -> None:
        """Nothing more comes: the last samples count as a frame."""
        if len(self._incomplete):
            self._padding = self.frame - len(self._incomplete)
            self.add(np.zeros(self._padding, np.float32), noise)

    def release(self, gain_db: float) -> Samples:
        """What can be heard now. One frame stays back for its end to be known, and silence that may be the last."""
        if not self._sounding:
            return np.zeros(0, np.float32)
        count = len(self._held) - max(1, self._silent_frames - round(EARLY_PAUSE_S / FRAME_S))
        if count <= 0:
            return np.zeros(0, np.float32)
        heard = self._fader.faded(self._held, count, gain_db)
        self._held = self._held[count:]
        return heard

    def rest(self, gain_db: float, pause_s: float) -> Samples:
        """All that is left of a completed part, with `pause_s` from its last sound on."""
        pause = max(0, round(pause_s * self._rate))
        if not self._sounding:
            return np.zeros(pause, np.float32)
        held = self._fader.faded(self._held, len(self._held), gain_db)
        held = held[: len(held) - self._padding]
        silent = max(0, self._silent_frames * self.frame - self._padding)
        sounding = max(0, len(held) - silent)
        left = pause - max(0, silent - len(held))  # the silence given back before counts
        kept = held[: max(self.frame, sounding + left)]
        _fade_out(kept, round((_LONG_FADE_S if not sounding else _FADE_S) * self._rate))
        return np.concatenate([kept, np.zeros(max(0, left - (len(kept) - sounding)), np.float32)])

    def _add_frames(self, frames: NDArray[np.float32], noise: _Noise) -> None:
        levels = self._meter.add(frames)
        noise.add(levels)
        sounds = np.flatnonzero(levels >= noise.sound_db)
        self._silent_frames = len(frames) - 1 - int(sounds[-1]) if len(sounds) else self._silent_frames + len(frames)
        self._held = np.concatenate([self._held, frames])
        if not self._sounding:
            first = len(self._held) - len(frames) + int(sounds[0]) if len(sounds) else len(self._held)
            self._begin(max(0, first - round(LEAD_S / FRAME_S)))
            self._sounding = bool(len(sounds))
            self.onset_frames = min(first, round(LEAD_S / FRAME_S)) if self._sounding else 0

    def _begin(self, at: int) -> None:
        self.cut_frames += at
        self._held = self._held[at:]
        self._meter.forget(at)

    def _measured_frames(self) -> int:
        """From the lead to as long after the last sound."""
        return len(self._meter.powers) - max(0, self._silent_frames - round(LEAD_S / FRAME_S))


class _Noise:
    """How loud silence is: the quietest of what came so far, which is a room's noise where there is one."""

    def __init__(self) -> None:
        self._counts = np.zeros(100, np.int64)  # by level: -100 to 0 dB

    def add(self, levels: NDArray[np.float64]) -> None:
        self._counts += np.bincount(np.clip(levels + 100.0, 0, 99).astype(np.int64), minlength=100)

    @property
    def sound_db(self) -> float:
        quietest = np.searchsorted(np.cumsum(self._counts), 0.05 * self._counts.sum()) - 100.0
        return float(np.clip(quietest + NOISE_MARGIN_DB, SOUND_DB, NOISIEST_SILENCE_DB))


class _Fader:
    """The gain of one part: no jumps but at its beginning, and no sample above PEAK where it raises."""

    def __init__(self) -> None:
        self.gains_db: NDArray[np.float64] = np.zeros(0)
        """Of each frame that was given back."""
        self._ceiling_db = math.inf

    @property
    def gain_db(self) -> float | None:
        return float(self.gains_db[-1]) if len(self.gains_db) else None

    def faded(self, frames: NDArray[np.float32], count: int, gain_db: float) -> Samples:
        """The first `count` of `frames` at a gain that goes to `gain_db`; those after them are only looked at."""
        before = self.gain_db
        ceilings = _ceilings_db(frames)
        self._ceiling_db = min(self._ceiling_db, float(ceilings.min()))
        target = min(gain_db, self._ceiling_db)
        start = target if before is None else before
        steps = _STEP_DB * np.arange(count + 1)
        nodes = start + np.clip(target - start, -steps, steps)
        nodes[1:] = np.minimum(nodes[1:], np.minimum(ceilings[:count], np.append(ceilings[1:], np.inf)[:count]))
        nodes[:-1] = np.minimum(nodes[:-1], ceilings[:count])
        self.gains_db = np.concatenate([self.gains_db, nodes[1:]])
        heard = (frames[:count] * _between(10.0 ** (nodes / 20.0), frames.shape[1])).ravel().astype(np.float32)
        if before is None:
            _fade_in(heard, round(frames.shape[1] * _FADE_S / FRAME_S))
        return heard


def _ceilings_db(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """The gain for each of `frames` that keeps it below PEAK; nothing is lowered for it."""
    peaks = np.maximum(np.abs(frames).max(axis=1), 1e-6).astype(np.float64)
    ceilings: NDArray[np.float64] = np.maximum(0.0, 20.0 * np.log10(PEAK / peaks))
    return ceilings


def _between(nodes: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    """Gains for each sample of the frames between `nodes`, in straight lines."""
    along = np.arange(1, frame + 1) / frame
    gains: NDArray[np.float64] = nodes[:-1, None] + np.diff(nodes)[:, None] * along
    return gains


def _fade_in(samples: Samples, length: int) -> None:
    length = min(length, len(samples))
    samples[:length] *= np.linspace(0.0, 1.0, length, dtype=np.float32)


def _fade_out(samples: Samples, length: int) -> None:
    length = min(length, len(samples))
    samples[len(samples) - length :] *= np.linspace(1.0, 0.0, length, dtype=np.float32)
