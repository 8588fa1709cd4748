"""Puts the floors together for one process: which models, how many copies, one line, one service."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from voxdemo import engines, recognizers
from voxdemo.audio import decode
from voxdemo.audio.join import Joiner
from voxdemo.engines.base import EngineChoice, SpeechEngine
from voxdemo.errors import EngineError
from voxdemo.estimates import Pace, Paces, speech_units
from voxdemo.lane import Lane
from voxdemo.recognizers.base import Recognizer, RecognizerChoice
from voxdemo.results import Results
from voxdemo.seat import Role, Seat
from voxdemo.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance
from voxdemo.worker import Measured, ModelWorker

log = logging.getLogger(__name__)

WARM_UP_WORDS = ("Ready.", "The line is open, and the voice is ready to speak to whoever comes next.")
"""What an engine says to prove that it works: a word that loads what loads lazily, then a sentence that is timed."""
WARM_UP_RECORDING = Path(__file__).parent.parent / "assets" / "warm-up.flac"
"""What a recogniser reads to prove that it works: the sentence above, spoken by the built-in voice."""
WARM_UP_RECORDING_S = 10.0
"""More than its length, so that all of it is read."""
WARM_UP_BEGINNING_S = 1.5
"""How much of it is read once more: a word or two."""
RESULTS = "results"
"""Name of the results' folder below that of all files."""
PACES = "paces.json"
"""Name of the file, in the cache folder, that keeps how fast the models are."""


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
    paces_file = settings.cache_dir / PACES
    paces = Paces.load(paces_file)
    seats = [_seat(speakers, listeners, paces) for _ in range(settings.generators)]
    lane = Lane(seats, settings.queue_size, settings.job_timeout_s)
    return SpeechService(lane, Results(settings.files_dir / RESULTS), paces, paces_file)


def _seat(speakers: Sequence[EngineChoice], listeners: Sequence[RecognizerChoice], paces: Paces) -> Seat:
    return Seat(
        Role(*(_worker(choice, _speak_warm_up, paces.speech) for choice in speakers)),
        Role(*(_worker(choice, _hear_warm_up, paces.listening) for choice in listeners)),
    )


def _worker(
    choice: EngineChoice | RecognizerChoice, check: Callable[[Any], Measured], pace: Callable[[str], Pace]
) -> ModelWorker[Any]:
    def checked(measured: Measured) -> None:
        learned = pace(worker.info.key)
        for index, (units, seconds) in enumerate(measured):
            (learned.learn if index else learned.learn_warm_up)(units, seconds)

    worker: ModelWorker[Any] = ModelWorker(choice.info, choice.build, check, checked)
    return worker


def _speak_warm_up(engine: SpeechEngine) -> Measured:
    """How many units of text it said in how many seconds."""
    for words in WARM_UP_WORDS:
        utterance, begun = Utterance(words, seed=0), time.perf_counter()
        with closing(engine.speak(utterance, words)) as pieces:
            heard = [piece for piece in pieces if isinstance(piece, np.ndarray)]
        sound = np.concatenate([np.zeros(1, np.float32), *heard])
        Joiner(engine.info.sample_rate).add(sound)  # or the first job waits for what it loads
        if not np.abs(sound).max() > 0:
            raise EngineError(f"{engine.info.title} spoke only silence.")
    units = speech_units(words, utterance.inference_timesteps, utterance.speed, engine.info.honours)
    return [(units, time.perf_counter() - begun)]


def _hear_warm_up(recognizer: Recognizer) -> Measured:
    """How many seconds of recording it read in how many seconds: of all of it, and of its beginning.

    The built-in recogniser takes hardly less for a second than for half a minute, which one size doesn't tell.
    """
    recording = decode.read(WARM_UP_RECORDING, WARM_UP_RECORDING_S, rate=recognizer.info.sample_rate)
    measured: list[tuple[float, float]] = []
    for seconds in (recording.duration_s, WARM_UP_BEGINNING_S):
        begun, samples = time.perf_counter(), recording.samples[: round(seconds * recording.sample_rate)]
        with closing(recognizer.transcribe(samples, recording.sample_rate)) as transcripts:
            texts = [transcript.text for transcript in transcripts]
        if not measured and not texts[-1]:
            log.warning("%s heard nothing in a recording of speech", recognizer.info.title)
        measured.append((seconds, time.perf_counter() - begun))
    return measured
