"""Having the answers to the page's examples at hand before anybody asks. It knows the service, no model."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from voxdemo.errors import UnavailableError
from voxdemo.estimates.paces import INSTANT
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Transcript, Utterance
from voxdemo.text.length import S_PER_UNIT, spoken_length
from voxdemo.threads import READING, in_thread
from voxdemo.web.components import examples
from voxdemo.web.components.examples import ExampleText, sample_of

log = logging.getLogger(__name__)

_TRANSCRIPTS = TypeAdapter(dict[str, dict[str, Transcript]])

TRANSCRIPTS = examples.FOLDER / "transcripts.json"
"""By the names of recognisers, then of recordings."""
GIVE_WAY_WITHIN_S = 0.05
"""How soon it is noticed that somebody needs the model; it is then free within one step."""
AGAIN_S = 3600.0
"""How often it is looked whether all are still in the cache."""


@dataclass(frozen=True)
class Patience:
    """When anything is made for nobody."""

    look_every_s: float = 2.0
    """How often it is looked whether nobody needs a model, and whether another one serves."""
    quiet_s: float = 60.0
    """How long nobody must have needed a model."""
    instant: float = INSTANT
    """As there: working ahead gains nothing."""
    at_once_s: float = 0.5
    """Seconds in which a voice's sample is there soon enough: it is heard when all of it is made."""


PATIENCE = Patience()


def work(service: SpeechService, settings: Settings) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
    """What is to be done as long as the server is up: nothing, where it isn't wanted or nothing is kept."""
    return [partial(have_at_hand, service)] if settings.examples_ahead and service.stores.answers.is_on else []


async def have_at_hand(service: SpeechService, patience: Patience = PATIENCE) -> None:
    """Have answers to the examples in the cache, until this is cancelled; nobody waits for it.

    Transcripts come with the recordings, because a step of a recogniser is half a minute long and can't be given up;
    for one whose transcripts aren't there nothing is made. Texts are made ahead for slow voices only, once nobody has
    needed a model for a while, and a job that comes meanwhile gets the model at its next step. Then come samples of the
    voices whose model is loaded. When another model begins to serve or is loaded, its own are made.
    """
    made_for, made_at = None, 0.0
    while True:
        models = (service.engine_info, service.recognizer_info, _loaded(service))
        is_due = models != made_for or time.monotonic() - made_at > AGAIN_S
        if is_due and service.readiness().ready:
            await _supply_transcripts(service)
            if await made(service, patience):
                made_for, made_at = models, time.monotonic()
        await asyncio.sleep(patience.look_every_s)


async def _supply_transcripts(service: SpeechService) -> None:
    known = await in_thread(transcripts, service.recognizer_info.name, pool=READING)
    for recording in examples.RECORDINGS:
        if transcript := known.get(recording.path.stem):
            await service.supply(recording.path, transcript)


def transcripts(recognizer: str) -> Mapping[str, Transcript]:
    """What the recogniser of this name reads in the recordings, by the names of their files; empty: not known."""
    return _TRANSCRIPTS.validate_json(TRANSCRIPTS.read_bytes()).get(recognizer, {})


async def made(service: SpeechService, patience: Patience = PATIENCE) -> bool:
    """Whether there is nothing more to do for now; not so, where somebody needs a model, or did a moment ago."""
    for utterance in _worth_making(service, patience):
        if service.quiet_s < patience.quiet_s:
            return False
        making = asyncio.ensure_future(_make(service, utterance))
        try:
            while not making.done():
                await asyncio.wait({making}, timeout=GIVE_WAY_WITHIN_S)
                if not service.quiet_s:
                    return False
        finally:
            making.cancel()
            await asyncio.wait({making})
        if making.cancelled() or not making.result():
            return False
    return True


async def _make(service: SpeechService, utterance: Utterance) -> bool:
    """Whether it is at hand, or never will be."""
    try:
        await service.prepare(utterance)
    except UnavailableError:
        return False
    except Exception:  # a model that failed shouldn't be made to fail again for nobody
        log.exception("an example can't be made")
    return True


def _worth_making(service: SpeechService, patience: Patience) -> Sequence[Utterance]:
    """What wouldn't be heard at once; nothing that another model would be loaded for, as nobody has asked for it.

    Nor what a recording has to be encoded for before, which can't be given up halfway, nor what a server at an address
    would have to say, which others pay for.
    """
    texts = (each for each in examples.TEXTS if each.prompt is None and each.suits(service.engine_info))
    loaded = _loaded(service)
    catalogue = service.catalogue
    samples = (sample_of(catalogue, *each) for each in catalogue.voices() if each[1].name in loaded)
    slow = [each.utterance for each in texts if _own_s(service, each.utterance) > patience.instant * _spoken_s(each)]
    worth = [*slow, *(each for each in samples if _own_s(service, each) > patience.at_once_s)]
    return [each for each in worth if not catalogue.engine_of(each).is_elsewhere]


def _loaded(service: SpeechService) -> frozenset[str]:
    """Names of the models that are loaded here."""
    ready = [each.info for each in service.line.stats().models if each.status.state == "ready"]
    return frozenset(info.name for info in ready if not info.is_elsewhere)


def _own_s(service: SpeechService, utterance: Utterance) -> float:
    """Seconds that it takes to speak this, by itself; 0 where that isn't known."""
    return service.forecast(utterance).own_s or 0.0


def _spoken_s(text: ExampleText) -> float:
    return spoken_length(text.words) * S_PER_UNIT
