"""Speech engines, and which of them a name in the settings means."""

from __future__ import annotations

from voxdemo.engines.base import EngineChoice
from voxdemo.engines.builtin import BuiltinEngine

BUILTIN = EngineChoice(BuiltinEngine.INFO, BuiltinEngine)

_BY_NAME = {"auto": BUILTIN, "builtin": BUILTIN}


def choose(name: str) -> EngineChoice:
    """The engine that the setting `engine` names; "auto" is the best that can be had here."""
    return _BY_NAME[name]
