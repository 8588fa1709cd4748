"""Orpheus-3B as a speech engine: eight English voices, code by code.

A language model continues "tara: Hello." in codes, seven for each 0.085 s, and the codec SNAC makes sound of them. This
decides what the model is asked for, which codes it may answer with, how long a take may get, and what is decoded when.
It knows nothing of weights on disk, memory plans, the web or the line.

Prompt, tokens and the order of codes are those of https://github.com/canopyai/Orpheus-TTS.
"""

import secrets
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from voxdemo.engines.base import RanOn, Retake, SpeechPart, deaths, died
from voxdemo.engines.orpheus import checkpoint as checkpoints
from voxdemo.engines.orpheus.checkpoint import (
    CODEBOOK,
    FIRST_CODE,
    FRAME,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Checkpoint,
)
from voxdemo.errors import InputError
from voxdemo.files import fingerprint
from voxdemo.model_support import own_draws
from voxdemo.model_support.devices import Device, release
from voxdemo.model_support.offers import installed_version
from voxdemo.speech import EngineInfo, Samples, Voice
from voxdemo.text.length import S_PER_UNIT, spoken_length
from voxdemo.text.wrapping import one_line, typed

VOICES = tuple(
    Voice(name, "en", "female" if name in ("tara", "leah", "jess", "mia", "zoe") else "male")
    for name in ("tara", "leah", "jess", "leo", "dan", "mia", "zac", "zoe")
)
"""Those of the published English model, in the order that its makers give them: the most natural one first."""

HUMAN_BEGINS = 128_259
TEXT_BEGINS = 128_000
"""Tokens from this one on stand for no text; Llama 3's tokenizer puts it before every text."""
TEXT_ENDS = (128_009, 128_260, 128_261, 128_257)
"""The end of the text, of the human; the beginning of the machine, of its speech."""
SPEECH_ENDS = 128_258

TEMPERATURE, TOP_P, REPETITION_PENALTY = 0.6, 0.8, 1.3
"""How codes are drawn: the defaults of the package orpheus-speech. Without the penalty the model repeats itself."""

CHUNK_CHARS = 200
"""Characters said in one go: about 13 s; the package stops after 1,200 codes, which are 14.6 s."""
WINDOW = 4
"""Frames decoded together, of which the second is kept: at the edges the codec lacks what goes before or follows."""
MIN_FRAMES = WINDOW
"""A third of a second: no speech is shorter."""
SLOWEST, BEYOND_S = 3.0, 3.0
"""Speech this many times as long as its text usually takes, and that much longer, has lost its way."""
MOST_TOKENS = 4096
"""Of a part's prompt and codes, for which there is to be room: CHUNK_CHARS that run on take fewer."""
LIBRARIES_BYTES = 2**30
"""What PyTorch and the codec take beside the language model: 0.1 GB of weights, and a guess."""
MAX_TAKES = 2
"""How often a text is said before it is cut off."""
PAUSE_S = 0.4
"""Silence for a part without words ("* * *")."""

Frame = list[int]
"""FRAME codes of 0 to CODEBOOK - 1."""


def memory_bytes(checkpoint: Checkpoint, precision: str) -> int:
    """The most memory that loading and speaking takes for one copy, estimated."""
    wide = 2 if precision == "bfloat16" else 4
    return (checkpoint.parameters + checkpoint.cached_values * MOST_TOKENS) * wide + LIBRARIES_BYTES


def info_for(checkpoint: Checkpoint, device: str, precision: str) -> EngineInfo:
    """What it is and honours, before anything is loaded."""
    return EngineInfo(
        name="orpheus",
        title="Orpheus-3B",
        version=f"snac {installed_version('snac')}",
        sample_rate=SAMPLE_RATE,
        languages=("en",),
        voices=VOICES,
        honours=frozenset({"seed"}),
        note="This server speaks English.",
        chunk_chars=CHUNK_CHARS,
        licence="Apache-2.0 AND LicenseRef-Llama-3.2-Community",
        device=device,
        precision=precision,
        memory_bytes=memory_bytes(checkpoint, precision or "bfloat16"),
    )


