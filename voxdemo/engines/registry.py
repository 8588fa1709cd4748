"""The speech engines that VOXDEMO_ENGINE and VOXDEMO_ENGINES can name: the one place that knows which there are."""

from collections.abc import Sequence
from typing import Any

from voxdemo.engines.address.config import Address, addresses
from voxdemo.engines.base import EngineChoice
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.chatterbox.choice import CHATTERBOX
from voxdemo.engines.extra import Extra
from voxdemo.engines.kokoro import engine as kokoro
from voxdemo.engines.orpheus.choice import ORPHEUS
from voxdemo.engines.voxcpm import choice as voxcpm
from voxdemo.errors import InputError
from voxdemo.model_support.offers import Offer, Registry
from voxdemo.settings import Settings

EXTRAS: tuple[Extra[Any], ...] = (ORPHEUS, CHATTERBOX)

ENGINES: Registry[EngineChoice] = Registry(
    "engine",
    [
        Offer("voxcpm", "VoxCPM", voxcpm.choose, voxcpm.DOWNLOAD),
        *(Offer(each.name, each.title, each.choose, each.download, is_extra=True) for each in EXTRAS),
        Offer("kokoro", "Kokoro-82M", kokoro.choose),
        Offer("builtin", "built-in voice", lambda *_: EngineChoice(BuiltinEngine.INFO, lambda tell: BuiltinEngine())),
    ],
    others_field="engines",
)

COPIERS = " or ".join(
    [ENGINES.better, *(each.title for each in EXTRAS if "prompt_audio" in each.info(each.published, "", "").honours)]
)
"""The engines that copy the voice of a recording, for a sentence."""
NO_COPIES = f"Copying a voice needs {COPIERS}, which this server doesn't run."


def no_copies() -> InputError:
    """For what asks for the copy of a voice where no engine makes one."""
    return InputError(NO_COPIES, code="no_copies")


def own_engines(settings: Settings) -> Settings:
    """The settings for the engines of this process: where VOXDEMO_ENGINE names a server, the built-in voice stands by.

    Raises SettingsError as `addresses_in`.
    """
    is_elsewhere = settings.engine in [each.name for each in addresses_in(settings)]
    return settings.model_copy(update={"engine": "builtin"}) if is_elsewhere else settings


def addresses_in(settings: Settings) -> Sequence[Address]:
    """The servers that speak, too. Raises SettingsError, also where VOXDEMO_ENGINE names neither an engine nor one."""
    found = addresses(settings, ENGINES.names)
    if settings.engine not in (names := [each.name for each in found]):
        ENGINES.check(settings, names)
    return found
