"""The speech engines that VOXDEMO_ENGINE and VOXDEMO_ENGINES can name: the one place that knows which there are."""

from voxdemo.engines.base import EngineChoice
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro import engine as kokoro
from voxdemo.engines.voxcpm import choice as voxcpm
from voxdemo.model_support.offers import Offer, Registry

ENGINES: Registry[EngineChoice] = Registry(
    "engine",
    [
        Offer("voxcpm", "VoxCPM", voxcpm.choose, voxcpm.DOWNLOAD),
        Offer("kokoro", "Kokoro-82M", kokoro.choose),
        Offer("builtin", "built-in voice", lambda *_: EngineChoice(BuiltinEngine.INFO, lambda tell: BuiltinEngine())),
    ],
    others_field="engines",
)
