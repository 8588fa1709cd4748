"""Orpheus-3B as an engine to choose: whether its packages and weights are here, on what device, and whether it fits.

It speaks only where a setting names it. Loads nothing before it is built; everything about the files is settled once
for all seats, however many load at the same time.
"""

import importlib.util
import logging
import threading
from collections.abc import Iterator

from voxdemo.engines.base import EngineChoice
from voxdemo.engines.orpheus import checkpoint as checkpoints
from voxdemo.engines.orpheus.checkpoint import CODEC_NEEDED, CODEC_SETTING, PUBLISHED, SETTING, Checkpoint
from voxdemo.engines.orpheus.engine import OrpheusEngine, info_for, memory_bytes
from voxdemo.errors import WeightsError
from voxdemo.model_support import devices, hub
from voxdemo.model_support.devices import Device
from voxdemo.model_support.offers import Download, Weights
from voxdemo.settings import Settings
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

TITLE = "Orpheus-3B"
PACKAGE = "snac"
INSTALL = "run ./launch.sh --engine orpheus, or .venv/bin/pip install -r requirements-orpheus.txt"
PRECISIONS = {"cuda": "bfloat16", "mps": "bfloat16", "cpu": "float32"}
"""By the kind of device. The weights come in bfloat16, which processors are slow at."""


def choose(settings: Settings, is_named: bool) -> EngineChoice:
    """Orpheus as the settings want it; its download, checks and loading begin when it is built.

    Where it `is_named`, raises WeightsError or SettingsError if it can't be had or trusted.
    """
    source = _Source(settings)
    if is_named:
        source.check()
    return EngineChoice(info_for(PUBLISHED, "", ""), source.build)


def _weights(settings: Settings) -> list[Weights]:
    model, codec = settings.orpheus_model, settings.snac_model
    return [Weights(model, checkpoints.needed(model), SETTING), Weights(codec, CODEC_NEEDED, CODEC_SETTING)]


def _is_here(settings: Settings) -> bool:
    return not list(_absent(settings))


DOWNLOAD = Download(weights=_weights, is_here=_is_here, why=lambda settings: "")


class _Source:
    """Where the seats get their model from. Threading: any thread; what is settled is settled by one of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._prepared: tuple[Checkpoint, Device] | None = None

    def check(self) -> None:
        """See that the packages are installed, and that the files can be had, as VoxCPM's are."""
        _check_installed()
        absent = list(_absent(self._settings))
        if not absent:
            self._prepare(log.info)
        else:
            _check_fits(PUBLISHED, devices.find(self._settings.device), self._settings.generators)
        for weights in absent:
            hub.check_reachable(weights.model, weights.needed, weights.setting)

    def build(self, tell: Tell) -> OrpheusEngine:
        """By each seat's worker."""
        found, device = self._prepare(tell)
        return OrpheusEngine(found, device, PRECISIONS[device.kind])

    def _prepare(self, tell: Tell) -> tuple[Checkpoint, Device]:
        with self._lock:
            if self._prepared is None:
                self._prepared = _prepare(self._settings, tell)
            return self._prepared


def _prepare(settings: Settings, tell: Tell) -> tuple[Checkpoint, Device]:
    _check_installed()
    device = devices.find(settings.device)
    if list(_absent(settings)):
        _check_fits(PUBLISHED, device, settings.generators)
    folder, codec = (hub.fetch(each.model, each.needed, tell, each.setting) for each in _weights(settings))
    tell(f"{TITLE} is loading.")
    found = checkpoints.read(folder, codec)
    checkpoints.check(found)
    _check_fits(found, device, settings.generators)
    return found, device


def _check_fits(found: Checkpoint, device: Device, generators: int) -> None:
    precision = PRECISIONS[device.kind]
    devices.check_fits(TITLE, memory_bytes(found, precision), precision, generators, device, "another VOXDEMO_ENGINE")


def _absent(settings: Settings) -> Iterator[Weights]:
    return (each for each in _weights(settings) if not hub.folder_of(each.model, each.needed))


def _check_installed() -> None:
    if importlib.util.find_spec(PACKAGE) is None:
        raise WeightsError(f"{TITLE} needs the package {PACKAGE}, which isn't installed: {INSTALL}.")
