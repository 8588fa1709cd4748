"""Puts the floors together for one process: which models, how many copies, one line, one service."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import numpy as np

from voxdemo import engines, recognizers
from voxdemo.audio import decode
from voxdemo.engines.base import EngineChoice, SpeechEngine
from voxdemo.errors import EngineError
from voxdemo.lane import Lane, Seat
from voxdemo.recognizers.base import Recognizer, RecognizerChoice
from voxdemo.results import Results
from voxdemo.service import Paces, SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance
from voxdemo.worker import ModelWorker

WARM_UP_WORDS = ("Ready.", "The line is open, and the voice is ready to speak to whoever comes next.")
"""What an engine says to prove that it works: a word that loads what loads lazily, then a sentence that is timed."""
WARM_UP_RECORDING = Path(__file__).parent.parent / "assets" / "warm-up.flac"
"""What a recogniser reads to prove that it works: the sentence above, spoken by the built-in voice."""
WARM_UP_RECORDING_S = 10.0
"""More than its length, so that all of it is read."""
RESULTS = "results"
"""Name of the results' folder below that of all files."""


def local_service(
    settings: Settings, engine: EngineChoice | None = None, recognizer: RecognizerChoice | None = None
) -> SpeechService:
    """The service whose models run in this process, not started yet.

    `engine` and `recognizer` stand in for those the settings name: the one seam at which tests put fakes.
    """
    engine = engine or engines.choose(settings.engine)
    recognizer = recognizer or recognizers.choose(settings.recognizer)
    paces = Paces()
    seats = [_seat(engine, recognizer, paces) for _ in range(settings.generators)]
    lane = Lane(seats, settings.queue_size, settings.job_timeout_s)
    return SpeechService(lane, engine.info, recognizer.info, Results(settings.files_dir / RESULTS), paces)


def _seat(engine: EngineChoice, recognizer: RecognizerChoice, paces: Paces) -> Seat:
    return Seat(
        ModelWorker(engine.info.title, engine.build, _speak_warm_up, paces.speech.learn),
        ModelWorker(recognizer.info.title, recognizer.build, _hear_warm_up, paces.listening.learn),
    )


def _speak_warm_up(engine: SpeechEngine) -> tuple[float, float]:
    """How many characters it said in how many seconds."""
    for words in WARM_UP_WORDS:
        begun = time.perf_counter()
        with closing(engine.speak(Utterance(words, seed=0), words)) as pieces:
            sound = np.concatenate([np.zeros(1, np.float32), *pieces])
        if not np.abs(sound).max() > 0:
            raise EngineError(f"{engine.info.title} spoke only silence.")
    return len(words), time.perf_counter() - begun


def _hear_warm_up(recognizer: Recognizer) -> tuple[float, float]:
    """How many seconds of recording it read in how many seconds."""
    recording = decode.read(WARM_UP_RECORDING, WARM_UP_RECORDING_S, rate=recognizer.info.sample_rate)
    begun = time.perf_counter()
    with closing(recognizer.transcribe(recording.samples, recording.sample_rate)) as transcripts:
        texts = [transcript.text for transcript in transcripts]
    if not texts or not texts[-1]:
        raise EngineError(f"{recognizer.info.title} heard nothing in a recording of speech.")
    return recording.duration_s, time.perf_counter() - begun
