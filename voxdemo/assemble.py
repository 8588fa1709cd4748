"""Puts the floors together for one process: which models, how many copies, one line, one service."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from voxdemo import engines, recognizers
from voxdemo.audio import decode
from voxdemo.engines.base import EngineChoice, SpeechEngine
from voxdemo.errors import EngineError
from voxdemo.estimates import Pace
from voxdemo.lane import Lane
from voxdemo.recognizers.base import Recognizer, RecognizerChoice
from voxdemo.results import Results
from voxdemo.seat import Role, Seat
from voxdemo.service import Paces, SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance
from voxdemo.worker import ModelWorker

log = logging.getLogger(__name__)

WARM_UP_WORDS = ("Ready.", "The line is open, and the voice is ready to speak to whoever comes next.")
"""What an engine says to prove that it works: a word that loads what loads lazily, then a sentence that is timed."""
WARM_UP_RECORDING = Path(__file__).parent.parent / "assets" / "warm-up.flac"
"""What a recogniser reads to prove that it works: the sentence above, spoken by the built-in voice."""
WARM_UP_RECORDING_S = 10.0
"""More than its length, so that all of it is read."""
RESULTS = "results"
"""Name of the results' folder below that of all files."""


def local_service(
    settings: Settings,
    speakers: Sequence[EngineChoice] | None = None,
    listeners: Sequence[RecognizerChoice] | None = None,
) -> SpeechService:
    """The service whose models run in this process, not started yet.

    `speakers` and `listeners` stand in for those the settings name: the one seam at which tests put fakes. Raises
    SettingsError where a model that was named can't be had.
    """
    speakers = speakers or engines.choose(settings)
    listeners = listeners or recognizers.choose(settings)
    paces = Paces()
    seats = [_seat(speakers, listeners, paces) for _ in range(settings.generators)]
    lane = Lane(seats, settings.queue_size, settings.job_timeout_s)
    return SpeechService(lane, Results(settings.files_dir / RESULTS), paces)


def _seat(speakers: Sequence[EngineChoice], listeners: Sequence[RecognizerChoice], paces: Paces) -> Seat:
    return Seat(
        Role(*(_worker(choice, _speak_warm_up, paces.speech) for choice in speakers)),
        Role(*(_worker(choice, _hear_warm_up, paces.listening) for choice in listeners)),
    )


def _worker(
    choice: EngineChoice | RecognizerChoice, check: Callable[[Any], tuple[float, float]], paces: Mapping[str, Pace]
) -> ModelWorker[Any]:
    return ModelWorker(choice.info, choice.build, check, paces[choice.info.name].learn)


def _speak_warm_up(engine: SpeechEngine) -> tuple[float, float]:
    """How many characters it said in how many seconds."""
    for words in WARM_UP_WORDS:
        begun = time.perf_counter()
        with closing(engine.speak(Utterance(words, seed=0), words)) as pieces:
            heard = [piece for piece in pieces if isinstance(piece, np.ndarray)]
        sound = np.concatenate([np.zeros(1, np.float32), *heard])
        if not np.abs(sound).max() > 0:
            raise EngineError(f"{engine.info.title} spoke only silence.")
    return len(words), time.perf_counter() - begun


def _hear_warm_up(recognizer: Recognizer) -> tuple[float, float]:
    """How many seconds of recording it read in how many seconds."""
    recording = decode.read(WARM_UP_RECORDING, WARM_UP_RECORDING_S, rate=recognizer.info.sample_rate)
    begun = time.perf_counter()
    with closing(recognizer.transcribe(recording.samples, recording.sample_rate)) as transcripts:
        texts = [transcript.text for transcript in transcripts]
    if not texts[-1]:
        log.warning("%s heard nothing in a recording of speech", recognizer.info.title)
    return recording.duration_s, time.perf_counter() - begun
