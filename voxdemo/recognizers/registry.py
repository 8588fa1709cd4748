"""The recognisers that VOXDEMO_RECOGNIZER can name: the one place that knows which there are."""

from voxdemo.model_support.offers import Offer, Registry
from voxdemo.recognizers import sensevoice_choice as sensevoice
from voxdemo.recognizers.base import RecognizerChoice
from voxdemo.recognizers.builtin import BuiltinRecognizer

RECOGNIZERS: Registry[RecognizerChoice] = Registry(
    "recognizer",
    [
        Offer("sensevoice", "SenseVoice", sensevoice.choose, sensevoice.DOWNLOAD),
        Offer(
            "builtin",
            "built-in recogniser",
            lambda *_: RecognizerChoice(BuiltinRecognizer.INFO, lambda tell: BuiltinRecognizer()),
        ),
    ],
)
