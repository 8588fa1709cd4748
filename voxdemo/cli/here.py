"""The commands done in this process, with models of its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from voxdemo import engines, logs
from voxdemo import settings as voxdemo_settings
from voxdemo.assemble import local_service
from voxdemo.audio import formats
from voxdemo.cli.bar import Tell
from voxdemo.cli.words import Words
from voxdemo.errors import EngineError
from voxdemo.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import EngineInfo, Listening, Speaking, Spoken, Transcript, Utterance, Waiting
from voxdemo.web import wording

T = TypeVar("T")


def speak(words: Words, format: str, to: BinaryIO, tell: Tell) -> Sequence[str]:  # noqa: A002
    """As `saying.Speak`."""
    return asyncio.run(_served(lambda service: _spoken(service, words, format, to, tell)))


def listen(recording: Path, language: str | None, tell: Tell) -> Transcript:
    """As `hearing.Listen`."""
    return asyncio.run(_served(lambda service: _heard(service, recording, language, tell)))


def voices() -> Sequence[str]:
    """What can be had, in lines."""
    return [_described(choice.info) for choice in engines.choose(_settings())]


def _described(info: EngineInfo) -> str:
    ready = ", ".join(info.voices) or "no voice of its own"
    cloning = "copies a recording" if "prompt_audio" in info.honours else "copies none"
    return f"{info.title}: {ready}; {cloning}; languages: {', '.join(info.languages)}"


def _settings() -> Settings:
    settings = voxdemo_settings.load()
    level = settings.log_level if settings.log_level == "debug" else "warning"
    logs.set_up(level, settings.log_text, settings.log_format)
    return settings


async def _served(work: Callable[[SpeechService], Awaitable[T]]) -> T:
    """What `work` returns of a service that is there as long as it is needed; its models load meanwhile."""
    service = local_service(_settings())
    service.start()
    try:
        return await work(service)
    finally:
        await service.close()


async def _spoken(service: SpeechService, words: Words, format: str, to: BinaryIO, tell: Tell) -> Sequence[str]:  # noqa: A002
    utterance = Utterance(
        text=words.text,
        prompt_audio=words.prompt_audio,
        prompt_text=words.prompt_text,
        cfg_value=words.cfg_value,
        inference_timesteps=words.inference_timesteps,
        voice=words.voice,
        seed=words.seed,
        speed=words.speed,
    )
    spoken = await _last(service, service.speak(utterance), tell)
    assert isinstance(spoken, Spoken)
    try:
        if spoken.stopped:
            raise EngineError(spoken.stopped)
        _copy(spoken.path, format, to)
    finally:
        shutil.rmtree(spoken.path.parent, ignore_errors=True)
    return spoken.warnings


async def _heard(service: SpeechService, recording: Path, language: str | None, tell: Tell) -> Transcript:
    transcript = await _last(service, service.transcribe(recording, language), tell)
    assert isinstance(transcript, Transcript)
    return transcript


async def _last(service: SpeechService, events: AsyncGenerator[T, None], tell: Tell) -> T:
    """The last of the events; what the others say is told."""
    last: T | None = None
    async with aclosing(events):
        async for last in events:
            match last:
                case Waiting():
                    tell(service.readiness().reason or wording.status(last), 0.0)
                case Speaking(done) | Listening(done):
                    tell(wording.status(last), done)
    assert last is not None, "events end with a result"
    return last


def _copy(wav: Path, format: str, to: BinaryIO) -> None:  # noqa: A002
    path = wav
    if format != "wav":
        path = wav.with_suffix(f".{format}")
        formats.convert(wav, path, cast(formats.Compressed, format))
    with path.open("rb") as file:
        shutil.copyfileobj(file, to)
