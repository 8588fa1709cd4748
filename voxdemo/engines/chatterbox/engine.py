"""Chatterbox as a speech engine: it copies the voice of a recording, in many languages, a part of a text at a time.

A language model continues a text in codes, 25 for each second; when it has come to its end, a flow and a vocoder make
sound of them all at once. This decides what the model is asked for, which codes it may answer with and how long a take
may get. It knows nothing of weights on disk, memory plans, the web or the line.

What is asked is asked as by the package's `ChatterboxMultilingualTTS.generate`, which can't be stopped or seeded.
"""

import secrets
import unicodedata
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from voxdemo.engines.base import RanOn, SpeechPart, Step, deaths, died
from voxdemo.engines.chatterbox import checkpoint as checkpoints
from voxdemo.engines.chatterbox.checkpoint import (
    CODES,
    SPEAKS_BEGINS,
    SPEAKS_ENDS,
    TEXT_BEGINS,
    TEXT_ENDS,
    Checkpoint,
)
from voxdemo.engines.chatterbox.voices import CODE_SAMPLES, RATE, Voices
from voxdemo.errors import InputError
from voxdemo.files import fingerprint
from voxdemo.model_support import own_draws
from voxdemo.model_support.devices import Device, release
from voxdemo.model_support.offers import installed_version
from voxdemo.model_support.process_wide import quiet
from voxdemo.speech import RARE_DIALS, EngineInfo, Samples, Utterance
from voxdemo.text.length import S_PER_UNIT, spoken_length
from voxdemo.text.wrapping import one_line, typed

LANGUAGES = (
    "en", "ar", "da", "de", "el", "es", "fi", "fr", "hi", "it", "ko", "ms", "nl", "no", "pl", "pt", "ru", "sv", "sw",
    "tr",
)  # fmt: skip
"""Of the 23 of its model card those whose texts it reads without further packages. Chinese lacks a segmenter that
downloads its model, Hebrew a model that adds vowels, and Japanese pykakasi, which is under the GPL."""

REPETITION_PENALTY, MIN_P = 1.2, 0.05
"""How codes are drawn, as in the package."""

CHUNK_CHARS = 250
"""Characters said in one go: about 17 s; the package stops after 40 s, and its makers advise at most 300."""
CODES_PER_S = RATE / CODE_SAMPLES
MIN_CODES = 8
"""A third of a second: no speech is shorter."""
MAX_CODES = 1000
"""In one go, as in the package."""
SLOWEST, BEYOND_S = 3.0, 3.0
"""Speech this many times as long as its text usually takes, and that much longer, has lost its way."""
MAX_TAKES = 2
"""How often a text is said before it is cut off."""
PAUSE_S = 0.4
"""Silence for a part without words ("* * *")."""

CACHED_VALUES = 2 * 2 * 30 * 1024
"""Numbers that each token adds to the KV cache: keys and values of both voices of the guidance in 30 layers."""
MOST_TOKENS = 2000
"""Of a part's voice, text and codes, for which there is to be room."""
LIBRARIES_BYTES = 2**31
"""What PyTorch, listening to a recording and making sound take: a guess."""


def memory_bytes(checkpoint: Checkpoint, precision: str) -> int:
    """The most memory that loading and speaking takes for one copy, estimated."""
    return (checkpoint.parameters + CACHED_VALUES * MOST_TOKENS) * 4 + LIBRARIES_BYTES


def info_for(checkpoint: Checkpoint, device: str, precision: str) -> EngineInfo:
    """What it is and honours, before anything is loaded."""
    return EngineInfo(
        name="chatterbox",
        title="Chatterbox",
        version=f"chatterbox-light {installed_version('chatterbox-light')}",
        sample_rate=RATE,
        languages=LANGUAGES,
        voices=(),
        honours=frozenset({"prompt_audio", "language", "seed", *(dial.name for dial in RARE_DIALS)}),
        note=f"Chatterbox speaks {len(LANGUAGES)} languages, in a voice of its own unless you send a recording.",
        chunk_chars=CHUNK_CHARS,
        prompt_rate=RATE,
        licence="MIT",
        device=device,
        precision=precision or "float32",
        memory_bytes=memory_bytes(checkpoint, precision),
    )


