"""The recogniser SenseVoiceSmall, through funasr: five languages, the speaker's mood, and fast.

It knows nothing of files, formats, downloads or the line: samples in, transcripts out.
"""

import traceback
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from voxdemo.audio.voice_activity import DETECTOR_RATE, Span, parts
from voxdemo.errors import ModelDiedError, WeightsError
from voxdemo.files import fingerprint
from voxdemo.model_support.devices import is_out_of_memory, release
from voxdemo.model_support.offers import installed_version
from voxdemo.recognizers import sensevoice_text, sensevoice_weights
from voxdemo.recognizers.base import MIN_SAMPLES, check_samples
from voxdemo.recognizers.sensevoice_text import LANGUAGES, Written
from voxdemo.speech import RecognizerInfo, Samples, Segment, Transcript

SAMPLE_RATE = DETECTOR_RATE
"""Hz that the model was trained at, which is the detector's too."""
_OUT_OF_MEMORY = "The recogniser ran out of memory and is reloading: try again in about {time}."


def info_for(device: str) -> RecognizerInfo:
    """What it is on a device, before it is loaded."""
    return RecognizerInfo(
        name="sensevoice",
        title="SenseVoice",
        version=installed_version("funasr"),
        languages=LANGUAGES,
        sample_rate=SAMPLE_RATE,
        device=device,
        memory_bytes=1_200_000_000,  # 234 million weights in float32, and 0.26 GB for PyTorch
    )


class SenseVoiceRecognizer:
    """SenseVoiceSmall in float32, as a Recognizer.

    Threading: build, use and close it on one thread. The arithmetic takes as many threads as PyTorch has: their number
    is one for the whole process, and a voice on the same processor needs it as it is.
    """

    def __init__(self, folder: Path, device: str) -> None:
        """Load the model from `folder` onto `device` ("cuda:0", "mps", "cpu"). Raises WeightsError if that can't be."""
        try:
            self._loaded: sensevoice_weights.SenseVoice | None = sensevoice_weights.load(
                sensevoice_weights.read(folder), device
            )
        except Exception as error:
            if is_out_of_memory(error):
                way_out = "free some, or set VOXDEMO_RECOGNIZER=builtin"
                raise WeightsError(f"SenseVoice finds too little free memory on {device}: {way_out}.") from error
            raise
        weights = fingerprint(*(folder / name for name in sensevoice_weights.FILES))
        self.info = replace(info_for(device), weights=weights)

    def transcribe(
        self,
        samples: Samples,
        sample_rate: int,
        language: str | None = None,
        with_words: bool = False,
        is_live: bool = False,
    ) -> Generator[Transcript, None, None]:
        """What is said in `samples` (float32, shape [n], n >= 400, 16 kHz), growing part by part.

        `language` None detects it in each part. Silence and noise give text "" and language None. Raises InputError for
        a language outside LANGUAGES, ValueError for samples of another kind, ModelDiedError when memory runs out.
        """
        check_samples(samples, sample_rate, language, self.info)
        return self._transcripts(samples, language)

    def close(self) -> None:
        self._loaded = None
        release(self.info.device.partition(":")[0])

    def _transcripts(self, samples: Samples, language: str | None) -> Generator[Transcript, None, None]:
        heard: list[tuple[Span, Written]] = []
        for span in parts(samples):
            if span.end - span.start >= MIN_SAMPLES:
                heard.append((span, self._heard(samples[span.start : span.end], language)))
                yield _transcript(heard, len(samples), language)
        if not heard:
            yield _transcript(heard, len(samples), language)

    def _heard(self, samples: Samples, language: str | None) -> Written:
        import torch

        assert self._loaded, "it is closed"
        try:
            with torch.inference_mode():
                results, _ = self._loaded.model.inference(
                    data_in=[torch.tensor(samples)],
                    key=["recording"],
                    tokenizer=self._loaded.tokenizer,
                    frontend=self._loaded.frontend,
                    device=self.info.device,
                    language=language or "auto",
                    use_itn=True,  # punctuation, and numbers in figures
                )
        except Exception as error:
            if is_out_of_memory(error):
                traceback.clear_frames(error.__traceback__)  # their variables hold the memory
                raise ModelDiedError(_OUT_OF_MEMORY, "ran out of memory", reason="recogniser", time="20 s") from error
            raise
        return sensevoice_text.read(results[0]["text"])


def _transcript(heard: list[tuple[Span, Written]], samples: int, language: str | None) -> Transcript:
    """All that was heard so far in the parts of a recording, in the `language` that was asked for, if one was."""
    with_words = [(span, words) for span, words in heard if words.text]
    return Transcript(
        text=sensevoice_text.tidy(" ".join(words.text for _, words in with_words)),
        language=(language or _most(with_words, "language")) if with_words else None,
        segments=tuple(
            Segment(words.text, span.start / SAMPLE_RATE, span.end / SAMPLE_RATE, words.emotion)
            for span, words in with_words
        ),
        duration_s=samples / SAMPLE_RATE,
        emotion=_most(with_words, "emotion"),
    )


def _most(with_words: list[tuple[Span, Written]], field: str) -> Any:
    """The language or emotion of the longest time."""
    lasting = Counter[Any]()
    for span, words in with_words:
        lasting[getattr(words, field)] += span.end - span.start
    return max(lasting, key=lasting.__getitem__, default=None)
