"""The voices VoxCPM speaks in: those of recordings, encoded once and kept, and the one it chose for the job at hand.

A recording is known by its content, so the same voice sent again, under any name, isn't encoded again. Knows nothing of
seeds, takes or how speech is made.
"""

from __future__ import annotations

import hashlib
import tempfile
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from voxdemo.engines.voxcpm.package import quiet
from voxdemo.errors import InputError
from voxdemo.speech import Utterance

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

    def prompt(self, recording: Path, transcript: str) -> Prompt:
        """The voice in `recording`, to be continued where `transcript` says what is said in it, else to be copied.

        The second needs VoxCPM2. Raises InputError for a file without sound.
        """
        key = _content(recording), bool(transcript)
        if key not in self._encoded:
            self._encoded[key] = self._encode(recording, transcript)
        self._encoded.move_to_end(key)
        while len(self._encoded) > self._kept:
            self._encoded.popitem(last=False)
        return {**self._encoded[key], "prompt_text": _before_more(transcript)} if transcript else self._encoded[key]

    def warm_up(self, rate: int) -> None:
        """Encode a second of silence: in a fresh install, the first recording lets librosa compile for up to 15 s."""
        with tempfile.TemporaryDirectory() as folder:
            silence = Path(folder) / "silence.wav"
            soundfile.write(silence, np.zeros(rate, np.float32), rate)
            with quiet():  # librosa imports what Python is about to drop
                self._encode(silence, "Silence.")

    def _encode(self, recording: Path, transcript: str) -> Prompt:
        if transcript:
            encoded = self._model.build_prompt_cache(prompt_text=transcript, prompt_wav_path=str(recording))
        else:
            encoded = self._model.build_prompt_cache(reference_wav_path=str(recording))
        return dict(encoded)


class OwnVoice:
    """The voice that the model chose for a job without prompt audio, so that its other parts are said in it too.

    The parts of a job come with the very same `Utterance` object, and another job may be served between two of them.
    Saying the first of them again is a new beginning, which keeps one seed to one sound. Threading: for the model's
    thread only.
    """

    def __init__(self, model: Any, patch_s: float) -> None:
        self._enough = round(ENOUGH_S / patch_s)
        self._model = model
        self._jobs: deque[_Job] = deque(maxlen=JOBS_KEPT)

    def prompt(self, utterance: Utterance, text: str) -> Prompt | None:
        """What was said of this job so far, to be continued; None where `text` is its beginning."""
        job = self._of(utterance)
        if job and job.first != text and _is_part(text, utterance.text):
            return job.prompt
        return None

    def heard(self, utterance: Utterance, text: str, said: str, features: Sequence[Any]) -> None:
        """Take note of what the model said for `text`: the words it was given, and its patches ([1, 1, P, D] each)."""
        import torch

        so_far, job = self.prompt(utterance, text), self._of(utterance)
        if job:  # the others go before it
            self._jobs.remove(job)
            self._jobs.append(job)
        if so_far and patches(so_far) >= self._enough:
            return
        sound = torch.cat(list(features), dim=1).squeeze(0).float().cpu()
        prompt = self._model.merge_prompt_cache(so_far, _before_more(said), sound)
        if job:
            self._jobs.remove(job)
        self._jobs.append(_Job(utterance, job.first if so_far and job else text, prompt))

    def _of(self, utterance: Utterance) -> _Job | None:
        return next((job for job in self._jobs if job.utterance is utterance), None)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    utterance: Utterance
    first: str
    prompt: Prompt


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


def _content(recording: Path) -> bytes:
    """The sound in a file, in short; of the sound, because some formats write the time into their header."""
    try:
        samples, rate = soundfile.read(recording, dtype="float32")
    except (OSError, soundfile.LibsndfileError) as error:
        raise InputError("The recording of the voice can't be read: send it again.") from error
    if not len(samples):
        raise InputError("The recording of the voice is silent: send another one.")
    return hashlib.sha256(samples.tobytes() + str(rate).encode()).digest()


def _is_part(text: str, whole: str) -> bool:
    return "".join(text.split()) in "".join(whole.split())
