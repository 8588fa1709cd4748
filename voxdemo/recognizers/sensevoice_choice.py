"""SenseVoice as a recogniser to choose: where its weights are, and whether it is worth having here. Loads nothing."""

from voxdemo.model_support import devices, hub
from voxdemo.model_support.offers import Download, Weights
from voxdemo.recognizers import sensevoice_weights
from voxdemo.recognizers.base import Recognizer, RecognizerChoice
from voxdemo.recognizers.sensevoice import SenseVoiceRecognizer, info_for
from voxdemo.settings import Settings
from voxdemo.speech import Tell

SETTING = "VOXDEMO_SENSEVOICE_MODEL"


def choose(settings: Settings, is_named: bool) -> RecognizerChoice:
    """SenseVoice as the settings want it. Where it `is_named`, raises SettingsError if it can't be had or trusted."""
    if is_named:
        _check(settings)

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


def _is_here(settings: Settings) -> bool:
    return hub.folder_of(settings.sensevoice_model, sensevoice_weights.FILES) is not None


def _why(settings: Settings) -> str:
    if _is_here(settings):
        return "its weights are downloaded"
    has_gpu = settings.device != "cpu" and devices.accelerator_is_likely()
    return "there is a GPU" if has_gpu else ""


DOWNLOAD = Download(
    weights=lambda settings: Weights(settings.sensevoice_model, sensevoice_weights.FILES, SETTING),
    is_here=_is_here,
    why=_why,
)
