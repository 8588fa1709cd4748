"""How far a job is that voices elsewhere work on, so that another one can go on where one has died.

Arithmetic; knows no voices.
"""

from collections.abc import Sequence
from dataclasses import replace

from voxdemo.lanes.jobs import Cut, Job, LaneEvent, PartRetaken, PartTimed, Paused, Piece, Resumed, SpeakJob, Started
from voxdemo.speech import Transcript, Waiting


class Progress:
    """What of a job was heard. `rest` is what is left: from the part on that wasn't heard whole."""

    def __init__(self, job: Job) -> None:
        self.is_over = False
        self.rest = job
        self.first = 0
        """Which part of the job the first of the rest is."""
        self._job = job
        self._has_started = False
        self._is_paused = False
        self._part = 0
        """Which one is being heard."""
        self._is_heard = False
        """Whether something of it was."""
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

    def note(self, event: LaneEvent) -> LaneEvent | None:
        """What a voice has told, as it is of the whole job. None for what was told before."""
        match event:
            case Started():
                return self._started(event)
            case Waiting():
                return self.waits(event)
            case Paused():
                self._is_paused = True
            case Resumed():
                self._is_paused = False
            case Transcript() if isinstance(self._job, SpeakJob):
                self._transcript = event
            case Piece() | PartTimed() | PartRetaken() | Cut():
                event = replace(event, part=event.part + self.first)
                self._part, self._is_heard = event.part, not isinstance(event, PartRetaken)
        return event

    def _started(self, event: Started) -> LaneEvent | None:
        if not self._has_started:
            self._has_started = True
            return event
        was_paused, self._is_paused = self._is_paused, False
        return Resumed() if was_paused else None

    def broken_off(self) -> Sequence[LaneEvent]:
        """The voice has died. What listeners are to know, before another one says the `rest`."""
        was_heard, self._is_heard = self._is_heard, False
        if isinstance(self._job, SpeakJob):
            job = self._job
            if self._transcript:
                text = self._transcript.text
                job = replace(job, transcription=None, utterance=replace(job.utterance, prompt_text=text))
            self.first, self.rest = self._part, job.rest(self._part)
        return [PartRetaken(self._part)] if was_heard else []
