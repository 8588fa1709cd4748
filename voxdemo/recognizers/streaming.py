"""Sound that comes bit by bit, recognised while it comes: turns are cut, and what is open is read again and again.

Any `Recognizer` can do it: this says which sound it should read next, and makes events of what it reads. The front of
a turn's text settles (`agreement`) and never changes again. No threads, no clock, no web; one caller at a time.

A turn is read in parts, one behind the other. What becomes of a part:

- It grows, and is read again with each second of speech.
- It may end: nobody has spoken for a moment. A reading closes it, with times of its words; if somebody speaks on, that
  was a reading like any other.
- It is whole: the turn has ended, or was cut there.
- It is done: it is whole, and all that was spoken in it was in the reading that closed it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from voxdemo.audio.voice_activity import DETECTOR_RATE, WINDOW
from voxdemo.errors import VoxdemoError
from voxdemo.live import Committed, Heard, LiveEvent, LiveOptions, SpeechStarted, SpeechStopped, TurnEnded, TurnFailed
from voxdemo.recognizers.agreement import Agreement, Reading, Token, segments
from voxdemo.speech import Samples, Transcript

WINDOW_S = WINDOW / DETECTOR_RATE
STEP_S = 1.0
"""How much of a turn is new when it is read again."""
CUT_FROM_S, BREATH_S = 12.0, 0.3
"""From which length on a turn's open part ends in a pause, and how long that is. A short part costs a Whisper less than
in proportion: on two cores 10 s take a third of a second, 28 s take two."""
MOST_OPEN_S = 28.0
"""Where there is no pause, an open part ends here: a Whisper reads half a minute at once."""
LAST_SILENCE_S = 0.5
"""How much silence a part ends with when it is read for the last time: as much as usually ends a turn, so that turns
are read alike, whether their end is found or told."""
EARLY_S = 0.2
"""Of silence from which on a part is read as for the last time, while it is waited whether the turn ends."""
LANGUAGE_S = 3.0
"""Of sound in which a language is recognised well enough for the rest of the turn."""
_BEGINS = 3
"""Windows of voice that begin a turn: a click is shorter."""
_HYSTERESIS = 0.15
"""By how much less likely a voice may become until it counts as silence (faster_whisper.vad)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read next: all that there is of a part, and perhaps silence behind its `windows`.

    With `closes` the part isn't read again, unless somebody speaks on; its words are to have times. By the end of the
    last of `spoken` windows there was a voice in the part.
    """

    turn: SpokenTurn
    part: TurnPart
    samples: Samples
    windows: int
    spoken: int
    language: str | None
    closes: bool

    @property
    def is_all(self) -> bool:
        """Whether it has all that has been spoken in the part until now."""
        return self.spoken == self.part.spoken


@dataclass(slots=True, eq=False)
class TurnPart:
    """A stretch of a turn that is read at once; its sound in windows, from the one with the index `start` on."""

    start: int
    windows: list[Samples] = field(default_factory=list)
    voices: list[float] = field(default_factory=list)
    agreement: Agreement | None = None
    is_whole: bool = False
    read: int = 0
    """How many windows the last reading knew."""
    spoken: int = 0
    """In how many windows there was a voice by the end of the last of them with one."""
    closing: tuple[int, Transcript | None] | None = None
    """Of the last reading that was to close it: what `spoken` was then, and what was heard, None if it failed."""

    @property
    def is_tried(self) -> bool:
        """Whether a reading was to close it that had all that is spoken in it."""
        return self.closing is not None and self.closing[0] == self.spoken

    @property
    def closed(self) -> Transcript | None:
        """What that reading heard."""
        return self.closing[1] if self.closing and self.is_tried else None

    @property
    def is_done(self) -> bool:
        return self.is_whole and self.closed is not None

    def may_end(self, options: LiveOptions) -> bool:
        """Whether nobody has spoken for a moment, so that it may turn out to be whole."""
        silent_s = (len(self.windows) - self.spoken) * WINDOW_S
        return self.is_whole or (options.cuts_turns and self.spoken > 0 and silent_s >= EARLY_S)


@dataclass(slots=True, eq=False)
class SpokenTurn:
    """A turn until all of it has been read: what is known of its text, and the parts that are still to be read."""

    number: int
    options: LiveOptions
    parts: deque[TurnPart]
    is_over: bool = False
    is_told: bool = False
    text: str = ""
    still_open: str = ""
    language: str | None = None
    emotion: str | None = None
    tokens: list[Token] = field(default_factory=list)
    spent_s: float = 0.0
    start: int = 0
    end: int = 0
    error: VoxdemoError | None = None


class StreamingRecognition:
    """The turns of one session; what its methods return is what happened by them, in order."""

    def __init__(self, options: LiveOptions) -> None:
        self.options = options
        """For turns that begin from now on; where they detect ends and the open one's don't, for that, too."""
        self.silent_s = 0.0
        """How long nobody has spoken, in the time of the sound."""
        self._turns: deque[SpokenTurn] = deque()
        self._open: SpokenTurn | None = None
        self._at = self._count = 0
        self._voiced = self._silent = 0
        self._language: str | None = None
        """That of the last turn: taken for the next one's, too, while there is little of it."""
        self._before: deque[tuple[Samples, float]] = deque()
        """The last windows before a turn begins."""

    @property
    def behind_s(self) -> float:
        """How much sound of turns isn't read yet."""
        return WINDOW_S * sum(len(part.windows) - part.read for turn in self._turns for part in turn.parts)

    @property
    def is_read(self) -> bool:
        """Whether all turns have ended."""
        return not self._turns

    def add(self, samples: Samples, voices: Sequence[float]) -> list[LiveEvent]:
        """More sound, with the probability of a voice in each of its windows."""
        windows = samples.reshape(-1, WINDOW)
        return [event for window, voice in zip(windows, voices, strict=True) for event in self._heard(window, voice)]

    def commit(self) -> list[LiveEvent]:
        """End the open turn, if there is one."""
        return self._close() if self._open else []

    def clear(self) -> list[LiveEvent]:
        """Forget the open turn's sound; it ends with what has settled."""
        turn, self._open = self._open, None
        self._before.clear()
        if turn is None:
            return []
        for part in turn.parts:
            turn.tokens += part.agreement.settled if part.agreement else ()
        turn.parts.clear()
        turn.is_over = True
        return list(self._ended())

    def wanted(self) -> Wanted | None:
        """What should be read now, if anything: it is asked again when there is more sound, or something is read."""
        if not self._turns:
            return None
        turn = self._turns[0]
        part = turn.parts[0]
        is_due = (len(part.windows) - part.read) * WINDOW_S >= STEP_S and part.spoken > part.read
        closes = part.may_end(turn.options) and (part.is_whole or not part.is_tried)
        if not (closes or is_due):
            return None
        is_short = len(part.windows) * WINDOW_S < LANGUAGE_S and not closes
        language = turn.options.language or turn.language or (self._language if is_short else None)
        sound = np.concatenate([*part.windows, _silence_behind(part)] if closes else part.windows)
        return Wanted(turn, part, sound, len(part.windows), part.spoken, language, closes)

    def is_newer_than(self, wanted: Wanted) -> bool:
        """Whether `wanted` is out of date: so much more sound has come, or it is another part's turn."""
        turn, part = wanted.turn, wanted.part
        if part not in turn.parts or wanted.closes:
            return part not in turn.parts or not wanted.is_all
        return part.may_end(turn.options) or (len(part.windows) - wanted.windows) * WINDOW_S >= STEP_S

    def read(self, wanted: Wanted, transcript: Transcript) -> list[LiveEvent]:
        """What was wanted has been read."""
        turn, part = wanted.turn, wanted.part
        if part not in turn.parts:  # it was cleared
            return []
        start_s, end_s = part.start * WINDOW_S, (part.start + wanted.windows) * WINDOW_S
        heard = replace(transcript, segments=tuple(each.later(start_s, end_s) for each in transcript.segments))
        turn.spent_s += transcript.seconds_spent
        turn.emotion = transcript.emotion or turn.emotion
        self._note(wanted, heard)
        if part.is_done:
            return list(self._ended())
        if wanted.windows > len(part.windows):  # it was cut meanwhile: what is behind the cut is read again
            return []
        agreement = part.agreement = part.agreement or Agreement(turn.text)
        if wanted.windows * WINDOW_S >= LANGUAGE_S:
            self._learn_language(turn, heard)
        return self._told(turn, *agreement.read(Reading.of(heard)))

    def failed(self, wanted: Wanted, error: VoxdemoError) -> list[LiveEvent]:
        """What was wanted can't be read. The next reading has it again; if it was the last one, its turn has failed."""
        turn, part = wanted.turn, wanted.part
        if part not in turn.parts:
            return []
        self._note(wanted, None)
        if wanted.closes and wanted.is_all and part.is_whole:
            turn.error = error
            turn.parts.remove(part)
            turn.tokens += part.agreement.settled if part.agreement else ()
        return list(self._ended())

    def _note(self, wanted: Wanted, heard: Transcript | None) -> None:
        part = wanted.part
        part.read = min(wanted.windows, len(part.windows))
        if wanted.closes:
            part.closing = wanted.spoken, heard

    def _learn_language(self, turn: SpokenTurn, heard: Transcript) -> None:
        if heard.text:
            self._language = turn.language = turn.language or heard.language

    def _told(self, turn: SpokenTurn, settled: str, still_open: str = "") -> list[LiveEvent]:
        turn.text += settled
        turn.is_told = turn.is_told or bool(settled or still_open)
        is_news, turn.still_open = bool(settled) or still_open != turn.still_open, still_open
        return [Heard(turn.number, settled, still_open, self.behind_s)] if is_news else []

    def _heard(self, window: Samples, voice: float) -> Iterator[LiveEvent]:
        self._at += 1
        options = self._open.options if self._open else self.options
        speaks = voice >= options.threshold - (_HYSTERESIS if self._voiced else 0)
        self._voiced, self._silent = (self._voiced + 1, 0) if speaks else (0, self._silent + 1)
        self.silent_s = self._silent * WINDOW_S
        if self._open is None:
            self._before.append((window, voice))
            if options.cuts_turns and self._voiced < _BEGINS:
                while len(self._before) > _BEGINS + options.prefix_s / WINDOW_S:
                    self._before.popleft()
                return
            yield from self._begin(options)
        else:
            _grow(self._open, self._at, window, voice, bool(speaks))
            yield from self._ended()
        ends = options if options.cuts_turns else self.options
        if ends.cuts_turns and self.silent_s >= max(ends.silence_s, WINDOW_S):
            yield SpeechStopped(self._count - 1, (self._at - self._silent) * WINDOW_S)
            yield from self._close()

    def _begin(self, options: LiveOptions) -> Iterator[LiveEvent]:
        start = self._at - len(self._before)
        turn = self._open = SpokenTurn(self._count, options, deque([TurnPart(start)]), start=start)
        self._count += 1
        self._turns.append(turn)
        for nth, (window, voice) in enumerate(self._before, 1):
            _grow(turn, start + nth, window, voice, nth > len(self._before) - self._voiced)
        self._before.clear()
        if options.cuts_turns:
            turn.is_told = True
            yield SpeechStarted(turn.number, max(start, self._at - self._voiced) * WINDOW_S)

    def _close(self) -> list[LiveEvent]:
        turn, self._open = self._open, None
        assert turn, "one is open"
        turn.is_over = turn.is_told = True
        turn.parts[-1].is_whole = True
        return [Committed(turn.number, turn.start * WINDOW_S, self._at * WINDOW_S), *self._ended()]

    def _ended(self) -> Iterator[LiveEvent]:
        """What settles by parts that have been read for the last time, and the turns of which all has been read."""
        while self._turns:
            turn = self._turns[0]
            while turn.parts and turn.parts[0].is_done:
                yield from self._finish(turn)
            if turn.parts:
                return
            self._turns.popleft()
            if turn.error:
                yield TurnFailed(turn.number, turn.error)
            elif turn.is_told:
                yield TurnEnded(turn.number, _transcript(turn))

    def _finish(self, turn: SpokenTurn) -> list[LiveEvent]:
        part = turn.parts.popleft()
        heard = part.closed
        assert heard, "it is done"
        agreement = part.agreement or Agreement(turn.text)
        settled = agreement.finish(Reading.of(heard))
        turn.tokens += agreement.settled
        self._learn_language(turn, heard)
        return self._told(turn, settled)


