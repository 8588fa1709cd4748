"""Recognisers, and which of them a name in the settings means."""

from __future__ import annotations

from voxdemo.recognizers.base import RecognizerChoice
from voxdemo.recognizers.builtin import BuiltinRecognizer

BUILTIN = RecognizerChoice(BuiltinRecognizer.INFO, BuiltinRecognizer)

_BY_NAME = {"auto": BUILTIN, "builtin": BUILTIN}


def choose(name: str) -> RecognizerChoice:
    """The recogniser that the setting `recognizer` names; "auto" is the best that can be had here."""
    return _BY_NAME[name]
