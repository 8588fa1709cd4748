"""Prompt audio as an engine wants it: at its rate, without the silence around it, no longer than is safe.

Reads files; knows no model and no line.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from voxdemo.audio.reading import decode
from voxdemo.audio.resample import resample
from voxdemo.audio.voice_activity import trim_silence
from voxdemo.speech import Samples

MIN_PROMPT_S = 3.0
"""Shorter prompt audio has too little of a voice: it is advised against, and not kept."""
MAX_PROMPT_S = 30.0
"""Longest prompt audio; what is beyond is cut. VoxCPM's users report running out of memory on longer ones."""
READ_S = 2 * MAX_PROMPT_S
"""How much of a file is looked at, so that silence before the first word doesn't use up the limit."""


@dataclass(frozen=True, slots=True, eq=False)
class PromptAudio:
    """A recording of a voice, as samples, so that it can be sent to wherever the engine is."""

    samples: Samples
    sample_rate: int
    was_cut: bool = False
    """There was more than MAX_PROMPT_S of it."""

    @property
    def digest(self) -> bytes:
        """The same for the same sound, under whichever name it was sent. Takes up to 10 ms."""
        return hashlib.sha256(self.samples.tobytes() + str(self.sample_rate).encode()).digest()

    def at(self, rate: int) -> Samples:
        return resample(self.samples, self.sample_rate, rate)


def read(path: Path, rate: int) -> PromptAudio:
    """The recording at `path` as prompt audio at `rate` Hz. Raises InputError for what is none, or too short."""
    recording = decode.read(path, READ_S, rate=rate)
    spoken = trim_silence(recording.samples, rate)
    longest = round(MAX_PROMPT_S * rate)
    return PromptAudio(spoken[:longest], rate, was_cut=recording.truncated or len(spoken) > longest)