def _grow(turn: SpokenTurn, at: int, window: Samples, voice: float, speaks: bool) -> None:
    """Give a turn one more window, the last before the one with the index `at`, and cut it where it gets too long."""
    part = turn.parts[-1]
    part.windows.append(window)
    part.voices.append(voice)
    turn.end = at
    if speaks:
        part.spoken = len(part.windows)
    length_s, pause = len(part.windows) * WINDOW_S, len(part.windows) - part.spoken
    if length_s >= MOST_OPEN_S:
        _cut(turn, _quietest(part))
    elif length_s >= CUT_FROM_S and pause * WINDOW_S >= BREATH_S:
        _cut(turn, len(part.windows) - pause // 2)


def _cut(turn: SpokenTurn, at: int) -> None:
    part = turn.parts[-1]
    rest = TurnPart(part.start + at, part.windows[at:], part.voices[at:], spoken=max(0, part.spoken - at))
    part.windows, part.voices, part.spoken, part.is_whole = (
        part.windows[:at],
        part.voices[:at],
        min(part.spoken, at),
        True,
    )
    turn.parts.append(rest)


def _quietest(part: TurnPart) -> int:
    """In the middle of the fifth of a second in which a voice is least likely, behind what has settled."""
    about = np.convolve(part.voices, np.ones(7), "same")
    settled = part.agreement.settled if part.agreement else ()
    settled_s = settled[-1].end_s - part.start * WINDOW_S if settled else 0.0
    first = math.ceil(max(CUT_FROM_S, settled_s) / WINDOW_S)
    behind = about[first:-7]
    return first + int(np.argmin(behind)) if len(behind) else len(about)


def _silence_behind(part: TurnPart) -> Samples:
    """What lacks of LAST_SILENCE_S behind the last voice of a part, also where more of it may come."""
    silent = len(part.windows) - part.spoken
    return np.zeros(max(0, math.ceil(LAST_SILENCE_S / WINDOW_S) - silent) * WINDOW, np.float32)


def _transcript(turn: SpokenTurn) -> Transcript:
    return Transcript(
        text=turn.text,
        language=(turn.options.language or turn.language) if turn.text else None,
        segments=tuple(segments(turn.tokens)),
        duration_s=(turn.end - turn.start) * WINDOW_S,
        seconds_spent=turn.spent_s,
        emotion=turn.emotion,
    )
