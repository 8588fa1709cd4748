"""The command `doctor`: what is installed here, and which models would be used. Loads nothing, asks no network."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from pydantic import SecretStr

from voxdemo import __version__
from voxdemo import settings as voxdemo_settings
from voxdemo.engines.voxcpm import choice as voxcpm
from voxdemo.errors import SettingsError
from voxdemo.model_support import devices, hub
from voxdemo.monitoring import machine
from voxdemo.recognizers import sensevoice_weights
from voxdemo.server.checks import check_usable
from voxdemo.settings import Settings


def findings() -> Iterator[str]:
    """The report, line by line. Raises SettingsError for invalid settings."""
    settings = voxdemo_settings.load()
    yield f"voxdemo:    {__version__}, Python {platform.python_version()} on {platform.platform()}"
    yield from _changed(settings)
    yield from _machine(settings)
    yield f"port:       {_port(settings)}"
    here = hub.folder_of(settings.sensevoice_model, sensevoice_weights.FILES) is not None
    gpu = settings.device != "cpu" and devices.accelerator_is_likely()
    yield f"VoxCPM:     weights {'are' if voxcpm.is_here(settings) else 'are not'} downloaded"
    yield f"SenseVoice: weights {'are' if here else 'are not'} downloaded"
    yield f"voice:      {_voice(settings, gpu)}"
    yield f"recogniser: {_recogniser(settings, gpu, here)}"


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
    yield f"memory:     {_gb(usage.available_bytes)} available"
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


def _voice(settings: Settings, gpu: bool) -> str:
    match settings.engine:
        case "builtin":
            return "the built-in one, because VOXDEMO_ENGINE is builtin"
        case "voxcpm":
            return f"{_model(settings)}, because VOXDEMO_ENGINE is voxcpm"
    if gpu:
        return f"{_model(settings)}, because there is a GPU; the built-in one until it has loaded"
    if settings.voxcpm_model != voxcpm.NEWEST:
        return f"{_model(settings)}, because VOXDEMO_VOXCPM_MODEL names it; the built-in one until it has loaded"
    if voxcpm.is_here(settings):
        return f"{_model(settings)}, because its weights are downloaded; the built-in one until it has loaded"
    return "the built-in one, because there is no GPU and VoxCPM isn't downloaded"


def _model(settings: Settings) -> str:
    try:
        return voxcpm.model_for(settings)
    except SettingsError as error:
        return f"VoxCPM (not available: {error.sentence})"


def _recogniser(settings: Settings, gpu: bool, here: bool) -> str:
    match settings.recognizer:
        case "builtin":
            return "the built-in one, because VOXDEMO_RECOGNIZER is builtin"
        case "sensevoice":
            return f"{settings.sensevoice_model}, because VOXDEMO_RECOGNIZER is sensevoice"
    if here:
        return f"{settings.sensevoice_model}, because its weights are downloaded"
    if gpu:
        return f"{settings.sensevoice_model}, because there is a GPU; the built-in one until it has loaded"
    return "the built-in one, because there is no GPU and SenseVoice isn't downloaded"


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
