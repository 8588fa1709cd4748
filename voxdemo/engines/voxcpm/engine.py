"""VoxCPM as a speech engine: all three generations, through the package's own streaming.

It decides what the model is asked for (mode, seed, how long a take may get) and what its answers mean (patches, a take
without an end, a model that died). It knows nothing of weights on disk, memory plans, the web or the line.
"""

import secrets
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from voxdemo.engines.base import RanOn, Retake, SpeechPart, deaths, died
from voxdemo.engines.voxcpm import loading
from voxdemo.engines.voxcpm.checkpoint import Checkpoint
from voxdemo.engines.voxcpm.prompts import OwnVoice, Prompt, Recordings, patches
from voxdemo.errors import InputError
from voxdemo.files import fingerprint
from voxdemo.model_support import own_draws
from voxdemo.model_support.devices import release
from voxdemo.model_support.offers import installed_version
from voxdemo.model_support.process_wide import CHANGES
from voxdemo.speech import GUIDANCE, STEPS, EngineInfo, Samples, Utterance
from voxdemo.text.wrapping import one_line, typed

MAX_TAKES = 3
"""How often a text is said before it is cut off (`retry_badcase_max_times` of voxcpm's `VoxCPM.generate`)."""

MAX_PATCHES_PER_TOKEN = 6
"""Speech of more patches than this for each token of its text has lost its way (`retry_badcase_ratio_threshold`)."""

MIN_LIMIT = 10
"""Patches that even the shortest text may take beyond that (voxcpm, `_generate_with_prompt_cache`)."""

NEEDED_S_PER_TOKEN = 0.48
"""Seconds of speech for a token of text that there must be room for: MAX_PATCHES_PER_TOKEN of the first generation's
patches, whose 0.08 s that figure was chosen for. Later ones are twice as long, and may be cut off sooner."""

MARKS = 4
"""Steps for the marks around the text and a recording, and one to spare."""

CHUNK_CHARS = 250
"""Characters said in one go: 20 s of English, a minute of Chinese. People report drift beyond a minute."""

MIN_CHUNK_CHARS = 40
"""Fewer are no sentence."""

PROMPT_STEPS = 500
"""What 30 s of prompt audio and their transcript take of the KV cache where patches are short (VoxCPM-0.5B)."""

STEPS_PER_CHAR = 14
"""A token, MAX_PATCHES_PER_TOKEN patches, and as much again for scripts of several tokens a character."""

LANGUAGES = ("en", "zh")
LANGUAGES_2 = (
    "en", "zh", "ar", "my", "da", "nl", "fi", "fr", "de", "el", "he", "hi", "id", "it", "ja", "km", "ko", "lo", "ms",
    "no", "pl", "pt", "ru", "es", "sw", "sv", "tl", "th", "tr", "vi",
)  # fmt: skip
"""The 30 of VoxCPM2's model card."""

HONOURED = frozenset({"prompt_audio", "prompt_text", "cfg_value", "inference_timesteps", "normalize", "seed"})

DENOISE_ABSENT = "Removing noise needs the ZipEnhancer model, which isn't here: send a recording without noise."


def info_for(checkpoint: Checkpoint, device: str, precision: str, kv_cache: int | None = None) -> EngineInfo:
    """What the generation in `checkpoint` is and honours; nothing is loaded for it. `kv_cache` is as in its plan."""
    is_voxcpm2 = _is_voxcpm2(checkpoint)
    held = kv_cache or checkpoint.max_length
    return EngineInfo(
        name="voxcpm",
        title=checkpoint.title,
        version=f"{installed_version('voxcpm')} {checkpoint.title}",
        sample_rate=checkpoint.sample_rate,
        languages=LANGUAGES_2 if is_voxcpm2 else LANGUAGES,
        voices=(),
        dials=(GUIDANCE, STEPS),
        honours=HONOURED | {"control"} if is_voxcpm2 else HONOURED,
        note=_note(checkpoint),
        chunk_chars=_chunk_chars(held),
        prompt_rate=checkpoint.prompt_rate,
        needs_transcript=not is_voxcpm2,
        licence="Apache-2.0",
        absent={"denoise": DENOISE_ABSENT},
        device=device,
        precision=precision,
        memory_bytes=loading.memory_bytes(checkpoint, precision or "bfloat16", held),
    )


