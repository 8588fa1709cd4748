"""The commands done in this process, with models of its own."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from voxdemo import logs
from voxdemo import settings as voxdemo_settings
from voxdemo.audio import formats
from voxdemo.cli.results import ShowProgress
from voxdemo.engines.registry import ENGINES, no_copies, own_engines
from voxdemo.errors import EngineError, InputError
from voxdemo.estimates.paces import Paces
from voxdemo.intake.catalogue import MOST_OWN, Catalogue, described, described_kept
from voxdemo.intake.languages import plain_code
from voxdemo.intake.request import AskedRecording
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Listening, Speaking, Spoken, Transcript, Utterance, Waiting, result_of
from voxdemo.stores.opening import Stores
from voxdemo.stores.voices import NOBODY, VoiceStore, consented_now
from voxdemo.text import tags
from voxdemo.web.components import wording

T = TypeVar("T")


def speak(utterance: Utterance, format: str, to: BinaryIO, tell: ShowProgress) -> Sequence[str]:
    """Speak into a file by the engine that has the voice, and others where the text needs them.

    Returns what was ignored, in sentences.
    """
    utterance = _in_kept_voice(replace(utterance, language=plain_code(utterance.language or "")))
    with _own_settings() as settings:
        # The recogniser isn't needed, and so isn't loaded.
        listeners = None if utterance.prompt_audio else [RECOGNIZERS.built_in(settings)]
        choices = [*ENGINES.choose(settings)[:1], *ENGINES.others(settings)]
        _, engine = Catalogue(tuple(choice.info for choice in choices)).resolved(utterance)
        choices.sort(key=lambda choice: choice.info != engine)  # the others may have guests in the text
        service = local_service(settings, choices[:1], listeners, choices[1:])

        async def spoken() -> Sequence[str]:
            if utterance.prompt_audio and not utterance.prompt_text:
                service.start()  # the recogniser, which is asked first, and the voice
            return await _spoken(service, utterance, format, to, tell)

        return asyncio.run(served(service, spoken))


def listen(recording: Path, language: str | None, tell: ShowProgress) -> Transcript:
    """Recognise a recording, in the language that it detects where none is given; by the recogniser that is wanted."""
    with a_listener() as service:
        tells = partial(_tell, service, tell)
        heard = partial(result_of, service.transcribe(AskedRecording(recording, language)), Transcript, tells)
        return asyncio.run(served(service, heard))


@contextmanager
def a_listener() -> Generator[SpeechService, None, None]:
    """A service with the recogniser that is wanted, not started yet."""
    with _own_settings() as settings:
        yield local_service(settings, [ENGINES.built_in(settings)], RECOGNIZERS.choose(settings)[:1])


def voices() -> Mapping[str, Any]:
    """The voices and whether recordings can be copied, as a server lists them at `/v1/audio/voices`."""
    settings = _settings()
    offered, paces = _offered(settings), Paces.load(settings.cache_dir / "paces.json")
    found = [described(voice, engine, paces.is_instant(engine)) for voice, engine in offered.voices()]
    found += [described_kept(voice, offered.copier) for voice in _store(settings).voices(NOBODY)]
    return {"voices": found, "clones": offered.copier is not None}


def add_voice(name: str, recording: Path, transcript: str, consent: bool) -> str:
    """Keep a voice on this machine; its id. Raises InputError for what can't be one, or can't be copied here."""
    settings = _settings()
    if not _offered(settings).copier:
        raise no_copies()
    consented = consented_now() if consent else ""
    return _store(settings).keep(NOBODY, name, transcript, recording.read_bytes(), consented).id


def remove_voice(voice: str) -> None:
    """Delete a voice that is kept on this machine. Raises InputError where there is none."""
    store = _store(_settings())
    found = store.find(NOBODY, voice)
    if not (found and store.delete(NOBODY, found[0].id)):
        raise InputError(
            "There is no voice {voice!r} of yours here: `voices` lists them.", code="no_such_voice", voice=voice[:40]
        )


def _in_kept_voice(utterance: Utterance) -> Utterance:
    """The utterance with the recordings of the kept voices that it and its tags name."""
    store = _store(_settings())
    utterance = replace(utterance, own=store.called(NOBODY, tags.names(utterance.text), MOST_OWN))
    found = store.find(NOBODY, utterance.voice) if utterance.voice else None
    if not found or utterance.prompt_audio:
        return utterance
    return replace(utterance, voice=None, prompt_audio=found[1], prompt_text=utterance.prompt_text or found[0].text)


def _store(settings: Settings) -> VoiceStore:
    return Stores(settings).voices


def _offered(settings: Settings) -> Catalogue:
    choices = (*ENGINES.choose(settings), *ENGINES.others(settings))
    return Catalogue(tuple(choice.info for choice in choices))


def _settings() -> Settings:
    settings = own_engines(voxdemo_settings.load())
    level = settings.log_level if settings.log_level == "debug" else "warning"
    logs.set_up(level, settings.log_text, settings.log_format)
    return settings


@contextmanager
def _own_settings() -> Generator[Settings, None, None]:
    """The settings, with a folder that goes at the end: nothing of a server's is touched, and nothing stays."""
    with tempfile.TemporaryDirectory(prefix="voxdemo-", ignore_cleanup_errors=True) as folder:
        yield _settings().model_copy(update={"cache_dir": Path(folder)})


async def served(service: SpeechService, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` returns of a service that is there as long as it is needed; models load when they are asked."""
    try:
        return await work()
    finally:
        await service.close()


async def _spoken(
    service: SpeechService, utterance: Utterance, format: str, to: BinaryIO, tell: ShowProgress
) -> Sequence[str]:
    spoken = await result_of(service.speak(utterance), Spoken, partial(_tell, service, tell))
    if spoken.failure:
        raise EngineError.told(spoken.failure)
    _copy(spoken.path, format, to)
    return spoken.warnings


def _tell(service: SpeechService, tell: ShowProgress, event: Waiting | Speaking | Listening) -> None:
    match event:
        case Waiting():
            loading = (model.status.reason for model in service.line.stats().models if model.status.state == "loading")
            tell(next(loading, wording.status(event)), 0.0)
        case Speaking(done) | Listening(done):
            tell(wording.status(event), done)


def _copy(wav: Path, format: str, to: BinaryIO) -> None:
    path = wav
    if format != "wav":
        path = wav.with_suffix(f".{format}")
        formats.convert(wav, path, cast(formats.Compressed, format))
    with path.open("rb") as file:
        shutil.copyfileobj(file, to)
