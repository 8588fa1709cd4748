"""The built-in voice: hibari-tts, an English voice small enough to come inside its wheel.

It makes whatever text arrives into pieces that the model reads well and that bound its memory. It knows nothing of the
web, files or the line.
"""

import zlib
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from voxdemo.engines.base import SpeechPart, WordTimes, checked_speed
from voxdemo.engines.builtin import hibari_model, pronunciation
from voxdemo.engines.builtin.english import readable, unsayable
from voxdemo.engines.word_times import Frames, Phoneme, phonemes, word_spans
from voxdemo.errors import InputError, some
from voxdemo.model_support.offers import installed_version
from voxdemo.speech import SPEED, EngineInfo, Samples, Voice
from voxdemo.text.split import is_speakable, sentences, within, words

MAX_PHONEMES = 400
"""Phonemes the model is given at once: its own limit for a sentence. Memory grows by about 0.3 MB with each."""

PAUSE_S = 0.4
"""Silence for a part without words ("* * *"); about what the model leaves after a sentence."""


class BuiltinEngine:
    """The voice "heart" of hibari-tts, as a SpeechEngine.

    Threading: build, use and close it on one thread. Sentences come with their own silence (about 0.3 s before and
    0.5 s after), so nothing is put between them.
    """

    INFO = EngineInfo(
        name="builtin",
        title="Built-in voice",
        version=installed_version("hibari-tts"),
        sample_rate=24_000,
        languages=("en",),
        voices=(Voice("heart", "en-US", "female"),),
        dials=(SPEED,),  # the paces that the README of hibari-tts names
        honours=frozenset({"speed"}),  # its seed draws only breath, 42 dB below the speech: no other take is heard
        note="This server speaks English.",
        chunk_chars=pronunciation.MAX_PIECE_CHARS,
        sentences_apart=True,
        licence="Apache-2.0",
        usual_factor=0.02,
        memory_bytes=200_000_000,  # 165 to 200 MB resident, measured, and as long to load on two cores
        load_s=2.0,
    )
    info = INFO

    def __init__(self, model: Any = None) -> None:
        """Load hibari's model, unless it is given."""
        self._model: Any = hibari_model.Heart() if model is None else model

    def speak(self, part: SpeechPart) -> Generator[Samples | WordTimes, None, None]:
        """The sound of `part.text`, sentence by sentence, and its times; a part without words is a short silence.

        Raises InputError where the whole text has letters of another script or no words at all, or where the speed is
        outside SPEED: before the first sample, so that nothing is half said.
        """
        speed = checked_speed(part.utterance.speed, self.INFO)
        _check_sayable(part.utterance.text, part.text)
        said: list[Phoneme] = []
        end_s = 0.0
        for piece in self._phonemes(part.text):
            samples, known, frames = self._said(piece, speed, part.utterance.seed)
            yield samples
            start_s, end_s = end_s, end_s + len(samples) / self.INFO.sample_rate
            said += phonemes(known, frames, start_s, end_s)
        if spans := word_spans(words(part.text), said, lambda word: " ".join(self._phonemes(word))):
            yield WordTimes(spans)
        elif not end_s:
            yield np.zeros(round(PAUSE_S * self.INFO.sample_rate), np.float32)

    def close(self) -> None:
        self._model = None

    def _phonemes(self, text: str) -> Iterator[str]:
        """What of `text` is said at once, by sentences."""
        for sentence in sentences(text.encode(errors="ignore").decode()):
            for piece in pronunciation.pieces(sentence):
                yield from within(pronunciation.phonemes(self._model.g2p, piece), MAX_PHONEMES)

    def _said(self, piece: str, speed: float, seed: int | None) -> tuple[Samples, str, Frames]:
        # The seed draws the voice's breath noise; with the text in it, two sentences don't share theirs.
        seeds = None if seed is None else [abs(seed), zlib.crc32(piece.encode())]
        said: tuple[Samples, str, Frames] = self._model.said(piece, speed, seeds)
        return said


def _check_sayable(whole: str, text: str) -> None:
    if letters := unsayable(whole) or unsayable(text):
        raise InputError.unsayable("English", some(letters, most=5))
    if not is_speakable(readable(text)) and not is_speakable(readable(whole)):
        signs = [char for char in dict.fromkeys(whole + text) if char.isprintable() and not char.isspace()]
        if not signs:
            raise InputError("This voice speaks English only and found no word. Write some words.", code="no_words")
        sentence = "This voice speaks English only and found no word beside “{signs}”. Write some words."
        raise InputError(sentence, code="no_words", reason="signs", signs=some(signs, most=5))
