"""The command `doctor`: what is installed here, and which models would be used. Loads nothing, asks no network."""

import platform
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from voxdemo import __version__
from voxdemo import settings as voxdemo_settings
from voxdemo.engines.registry import ENGINES, addresses_in, own_engines
from voxdemo.errors import SettingsError
from voxdemo.lanes.local.memory import MemoryBound
from voxdemo.model_support import devices
from voxdemo.model_support.offers import Registry
from voxdemo.monitoring import machine
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.server.start import check_usable
from voxdemo.settings import Settings


def findings() -> Iterator[str]:
    """The report, line by line. Raises SettingsError for invalid settings."""
    settings = voxdemo_settings.load()
    there = addresses_in(settings)
    usual = next((each for each in there if each.name == settings.engine), None)
    elsewhere = usual and f"{usual.name}, at an address; the built-in one while it can't speak"
    voice = elsewhere or _wanted(ENGINES, settings)
    recogniser = _wanted(RECOGNIZERS, settings)
    yield f"voxdemo:    {__version__}, Python {platform.python_version()} on {platform.platform()}"
    yield from _changed(settings)
    yield from _machine(settings)
    yield f"port:       {_port(settings)}"
    for title, download in (*ENGINES.downloads(settings), *RECOGNIZERS.downloads(settings)):
        yield f"{title + ':':<11} weights {'are' if download.is_here(settings) else 'are not'} downloaded"
    for each in there:
        yield f"address:    {each}"
    yield f"voice:      {voice}"
    own = own_engines(settings)
    beside = ", ".join(choice.info.title for choice in ENGINES.others(own)) or "no other engine"
    yield f"beside it:  {beside}"
    yield f"recogniser: {recogniser}"
    yield from _voices(own)


def _voices(settings: Settings) -> Iterator[str]:
    """Of every engine how many voices it has, in which languages, and when it's loaded."""
    try:
        at_start, others = ENGINES.choose(settings), ENGINES.others(settings)
    except SettingsError:
        return  # it is said above
    for choice in (*at_start, *others):
        info, when = choice.info, "at the start" if choice in at_start else "when one of its voices is used"
        count = (
            f"{len(info.voices)} voice{'' if len(info.voices) == 1 else 's'}" if info.voices else "a voice of its own"
        )
        copies = ", copies voices" if "prompt_audio" in info.honours else ""
        yield f"voices:     {info.title}: {count}, {', '.join(info.languages)}{copies}; loaded {when}"


def _changed(settings: Settings) -> Iterator[str]:
    """The settings that differ from their defaults; secrets aren't shown."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name in settings.model_fields_set and value != Settings.model_fields[name].get_default(
            call_default_factory=True
        ):
            told = "(a secret)" if isinstance(value, SecretStr) else value
            yield f"setting:    {voxdemo_settings.PREFIX}{name.upper()} is {told}"


def _machine(settings: Settings) -> Iterator[str]:
    usage = machine.usage(settings.cache_dir)
    models = _gb(int(MemoryBound(settings.model_memory, settings.generators).of("cpu")))
    yield f"memory:     {_gb(usage.available_bytes)} available, {models} of it for the models of a generator"
    yield f"disk:       {_gb(usage.free_disk_bytes)} free at {settings.cache_dir}"
    try:
        device = devices.find(settings.device)
        yield f"device:     {device.name} ({device.title}), {_gb(device.free_bytes)} free"
    except SettingsError as error:
        yield f"device:     {error.sentence}"


def _port(settings: Settings) -> str:
    try:
        check_usable(settings)
    except SettingsError as error:
        return error.sentence
    return f"{settings.port} on {settings.host} is free"


def _wanted(registry: Registry[Any], settings: Settings) -> str:
    offer, why = registry.wanted(settings)
    if offer.download is None:
        return f"the built-in one, because {why}"
    try:
        model = offer.download.weights(settings)[0].model
    except SettingsError as error:
        model = f"{offer.title} (not available: {error.sentence})"
    meanwhile = "" if getattr(settings, registry.field) == offer.name else "; the built-in one until it has loaded"
    return f"{model}, because {why}{meanwhile}"


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
