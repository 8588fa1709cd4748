"""Puts the floors together for one process: which models, how many copies, one line, one service.

A model proves that it works before it is given jobs; how long that took is the first estimate.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voxdemo.audio.join import Joiner
from voxdemo.audio.reading import decode
from voxdemo.engines.address.client import AddressEngine
from voxdemo.engines.address.config import Address
from voxdemo.engines.base import EngineChoice, SpeechEngine, SpeechPart
from voxdemo.engines.registry import ENGINES, addresses_in, own_engines
from voxdemo.errors import EngineError
from voxdemo.estimates.paces import Pace, Paces, speech_units
from voxdemo.lanes.line import JobLine
from voxdemo.lanes.local.address_worker import AddressWorker
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.memory import MemoryBound, few_heaps
from voxdemo.lanes.local.model_thread import Measured
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.live import LiveBounds
from voxdemo.recognizers.base import Recognizer, RecognizerChoice
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance
from voxdemo.stores.opening import Stores

log = logging.getLogger(__name__)

WORDS = ("Ready.", "The line is open, and the voice is ready to speak to whoever comes next.")
"""What an engine says to prove that it works: a word that loads what loads lazily, then a sentence that is timed."""
RECORDING = Path(__file__).parents[2] / "assets" / "warm-up.flac"
"""What a recogniser reads to prove that it works: the sentence above, spoken by the built-in voice."""
RECORDING_S = 10.0
"""More than its length, so that all of it is read."""
BEGINNING_S = 1.5
"""How much of it is read once more: a word or two."""


@dataclass(frozen=True, slots=True)
class Models:
    """What every seat of a process has a copy of."""

    speakers: Sequence[EngineChoice]
    listeners: Sequence[RecognizerChoice]
    others: Sequence[EngineChoice]
    """Loaded when they are asked for."""
    bound: MemoryBound
    paces: Paces
    idle_unload_s: float
    usual: Sequence[AddressWorker] = ()
    """The server at an address that speaks where nothing else is asked for, if one does."""
    servers: Sequence[AddressWorker] = ()
    """All of those, for what tags have said by them."""

    def seat(self) -> Seat:
        paces = self.paces
        return Seat(
            Role(*self.usual, *(_worker(choice, _speak, paces.speech, paces) for choice in self.speakers)),
            Role(*(_worker(choice, _hear, paces.listening, paces) for choice in self.listeners)),
            [_worker(choice, _speak, paces.speech, paces) for choice in self.others],
            self.bound,
            self.idle_unload_s,
            self.servers,
        )


def models_of(
    settings: Settings,
    speakers: Sequence[EngineChoice] | None = None,
    listeners: Sequence[RecognizerChoice] | None = None,
    others: Sequence[EngineChoice] = (),
) -> Models:
    """The models that the settings name, none of them loaded yet; arguments and errors as in `local_service`."""
    if speakers is None:
        own = own_engines(settings)
        speakers, others = ENGINES.choose(own), ENGINES.others(own)
    listeners = listeners or RECOGNIZERS.choose(settings)
    few_heaps()
    paces = Paces.load(settings.cache_dir / "paces.json")
    bound = MemoryBound(settings.model_memory, settings.generators)
    fitting = [choice for choice in others if _fits(choice, bound)]
    return Models(speakers, listeners, fitting, bound, paces, settings.idle_unload_s)


def local_service(
    settings: Settings,
    speakers: Sequence[EngineChoice] | None = None,
    listeners: Sequence[RecognizerChoice] | None = None,
    others: Sequence[EngineChoice] = (),
) -> SpeechService:
    """The service whose models run in this process, not started yet.

    `speakers`, with the `others` that are loaded when they are asked for, and `listeners` stand in for those the
    settings name, servers at addresses included: the one seam at which tests put fakes. Raises SettingsError where a
    model that was named can't be had.
    """
    addresses: Sequence[Address] = addresses_in(settings) if speakers is None else ()
    models = models_of(settings, speakers, listeners, others)
    servers = {each: _address_worker(each, models.paces) for each in addresses}
    usual = [servers[each] for each in addresses if each.name == settings.engine]
    models = replace(models, usual=usual, servers=[*servers.values()])
    seats = [models.seat() for _ in range(settings.generators)]
    for each, worker in servers.items():
        seats += [Seat(Role(worker), None, servers=models.servers) for _ in range(each.at_once)]
    lane = Lane(seats, settings.queue_size, settings.job_timeout_s, settings.max_waiting_per_client, models.paces)
    return service_of(lane, settings, models.paces)


def service_of(line: JobLine, settings: Settings, paces: Paces) -> SpeechService:
    """The service of this process over a line."""
    workshop, stores = settings.cache_dir / "workshop", Stores(settings)
    live = LiveBounds(settings.live_sessions, settings.live_per_client, settings.live_silence_s)
    return SpeechService(line, settings.files_dir, workshop, stores, paces, live)


def _fits(choice: EngineChoice, bound: MemoryBound) -> bool:
    """Whether an engine that is loaded when it is asked for fits here at all."""
    if bound.fits(choice.info):
        return True
    title, needed, there = choice.info.title, choice.info.memory_bytes / 1e9, bound.of(choice.info.device) / 1e9
    words = "%s takes %.1f GB of memory and models have %.1f GB here (VOXDEMO_MODEL_MEMORY): its voices aren't offered"
    log.warning(words, title, needed, there)
    return False


def _address_worker(address: Address, paces: Paces) -> AddressWorker:
    def checked(measured: Measured) -> None:
        for units, seconds in measured:
            paces.speech(worker.info.key).learn_warm_up(units, seconds)

    worker = AddressWorker(AddressEngine(address), _speak_there, checked)
    return worker


async def _speak_there(engine: AddressEngine) -> Measured:
    """As `_speak`, for the server at an address."""
    begun = time.perf_counter()
    await engine.check(WORDS[1])
    return [(speech_units(Utterance(WORDS[1]), engine.info), time.perf_counter() - begun)]


def _worker(
    choice: EngineChoice | RecognizerChoice, check: Callable[[Any], Measured], pace: Callable[[str], Pace], paces: Paces
) -> ModelWorker[Any]:
    def checked(measured: Measured, load_s: float | None) -> None:
        learned = pace(worker.info.key)
        for index, (units, seconds) in enumerate(measured):
            (learned.learn if index else learned.learn_warm_up)(units, seconds)
        if load_s is not None:
            paces.note_load(worker.info.title, load_s)
            paces.keep()

    def expected_s() -> float | None:
        return paces.load_s(worker.info.title) or worker.info.load_s

    worker: ModelWorker[Any] = ModelWorker(choice.info, choice.build, check, checked, expected_s)
    return worker


def _speak(engine: SpeechEngine) -> Measured:
    """What an engine does to prove that it works: how many units of text it said in how many seconds."""
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


def _hear(recognizer: Recognizer) -> Measured:
    """As `_speak`: how many seconds of recording it read in how many seconds, of all of it and of its beginning.

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