class OrpheusEngine:
    """A loaded Orpheus, as a SpeechEngine. Threading: build, use and close it on one thread."""

    def __init__(self, checkpoint: Checkpoint, device: Device, precision: str) -> None:
        """Load the model. Raises WeightsError."""
        self._device = device
        self.info = replace(info_for(checkpoint, device.name, precision), weights=fingerprint(*checkpoint.files))
        self._tokenizer = checkpoints.tokenizer(checkpoint)
        self._model = checkpoints.model(checkpoint, device.name, precision)
        self._codec = checkpoints.codec(checkpoint, device.name)
        own_draws.replace_in("snac.layers")  # its decoder adds noise
        self._warpers = _warpers()

    def speak(self, part: SpeechPart) -> Generator[Samples | Retake | RanOn, None, None]:
        """The sound of `part.text`, frame by frame (0.085 s) from the fourth on, each as soon as it is made.

        The same seed gives the same sound, whatever was spoken before. A take that doesn't end is followed by a Retake
        and one with the next seed; after MAX_TAKES of them comes RanOn. A part without words is a short silence.

        Raises InputError where there is no word in the whole text, ModelDiedError when it must not be used again.
        """
        words = typed(one_line(part.text)).encode(errors="ignore").decode()
        if not any(map(str.isalnum, words)):
            if not any(map(str.isalnum, part.utterance.text)):
                raise InputError.nothing_to_say()
            yield np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
            return
        seed = secrets.randbelow(2**32) if part.utterance.seed is None else part.utterance.seed
        with deaths():
            for take in range(1, MAX_TAKES + 1):
                if (yield from self._take(part.utterance.voice, words, seed + take - 1)):
                    return
                yield Retake() if take < MAX_TAKES else RanOn()

    def close(self) -> None:
        self._model = self._codec = None
        release(self._device.kind)

    def _take(self, voice: str | None, words: str, seed: int) -> Generator[Samples, None, bool]:
        """Say it once; returns whether it ended by itself."""
        import torch

        own = torch.Generator(self._device.name).manual_seed(seed)
        expected_s = spoken_length(words) * S_PER_UNIT
        limit = max(MIN_FRAMES, round((SLOWEST * expected_s + BEYOND_S) * SAMPLE_RATE / FRAME_SAMPLES))
        count, window, sound = 0, list[Frame](), np.zeros(0, np.float32)
        for frame in self._frames(self._prompt(voice, words), own):
            if count == limit:
                return False
            count, window = count + 1, [*window, frame][-WINDOW:]
            if len(window) == WINDOW:
                sound = self._decoded(window, own)
                yield sound[0 if count == WINDOW else FRAME_SAMPLES : 2 * FRAME_SAMPLES]
        yield sound[2 * FRAME_SAMPLES :]
        return True

    def _prompt(self, voice: str | None, words: str) -> list[int]:
        name = voice if voice in self.info.voice_names else VOICES[0].name
        tokens = self._tokenizer.encode(f"{name}: {words}", add_special_tokens=False).ids
        said = [token for token in tokens if token < TEXT_BEGINS]  # what looks like a mark is no mark in a text
        return [HUMAN_BEGINS, TEXT_BEGINS, *said, *TEXT_ENDS]

    def _frames(self, prompt: list[int], own: Any) -> Iterator[Frame]:
        """What the model says to a prompt, until it ends. Each place of a frame has codes of its own."""
        import torch
        from transformers import DynamicCache

        cache, given, history = DynamicCache(), prompt, [list[int]() for _ in range(FRAME)]
        while True:
            for place, so_far in enumerate(history):
                may_end = place == 0 and len(so_far) >= MIN_FRAMES
                with torch.inference_mode():
                    scores = self._scores(given, cache, place, may_end)
                    code = self._drawn(scores, so_far, own)
                if code == CODEBOOK:
                    return
                so_far.append(code)
                given = [FIRST_CODE + place * CODEBOOK + code]
            yield [codes[-1] for codes in history]

    def _scores(self, given: list[int], cache: Any, place: int, may_end: bool) -> Any:
        """Of every code at this place of a frame, float32, shape [CODEBOOK]; behind them, if it may be, of the end."""
        import torch

        asked = torch.tensor([given], device=self._device.name)
        answer = self._model(input_ids=asked, past_key_values=cache, use_cache=True, logits_to_keep=1)
        scores = answer.logits[0, -1].float()
        first = FIRST_CODE + place * CODEBOOK
        codes = scores[first : first + CODEBOOK]
        return torch.cat([codes, scores[SPEECH_ENDS : SPEECH_ENDS + 1]]) if may_end else codes

    def _drawn(self, scores: Any, so_far: list[int], own: Any) -> int:
        import torch

        said = torch.tensor([so_far], dtype=torch.long, device=self._device.name)
        chances = self._warpers(said, scores[None]).softmax(-1)
        if not bool(chances.isfinite().all()):
            raise died("failed")
        return int(torch.multinomial(chances, 1, generator=own))

    def _decoded(self, frames: list[Frame], own: Any) -> Samples:
        """The sound of frames, shape [len(frames) * FRAME_SAMPLES]."""
        import torch

        codes = torch.tensor(frames, device=self._device.name)
        layers = [codes[:, places].reshape(1, -1) for places in ([0], [1, 4], [2, 3, 5, 6])]
        with torch.inference_mode(), own_draws.drawn_from(own):
            sound = self._codec.decode(layers)[0, 0]
        samples: Samples = sound.float().cpu().numpy()
        if not np.isfinite(samples).all():
            raise died("failed")
        return samples.clip(-1.0, 1.0)


def _warpers() -> Any:
    from transformers.generation import logits_process

    return logits_process.LogitsProcessorList(
        [
            logits_process.RepetitionPenaltyLogitsProcessor(REPETITION_PENALTY),
            logits_process.TemperatureLogitsWarper(TEMPERATURE),
            logits_process.TopPLogitsWarper(TOP_P),
        ]
    )
