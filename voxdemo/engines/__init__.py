"""Speech engines, and which of them the settings mean."""

from __future__ import annotations

from collections.abc import Sequence

from voxdemo import hf_space
from voxdemo.engines.base import EngineChoice
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.voxcpm import choice as voxcpm
from voxdemo.model_support import devices
from voxdemo.settings import Settings

BUILTIN = EngineChoice(BuiltinEngine.INFO, lambda tell: BuiltinEngine())


def choose(settings: Settings) -> Sequence[EngineChoice]:
    """The engines to load: the one that is wanted, and behind it one that stands by until that can serve.

    "auto" wants VoxCPM where there is a GPU to run it on, where its weights are here already, or where the settings say
    which to take. Raises SettingsError where an engine was named that can't be had.
    """
    match settings.engine:
        case "voxcpm":
            return [voxcpm.choose_named(settings)]
        case "auto" if _is_worthwhile(settings):
            return [voxcpm.choose(settings), BUILTIN]
        case _:
            return [BUILTIN]


def _is_worthwhile(settings: Settings) -> bool:
    may_use_gpu = settings.device != "cpu" and (devices.accelerator_is_likely() or hf_space.lends_gpu())
    return may_use_gpu or settings.voxcpm_model != voxcpm.NEWEST or voxcpm.is_here(settings)
