"""The voices VoxCPM speaks in: those of recordings, encoded once and kept, and the one it chose for the job at hand.

A recording is known by its content, so the same voice sent again, under any name, isn't encoded again. Knows nothing of
seeds, takes or how speech is made.
"""

import io
import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import soundfile

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.audio.wav import clean
from voxdemo.engines.base import SpeechPart
from voxdemo.errors import InputError
from voxdemo.model_support.process_wide import quiet

VOICES_KEPT = 16
"""Recordings remembered; one of 30 s takes 0.2 MB as features."""

ENOUGH_S = 10.0
"""Seconds of a voice from which it can be told well; what a job says is added to its voice up to there."""

JOBS_KEPT = 2
"""Jobs whose voices are remembered: the one that is served, and a longer one that stands aside for it."""

Prompt = dict[str, Any]
"""What the package's `build_prompt_cache` makes of a recording."""


class Recordings:
    """Recordings as a loaded VoxCPM model takes them, the `kept` used last remembered.

    Threading: for the model's thread only.
    """

    def __init__(self, model: Any, kept: int = VOICES_KEPT) -> None:
        self._model = model
        self._kept = kept
        self._encoded: OrderedDict[tuple[bytes, bool], Prompt] = OrderedDict()

    def prompt(self, recording: PromptAudio, transcript: str) -> Prompt:
        """The voice in `recording`, to be continued where `transcript` says what is said in it, else to be copied.

        The second needs VoxCPM2. Raises InputError for one without samples.
        """
        key = recording.digest, bool(transcript)
        if key not in self._encoded:
            self._encoded[key] = self._encode(recording, transcript)
        self._encoded.move_to_end(key)
        while len(self._encoded) > self._kept:
            self._encoded.popitem(last=False)
        return {**self._encoded[key], "prompt_text": _before_more(transcript)} if transcript else self._encoded[key]

    def warm_up(self, rate: int) -> None:
        """Encode a second of silence: in a fresh install, the first recording lets librosa compile for up to 15 s."""
        with quiet():  # librosa imports what Python is about to drop
            self._encode(PromptAudio(np.zeros(rate, np.float32), rate), "Silence.")

    def _encode(self, recording: PromptAudio, transcript: str) -> Prompt:
        if not len(recording.samples):
            sentence = "The recording of the voice is silent: send another one."
            raise InputError(sentence, code="voice_recording_silent")
        file = io.BytesIO()  # the package takes files only; it hands them to libraries that read these too
        soundfile.write(file, clean(recording.samples), recording.sample_rate, format="WAV", subtype="PCM_16")
        file.seek(0)
        if transcript:
            return dict(self._model.build_prompt_cache(prompt_text=transcript, prompt_wav_path=file))
        return dict(self._model.build_prompt_cache(reference_wav_path=file))


class OwnVoice:
    """The voice that the model chose for a job without prompt audio, so that its other parts are said in it too.

    Threading: for the model's thread only.
    """

    def __init__(self, model: Any, patch_s: float) -> None:
        self._enough = round(ENOUGH_S / patch_s)
        self._model = model
        self._jobs: OrderedDict[str, Prompt] = OrderedDict()

    def prompt(self, part: SpeechPart) -> Prompt | None:
        """What was said of its job so far, to be continued; None where `part` is the job's beginning."""
        return self._jobs.get(part.job) if part.index else None

    def heard(self, part: SpeechPart, said: str, features: Sequence[Any]) -> None:
        """Take note of what the model said for `part`: the words it was given, and its patches ([1, 1, P, D] each)."""
        import torch

        so_far = self.prompt(part)
        if so_far is None or patches(so_far) < self._enough:
            sound = torch.cat(list(features), dim=1).squeeze(0).float().cpu()
            self._jobs[part.job] = self._model.merge_prompt_cache(so_far, _before_more(said), sound)
        self._jobs.move_to_end(part.job)
        while len(self._jobs) > JOBS_KEPT:
            self._jobs.popitem(last=False)


def patches(prompt: Prompt | None) -> int:
    """How many patches of sound a prompt is; none for no prompt."""
    features = (prompt or {}).get("audio_feat", (prompt or {}).get("ref_audio_feat"))
    return 0 if features is None else int(features.shape[0])


def _before_more(words: str) -> str:
    """`words` with the space that parts them from what follows, which the package leaves out.

    Scripts of wide characters have none, except for Korean.
    """
    last = words[-1]
    has_none = unicodedata.east_asian_width(last) in "WF" and not "가" <= last <= "힣"
    return words if has_none else f"{words} "