def loaded_info(checkpoint: Checkpoint, plan: loading.LoadingPlan) -> EngineInfo:
    """What the generation in `checkpoint` is when it is loaded by this plan."""
    info = info_for(checkpoint, plan.device.name, plan.precision, plan.kv_cache)
    return replace(info, weights=fingerprint(*checkpoint.files))


def _chunk_chars(kv_cache: int) -> int:
    """Characters that fit a KV cache in one go, beside a long recording, where each is a token of its own."""
    return max(MIN_CHUNK_CHARS, min(CHUNK_CHARS, (kv_cache - PROMPT_STEPS) // STEPS_PER_CHAR))


def _note(checkpoint: Checkpoint) -> str:
    languages = f"{len(LANGUAGES_2)} languages" if _is_voxcpm2(checkpoint) else "English and Chinese"
    return f"{checkpoint.title} speaks {languages}, in a voice of its own unless you send a recording."


def _is_voxcpm2(checkpoint: Checkpoint) -> bool:
    return checkpoint.architecture == "voxcpm2"


@dataclass(frozen=True, slots=True)
class _Request:
    """One text as the model is asked for it. A take that isn't over after `limit` patches has lost its way."""

    utterance: Utterance
    words: str
    prompt: Prompt | None
    limit: int
    steps: int
    """Places in the KV cache that it may take."""


class VoxCPMEngine:
    """A loaded VoxCPM, as a SpeechEngine.

    Threading: build, use and close it on one thread, one generator at a time: the KV cache and the seed belong to the
    whole model, and CUDA graphs to the thread that made them.
    """

    def __init__(self, checkpoint: Checkpoint, plan: loading.LoadingPlan, model: Any = None) -> None:
        """Load the model, unless one is given that `loading.load` made by the same plan."""
        self._checkpoint = checkpoint
        self._plan = plan
        self.info = loaded_info(checkpoint, plan)
        self._model = loading.load(checkpoint, plan) if model is None else model
        self._recordings = Recordings(self._model)
        self._own_voice = OwnVoice(self._model, checkpoint.patch_s)
        _silence_progress_bars()
        own_draws.replace_in("voxcpm.modules.locdit.unified_cfm")
        self._recordings.warm_up(checkpoint.prompt_rate)

    def speak(self, part: SpeechPart) -> Generator[Samples | Retake | RanOn, None, None]:
        """The sound of `part.text`, patch by patch (0.08 or 0.16 s), each as soon as it is made.

        The same seed gives the same sound, whatever was spoken before. With prompt audio and its transcript the voice
        is continued; with prompt audio alone, which needs VoxCPM2, it is copied; without, the model chooses one, in
        which it says the further parts of the same job. A take that doesn't end is followed by a
        Retake and one with the next seed (`seed` + 1, then + 2); after MAX_TAKES of them comes RanOn.

        Raises InputError before the first patch for text the model can't take, or too much of it for its memory;
        ModelDiedError when it must not be used again.
        """
        with deaths():
            request = self._request(part)
            loading.make_room(self._model, self._plan, request.steps)
            seed = secrets.randbelow(2**32) if part.utterance.seed is None else part.utterance.seed
            for take in range(1, MAX_TAKES + 1):
                features = yield from self._take(request, seed + take - 1)
                if features:
                    self._remember(part, request, features)
                    return
                yield Retake() if take < MAX_TAKES else RanOn()

    def close(self) -> None:
        self._model = self._recordings = self._own_voice = None  # type: ignore[assignment]  # nobody may use them now
        release(self._plan.device.kind)

    def _take(self, request: _Request, seed: int) -> Generator[Samples, None, list[Any]]:
        """Say it once; returns the features of the sound, none where it didn't end by itself."""
        import torch

        own = torch.Generator(self._plan.device.kind).manual_seed(seed)
        features: list[Any] = []
        made = self._model.generate_with_prompt_cache_streaming(
            target_text=request.words,
            prompt_cache=request.prompt,
            max_len=request.limit + 1,  # the one too many tells a take that ran on from one that ends at the limit
            retry_badcase_ratio_threshold=request.limit + 1,  # high enough for max_len alone to count
            inference_timesteps=request.utterance.inference_timesteps,
            cfg_value=request.utterance.cfg_value,
        )
        with closing(made):
            for sound, _, so_far in own_draws.each_drawn(own, made):
                if len(features) == request.limit:
                    return []
                features.append(so_far[-1])
                yield _samples(sound)
        return features

    def _remember(self, part: SpeechPart, request: _Request, features: list[Any]) -> None:
        is_own = part.prompt is None and request.prompt is self._own_voice.prompt(part)
        if is_own:  # rather than one that stood in for it because there was no room
            self._own_voice.heard(part, request.words, features)

    def _request(self, part: SpeechPart) -> _Request:
        words = self._words(part)
        if part.prompt is None and (voice := self._own_voice.prompt(part)):
            with suppress(InputError):  # too much to keep in mind together with what was said before: say it without
                return self._fitted(part.utterance, words, voice)
        prompt = self._prompt(part)
        return self._fitted(part.utterance, self._with_control(part.utterance, words), prompt)

    def _words(self, part: SpeechPart) -> str:
        words = typed(one_line(part.text))  # voxcpm's `VoxCPM._generate` makes spaces of line breaks
        if part.utterance.normalize:
            words = self._normalized(words).strip() or words  # nothing may be left: of "`code`", for example
        if not words:
            raise InputError.nothing_to_say()
        return words

    def _normalized(self, words: str) -> str:
        try:
            return str(self._normalizer.normalize(words))
        except Exception as error:  # a chain of rules by several packages, none of which has touched the model
            sentence = "This text can't be normalised: write out its numbers, or turn that off."
            raise InputError(sentence, code="not_normalisable") from error

    @cached_property
    def _normalizer(self) -> Any:
        with CHANGES:
            return import_module("voxcpm.utils.text_normalize").TextNormalizer()  # takes seconds

    def _with_control(self, utterance: Utterance, words: str) -> str:
        control = " ".join(utterance.control.split())
        return f"({control}){words}" if control and "control" in self.info.honours else words

    def _prompt(self, part: SpeechPart) -> Prompt | None:
        if part.prompt is None:
            return None
        title, transcript = self.info.title, typed(part.utterance.prompt_text.strip())
        if self.info.needs_transcript and not transcript:
            sentence = "{title} needs a transcript of the recording: write it beside the recording."
            raise InputError(sentence, code="needs_transcript", title=title)
        if transcript and "control" in self.info.honours and part.utterance.control.strip():
            sentence = "{title} follows instructions or the transcript of a recording: leave one of them empty."
            raise InputError(sentence, code="instructions_or_transcript", title=title)
        return self._recordings.prompt(part.prompt, transcript)

    def _fitted(self, utterance: Utterance, words: str, prompt: Prompt | None) -> _Request:
        """How the model is to be asked. Raises InputError where its KV cache is too short for that."""
        before = self._count_tokens((prompt or {}).get("prompt_text", "") + words) + patches(prompt) + MARKS
        limit = self._limit(self._count_tokens(words), self._plan.kv_cache - before)
        return _Request(utterance, words, prompt, limit, before + limit)

    def _limit(self, tokens: int, room: int) -> int:
        """Most patches that a text of so many tokens may take, where there is room for so many."""
        limit = tokens * MAX_PATCHES_PER_TOKEN + MIN_LIMIT
        needed = min(limit, round(tokens * NEEDED_S_PER_TOKEN / self._checkpoint.patch_s) + MIN_LIMIT)
        if room < needed:
            sentence = "That is too much for the model's memory: send less text or a shorter recording."
            raise InputError(sentence, code="too_much_for_memory")
        return min(limit, room)

    def _count_tokens(self, text: str) -> int:
        try:
            return len(self._model.text_tokenizer(text))
        except ValueError as error:
            sentence = "The text has characters that can't be read: write it again."
            raise InputError(sentence, code="unreadable_characters") from error


def _samples(sound: Any) -> Samples:
    samples: Samples = sound.squeeze(0).cpu().numpy().astype(np.float32)
    if not np.isfinite(samples).all():
        raise died("failed")
    return samples.clip(-1.0, 1.0)


def _silence_progress_bars() -> None:
    # The package shows a bar on stderr for every text, and tqdm keeps a thread for them.
    for name in ("voxcpm.model.voxcpm", "voxcpm.model.voxcpm2"):
        vars(import_module(name))["tqdm"] = iter
