"""How far a job is that voices elsewhere work on, so that another one can go on where one has died.

Arithmetic; knows no voices.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from voxdemo.lanes.jobs import Cut, Job, LaneEvent, PartRetaken, PartTimed, Paused, Piece, Resumed, SpeakJob, Started
from voxdemo.speech import Samples, Transcript, Waiting

ALIKE = 1e-3
"""How far apart samples may be that sound the same: -60 dB, more than rounding makes on another processor."""
NOTHING = np.zeros(0, np.float32)


class Progress:
    """What of a job was heard. `rest` is what is left: from the part on that wasn't heard whole.

    A voice that follows one that has died says that part again. As long as it sounds as it did before, listeners are
    told nothing of it, so that nobody hears anything twice: for a seed, most engines say the same.
    """

    def __init__(self, job: Job) -> None:
        self.is_over = False
        self.rest = job
        self._job = job
        self._has_started = False
        self._is_paused = False
        self._part = 0
        """Which one is being heard."""
        self._heard: list[Samples] = []
        """What was heard of it."""
        self._again = NOTHING
        """What the voice has still to say again of that."""
        self._transcript: Transcript | None = None
        """What was said in the prompt audio."""

    def waits(self, place: Waiting) -> LaneEvent | None:
        """What is told of a place; a job that has begun pauses until its turn comes again."""
        if not self._has_started:
            return place
        if self._is_paused:
            return None
        self._is_paused = True
        return Paused(None)

    def note(self, event: LaneEvent) -> Sequence[LaneEvent]:
        """What listeners are to know of what a voice has told."""
        told: LaneEvent | None = event
        match event:
            case Started():
                told = self._started(event)
            case Waiting():
                told = self.waits(event)
            case Paused():
                self._is_paused = True
            case Resumed():
                self._is_paused = False
            case Transcript() if isinstance(self._job, SpeakJob):
                self._transcript = event
            case PartTimed(part) | Cut(part):
                self._turn_to(part)
            case PartRetaken():
                return self._retaken(event)
            case Piece():
                return self._piece(event)
        return [told] if told else []

    def _started(self, event: Started) -> LaneEvent | None:
        if not self._has_started:
            self._has_started = True
            return event
        was_paused, self._is_paused = self._is_paused, False
        return Resumed() if was_paused else None

    def _turn_to(self, part: int) -> None:
        if part != self._part:
            self._part, self._heard, self._again = part, [], NOTHING

    def _retaken(self, event: PartRetaken) -> Sequence[LaneEvent]:
        self._turn_to(event.part)
        if len(self._again):  # of what it took back, nothing was told
            self._again = np.concatenate(self._heard)
            return []
        self._heard = []
        return [event]

    def _piece(self, piece: Piece) -> Sequence[LaneEvent]:
        self._turn_to(piece.part)
        known, new = self._again[: len(piece.samples)], piece.samples[len(self._again) :]
        if not np.allclose(known, piece.samples[: len(known)], rtol=0.0, atol=ALIKE):
            before = np.concatenate(self._heard)
            anew = np.concatenate([before[: len(before) - len(self._again)], piece.samples])
            self._heard, self._again = [anew], NOTHING
            return [PartRetaken(piece.part), replace(piece, samples=anew)]
        self._again = self._again[len(known) :]
        if not len(new):
            return []
        self._heard.append(new)
        return [replace(piece, samples=new)]

    def broken_off(self) -> None:
        """The voice has died, and another one is to say the `rest`."""
        if self._heard:
            self._again = np.concatenate(self._heard)
        if isinstance(self._job, SpeakJob):
            job = self._job
            if self._transcript:
                text = self._transcript.text
                job = replace(job, transcription=None, utterance=replace(job.utterance, prompt_text=text))
            self.rest = job.rest(self._part)
