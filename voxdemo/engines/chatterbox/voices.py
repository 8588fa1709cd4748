"""The voices that Chatterbox speaks in: its own, and those of recordings, listened to once and kept.

A recording is known by its content, so the same voice sent again, under any name, isn't listened to again. Knows
nothing of seeds or how speech is made.
"""

import io
from collections import OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np
import soundfile

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.audio.wav import clean
from voxdemo.errors import InputError
from voxdemo.model_support.process_wide import quiet

RATE = 24_000
"""Of recordings, in Hz, as the package wants them."""
CODE_SAMPLES = 960
"""Samples of a recording for each code."""
SHORTEST_S = 0.5
"""Of what the encoders are given: they fail on much less."""
LOUD_S, LOUD = 0.1, 0.1
"""Seconds of a recording that must be from its first to its last sample that is so loud, for its loudest: what is
outside of them the voice encoder doesn't hear."""
VOICES_KEPT = 16
"""Recordings remembered; each takes 0.4 MB."""


class Voices:
    """Of a loaded ChatterboxMultilingualTTS. Threading: for the model's thread only."""

    def __init__(self, model: Any, kept: int = VOICES_KEPT) -> None:
        self._model = model
        self._own = model.conds
        self._kept = kept
        self._heard: OrderedDict[bytes, Any] = OrderedDict()

    def voice(self, recording: PromptAudio | None, exaggeration: float) -> Any:
        """The package's Conditionals for a recording, or for its own voice. Raises InputError for one without sound."""
        import torch

        found = self._own if recording is None else self._of(recording)
        emotion = exaggeration * torch.ones(1, 1, 1, device=self._model.device)
        return replace(found, t3=replace(found.t3, emotion_adv=emotion))

    def _of(self, recording: PromptAudio) -> Any:
        key = recording.digest
        if key not in self._heard:
            self._heard[key] = self._listened_to(recording)
        self._heard.move_to_end(key)
        while len(self._heard) > self._kept:
            self._heard.popitem(last=False)
        return self._heard[key]

    def _listened_to(self, recording: PromptAudio) -> Any:
        samples = clean(recording.samples)
        loud = np.flatnonzero(np.abs(samples) > LOUD * np.abs(samples).max(initial=0.0))
        if not len(loud) or loud[-1] - loud[0] < LOUD_S * RATE:
            sentence = "The recording of the voice is silent: send another one."
            raise InputError(sentence, code="voice_recording_silent")
        samples = np.resize(samples, max(round(SHORTEST_S * RATE), len(samples)))  # again from the beginning
        file = io.BytesIO()  # the package takes files only; it hands them to a library that reads these too
        soundfile.write(file, samples[: len(samples) // CODE_SAMPLES * CODE_SAMPLES], RATE, "FLOAT", format="WAV")
        file.seek(0)
        with quiet():
            self._model.prepare_conditionals(file)
        return self._model.conds
