"""Recognisers, and which of them the settings mean."""

from __future__ import annotations

from collections.abc import Sequence

from voxdemo.model_support import devices, hub
from voxdemo.recognizers import sensevoice_weights
from voxdemo.recognizers.base import Recognizer, RecognizerChoice
from voxdemo.recognizers.builtin import BuiltinRecognizer
from voxdemo.recognizers.sensevoice import SenseVoiceRecognizer, info_for
from voxdemo.settings import Settings
from voxdemo.speech import Tell

BUILTIN = RecognizerChoice(BuiltinRecognizer.INFO, lambda tell: BuiltinRecognizer())
SETTING = "VOXDEMO_SENSEVOICE_MODEL"


def choose(settings: Settings) -> Sequence[RecognizerChoice]:
    """The recognisers to load, as `engines.choose`: "auto" wants SenseVoice where there is a GPU or its weights are."""
    is_here = hub.folder_of(settings.sensevoice_model, sensevoice_weights.FILES) is not None
    match settings.recognizer:
        case "sensevoice":
            _check(settings)
            return [_sensevoice(settings)]
        case "auto" if is_here or (settings.device != "cpu" and devices.accelerator_is_likely()):
            return [_sensevoice(settings), BUILTIN]
        case _:
            return [BUILTIN]


def _sensevoice(settings: Settings) -> RecognizerChoice:
    def build(tell: Tell) -> Recognizer:
        folder = hub.fetch(settings.sensevoice_model, sensevoice_weights.FILES, tell, SETTING)
        tell("SenseVoice is loading.")
        return SenseVoiceRecognizer(folder, devices.find(settings.device).name)

    return RecognizerChoice(info_for(""), build)


def _check(settings: Settings) -> None:
    if folder := hub.folder_of(settings.sensevoice_model, sensevoice_weights.FILES):
        sensevoice_weights.check(sensevoice_weights.read(folder))
    else:
        hub.check_reachable(settings.sensevoice_model, sensevoice_weights.FILES, SETTING)
    devices.find(settings.device)