class ChatterboxEngine:
    """A loaded Chatterbox, as a SpeechEngine. Threading: build, use and close it on one thread."""

    def __init__(self, checkpoint: Checkpoint, device: Device, precision: str) -> None:
        """Load the model. Raises WeightsError."""
        from transformers.generation import logits_process

        self._device = device
        self.info = replace(info_for(checkpoint, device.name, precision), weights=fingerprint(*checkpoint.files))
        self._tokenizer = checkpoints.tokenizer(checkpoint)
        self._model = checkpoints.model(checkpoint, device.name)
        self._voices = Voices(self._model)
        self._repetition = logits_process.RepetitionPenaltyLogitsProcessor(REPETITION_PENALTY)
        self._min_p = logits_process.MinPLogitsWarper(MIN_P)
        self._watermarker = _watermarker()
        for module in ("chatterbox.models.s3gen.flow_matching", "chatterbox.models.s3gen.hifigan"):
            own_draws.replace_in(module)
        own_draws.replace_in("torch.distributions.uniform")  # the vocoder draws phases by it

    def speak(self, part: SpeechPart) -> Generator[Samples | RanOn | Step, None, None]:
        """The sound of `part.text` as one piece, after a Step for each code.

        The same seed gives the same sound, whatever was spoken before. A take that doesn't end is followed by one with
        the next seed; the last of MAX_TAKES is cut off, and RanOn. A part without words is a short silence.

        Raises InputError where there is no word in the whole text, or no sound in the recording; ModelDiedError when it
        must not be used again.
        """
        words = typed(one_line(part.text)).encode(errors="ignore").decode()
        if not any(map(str.isalnum, words)):
            if not any(map(str.isalnum, part.utterance.text)):
                raise InputError.nothing_to_say()
            yield np.zeros(round(PAUSE_S * RATE), np.float32)
            return
        with deaths():
            yield from self._said(part, words)

    def close(self) -> None:
        self._model = self._voices = self._watermarker = None  # type: ignore[assignment]  # nobody may use them now
        release(self._device.kind)

    def _said(self, part: SpeechPart, words: str) -> Generator[Samples | RanOn | Step, None, None]:
        import torch

        with torch.inference_mode():
            voice = self._voices.voice(part.prompt, part.utterance.exaggeration)
        language = part.utterance.language if part.utterance.language in LANGUAGES else LANGUAGES[0]
        tokens = self._tokens(words, language)
        expected_s = spoken_length(words) * S_PER_UNIT
        limit = min(MAX_CODES, max(MIN_CODES, round((SLOWEST * expected_s + BEYOND_S) * CODES_PER_S)))
        seed = secrets.randbelow(2**32) if part.utterance.seed is None else part.utterance.seed
        for take in range(MAX_TAKES):
            own = torch.Generator(self._device.name).manual_seed(seed + take)
            codes = list[int]()
            for code in self._codes(voice.t3, tokens, part.utterance, own):
                if code == SPEAKS_ENDS or len(codes) == limit:
                    break
                codes.append(code)
                yield Step()
            if code == SPEAKS_ENDS:
                break
        yield self._sound(codes, voice.gen, own)
        if code != SPEAKS_ENDS:
            yield RanOn()

    def _tokens(self, words: str, language: str) -> list[int]:
        """As the package's MTLTokenizer makes them, but that what looks like a mark is no mark in a text."""
        from chatterbox.models.tokenizers.tokenizer import korean_normalize
        from chatterbox.mtl_tts import punc_norm

        said = punc_norm(words.translate({ord("["): "(", ord("]"): ")"}))
        said = unicodedata.normalize("NFKD", said.lower())
        said = korean_normalize(said) if language == "ko" else said
        return list(self._tokenizer.encode(f"[{language}]{said}".replace(" ", "[SPACE]")).ids)

    def _codes(self, voice: Any, tokens: list[int], how: Utterance, own: Any) -> Iterator[int]:
        """What the model says to a text, code by code, until it ends; that is SPEAKS_ENDS.

        Beside the text it is asked without one, and guidance leads away from the second answer by its weight.
        """
        import torch
        from transformers import DynamicCache

        t3, rows = self._model.t3, 2 if how.cfg_weight else 1
        said, cache = [SPEAKS_BEGINS], DynamicCache()
        with torch.inference_mode():
            given = self._beginning(voice, tokens, rows)
        while True:
            with torch.inference_mode():
                hidden = t3.tfmr(inputs_embeds=given, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
                scores = t3.speech_head(hidden)
                if how.cfg_weight:
                    scores = scores[:1] + how.cfg_weight * (scores[:1] - scores[1:])
                code = self._drawn(scores, said, how.temperature, own)
                said.append(code)
                given = self._embedded(code, len(said) - 1).expand(rows, -1, -1)
            yield code

    def _beginning(self, voice: Any, tokens: list[int], rows: int) -> Any:
        """The voice, the text and twice, as in the package, the mark where speech begins; a second row has no text."""
        import torch

        t3 = self._model.t3
        text = torch.tensor([[TEXT_BEGINS, *tokens, TEXT_ENDS]] * rows, device=self._device.name)
        speech = torch.full((rows, 1), SPEAKS_BEGINS, device=self._device.name)
        begun, _ = t3.prepare_input_embeds(t3_cond=voice, text_tokens=text, speech_tokens=speech, cfg_weight=rows - 1.0)
        return torch.cat([begun, self._embedded(SPEAKS_BEGINS, 0).expand(rows, -1, -1)], dim=1)

    def _embedded(self, code: int, place: int) -> Any:
        import torch

        t3 = self._model.t3
        code_there = torch.tensor([[code]], device=self._device.name)
        return t3.speech_emb(code_there) + t3.speech_pos_emb.get_fixed_embedding(place)

    def _drawn(self, scores: Any, said: list[int], temperature: float, own: Any) -> int:
        import torch

        scores = scores.clone()
        scores[:, CODES:SPEAKS_ENDS] = scores[:, SPEAKS_ENDS + 1 :] = -torch.inf  # no codes
        if len(said) <= MIN_CODES:
            scores[:, SPEAKS_ENDS] = -torch.inf
        before: Any = torch.tensor([said], device=self._device.name)
        chances = self._min_p(before, self._repetition(before, scores) / temperature).softmax(-1)
        if not bool(chances.isfinite().all()):
            raise died("failed")
        return int(torch.multinomial(chances, 1, generator=own))

    def _sound(self, codes: list[int], voice: Any, own: Any) -> Samples:
        """That of codes, but the last one, which is noise by the package's own account; with the watermark."""
        import torch

        given = torch.tensor([codes], device=self._device.name)
        with torch.inference_mode(), own_draws.drawn_from(own):
            sound, _ = self._model.s3gen.inference(speech_tokens=given, ref_dict=dict(voice))
        samples = sound[0].float().cpu().numpy()[: (len(codes) - 1) * CODE_SAMPLES]
        marked: Samples = self._watermarker.apply_watermark(samples, sample_rate=RATE).astype(np.float32)
        if not np.isfinite(marked).all():
            raise died("failed")
        return marked.clip(-1.0, 1.0)


def _watermarker() -> Any:
    """Resemble AI's, which their own package puts into all that Chatterbox says; it can't be heard."""
    with quiet():
        import perth

        return perth.PerthImplicitWatermarker()
