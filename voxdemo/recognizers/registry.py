"""The recognisers that VOXDEMO_RECOGNIZER can name: the one place that knows which there are. Loads nothing."""

from voxdemo.model_support import devices, hub
from voxdemo.model_support.offers import Download, Offer, Registry, Weights
from voxdemo.recognizers import sensevoice_weights
from voxdemo.recognizers.base import Recognizer, RecognizerChoice
from voxdemo.recognizers.builtin import BuiltinRecognizer
from voxdemo.recognizers.sensevoice import SenseVoiceRecognizer, info_for
from voxdemo.recognizers.sensevoice_weights import FILES, SETTING
from voxdemo.settings import Settings
from voxdemo.speech import Tell


def _sensevoice(settings: Settings, is_named: bool) -> RecognizerChoice:
    """As the settings want it. Where it `is_named`, raises SettingsError if it can't be had or trusted."""
    if is_named:
        if folder := hub.folder_of(settings.sensevoice_model, FILES):
            sensevoice_weights.check(sensevoice_weights.read(folder))
        else:
            hub.check_reachable(settings.sensevoice_model, FILES, SETTING)
        devices.find(settings.device)

    def build(tell: Tell) -> Recognizer:
        folder = hub.fetch(settings.sensevoice_model, FILES, tell, SETTING)
        tell("SenseVoice is loading.")
        return SenseVoiceRecognizer(folder, devices.find(settings.device).name)

    return RecognizerChoice(info_for(""), build)


def _is_here(settings: Settings) -> bool:
    return hub.folder_of(settings.sensevoice_model, FILES) is not None


def _why(settings: Settings) -> str:
    if _is_here(settings):
        return "its weights are downloaded"
    return "there is a GPU" if settings.device != "cpu" and devices.accelerator_is_likely() else ""


_DOWNLOAD = Download(
    weights=lambda settings: [Weights(settings.sensevoice_model, FILES, SETTING)], is_here=_is_here, why=_why
)
_BUILT_IN = RecognizerChoice(BuiltinRecognizer.INFO, lambda tell: BuiltinRecognizer())
RECOGNIZERS: Registry[RecognizerChoice] = Registry(
    "recognizer",
    [
        Offer("sensevoice", "SenseVoice", _sensevoice, _DOWNLOAD),
        Offer("builtin", "built-in recogniser", lambda *_: _BUILT_IN),
    ],
)
