"""What a model does to prove that it works, before it is given jobs; how long that took is the first estimate."""

import logging
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from voxdemo.audio.join import Joiner
from voxdemo.audio.reading import decode
from voxdemo.engines.base import SpeechEngine, SpeechPart
from voxdemo.errors import EngineError
from voxdemo.estimates.paces import speech_units
from voxdemo.lanes.local.model_thread import Measured
from voxdemo.recognizers.base import Recognizer
from voxdemo.speech import Utterance

log = logging.getLogger(__name__)

WORDS = ("Ready.", "The line is open, and the voice is ready to speak to whoever comes next.")
"""What an engine says to prove that it works: a word that loads what loads lazily, then a sentence that is timed."""
RECORDING = Path(__file__).parents[2] / "assets" / "warm-up.flac"
"""What a recogniser reads to prove that it works: the sentence above, spoken by the built-in voice."""
RECORDING_S = 10.0
"""More than its length, so that all of it is read."""
BEGINNING_S = 1.5
"""How much of it is read once more: a word or two."""


def speak(engine: SpeechEngine) -> Measured:
    """How many units of text it said in how many seconds."""
    for words in WORDS:
        utterance, begun = Utterance(words, seed=0), time.perf_counter()
        with closing(engine.speak(SpeechPart(utterance, words))) as pieces:
            heard = [piece for piece in pieces if isinstance(piece, np.ndarray)]
        sound = np.concatenate([np.zeros(1, np.float32), *heard])
        Joiner(engine.info.sample_rate).add(sound)  # or the first job waits for what it loads
        if not np.abs(sound).max() > 0:
            raise EngineError("{title} spoke only silence.", code="only_silence", title=engine.info.title)
    units = speech_units(utterance, engine.info)
    return [(units, time.perf_counter() - begun)]


def hear(recognizer: Recognizer) -> Measured:
    """How many seconds of recording it read in how many seconds: of all of it, and of its beginning.

    The built-in recogniser takes hardly less for a second than for half a minute, which one size doesn't tell.
    """
    recording = decode.read(RECORDING, RECORDING_S, rate=recognizer.info.sample_rate)
    measured: list[tuple[float, float]] = []
    for seconds in (recording.duration_s, BEGINNING_S):
        begun, samples = time.perf_counter(), recording.samples[: round(seconds * recording.sample_rate)]
        with closing(recognizer.transcribe(samples, recording.sample_rate)) as transcripts:
            texts = [transcript.text for transcript in transcripts]
        if not measured and not texts[-1]:
            log.warning("%s heard nothing in a recording of speech", recognizer.info.title)
        measured.append((seconds, time.perf_counter() - begun))
    return measured
